"""A walk through the palette: every state in turn, on every output, and then it is over."""

from busylight.core.knowledge import Reading
from busylight.core.light import parse_light
from busylight.core.override import Mode, SetLight, SetMode, Walk
from busylight.core.palette import Palette
from busylight.core.presence import Presence
from busylight.core.rules import Rules
from busylight.core.situation import Situation
from busylight.core.walk import WALK_STEP

BUSY = Reading({"a": Presence("Busy", "Busy")}, {}, None)
RULES = Rules(Palette(), stale_after=6000, source="graph", version="1")
AT_WORK = Situation(RULES, started_at=0).after_reading(BUSY, 0)
LENGTH = len(RULES.palette) * WALK_STEP


def test_every_state_is_shown_in_turn_and_then_the_light_is_what_it_was() -> None:
    walking = AT_WORK.after_walk(Walk(), 100)
    shown, now = [], 100.0
    while (view := walking.view(now)).walk_ends_at is not None:
        assert view.walk_ends_at == 100 + LENGTH
        assert view.light == RULES.palette[view.state.upper()].light
        shown.append(view.state.upper())
        later = walking.next_change(now)
        assert later == now + WALK_STEP
        now = later
    assert shown == list(RULES.palette)
    assert (now, walking.view(now).state) == (100 + LENGTH, "busy")


def test_presence_and_mode_are_told_as_they_are_while_a_walk_goes_on() -> None:
    walking = AT_WORK.after_command(SetMode(Mode.AWAY), 50).after_walk(Walk(), 100)
    view = walking.view(101)
    assert (view.state, view.mode) == ("available", Mode.AWAY)
    assert view.knowledge == AT_WORK.view(101).knowledge
    assert walking.view(100 + LENGTH).state == "away"


def test_a_walk_can_be_stopped() -> None:
    stopped = AT_WORK.after_walk(Walk(), 100).after_walk(Walk(on=False), 105)
    assert (stopped.view(105).state, stopped.view(105).walk_ends_at) == ("busy", None)


def test_whoever_asks_for_a_light_ends_the_walk() -> None:
    walking = AT_WORK.after_walk(Walk(), 100)
    assert walking.after_command(SetMode(Mode.AUTO), 101).view(101).state == "busy"
    by_hand = walking.after_command(SetLight(brightness=128), 101).view(101)
    assert (by_hand.state, by_hand.light) == ("manual", parse_light("#ff0000 50%"))


def test_a_light_of_a_walk_is_none_that_on_would_bring_back() -> None:
    off = AT_WORK.after_command(SetMode(Mode.OFF), 50)
    walked = off.after_walk(Walk(), 100)
    for step in range(len(RULES.palette)):
        walked = walked.after_showing(walked.view(100 + step * WALK_STEP))
    on = walked.after_command(SetLight(on=True), 100 + LENGTH).view(100 + LENGTH)
    assert on.light == RULES.palette["BUSY"].light


def test_an_output_with_rules_of_its_own_shows_them_on_the_walk() -> None:
    own = RULES.palette.with_rules({"AVAILABLE": parse_light("blue")})
    walking = AT_WORK.after_walk(Walk(), 100)
    assert walking.view(100, own).light == parse_light("blue")
    assert walking.view(100).light == parse_light("#00ff00")
    assert walking.view(100 + WALK_STEP, own).light == RULES.palette["AVAILABLEIDLE"].light


def test_a_rule_that_only_one_output_lacks_is_shown_there_as_everywhere() -> None:
    rules = Rules(
        Palette({"MESSAGE_FOCUS": parse_light("cyan")}), stale_after=6000, source="x", version="1"
    )
    walking = Situation(rules, started_at=0).after_walk(Walk(), 0)
    last = (len(rules.palette) - 1) * WALK_STEP
    assert walking.view(last, Palette()).light == parse_light("cyan")
