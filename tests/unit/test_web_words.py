"""What the page says and how it moves: in words, and in the curves of its style sheet."""

import re
from dataclasses import replace
from importlib.resources import files

import pytest

from busylight.core.knowledge import Known, NotKnown, Trouble, Why
from busylight.core.light import DEFAULT_PERIOD, OFF, Effect, LightState, effect_level, parse_light
from busylight.core.override import Mode
from busylight.core.palette import DEFAULT_RULES
from busylight.core.presence import ACTIVITIES, AVAILABILITIES, Presence
from busylight.core.view import PartHealth, PartState, Person
from busylight.web.words import (
    level_of,
    light_in_words,
    mode_in_words,
    presence_in_words,
    problems_of,
    title_of,
)
from scripts.states import STATES
from tests.support.web import view_of

STYLE = files("busylight.web").joinpath("static/light.css").read_text("utf-8")


@pytest.mark.parametrize("effect", [Effect.BLINK, Effect.PULSE, Effect.BREATHE])
def test_the_page_moves_on_the_curves_of_the_light(effect: Effect) -> None:
    block = re.search(rf"@keyframes {effect} {{\n(.*?)\n}}", STYLE, re.DOTALL)
    assert block is not None
    pairs = re.findall(r"([\d.]+)% \{ opacity: ([\d.]+); \}", block[1])
    frames = {float(percent): float(opacity) for percent, opacity in pairs}
    light = LightState(255, 0, 0, effect=effect)
    period = DEFAULT_PERIOD[effect]
    assert f".lamp.{effect} {{ --period: {period:g}s; }}" in STYLE
    points = sorted(frames)
    for percent in range(100):
        before = max(point for point in points if point <= percent)
        after = min((point for point in points if point > percent), default=100.0)
        share = (percent - before) / (after - before)
        shown = frames[before]
        if effect is not Effect.BLINK:  # which steps
            shown += (frames.get(after, 0.0) - frames[before]) * share
        level = effect_level(light, period * percent / 100)
        assert shown == pytest.approx(level, abs=0.04), percent


def test_little_motion_and_holding_still_stop_it() -> None:
    assert re.search(
        r"@media \(prefers-reduced-motion: reduce\) {\s+\.lamp \.beam { animation: none", STYLE
    )
    assert re.search(r"\.still \.lamp \.beam { animation: none; }", STYLE)


def test_every_state_has_a_title_as_everywhere() -> None:
    titles = {key: state.title for state in STATES for key in state.keys[:1]}
    assert {key: title_of(key.lower()) for key in titles} == titles
    for key in DEFAULT_RULES:
        assert title_of(key.lower()) != key.lower()
    assert title_of("message_deep_work") == "Message: deep work"
    assert title_of("busy__inameeting") == "Busy · In a meeting"
    assert title_of("newword") == "Newword"
    assert {mode_in_words(mode) for mode in Mode} == {
        "Follow Teams", "Available", "Busy", "Do not disturb", "Away", "Off", "Set by hand",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("Busy", "InACall"), "Busy · In a call"),
        (("Busy", "Busy"), "Busy"),
        (("BusyIdle", "Busy"), "Busy, idle"),
        (("PresenceUnknown", "PresenceUnknown"), "Unknown to Teams"),
        (("InTheSauna", "SweatingALot"), "In the sauna · Sweating alot"),
    ],
)
def test_a_presence_is_told_in_words_a_new_one_too(words: tuple[str, str], told: str) -> None:
    assert presence_in_words(Known(Presence(*words), 0, 0)) == told


def test_every_word_of_graphs_can_be_read() -> None:
    for availability in AVAILABILITIES:
        for activity in ACTIVITIES:
            assert presence_in_words(Known(Presence(availability, activity), 0, 0))
    for why in Why:
        assert " " in presence_in_words(NotKnown(Trouble(why, ""), 0))


@pytest.mark.parametrize(
    ("light", "told"),
    [
        ("#ff0000 pulse", "Red, pulses every 1.2 s"),
        ("#ffbf00 14%", "Amber at 14 %"),
        ("#4000ff 40% pulse 3", "Violet at 40 %, pulses every 3 s"),
        ("white 60% blink 3", "White at 60 %, blinks every 3 s"),
        ("#00ff00", "Green"),
        ("magenta breathe", "Magenta, breathes every 4 s"),
        ("cyan", "Cyan"),
        ("blue", "Blue"),
        ("#ff0010", "Red"),
        ("off", "The light is off"),
        ("release", "The lamp is left to others"),
    ],
)
def test_a_light_is_told_in_words(light: str, told: str) -> None:
    assert light_in_words(parse_light(light)) == told


def test_a_dim_light_can_still_be_seen_on_a_screen() -> None:
    assert level_of(None) == level_of(OFF) == 0
    assert level_of(parse_light("red")) == 1
    assert 0.3 < level_of(parse_light("red 14%")) < 0.5


def test_everything_that_is_wrong_is_told_with_its_reason() -> None:
    view = view_of()
    assert list(problems_of(view)) == []
    lost = Person(NotKnown(Trouble(Why.FORBIDDEN, "ask an administrator"), 0), None)
    wrong = replace(
        view,
        people={"a": lost, "b": Person(view.knowledge, None)},
        diagnostics=replace(
            view.diagnostics,
            last_error="no answer",
            blocked="output x has blocked it",
            credential="ends on Monday: make a new one",
            outputs={"serial": PartHealth(PartState.FAILED, "plug it in"), "usb": PartHealth()},
        ),
    )
    told = [(each.what, each.detail) for each in problems_of(wrong)]
    assert told == [
        ("The last reading has failed; it is tried again", "no answer"),
        ("The output serial does not work", "plug it in"),
        ("The program had to be started again", "output x has blocked it"),
        ("The app's own sign-in ends soon", "ends on Monday: make a new one"),
        ("One person is not known", "ask an administrator"),
    ]
    unknown = replace(view, knowledge=NotKnown(Trouble(Why.UNREACHABLE, "no answer"), 0))
    assert next(problems_of(unknown)).what == "Presence cannot be read"
    starting = replace(view, knowledge=NotKnown(Trouble(Why.STARTING, "wait"), 0))
    assert list(problems_of(starting)) == []
