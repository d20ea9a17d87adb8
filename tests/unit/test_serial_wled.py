"""WLED's JSON, as its own documentation and its `FX.cpp` have it."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from busylight.core.light import parse_light
from busylight.outputs.serial.scene import Scene
from busylight.outputs.serial.wled import Answers, Wled, difference, wish_of


def wish(light: str) -> dict[str, Any]:
    state = parse_light(light)
    assert state is not None
    return wish_of(state)


def frame(light: str) -> bytes:
    state = parse_light(light)
    assert state is not None
    return Wled().render(state, "busy")


def shown(**other: Any) -> dict[str, Any]:
    """What a WLED with two segments, one of them selected, says of red at half brightness."""
    segment = {"id": 0, "sel": True, "col": [[255, 0, 0, 0], [0, 0, 0], [0, 0, 0]], "fx": 0}
    rest = {"id": 1, "sel": False, "col": [[0, 255, 0]], "fx": 9}
    return {"on": True, "bri": 128, "seg": [{**segment, **other}, rest]}


def test_a_frame_is_one_line_that_asks_for_an_answer() -> None:
    said = frame("red 50%")
    assert said.endswith(b"}\n")
    assert said.count(b"\n") == 1
    assert json.loads(said) == {
        "on": True,
        "bri": 128,
        "tt": 0,
        "nl": {"on": False},
        "seg": {
            "on": True,
            "bri": 255,
            "frz": False,
            "col": [[255, 0, 0], [0, 0, 0], [0, 0, 0]],
            "fx": 0,
            "sx": 128,
            "ix": 128,
            "pal": 0,
        },
        "v": True,
    }


@pytest.mark.parametrize("dark", ["off", "red 0%", "black"])
def test_what_is_dark_is_switched_off(dark: str) -> None:
    assert wish(dark) == {"on": False, "tt": 0}


# (255 - sx) * 20 ms and two frames of 23 ms; 65536 ms / (sx / 8 + 10)
@pytest.mark.parametrize(
    ("light", "fx", "sx"),
    [
        ("red blink", 1, 207),  # 1006 ms
        ("red blink 3", 1, 107),  # 3006 ms
        ("red blink 60", 1, 0),
        ("red breathe", 2, 51),  # 4.1 s: speed goes by eights
        ("red breathe 6", 2, 7),
        ("red pulse", 12, 255),  # 1.6 s is the fastest there is
        ("red pulse 3", 12, 95),
    ],
)
def test_wled_makes_the_effects_by_itself(light: str, fx: int, sx: int) -> None:
    segment = wish(light)["seg"]
    assert (segment["fx"], segment["sx"]) == (fx, sx)
    assert Scene.of(Wled(), parse_light(light), "busy").dark is None


@given(period=st.floats(0.4, 60), effect=st.sampled_from(["blink", "pulse", "breathe"]))
def test_whatever_the_period_the_speed_is_one_that_wled_has(period: float, effect: str) -> None:
    assert 0 <= wish(f"red {effect} {period:.3f}")["seg"]["sx"] <= 255


def test_what_it_says_is_held_against_what_it_was_told() -> None:
    told = frame("red 50%")
    assert difference(told, shown()) is None
    assert difference(told, {**shown(), "on": False}) == "that it is off"
    assert difference(told, {**shown(), "bri": 9}) == "brightness 9"
    assert difference(told, shown(col=[[1, 2, 3]])) == "the colour [1, 2, 3]"
    assert difference(told, shown(fx=3)) == "effect 3"
    assert "none of its segments is selected" in str(difference(told, shown(sel=False)))
    assert difference(frame("off"), {"on": False}) is None
    assert difference(frame("off"), shown()) == "that it is on"


@given(
    state=st.dictionaries(
        st.sampled_from(["on", "bri", "seg", "col"]),
        st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists),
    )
)
def test_no_answer_is_taken_for_a_confirmation_that_is_none(state: dict[str, Any]) -> None:
    assert difference(frame("red"), state) is not None


@given(cuts=st.lists(st.integers(1, 40)), junk=st.binary(max_size=20))
def test_an_answer_is_found_in_whatever_pieces_and_after_whatever_noise(
    cuts: list[int], junk: bytes
) -> None:
    line = junk.replace(b"{", b"") + b"\nets Jun 8 2016\n" + json.dumps({"state": shown()}).encode()
    rest, found, answers = line + b"\r\n", [], Answers()
    for cut in [*cuts, len(rest)]:
        found += answers.feed(rest[:cut])
        rest = rest[cut:]
    assert found == [shown()]


@given(st.binary())
def test_nothing_that_comes_is_more_than_junk(content: bytes) -> None:
    answers = Answers()
    answers.feed(content)
    answers.feed(b'\n{"error":9}\n[]\n{"state":4}\n')
    assert answers.feed(b'{"state":{"on":true}}\n') == [{"on": True}]
