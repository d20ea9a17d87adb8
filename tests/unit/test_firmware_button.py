"""A bouncing contact as presses."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_bridge.button import Button
from firmware_bridge.protocol import DOUBLE_PRESS, LONG_PRESS, PRESS


def pressed(script: str, step: int = 10) -> list[int]:
    """What comes of a contact; each letter is 10 ms, `#` down and `.` up, and 500 ms at the end."""
    button = Button()
    told = (button.advance(letter == "#", step) for letter in script + "." * 50)
    return [kind for kind in told if kind]


@pytest.mark.parametrize(
    ("script", "kinds"),
    [
        ("." * 100, []),
        ("#" * 10, [PRESS]),
        ("#.#.##.#" + "#" * 10 + ".#.#..", [PRESS]),  # it bounces
        ("#" * 10 + "." * 10 + "#" * 10, [DOUBLE_PRESS]),
        ("#" * 10 + "." * 45 + "#" * 10, [PRESS, PRESS]),
        ("#" * 200, [LONG_PRESS]),
        ("#" * 10 + "." * 10 + "#" * 200, [DOUBLE_PRESS]),
        ("#" * 200 + "." * 10 + "#" * 10, [LONG_PRESS, PRESS]),
        ("#.", []),  # a spark
    ],
)
def test_a_contact_is_told_as_the_press_that_it_was(script: str, kinds: list[int]) -> None:
    assert pressed(script) == kinds


@given(st.text("#.", max_size=400))
def test_nothing_is_told_that_was_not_pressed(script: str) -> None:
    assert len(pressed(script)) <= script.count("##")
