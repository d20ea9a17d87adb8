"""What is known, for how long, and why not: the promise that an old reading never shows."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from busylight.core.knowledge import Known, Memory, NotKnown, Trouble, Why
from busylight.core.presence import Presence, busyness

BUSY = Presence("Busy", "InACall")
FREE = Presence("Available", "Available")
STALE = 60.0
SILENT = Trouble(Why.UNREACHABLE, "no answer")


def _after(*events: tuple[float, Presence | Trouble]) -> Memory:
    memory = Memory(started_at=0)
    for moment, event in events:
        if isinstance(event, Presence):
            memory = memory.after_presence(event, moment, STALE)
        else:
            memory = memory.after_trouble(event, moment)
    return memory


def test_a_good_reading_is_known_until_it_is_too_old() -> None:
    memory = _after((10, BUSY))
    assert memory.knowledge(69.9, STALE) == Known(BUSY, since=10, read_at=10)
    assert memory.knowledge(70, STALE) == NotKnown(
        Trouble(Why.STALE, "the source has fallen silent"), since=70, read_at=10
    )


def test_a_failing_network_takes_a_reading_away_only_when_it_is_too_old() -> None:
    memory = _after((10, BUSY), (15, SILENT), (20, SILENT))
    assert isinstance(memory.knowledge(69.9, STALE), Known)
    late = memory.knowledge(70, STALE)
    assert late == NotKnown(SILENT, since=70, read_at=10)


@pytest.mark.parametrize("why", [Why.SIGNED_OUT, Why.FORBIDDEN, Why.STALE])
def test_what_the_source_is_certain_of_ends_what_was_known_at_once(why: Why) -> None:
    trouble = Trouble(why, "told so")
    memory = _after((10, BUSY), (15, trouble))
    assert memory.knowledge(15, STALE) == NotKnown(trouble, since=15, read_at=10)
    assert memory.stale_at(STALE) is None


def test_before_the_first_reading_the_reason_is_that_we_are_starting() -> None:
    silent = Memory(started_at=5)
    assert silent.knowledge(64, STALE) == NotKnown(
        Trouble(Why.STARTING, "nothing has been read yet"), since=5
    )
    failing = silent.after_trouble(SILENT, 7)
    assert failing.knowledge(64, STALE) == NotKnown(Trouble(Why.STARTING, "no answer"), since=5)
    assert failing.knowledge(65, STALE) == NotKnown(SILENT, since=65)


def test_a_source_that_never_says_anything_is_stale_in_the_end() -> None:
    known = Memory(started_at=5).knowledge(65, STALE)
    assert isinstance(known, NotKnown)
    assert (known.why, known.since) == (Why.STALE, 65)


def test_since_is_when_the_words_were_first_read_and_read_at_when_anything_changed() -> None:
    note = Presence("Busy", "InACall", status_message="back at four")
    memory = _after((10, BUSY), (20, BUSY), (30, note), (40, note))
    assert memory.knowledge(41, STALE) == Known(note, since=10, read_at=30)


def test_a_state_that_was_lost_from_sight_is_a_new_one_when_it_comes_back() -> None:
    assert _after((10, BUSY), (90, BUSY)).knowledge(91, STALE) == Known(BUSY, 90, 90)
    assert _after((10, BUSY), (70, BUSY)).knowledge(71, STALE) == Known(BUSY, 70, 70)
    signed_out = Trouble(Why.SIGNED_OUT, "sign in")
    assert _after((10, BUSY), (12, signed_out), (20, BUSY)).knowledge(21, STALE) == Known(
        BUSY, 20, 20
    )


def test_trouble_of_the_same_kind_goes_on_since_it_began() -> None:
    first, second = Trouble(Why.FORBIDDEN, "one"), Trouble(Why.FORBIDDEN, "two")
    known = _after((10, first), (20, second)).knowledge(21, STALE)
    assert known == NotKnown(second, since=10)


events = st.lists(
    st.tuples(
        st.floats(0, 40),
        st.sampled_from([BUSY, FREE, SILENT, Trouble(Why.SIGNED_OUT, "sign in")]),
    ),
    max_size=30,
)


@given(events, st.floats(0, 200))
def test_nothing_is_ever_known_for_longer_than_it_may_be(
    steps: list[tuple[float, Presence | Trouble]], later: float
) -> None:
    memory, now, last_good = Memory(started_at=0), 0.0, None
    for wait, event in steps:
        now += wait
        if isinstance(event, Presence):
            memory, last_good = memory.after_presence(event, now, STALE), (now, event)
        else:
            memory = memory.after_trouble(event, now)
            if event.is_certain:
                last_good = None
    known = memory.knowledge(now + later, STALE)
    if isinstance(known, Known):
        assert last_good is not None
        assert known.presence == last_good[1]
        assert now + later < last_good[0] + STALE
        assert known.since <= now
    else:
        assert last_good is None or now + later >= last_good[0] + STALE
        assert known.trouble.detail


def test_presenting_is_busier_than_a_call_and_a_call_than_calendar_busy() -> None:
    order = [
        Presence("Novel", "InACall"),
        Presence("Offline", "Offline"),
        Presence("Away", "Away"),
        Presence("Available", "Available"),
        Presence("Busy", "Busy"),
        Presence("Busy", "InAMeeting"),
        Presence("Busy", "InACall"),
        Presence("DoNotDisturb", "DoNotDisturb"),
        Presence("DoNotDisturb", "Presenting"),
    ]
    assert sorted(order, key=busyness) == order


def test_undocumented_words_are_told_once_each() -> None:
    assert Presence("Busy", "InACall").undocumented == ()
    assert Presence("Hovering", "Hovering").undocumented == ("Hovering",)
    assert Presence("Hovering", "Focusing").undocumented == ("Hovering", "Focusing")


def test_a_word_that_nobody_documented_counts_for_nothing() -> None:
    new = busyness(Presence("Levitating", "Levitating"))
    assert new < busyness(Presence("PresenceUnknown", "PresenceUnknown"))
    assert busyness(Presence("Busy", "Juggling")) == busyness(Presence("Busy", "Busy"))
    assert busyness(Presence("Busy", "InAMeeting")) > busyness(Presence("Busy", "Busy"))
    assert busyness(Presence("Busy", "InACall")) > busyness(Presence("Busy", "InAMeeting"))
