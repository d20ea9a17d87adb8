"""What is written when: changes, repeats, blinks, and the silence after a release."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from busylight.core.light import parse_light
from busylight.outputs.serial.scene import Rhythm, Scene
from busylight.outputs.serial.template import Template

TEMPLATE = Template.parse(r"{hex} {state}\n")
RHYTHM = Rhythm()


def scene(light: str) -> Scene:
    return Scene.of(TEMPLATE, parse_light(light), "busy")


def due(which: Scene, written: float, *, began: float = 0.0, opened: float = 0.0) -> float:
    return which.due(RHYTHM, began=began, opened=opened, written=written)


@pytest.mark.parametrize("light", ["red", "red pulse", "red breathe", "off", "red 0% blink"])
def test_what_does_not_blink_is_shown_solid(light: str) -> None:
    one = scene(light)
    assert one.dark is None
    assert one.frame(0.0, RHYTHM) == one.frame(0.7, RHYTHM) == one.lit


@pytest.mark.parametrize("light", ["red blink", "red blink 4"])
def test_a_blink_is_half_a_second_on_and_half_a_second_off_whatever_its_period(light: str) -> None:
    one = scene(light)
    seen = [one.frame(at, RHYTHM) for at in (0.0, 0.49, 0.5, 0.99, 1.0, 1.5)]
    on, off = b"ff0000 busy\n", b"000000 busy\n"
    assert seen == [on, on, off, off, on, off]


def test_a_template_without_colour_does_not_blink() -> None:
    constant = Scene.of(Template.parse("{state}"), parse_light("red blink"), "busy")
    assert constant.dark is None


def test_a_blink_goes_by_the_moment_when_it_began() -> None:
    assert due(scene("red blink"), 100.01, began=100.0) == 100.5
    assert due(scene("red blink"), 107.3, began=100.0) == 107.5


def test_the_present_state_is_said_again_every_ten_seconds() -> None:
    assert due(scene("red"), 50.0) == 60.0


def test_a_board_that_resets_when_the_port_is_opened_is_told_once_more() -> None:
    assert due(scene("red"), 50.1, opened=50.0) == 52.5
    assert due(scene("red"), 52.5, opened=50.0) == 62.5


def test_a_released_light_is_switched_off_and_left_alone_for_ever() -> None:
    one = scene("release")
    assert one.lit == b"000000 busy\n"
    assert one.left_alone
    assert due(one, 50.0, opened=50.0) == math.inf


@given(
    st.sampled_from(["red", "red blink"]),
    st.floats(0, 1e7),
    st.floats(0, 1e5),
    st.floats(0, 1e5),
)
def test_something_is_always_due_later_than_what_was_written_and_within_ten_seconds(
    light: str, opened: float, began_after: float, written_after: float
) -> None:
    began = opened + began_after
    written = began + written_after
    moment = due(scene(light), written, began=began, opened=opened)
    assert written < moment <= written + 10.0 + 1e-6
