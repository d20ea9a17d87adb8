"""The picture and the plain line: whatever comes, they stay within their lines."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from busylight.core.knowledge import Known, NotKnown, SignInPrompt, Trouble, Why
from busylight.core.light import OFF, Effect, LightState, parse_light
from busylight.core.override import Mode, Override
from busylight.core.palette import DEFAULT_RULES
from busylight.core.presence import Presence
from busylight.core.view import Diagnostics, View
from busylight.outputs.terminal.picture import (
    HEIGHT,
    WIDTH,
    Depth,
    captions,
    draw,
    moves,
    plain_line,
    words_of,
)

IN_A_CALL = Known(Presence("Busy", "InACall"), 0.0, 0.0)
ESCAPE = re.compile("\x1b\\[[0-9;]*m")


@pytest.mark.parametrize(
    ("light", "line"),
    [
        ("red 60% pulse", "09:05 Busy/InACall #ff0000 60% pulse"),
        ("#4000ff blink 3", "09:05 Busy/InACall #4000ff 100% blink"),
        ("lime", "09:05 Busy/InACall #00ff00 100% solid"),
        ("off", "09:05 Busy/InACall #000000 0% solid"),
        ("release", "09:05 Busy/InACall released"),
    ],
)
def test_a_change_is_one_line_of_a_fixed_form(light: str, line: str) -> None:
    assert plain_line("09:05", words_of(IN_A_CALL), parse_light(light)) == line


def test_what_is_not_known_has_its_reason_in_place_of_the_activity() -> None:
    unknown = NotKnown(Trouble(Why.UNREACHABLE, "no route"), 0.0)
    assert plain_line("23:59", words_of(unknown), OFF) == (
        "23:59 unknown/unreachable #000000 0% solid"
    )


def test_words_from_outside_bring_no_control_characters() -> None:
    evil = words_of(Known(Presence("Busy\x1b[2J\n", "In\rACall"), 0.0, 0.0))
    assert plain_line("09:05", evil, None) == "09:05 Busy?[2J?/In?ACall released"
    assert "\x1b[2J" not in "".join(draw(None, 0.0, evil))


@pytest.mark.parametrize(
    ("environment", "depth"),
    [
        ({"COLORTERM": "truecolor"}, Depth.TRUE),
        ({"COLORTERM": "24bit"}, Depth.TRUE),
        ({"COLORTERM": "yes"}, Depth.PALETTE),
        ({}, Depth.PALETTE),
        ({"COLORTERM": "truecolor", "NO_COLOR": "1"}, Depth.NONE),
        ({"COLORTERM": "truecolor", "NO_COLOR": ""}, Depth.TRUE),
    ],
)
def test_the_environment_tells_what_can_be_coloured(
    environment: dict[str, str], depth: Depth
) -> None:
    assert Depth.of(environment) is depth


lights = st.one_of(
    st.none(),
    st.builds(LightState, *[st.integers(0, 255)] * 4, effect=st.sampled_from(Effect)),
)


@given(lights, st.floats(0, 1e9), st.lists(st.text(), max_size=5), st.sampled_from(Depth))
def test_every_picture_has_the_same_height_and_is_never_too_wide(
    light: LightState | None, elapsed: float, words: list[str], depth: Depth
) -> None:
    picture = draw(light, elapsed, words, depth)
    assert len(picture) == HEIGHT
    for line in picture:
        seen = ESCAPE.sub("", line)
        assert len(seen) <= WIDTH
        assert seen.isprintable()
    if depth is Depth.NONE:
        assert "\x1b" not in "".join(picture)


@pytest.mark.parametrize("depth", Depth)
def test_light_and_dark_look_different(depth: Depth) -> None:
    red = parse_light("red")
    assert draw(red, 0.0, "x", depth) != draw(OFF, 0.0, "x", depth)
    assert draw(None, 0.0, "x", depth) == draw(OFF, 0.0, "x", depth)


def test_all_states_of_the_palette_that_look_different_have_pictures_of_their_own() -> None:
    texts = {text for text in DEFAULT_RULES.values() if text != "off"}
    pictures = {tuple(draw(parse_light(text), 0.3, "")) for text in texts}
    still = {text.partition(" pulse")[0].partition(" breathe")[0] for text in texts}
    assert len(pictures) >= len(still)


def test_a_blink_is_dark_in_its_second_half() -> None:
    blink = parse_light("red blink")
    assert draw(blink, 0.1, "x") == draw(parse_light("red"), 0.0, "x")
    assert draw(blink, 0.6, "x") == draw(parse_light("red 0%"), 0.0, "x")


@pytest.mark.parametrize(
    ("light", "does"),
    [("red", False), ("red pulse", True), ("red 0% pulse", False), ("off", False),
     ("release", False), ("red blink", True)],
)  # fmt: skip
def test_only_a_light_with_an_effect_moves(light: str, does: bool) -> None:  # noqa: FBT001 -- a case
    assert moves(parse_light(light)) is does


def view(**more: object) -> View:
    given: dict[str, object] = {
        "light": parse_light("red"),
        "state": "inacall",
        "knowledge": IN_A_CALL,
        "override": None,
        "sign_in": None,
        "diagnostics": Diagnostics("graph", version="0", started_at=0.0),
        **more,
    }
    return View(**given)  # type: ignore[arg-type]  # a test's own shorthand


def test_below_the_picture_stand_presence_and_light() -> None:
    assert captions(view()) == ["Busy/InACall", "#ff0000 100% solid"]


def test_below_the_picture_stands_why_it_is_not_the_presence() -> None:
    prompt = SignInPrompt("https://login.example/device", "ABCD", 9.0)
    override = Override(Mode.BUSY)
    unknown = NotKnown(Trouble(Why.FORBIDDEN, "Presence.Read is missing"), 0.0)
    assert captions(view(sign_in=prompt))[2] == "sign in: https://login.example/device code ABCD"
    assert captions(view(override=override))[2] == "set by hand: busy"
    assert captions(view(knowledge=unknown))[::2] == [
        "unknown/forbidden",
        "Presence.Read is missing",
    ]
