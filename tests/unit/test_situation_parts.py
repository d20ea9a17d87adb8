"""What a situation tells of the program's parts, of its button, and of its next change."""

from dataclasses import replace
from datetime import UTC, datetime

from busylight.core.hours import Hours, parse_hours
from busylight.core.knowledge import Reading, Trouble, Why
from busylight.core.override import Press
from busylight.core.palette import Palette
from busylight.core.presence import Presence
from busylight.core.rules import Rules
from busylight.core.situation import SOURCE, Situation
from busylight.core.view import ButtonEvent, PartHealth, PartState

RULES = Rules(Palette(), stale_after=60, source="graph", version="1")
START = Situation(RULES, started_at=5)
CALL = Reading({"a": Presence("Busy", "InACall")}, {})
FAILED = PartHealth(PartState.FAILED, "no such port")


def test_each_failure_of_a_part_is_counted_and_nothing_else() -> None:
    well = START.after_health("serial", PartHealth()).after_health(
        "mqtt", PartHealth(PartState.CONNECTED)
    )
    assert well.view(6).diagnostics.faults == {}
    ill = well.after_health("serial", FAILED).after_health("mqtt", FAILED)
    again = ill.after_health("serial", PartHealth(PartState.CONNECTED)).after_health(
        "serial", FAILED
    )
    assert again.view(6).diagnostics.faults == {"serial": 2, "mqtt": 1}
    silent = again.after_trouble(Trouble(Why.UNREACHABLE, "no answer"), 7)
    assert silent.view(7).diagnostics.faults == {"serial": 2, "mqtt": 1, SOURCE: 1}


def test_what_ails_the_program_stands_in_its_diagnostics() -> None:
    ailing = replace(START, blocked="serial hung", credential="the secret ends on Friday")
    told = ailing.view(6).diagnostics
    assert (told.blocked, told.credential) == ("serial hung", "the secret ends on Friday")


def test_two_presses_are_never_the_same_event() -> None:
    assert START.view(6).button is None
    once = START.after_press(Press.LONG, 7)
    assert once.view(8).button == ButtonEvent(Press.LONG, 1, 7)
    assert once.after_press(Press.LONG, 7).view(8).button == ButtonEvent(Press.LONG, 2, 7)


def test_who_has_read_nothing_is_no_more_starting_when_a_reading_would_be_too_old() -> None:
    assert START.next_change(5) == 65
    assert START.next_change(65) is None


def test_without_a_wall_clock_no_hours_begin() -> None:
    hours = Hours(parse_hours("Mon-Fri 09:00-17:00"), UTC)
    situation = Situation(replace(RULES, hours=hours), started_at=0)
    assert situation.after_reading(CALL, 1).next_change(1) == 61


def test_hours_that_never_end_change_nothing() -> None:
    monday = datetime(2026, 11, 23, tzinfo=UTC).timestamp()
    always = replace(RULES, hours=Hours(parse_hours("0-24"), UTC))
    situation = Situation(always, started_at=0, epoch=-monday).after_reading(CALL, 1)
    assert situation.view(1).state == "inacall"
    assert situation.next_change(1) == 61


CALM = Situation(
    Rules(Palette({"MESSAGE_FOCUS": None}), 60, "graph", "1", minimum_duration=10), started_at=0
)


def _read(activity: str, message: str | None = None) -> Reading:
    return Reading({"a": Presence("Busy", activity, message)}, {})


def test_new_words_of_the_same_state_are_shown_at_once_and_it_goes_on_since_it_began() -> None:
    busy = CALM.after_reading(_read("Busy"), 1).after_reading(_read("Busy", "focus!"), 3)
    assert busy.view(3).state == "message_focus"
    assert busy.next_change(3) == 11


def test_what_is_just_as_busy_waits_for_its_turn() -> None:
    call = CALM.after_reading(_read("InACall"), 1)
    conference = call.after_reading(_read("InAConferenceCall"), 3)
    assert [conference.view(now).state for now in (3, 10.9, 11)] == [
        "inacall",
        "inacall",
        "inaconferencecall",
    ]
