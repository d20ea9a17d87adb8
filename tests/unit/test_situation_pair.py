"""What one of two readers makes of what it reads itself, and of what the other one publishes."""

from dataclasses import replace

import pytest

from busylight.core.knowledge import Known, NotKnown, Reading, Trouble, Why
from busylight.core.light import LightState
from busylight.core.override import Mode, Override, SetLight
from busylight.core.palette import Palette
from busylight.core.presence import Presence
from busylight.core.reader import LATE, Peers, Reader, Role, Turns
from busylight.core.rules import Rules
from busylight.core.situation import Situation
from busylight.core.view import Standing

CALL = Presence("Busy", "InACall")
FREE = Presence("Available", "Available")
RULES = Rules(Palette(), stale_after=60, source="graph", version="1")
BOTH = Peers(True, True, True, Role.PRIMARY)
INTERVAL = 5.0
LATE_AFTER = 2 * INTERVAL + LATE
ALONE = Situation(RULES, started_at=0)


def _pair(role: Role, rules: Rules = RULES) -> Situation:
    return Situation(rules, started_at=0, reader=Reader(role, INTERVAL))


def _read(presence: Presence) -> Reading:
    return Reading({"me": presence}, {})


def _followed(presence: Presence) -> Reading:
    return Reading({"busylight/desk/presence": presence}, {})


def test_what_the_leader_does_not_know_is_not_known_to_who_follows_either() -> None:
    follows = _pair(Role.SPARE).after_peers(BOTH, 1).after_followed(_followed(CALL), 2)
    forbidden = Trouble(Why.FORBIDDEN, "no permission")
    assert follows.after_followed(forbidden, 5).view(5).knowledge == NotKnown(forbidden, 5, 2)
    silent = follows.after_followed(Trouble(Why.UNREACHABLE, "no answer"), 5)
    assert silent.view(5).knowledge == Known(CALL, 2, 2)


def test_who_is_led_from_now_on_goes_on_with_the_same_person() -> None:
    leads = _pair(Role.PRIMARY).after_peers(BOTH, 1).after_reading(_read(CALL), 2)
    led = leads.after_trouble(Trouble(Why.SIGNED_OUT, "sign in"), 3)
    assert led.after_followed(_followed(CALL), 4).view(4).knowledge == Known(CALL, 2, 2)


def test_what_is_followed_is_shown_at_least_so_long_as_what_is_read() -> None:
    calm = replace(RULES, minimum_duration=10)
    follows = _pair(Role.SPARE, calm).after_peers(BOTH, 1).after_followed(_followed(CALL), 2)
    free = follows.after_followed(_followed(FREE), 5)
    assert (free.view(5).state, free.view(11.9).state) == ("inacall", "inacall")
    assert free.next_change(5) == 12
    assert free.view(12).state == "available"
    # What took over by itself at 12 has been shown since then.
    again = free.after_followed(_followed(Presence("Away", "Away")), 15)
    assert (again.view(21.9).state, again.view(22).state) == ("available", "away")


def test_a_primary_that_reads_well_is_led_by_nobody() -> None:
    leads = _pair(Role.PRIMARY).after_reading(_read(CALL), 1).after_peers(BOTH, 2)
    assert leads.after_peers(BOTH, 3).turns(3) == Turns(own=True, followed=False)
    assert not leads.stands_by(3)
    assert not leads.is_led(3)
    assert leads.after_cut(4).turns(4) == Turns(own=True, followed=False)


def test_a_primary_whose_readings_do_not_come_is_led_when_that_is_noticed() -> None:
    leads = _pair(Role.PRIMARY).after_peers(BOTH, 1).after_reading(_read(CALL), 2)
    late_at = 2 + LATE_AFTER
    assert leads.next_change(2) == late_at
    assert not leads.stands_by(late_at - 0.1)
    assert leads.stands_by(late_at)
    assert leads.is_led(late_at)
    assert leads.turns(late_at) == Turns(own=True, followed=True)
    assert leads.after_cut(late_at).turns(late_at) == Turns(own=True, followed=False)


def test_one_failure_is_no_reason_to_be_led_and_a_second_one_is() -> None:
    silent = Trouble(Why.UNREACHABLE, "no answer")
    leads = _pair(Role.PRIMARY).after_peers(BOTH, 1).after_reading(_read(CALL), 2)
    once = leads.after_trouble(silent, 3)
    assert not once.stands_by(3)
    assert once.after_trouble(silent, 4).stands_by(4)


def test_how_one_of_two_stands_is_told_and_what_it_heard_only_while_the_broker_is_there() -> None:
    leads = _pair(Role.PRIMARY).after_peers(BOTH, 1).after_reading(_read(CALL), 2)
    told = Standing(Role.PRIMARY, leads=True, reads=True, peers=BOTH)
    assert leads.view(2).diagnostics.reader == told
    assert leads.after_cut(3).view(3).diagnostics.reader == replace(told, peers=None)
    late = leads.view(2 + LATE_AFTER).diagnostics.reader
    assert late == replace(told, leads=False, reads=False)


def test_a_primary_says_that_it_reads_once_it_knows_who_else_is_there_and_while_it_does() -> None:
    unheard = _pair(Role.PRIMARY).after_reading(_read(CALL), 1)
    assert not unheard.view(1).duty.reads
    heard = unheard.after_peers(BOTH, 2)
    assert heard.view(2).duty.reads
    assert not heard.view(1 + LATE_AFTER).duty.reads


def test_its_own_trouble_holds_since_it_leads_again() -> None:
    out = Trouble(Why.SIGNED_OUT, "sign in")
    leads = _pair(Role.PRIMARY).after_peers(BOTH, 1).after_reading(_read(CALL), 2)
    follows = leads.after_trouble(out, 3).after_followed(_followed(FREE), 4)
    alone = follows.after_peers(replace(BOTH, spare_online=False), 5)
    assert alone.view(5).knowledge == NotKnown(out, 5, 4)


@pytest.mark.parametrize("role", list(Role))
def test_until_the_broker_is_there_what_the_other_one_was_asked_for_may_hold(role: Role) -> None:
    unheard = _pair(role)
    assert (unheard.is_led(0), unheard.stands_by(0)) == (True, False)
    cut = unheard.after_peers(BOTH, 1).after_reading(_read(CALL), 2).after_cut(3)
    assert (cut.is_led(3), cut.stands_by(3)) == (True, False)


def test_who_is_alone_is_led_by_nobody() -> None:
    assert (ALONE.is_led(0), ALONE.stands_by(0)) == (False, False)


def test_who_is_told_that_an_override_has_ended_still_knows_the_last_light() -> None:
    spare = _pair(Role.SPARE).after_peers(BOTH, 1)
    red = LightState(255, 0, 0)
    led = spare.after_shared(Override(Mode.MANUAL, red), 2).after_shared(None, 3)
    assert led.view(3).override is None
    off = led.after_shared(Override(Mode.OFF), 4)
    assert off.after_command(SetLight(on=True), 5).view(5).light == red
