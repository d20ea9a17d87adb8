"""Who of two readers leads, by table and by property; and what a program makes of it."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from busylight.app.hub import Hub
from busylight.core.knowledge import Known, NotKnown, Reading, SignInPrompt, Trouble, Why
from busylight.core.light import Effect, LightState
from busylight.core.override import Mode, Override, Refresh, SetMode
from busylight.core.palette import Palette
from busylight.core.presence import Presence
from busylight.core.reader import (
    ASKED_LIMIT,
    LATE,
    Asked,
    Good,
    Peers,
    Reader,
    Role,
    Shared,
    Turns,
    leading,
    same_override,
)
from busylight.core.rules import Rules
from busylight.core.situation import Situation

CALL = Presence("Busy", "InACall")
AWAY = Presence("Away", "Away")
INTERVAL = 5.0
BOTH = Peers(primary_online=True, spare_online=True, primary_reads=True, leader=Role.PRIMARY)
PRIMARY, SPARE = Role.PRIMARY, Role.SPARE


@pytest.mark.parametrize(
    ("primary", "spare", "reads", "leader", "leads"),
    [
        # A primary that is alone leads, whatever it reads: somebody has to say that nobody knows.
        (True, False, True, PRIMARY, PRIMARY),
        (True, False, False, PRIMARY, PRIMARY),
        (True, False, False, SPARE, PRIMARY),
        # Both are there: the primary, if it reads.
        (True, True, True, PRIMARY, PRIMARY),
        (True, True, True, None, PRIMARY),
        (True, True, False, PRIMARY, SPARE),
        (True, True, False, SPARE, SPARE),
        # It is back, or reads again: nobody, until the spare has said that it has let go.
        (True, True, True, SPARE, None),
        (False, True, True, PRIMARY, SPARE),
        (False, True, False, SPARE, SPARE),
    ],
)
def test_who_leads(*, primary: bool, spare: bool, reads: bool, leader: Role, leads: Role) -> None:
    peers = Peers(primary, spare, reads, leader)
    there = [role for role in Role if peers.online(role)]
    assert [role for role in there if leading(role, peers, reads=reads)] == (
        [leads] if leads else []
    )


peers_of = st.builds(
    Peers, st.booleans(), st.booleans(), st.booleans(), st.sampled_from([None, *Role])
)


@given(peers_of)
def test_who_knows_the_same_never_leads_twice_and_only_a_spare_that_lets_go_leaves_nobody(
    peers: Peers,
) -> None:
    there = [role for role in Role if peers.online(role)]
    leaders = [role for role in there if leading(role, peers, reads=peers.primary_reads)]
    assert len(leaders) <= 1
    if there and not leaders:
        assert peers == Peers(True, True, True, SPARE)
        assert leading(PRIMARY, replace(peers, leader=PRIMARY), reads=True)


@given(peers=peers_of, joined=st.booleans(), role=st.sampled_from(Role))
def test_whoever_leads_reads_and_whoever_follows_has_somebody_to_follow(
    *, peers: Peers, joined: bool, role: Role
) -> None:
    reader = Reader(role, INTERVAL, peers, joined, good_at=0.0)
    turns = reader.turns(1.0)
    assert turns.own or role is SPARE
    assert not reader.leads(1.0) or turns == Turns(own=True, followed=False)
    assert not turns.followed or peers.online(role.other)
    if role is SPARE:
        assert turns.own is reader.leads(1.0)  # Graph is asked by one that leads alone


# -- How the primary judges itself --------------------------------------------------------------


def test_two_failures_in_a_row_are_too_many_and_a_certain_one_is_enough() -> None:
    good = Reader(PRIMARY, INTERVAL).after_reading(100.0, 0.0)
    assert good.reads(100.0)
    once = good.after_failure(certain=False)
    assert once.reads(100.0)
    assert not once.after_failure(certain=False).reads(100.0)
    assert not good.after_failure(certain=True).reads(100.0)
    assert once.after_reading(101.0, 0.0).after_failure(certain=False).reads(101.0)


def test_a_reading_that_does_not_come_counts_as_failed() -> None:
    good = Reader(PRIMARY, INTERVAL).after_reading(100.0, 0.0)
    late_at = 100 + 2 * INTERVAL + LATE
    assert good.late_at == late_at
    assert good.reads(late_at - 0.1)
    assert not good.reads(late_at)
    slowed = good.after_reading(100.0, 60.0)  # outside of the working hours
    assert slowed.reads(219.0)
    assert not slowed.reads(100 + 2 * 60 + LATE)


def test_who_has_read_nothing_yet_does_not_read_well() -> None:
    assert not Reader(PRIMARY, INTERVAL).reads(0.0)


def test_who_is_cut_off_drives_its_own_light_as_primary_and_stays_what_it_was_as_spare() -> None:
    assert Reader(PRIMARY, INTERVAL).leads(0.0)
    assert not Reader(SPARE, INTERVAL).leads(0.0)
    led = Reader(PRIMARY, INTERVAL).after_peers(replace(BOTH, primary_reads=False), 0)
    assert not led.leads(0.0)
    assert led.after_cut().leads(0.0)
    assert led.after_cut().turns(0.0) == Turns(own=True, followed=False)
    gone = Reader(SPARE, INTERVAL).after_peers(replace(BOTH, primary_online=False), 0)
    assert gone.after_cut().leads(0.0)
    follows = Reader(SPARE, INTERVAL).after_peers(BOTH, 0)
    assert follows.after_cut() == replace(follows, joined=False)
    assert not follows.after_cut().leads(0.0)
    assert not follows.after_cut().stands_by(0.0)  # nobody would hear what is asked


def test_a_primary_that_is_back_reads_once_more_before_it_leads() -> None:
    spares = replace(BOTH, leader=SPARE)
    cut = Reader(PRIMARY, INTERVAL).after_reading(100.0, 0.0)
    back = cut.after_peers(spares, 101)
    assert (back.reads(101), back.leads(101)) == (False, False)
    assert back.after_peers(replace(BOTH, leader=PRIMARY), 101.5).leads(101.5) is False
    read = back.after_reading(102.0, 0.0)
    assert (read.reads(102), read.leads(102)) == (True, False)  # the spare has not let go yet
    leads = read.after_peers(BOTH, 103)
    assert leads.leads(103)
    assert leads.after_peers(BOTH, 104) == leads


# -- What the program makes of it ---------------------------------------------------------------


def _pair(role: Role) -> Situation:
    rules = Rules(Palette(), stale_after=60, source="graph", version="1")
    return Situation(rules, started_at=0, reader=Reader(role, INTERVAL))


def _read(presence: Presence, who: str = "me") -> Reading:
    return Reading({who: presence}, {})


def _followed(presence: Presence) -> Reading:
    return _read(presence, "busylight/desk/presence")


def test_a_spare_that_takes_over_shows_what_was_known_until_it_has_read_itself() -> None:
    # The primary has read at 2, and can no more; its word is told again and again.
    read_at = replace(BOTH, good=Good(2, 60))
    follows = _pair(SPARE).after_peers(read_at, 2).after_followed(_followed(CALL), 2)
    for moment in (5, 9):
        follows = follows.after_followed(_followed(CALL), moment)
    assert follows.turns(2) == Turns(own=False, followed=True)
    assert not follows.view(2).duty.is_own
    leads = follows.after_peers(replace(read_at, primary_reads=False), 10)
    assert leads.turns(10) == Turns(own=True, followed=False)
    assert leads.view(10).state == "inacall"
    read = leads.after_reading(_read(CALL), 11).view(11)
    assert read.duty.is_own
    assert isinstance(read.knowledge, Known)
    assert read.knowledge.since == 2  # it is the same person, and the same state
    # Where it cannot read, either, nothing is known when the last word of the primary is too old.
    blind = leads.after_trouble(Trouble(Why.UNREACHABLE, "no answer"), 11)
    assert blind.view(61).state == "inacall"
    assert blind.next_change(61) == 62
    assert blind.view(62).state == "unknown"


def test_a_word_that_is_told_again_is_as_old_as_the_reading_on_which_it_rests() -> None:
    spare = _pair(SPARE).after_peers(BOTH, 1).after_followed(_followed(CALL), 1)
    assert spare.view(1).duty.good is None  # nobody has said yet how old it is
    spare = spare.after_peers(replace(BOTH, good=Good(0, 60)), 2)
    spare = spare.after_followed(_followed(CALL), 50)
    assert spare.view(50).duty.good == Good(0, 60)
    assert [spare.view(moment).state for moment in (59, 60)] == ["inacall", "unknown"]
    read = spare.after_peers(replace(BOTH, good=Good(55, 60)), 55)
    assert [read.view(moment).state for moment in (60, 114, 115)] == [
        "inacall",
        "inacall",
        "unknown",
    ]
    # Where the leader reads more seldom on purpose, its readings hold longer.
    slow = spare.after_peers(replace(BOTH, good=Good(55, 150)), 55)
    assert [slow.view(moment).state for moment in (204, 205)] == ["inacall", "unknown"]


def test_whoever_takes_over_a_word_of_no_age_does_not_know() -> None:
    spare = _pair(SPARE).after_peers(BOTH, 1).after_followed(_followed(CALL), 2)
    assert spare.view(2).state == "inacall"  # the leader lives, and says so
    leads = spare.after_peers(replace(BOTH, primary_online=False), 3)
    known = leads.view(3).knowledge
    assert isinstance(known, NotKnown)
    assert known.why is Why.STALE
    assert leads.after_reading(_read(CALL), 4).view(4).state == "inacall"


def test_a_primary_goes_by_the_age_of_the_spares_word_too() -> None:
    no_answer = Trouble(Why.UNREACHABLE, "no answer")
    spares = replace(BOTH, primary_reads=False, leader=SPARE, good=Good(40, 60))
    primary = _pair(PRIMARY).after_peers(spares, 80).after_trouble(no_answer, 81)
    primary = primary.after_followed(_followed(AWAY), 90)
    for alone in (
        primary.after_peers(replace(spares, spare_online=False), 91),
        primary.after_cut(91),
    ):
        assert [alone.view(moment).state for moment in (99, 100)] == ["away", "unknown"]


def test_what_many_people_are_told_to_do_rests_on_the_reading_that_ends_first() -> None:
    rules = Rules(Palette(), stale_after=60, source="graph", version="1", many=True)
    both = Reading({"a": CALL, "b": AWAY}, {})
    one = Reading({"a": CALL}, {"b": Trouble(Why.UNREACHABLE, "no answer")})
    leads = Situation(rules, started_at=0, reader=Reader(PRIMARY, INTERVAL))
    leads = leads.after_reading(both, 10).after_reading(one, 20)
    assert leads.view(20).duty.good == Good(10, 60)
    assert leads.view(70).duty.good == Good(20, 60)
    assert leads.view(80).duty.good is None
    assert Situation(rules, started_at=0).after_reading(both, 10).view(10).duty.good is None


def test_a_primary_that_cannot_read_shows_what_the_spare_reads_and_tells_its_own_trouble() -> None:
    prompt = SignInPrompt("https://microsoft.com/devicelogin", "ABCD", expires_at=900)
    out = Trouble(Why.SIGNED_OUT, "sign in again", prompt)
    leads = _pair(PRIMARY).after_peers(BOTH, 1).after_reading(_read(CALL), 2)
    led = leads.after_trouble(out, 3)
    assert led.view(3).state == "inacall"  # no blink in between
    assert (led.view(3).sign_in, led.view(3).diagnostics.last_error) == (prompt, "sign in again")
    follows = led.after_followed(_followed(AWAY), 4)
    assert (follows.view(4).state, follows.view(4).sign_in) == ("away", prompt)
    alone = follows.after_peers(replace(BOTH, spare_online=False), 5)
    assert alone.view(5).state == "signin"
    assert follows.after_cut(5).view(5).state == "signin"


def test_what_ailed_a_spare_long_ago_is_forgotten_when_it_reads_no_more() -> None:
    gone = replace(BOTH, primary_online=False)
    out = Trouble(Why.SIGNED_OUT, "sign in again")
    spare = _pair(SPARE).after_peers(gone, 1).after_trouble(out, 2).after_peers(BOTH, 3)
    assert spare.view(3).diagnostics.last_error is None
    again = spare.after_followed(_followed(CALL), 4)
    again = again.after_peers(replace(gone, good=Good(4, 60)), 5)
    assert again.view(5).state == "inacall"


def test_people_are_told_by_who_has_read_them_alone() -> None:
    rules = Rules(Palette(), stale_after=60, source="graph", version="1", many=True)
    situation = Situation(rules, started_at=0, reader=Reader(SPARE, INTERVAL))
    follows = situation.after_peers(BOTH, 1).after_followed(_followed(CALL), 2)
    assert (follows.view(2).state, dict(follows.view(2).people)) == ("inacall", {})
    leads = follows.after_peers(replace(BOTH, primary_online=False), 3)
    read = leads.after_reading(Reading({"a": CALL, "b": AWAY}, {}), 4)
    assert set(read.view(4).people) == {"a", "b"}


def test_what_the_leader_says_of_an_override_holds_for_who_is_led() -> None:
    spare = _pair(SPARE).after_peers(BOTH, 1)
    busy = Override(Mode.BUSY, ends_at=100.0)
    led = spare.after_shared(busy, 2)
    assert led.view(2).override == busy
    # Told in whole seconds: what is the same stays as exact as it was.
    assert led.after_shared(Override(Mode.BUSY, ends_at=99.2), 3).view(3).override == busy
    assert led.after_shared(None, 4).view(4).override is None
    assert led.after_shared(Override(Mode.AWAY), 4).view(4).override == Override(Mode.AWAY)


RED = LightState(255, 0, 0)
PULSING = replace(RED, effect=Effect.PULSE)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (None, None, True),
        (None, Override(Mode.BUSY), False),
        (Override(Mode.BUSY), Override(Mode.AWAY), False),
        (Override(Mode.BUSY), Override(Mode.BUSY, ends_at=5.0), False),
        (Override(Mode.BUSY, ends_at=5.0), Override(Mode.BUSY, ends_at=6.5), True),
        (Override(Mode.BUSY, ends_at=5.0), Override(Mode.BUSY, ends_at=7.0), True),
        (Override(Mode.BUSY, ends_at=5.0), Override(Mode.BUSY, ends_at=7.1), False),
        (Override(Mode.BUSY, ends_at=5.0), Override(Mode.BUSY, ends_at=65.0), False),
        (Override(Mode.BUSY), Override(Mode.BUSY), True),
        (Override(Mode.MANUAL, RED), Override(Mode.MANUAL), False),  # with a light not heard of
        (Override(Mode.MANUAL), Override(Mode.MANUAL), False),
        (Override(Mode.MANUAL, PULSING), Override(Mode.MANUAL, replace(PULSING, period=3.0)), True),
        (Override(Mode.OFF, RED), Override(Mode.OFF), True),
        (Override(Mode.MANUAL, RED), Override(Mode.MANUAL, replace(RED, period=3.0)), True),
        (Override(Mode.MANUAL, RED), Override(Mode.MANUAL, replace(RED, blue=9)), False),
    ],
)
def test_which_overrides_are_the_same(
    *, one: Override | None, other: Override | None, same: bool
) -> None:
    assert same_override(one, other) is same
    assert same_override(other, one) is same


@pytest.mark.parametrize("command", [SetMode(Mode.BUSY, 1500), Refresh()])
def test_what_is_asked_of_the_leader_stands_in_the_view(command: SetMode | Refresh) -> None:
    spare = _pair(SPARE).after_peers(BOTH, 1).after_asking(command, 2)
    assert spare.view(2).duty.asked == (Asked(command, 2, 1),)
    assert spare.view(2).override is None


def test_of_two_things_asked_in_quick_succession_neither_takes_the_others_place() -> None:
    hub = Hub(Rules(Palette(), 60.0, "graph", "1"), None, Reader(SPARE, INTERVAL))
    hub.command(BOTH)
    hub.asked_here(SetMode(Mode.BUSY))
    hub.asked_here(Refresh())
    asked = hub.view.duty.asked
    assert [each.command for each in asked] == [SetMode(Mode.BUSY), Refresh()]
    assert [each.number for each in asked] == [1, 2]
    for _ in range(100):
        hub.asked_here(Refresh())
    numbers = [each.number for each in hub.view.duty.asked]
    assert numbers == list(range(103 - ASKED_LIMIT, 103))


def test_a_program_that_is_alone_knows_of_no_other() -> None:
    rules = Rules(Palette(), stale_after=60, source="graph", version="1")
    alone = Situation(rules, started_at=0)
    assert alone.after_peers(BOTH, 1) == alone.after_cut(1) == alone
    assert alone.turns(0) == Turns(own=True, followed=False)
    view = alone.view(0)
    assert (view.duty.reads, view.duty.is_own, view.diagnostics.reader) == (True, True, None)
    assert isinstance(view.knowledge, NotKnown)


def test_what_the_other_one_answers_for_is_no_wish_of_ours() -> None:
    rules = Rules(Palette(), 60.0, "graph", "1")
    hub = Hub(rules, None, Reader(SPARE, INTERVAL))
    asked: list[tuple[Override | None, bool]] = []
    hub.on_asked = lambda override, is_others: asked.append((override, is_others))
    hub.command(BOTH)
    hub.command(SetMode(Mode.BUSY))  # heard on the broker, by both
    hub.command(Shared(Override(Mode.AWAY)))
    hub.command(replace(BOTH, primary_online=False))
    hub.command(SetMode(Mode.AUTO))
    assert asked == [(Override(Mode.BUSY), True), (Override(Mode.AWAY), True), (None, False)]


def test_what_is_asked_for_at_this_machine_is_asked_of_the_reader_that_leads() -> None:
    hub = Hub(Rules(Palette(), 60.0, "graph", "1"), None, Reader(SPARE, INTERVAL))
    hub.asked_here(SetMode(Mode.AWAY))  # nobody else is there
    assert hub.view.mode is Mode.AWAY
    hub.command(BOTH)
    hub.asked_here(SetMode(Mode.BUSY))
    assert hub.view.mode is Mode.AWAY
    (asked,) = hub.view.duty.asked
    assert asked.command == SetMode(Mode.BUSY)
