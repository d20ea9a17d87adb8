"""The whole line of data on a clock of our own: what is shown after what has happened."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from busylight.core.hours import Hours, parse_hours
from busylight.core.knowledge import Known, NotKnown, Reading, SignInPrompt, Trouble, Why
from busylight.core.light import OFF, LightState, parse_light
from busylight.core.override import Mode, Override, SetLight, SetMode, Walk
from busylight.core.palette import Palette
from busylight.core.preferred_presence import NO_TEAMS, PreferredHealth, PreferredState
from busylight.core.presence import Presence, busyness
from busylight.core.rules import Rules
from busylight.core.situation import Situation
from busylight.core.view import PartHealth, PartState

CALL = Presence("Busy", "InACall")
FREE = Presence("Available", "Available")
GONE = Presence("Offline", "Offline")
RULES = Rules(Palette(), stale_after=60, source="graph", version="1")
START = Situation(RULES, started_at=0)
SILENT = Trouble(Why.UNREACHABLE, "no answer")


def _read(presence: Presence, account: str | None = None) -> Reading:
    return Reading({"a": presence}, {}, account)


def test_a_start_shows_unknown_until_something_is_known() -> None:
    assert START.view(0).state == "unknown"
    assert START.after_reading(_read(CALL), 1).view(1).state == "inacall"


def test_the_light_goes_to_unknown_by_itself_when_the_source_falls_silent() -> None:
    situation = START.after_reading(_read(CALL), 10)
    assert situation.next_change(10) == 70
    assert situation.view(69.9).state == "inacall"
    assert situation.view(70).state == "unknown"
    assert situation.next_change(70) is None


def test_a_sign_in_that_is_needed_is_shown_with_its_code_until_the_code_ends() -> None:
    prompt = SignInPrompt("https://microsoft.com/devicelogin", "ABCD", expires_at=100)
    waiting = START.after_reading(_read(CALL), 10).after_trouble(
        Trouble(Why.SIGNED_OUT, "the password was changed", prompt), 20
    )
    view = waiting.view(20)
    assert (view.state, view.sign_in, view.diagnostics.signed_in) == ("signin", prompt, False)
    assert view.diagnostics.last_error == "the password was changed"
    assert waiting.next_change(20) == 100
    assert waiting.view(100).sign_in is None
    again = waiting.after_reading(_read(CALL, "adele@contoso.com"), 30).view(30)
    assert (again.state, again.sign_in, again.diagnostics.signed_in) == ("inacall", None, True)
    assert (again.diagnostics.account, again.diagnostics.last_error) == ("adele@contoso.com", None)


def test_a_failing_network_does_not_sign_anybody_out() -> None:
    view = START.after_reading(_read(CALL), 1).after_trouble(SILENT, 5).view(5)
    assert (view.state, view.diagnostics.signed_in) == ("inacall", True)
    assert view.diagnostics.last_error == "no answer"


def test_readings_that_say_the_same_make_the_same_view() -> None:
    situation = START.after_reading(_read(CALL), 10)
    first = situation.view(10)
    for moment in (15, 20, 69):
        situation = situation.after_reading(_read(CALL), moment)
        assert situation.view(moment) == first
    later = situation.after_reading(_read(CALL), 70).view(70)
    assert later.diagnostics.last_success == 70
    assert replace(later, diagnostics=first.diagnostics) == first


def test_an_override_wins_until_it_ends_and_never_changes_presence() -> None:
    situation = START.after_reading(_read(CALL), 10).after_command(SetMode(Mode.AVAILABLE, 30), 20)
    view = situation.view(20)
    assert (view.state, view.mode) == ("available", Mode.AVAILABLE)
    assert view.knowledge == Known(CALL, 10, 10)
    assert situation.next_change(20) == 50
    ended = situation.view(50)
    assert (ended.state, ended.mode, ended.override) == ("inacall", Mode.AUTO, None)


def test_the_last_light_that_was_lit_comes_back_after_off() -> None:
    situation = START.after_reading(_read(CALL), 1)
    dark = situation.after_command(SetLight(on=False), 2)
    assert (dark.view(2).light, dark.view(2).mode) == (OFF, Mode.OFF)
    lit = dark.after_command(SetLight(on=True), 3).view(3)
    assert lit.light == parse_light("#ff0000 pulse")
    assert lit.mode is Mode.MANUAL


def test_on_brings_back_what_was_shown_before_off_though_an_override_had_ended_by_itself() -> None:
    situation = START.after_reading(_read(CALL), 1).after_command(SetMode(Mode.AVAILABLE, 5), 2)
    dark = situation.after_command(SetLight(on=False), 8)
    assert dark.after_command(SetLight(on=True), 9).view(9).light == parse_light("#ff0000 pulse")


def test_after_a_restart_too_the_last_light_that_was_lit_comes_back_after_off() -> None:
    kept = START.after_command(SetLight(rgb=(1, 2, 3)), 1).after_command(SetLight(on=False), 2)
    restarted = START.with_recalled(kept.override)
    assert (restarted.view(3).light, restarted.view(3).mode) == (OFF, Mode.OFF)
    lit = restarted.after_command(SetLight(on=True), 3).view(3)
    assert lit.light == kept.last_lit
    assert lit.light is not None
    assert lit.light.rgb == (1, 2, 3)


def test_a_light_that_came_by_the_passing_of_time_comes_back_after_off_too() -> None:
    stale = START.after_reading(_read(CALL), 1)
    assert stale.view(100).state == "unknown"
    lit = stale.after_command(SetMode(Mode.OFF), 100).after_command(SetLight(on=True), 101)
    assert lit.view(101).light == parse_light("#4000ff 40% pulse 3")
    offline = START.after_reading(_read(Presence("Offline", "Offline")), 1)
    briefly = offline.after_command(SetMode(Mode.BUSY, 10), 2)
    dark = briefly.after_showing(briefly.view(2))
    assert dark.view(13).light == OFF
    lit = dark.after_command(SetLight(on=True), 14)
    assert lit.view(14).light == parse_light("#ff0000")


def test_a_light_set_by_hand_starts_from_what_is_shown() -> None:
    situation = START.after_reading(_read(FREE), 1).after_command(SetLight(brightness=10), 2)
    assert situation.view(2).light == LightState(0, 255, 0, 10)


@pytest.mark.parametrize(("presence", "light"), [(CALL, "#ff0000 pulse"), (GONE, "off")])
def test_manual_keeps_what_is_shown_whatever_is_read_from_then_on(
    presence: Presence, light: str
) -> None:
    kept = START.after_reading(_read(presence), 1).after_command(SetMode(Mode.MANUAL), 2)
    view = kept.after_reading(_read(FREE), 3).view(3)
    assert (view.state, view.light) == ("manual", parse_light(light))


def test_the_health_of_outputs_is_told() -> None:
    broken = PartHealth(PartState.FAILED, "no such port")
    view = START.after_health("serial", broken).after_health("mqtt", PartHealth()).view(1)
    assert view.diagnostics.outputs == {"serial": broken, "mqtt": PartHealth()}


def test_with_several_people_the_light_shows_the_busiest_who_is_known() -> None:
    many = Situation(replace(RULES, many=True), started_at=0)
    gone = Trouble(Why.UNREACHABLE, "has left the company")
    reading = Reading({"a": FREE, "b": CALL}, {"c": gone})
    view = many.after_reading(reading, 1).view(1)
    assert view.state == "inacall"
    assert set(view.people) == {"a", "b", "c"}
    assert view.people["a"].light == parse_light("#00ff00")
    assert isinstance(view.people["c"].knowledge, NotKnown)
    assert view.people["c"].light == parse_light("#4000ff 40% pulse 3")
    left = many.after_reading(Reading({}, {"c": Trouble(Why.FORBIDDEN, "hidden")}), 7)
    assert isinstance(unknown := left.view(9).people["c"].knowledge, NotKnown)
    assert unknown.since == 7
    partly = many.after_reading(reading, 1).after_reading(Reading({"a": FREE}, {"b": gone}), 50)
    assert partly.view(51).state == "inacall"  # who cannot be read holds as long as anybody
    assert partly.view(62).state == "available"
    assert partly.view(110).state == "unknown"


def test_one_person_alone_is_not_listed_as_people() -> None:
    assert START.after_reading(_read(CALL), 1).view(1).people == {}


def test_after_a_change_of_account_nothing_of_the_former_person_is_shown() -> None:
    busy = START.after_reading(Reading({"adele": CALL}, {}), 1)
    view = busy.after_reading(Reading({"alex": FREE}, {}), 6).view(6)
    assert view.state == "available"
    assert view.knowledge == Known(FREE, 6, 6)


MONDAY = datetime(2026, 11, 23, tzinfo=UTC).timestamp()
AT_WORK = replace(RULES, hours=Hours(parse_hours("Mon-Fri 09:00-17:00"), UTC))
HOUR = 3600.0


def _on_monday(rules: Rules = AT_WORK) -> Situation:
    """At midnight the clock of `now` stands at 0."""
    return Situation(rules, started_at=0, epoch=-MONDAY)


def test_outside_of_the_hours_the_light_rests_and_the_presence_stays_true() -> None:
    situation = _on_monday().after_reading(_read(CALL), 18 * HOUR)
    view = situation.view(18 * HOUR)
    assert (view.state, view.light) == ("outside_hours", OFF)
    assert view.knowledge == Known(CALL, 18 * HOUR, 18 * HOUR)
    assert situation.after_command(SetMode(Mode.BUSY), 18 * HOUR).view(18 * HOUR).state == "busy"
    assert _on_monday().after_reading(_read(CALL), 12 * HOUR).view(12 * HOUR).state == "inacall"


def test_the_hours_begin_and_end_by_themselves() -> None:
    lasting = replace(AT_WORK, stale_after=24 * HOUR)
    situation = _on_monday(lasting).after_reading(_read(CALL), 1)
    assert situation.next_change(1) == 9 * HOUR
    assert [situation.view(9 * HOUR - 1).state, situation.view(9 * HOUR).state] == [
        "outside_hours",
        "inacall",
    ]
    assert situation.next_change(9 * HOUR) == 17 * HOUR
    assert situation.view(17 * HOUR).state == "outside_hours"


def test_a_wall_clock_that_is_set_moves_the_hours_with_it() -> None:
    situation = _on_monday().after_reading(_read(CALL), 12 * HOUR)
    set_back = replace(situation, epoch=-MONDAY + 4 * HOUR)
    assert set_back.view(12 * HOUR).state == "outside_hours"
    assert set_back.next_change(12 * HOUR + 60) == 13 * HOUR


def test_without_a_wall_clock_there_are_no_hours() -> None:
    situation = Situation(AT_WORK, started_at=0)
    assert not situation.outside_hours(18 * HOUR)


def test_each_of_many_people_rests_with_the_light() -> None:
    situation = _on_monday(replace(AT_WORK, many=True)).after_reading(_read(CALL), 18 * HOUR)
    assert situation.view(18 * HOUR).people["a"].light == OFF


def test_a_reading_that_was_slowed_on_purpose_holds_until_two_and_a_half_of_its_intervals() -> None:
    slow = replace(_read(CALL), slowed_to=60.0)
    situation = START.after_reading(slow, 10)
    assert situation.next_change(10) == 160
    assert situation.after_trouble(SILENT, 100).view(159).state == "inacall"
    assert situation.after_trouble(SILENT, 100).view(160).state == "unknown"
    assert situation.after_reading(_read(CALL), 100).next_change(100) == 160
    patient = Situation(replace(RULES, stale_after=300), started_at=0)
    assert patient.after_reading(slow, 10).next_change(10) == 310


def test_what_was_read_slowly_ends_soon_after_reading_is_slowed_no_more() -> None:
    slow = replace(_read(CALL), slowed_to=60.0)
    read = START.after_reading(slow, 10)
    assert read.after_pace(0.0, 20).next_change(20) == 70  # 60 s after the reading, as ever
    assert read.after_pace(0.0, 65).next_change(65) == 95  # a reading that is due may take a while
    assert read.after_pace(0.0, 150).next_change(150) == 160  # never longer than before
    assert read.after_pace(30.0, 20).next_change(20) == 85
    assert read.after_pace(0.0, 65).after_pace(0.0, 90).next_change(90) == 95
    again = read.after_pace(0.0, 65).after_reading(_read(CALL), 66)
    assert again.next_change(66) == 126
    assert START.after_pace(0.0, 5).view(5) == START.view(5)


CALM = Situation(replace(RULES, minimum_duration=10), started_at=0)
BUSY = Presence("Busy", "Busy")
FORBIDDEN = Trouble(Why.FORBIDDEN, "not yours to read")


def test_a_state_is_shown_at_least_so_long_and_a_busier_one_comes_at_once() -> None:
    free = CALM.after_reading(_read(FREE), 0)
    call = free.after_reading(_read(CALL), 1)
    assert call.view(1).state == "inacall"
    back = call.after_reading(_read(BUSY), 3)
    assert (back.view(3).state, back.view(3).knowledge) == ("inacall", Known(BUSY, 3, 3))
    assert back.next_change(3) == 11
    assert (back.view(10.9).state, back.view(11).state) == ("inacall", "busy")
    again = back.after_reading(_read(CALL), 5).after_reading(_read(BUSY), 6)
    assert (again.view(10.9).state, again.view(11).state) == ("inacall", "busy")
    # What took over by itself at 11 has been shown since then.
    later = back.after_reading(_read(FREE), 13)
    assert (later.view(20.9).state, later.view(21).state) == ("busy", "available")


def test_nothing_is_held_over_what_is_not_known_or_asked_for() -> None:
    call = CALM.after_reading(_read(CALL), 1)
    assert call.after_trouble(Trouble(Why.SIGNED_OUT, "x"), 2).view(2).state == "signin"
    assert call.after_trouble(FORBIDDEN, 2).view(2).state == "unknown"
    assert call.view(61).state == "unknown"
    assert call.after_command(SetMode(Mode.AVAILABLE), 2).view(2).state == "available"
    lost = call.after_trouble(FORBIDDEN, 2)
    assert lost.after_reading(_read(FREE), 3).view(3).state == "available"


def test_without_a_minimum_every_state_is_shown_as_it_is_read() -> None:
    free = START.after_reading(_read(CALL), 1).after_reading(_read(FREE), 1.1)
    assert free.view(1.1).state == "available"


@given(
    st.lists(
        st.tuples(
            st.floats(0.1, 30),
            st.sampled_from([CALL, FREE, BUSY, Presence("Away", "Away"), None]),
        ),
        min_size=1,
    )
)
def test_the_light_never_tells_less_than_is_true_and_more_for_no_longer_than_the_minimum(
    events: list[tuple[float, Presence | None]],
) -> None:
    calm, plain, now, changed = CALM, START, 0.0, 0.0
    read: Presence | None = None
    for pause, presence in events:
        for moment in (now, now + pause / 2, now + pause * 0.99):
            shown, true = calm.view(moment), plain.view(moment)
            assert shown.knowledge == true.knowledge
            held = calm.shown_at(moment)
            if shown.state != true.state:
                assert isinstance(true.knowledge, Known)
                assert held is not None
                assert busyness(held.presence) > busyness(true.knowledge.presence)
                assert moment < changed + 10
        now += pause
        if presence != read:
            read, changed = presence, now
        if presence is None:
            calm, plain = (each.after_trouble(FORBIDDEN, now) for each in (calm, plain))
        else:
            calm, plain = (each.after_reading(_read(presence), now) for each in (calm, plain))


def test_a_dark_light_of_before_a_restart_is_none_that_on_brings_back() -> None:
    dark = Override(Mode.MANUAL, LightState(0, 0, 0))
    lit = START.with_recalled(dark).after_command(SetLight(on=True), 1)
    assert lit.view(1).light == LightState(255, 255, 255)
    off = Override(Mode.OFF, LightState(1, 2, 3))
    again = START.with_recalled(off).after_command(SetLight(on=True), 1)
    assert again.view(1).light == LightState(1, 2, 3)


def test_what_the_program_is_stands_in_its_diagnostics() -> None:
    told = Situation(RULES, started_at=7).view(9).diagnostics
    assert (told.source, told.version, told.started_at) == ("graph", "1", 7)
    assert (told.signed_in, told.account, told.last_success, told.last_error) == (
        False,
        None,
        None,
        None,
    )


def test_before_anybody_was_read_the_same_trouble_goes_on_since_it_began() -> None:
    forbidden, other = Trouble(Why.FORBIDDEN, "no permission"), Trouble(Why.STALE, "silent")
    first = START.after_trouble(forbidden, 5)
    assert first.view(6).knowledge == NotKnown(forbidden, 5, None)
    assert first.after_trouble(forbidden, 9).view(9).knowledge == NotKnown(forbidden, 5, None)
    assert first.after_trouble(other, 9).view(9).knowledge == NotKnown(other, 9, None)


def test_a_trouble_tells_the_last_success_at_once_and_when_it_began() -> None:
    read = START.after_reading(_read(CALL), 10).after_reading(_read(CALL), 15)
    assert read.view(15).diagnostics.last_success == 10  # brought up to date once a minute
    gone = read.after_trouble(Trouble(Why.FORBIDDEN, "no permission"), 20)
    assert gone.view(25).diagnostics.last_success == 15
    assert isinstance(unknown := gone.view(25).knowledge, NotKnown)
    assert (unknown.since, unknown.read_at) == (20, 15)


def test_each_of_several_people_is_shown_by_his_own_knowledge_whatever_is_asked_for() -> None:
    many = Situation(replace(RULES, many=True), started_at=0)
    read = many.after_reading(Reading({"a": FREE, "b": CALL}, {}), 1)
    asked = read.after_command(SetMode(Mode.AWAY, 10), 2).view(3)
    assert asked.state == "away"
    assert asked.people["a"].light == parse_light("#00ff00")
    assert asked.people["b"].light == parse_light("#ff0000 pulse")


def test_who_has_not_been_read_is_shown_as_not_known_whatever_the_one_light_shows() -> None:
    rules = replace(RULES, many=True, hours=Hours(parse_hours("Mon-Fri 08:00-18:00"), UTC))
    begun = Situation(rules, started_at=0)
    unknown = Palette()["UNKNOWN"].light
    assert begun.after_walk(Walk(True), 1).view(2).light != unknown
    assert begun.after_walk(Walk(True), 1).view(2).unread_light == unknown
    assert begun.after_command(SetMode(Mode.BUSY), 1).view(2).unread_light == unknown
    closed = replace(begun, epoch=-datetime(2026, 11, 28, 12, tzinfo=UTC).timestamp())
    assert closed.view(2).unread_light == Palette()["OUTSIDE_HOURS"].light
    read = begun.after_reading(Reading({"a": CALL}, {}), 1)
    assert read.view(2).unread_light is None


def test_what_teams_was_told_is_never_taken_for_the_presence() -> None:
    health = PreferredHealth(PreferredState.SET, "Busy", since=5)
    situation = replace(START.after_reading(_read(FREE), 10), preferred_presence=health)
    view = situation.view(10)
    assert (view.state, view.knowledge) == ("available", Known(FREE, 10, 10))
    assert view.diagnostics.preferred_presence == health


def test_what_teams_takes_without_effect_is_said_once_teams_shows_offline() -> None:
    offline = _read(Presence("Offline", "Offline"))
    for state, error in (
        (PreferredState.SET, NO_TEAMS),
        (PreferredState.WAITING, None),
        (PreferredState.NONE, None),
    ):
        health = PreferredHealth(state, "Busy")
        situation = replace(START.after_reading(offline, 10), preferred_presence=health)
        assert situation.view(10).diagnostics.preferred_presence == replace(health, error=error)
    unknown = replace(START, preferred_presence=PreferredHealth(PreferredState.SET, "Busy"))
    told = unknown.view(10).diagnostics.preferred_presence
    assert told is not None
    assert told.error is None
