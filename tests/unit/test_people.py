"""Many people remembered together: to the second what a memory for each of them would say."""

from dataclasses import replace
from types import MappingProxyType
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from busylight.core.decide import busiest, decide
from busylight.core.knowledge import Knowledge, Memory, Reading, Trouble, Why
from busylight.core.palette import Palette
from busylight.core.people import Drawn, Look, People, drawn
from busylight.core.presence import Presence
from busylight.core.reader import Good
from busylight.core.view import Person

STALE = 60.0
NOTHING = Memory(started_at=-5.0)
PALETTE = Palette()
LOOK = Look(PALETTE, outside_hours=False)
CALL, AWAY = Presence("Busy", "InACall"), Presence("Away", "Away")
NOTED = replace(CALL, status_message="back at four")
SILENT = Trouble(Why.UNREACHABLE, "no answer")
LEFT_OUT = Trouble(Why.UNREACHABLE, "left out", at_once=True)
OUT = Trouble(Why.SIGNED_OUT, "sign in")
TROUBLES = (SILENT, LEFT_OUT, OUT, Trouble(Why.FORBIDDEN, "may not"))
WHO = "abcd"


class Each:
    """A memory for each, changed one by one: what is compared with."""

    def __init__(self) -> None:
        self.memories: dict[str, Memory] = {}

    def read(self, reading: Reading, now: float) -> None:
        before, self.memories = self.memories, {}
        for who, presence in reading.presences.items():
            memory = before.get(who, NOTHING)
            after = memory.after_presence(presence, now, STALE, reading.slowed_to)
            self.memories[who] = after
        for who, trouble in reading.troubles.items():
            self.memories.pop(who, None)
            self.memories[who] = before.get(who, NOTHING).after_trouble(trouble, now)

    def trouble(self, trouble: Trouble, now: float) -> None:
        self.memories = {w: m.after_trouble(trouble, now) for w, m in self.memories.items()}

    def pace(self, pace: float, now: float) -> None:
        self.memories = {w: m.after_pace(pace, now, STALE) for w, m in self.memories.items()}

    def other(self, good: Good | None, now: float, *, still_told: bool) -> None:
        if good is not None:
            self.memories = {
                who: replace(memory, good_at=good.at, holds=good.holds)
                for who, memory in self.memories.items()
            }
        elif not still_told:
            self.trouble(
                Trouble(Why.STALE, "the other reader has not said how old its word was"), now
            )

    def knowledge(self, now: float) -> dict[str, Knowledge]:
        return {who: memory.knowledge(now, STALE) for who, memory in self.memories.items()}

    def ends(self) -> set[float]:
        found = (memory.stale_at(STALE) for memory in self.memories.values())
        return {ends for ends in found if ends is not None}

    def first_to_end(self, now: float) -> Good | None:
        known = [
            (ends, memory.good_at)
            for memory in self.memories.values()
            if (ends := memory.stale_at(STALE)) is not None and now < ends
        ]
        ends, at = min(known, default=(0.0, None), key=lambda each: each[0])
        return None if at is None else Good(at, ends - at)

    def people(self, now: float, *, outside_hours: bool) -> dict[str, Person]:
        return {
            who: Person(known, decide(known, None, PALETTE, now, outside_hours=outside_hours).light)
            for who, known in self.knowledge(now).items()
        }


said = st.sampled_from([CALL, AWAY, NOTED, replace(CALL)])
readings = st.tuples(
    st.just("read"),
    st.dictionaries(st.sampled_from(WHO), said),
    st.dictionaries(st.sampled_from(WHO), st.sampled_from(TROUBLES), max_size=2),
    st.sampled_from([0.0, 0.0, 40.0]),
    st.booleans(),
)
again = st.tuples(
    st.just("again"),
    st.dictionaries(st.sampled_from(WHO), st.sampled_from(TROUBLES), max_size=1),
    st.sampled_from([0.0, 40.0]),
)
events = st.one_of(
    readings,
    readings,
    again,
    again,
    st.tuples(st.just("trouble"), st.sampled_from(TROUBLES)),
    st.tuples(st.just("pace"), st.sampled_from([0.0, 30.0])),
    st.tuples(
        st.just("other"),
        st.none() | st.tuples(st.integers(0, 70), st.sampled_from([0.0, 90.0])),
        st.booleans(),
    ),
    st.tuples(st.just("look"), st.booleans()),
)
steps = st.lists(st.tuples(st.integers(0, 40), events), min_size=2, max_size=25)
READ: Any = ("read", {"a": CALL, "b": AWAY}, {}, 0.0, True)


def _fixed(presences: dict[str, Presence]) -> MappingProxyType[str, Presence]:
    return MappingProxyType(presences)


@settings(max_examples=500)
@example(steps=[(0, READ), (5, ("again", {}, 40.0))], later=[60, 99, 100], outside_hours=False)
@example(steps=[(0, READ), (5, ("again", {"a": OUT}, 0.0))], later=[], outside_hours=False)
@given(steps=steps, later=st.lists(st.integers(0, 170), max_size=4), outside_hours=st.booleans())
def test_people_remembered_together_are_what_each_remembered_alone_would_be(
    steps: list[tuple[int, Any]], later: list[int], *, outside_hours: bool
) -> None:
    each, people, now = Each(), People(), 0.0
    last = Reading(_fixed({}), {})
    before: Drawn | None = None
    for wait, event in steps:
        now += wait
        match event:
            case ("read", presences, troubles, slowed_to, fixed):
                last = Reading(_fixed(presences) if fixed else presences, troubles, None, slowed_to)
                each.read(last, now)
                people = people.after_reading(last, now, NOTHING, STALE)
            case ("again", troubles, slowed_to):
                last = Reading(last.presences, troubles, None, slowed_to)
                each.read(last, now)
                people = people.after_reading(last, now, NOTHING, STALE)
            case ("trouble", trouble):
                each.trouble(trouble, now)
                people = people.in_trouble(trouble, now)
            case ("pace", pace):
                each.pace(pace, now)
                people = people.after_pace(pace, now, STALE)
            case ("other", since, still_told):
                good = None if since is None else Good(now - since[0], since[1])
                each.other(good, now, still_told=still_told)
                people = people.of_other(good, now, still_told=still_told)
            case ("look", outside):
                before = drawn(people, now, STALE, Look(PALETTE, outside), before)
        assert {who: people.of(who) for who in WHO if people.of(who)} == each.memories
        for moment in (now, *(now + more for more in later)):
            _same_at(each, people, moment, before, outside_hours=outside_hours)


def _same_at(
    each: Each, people: People, now: float, before: Drawn | None, *, outside_hours: bool
) -> None:
    expected = each.people(now, outside_hours=outside_hours)
    found = drawn(people, now, STALE, Look(PALETTE, outside_hours), before)
    assert list(found.people.items()) == list(expected.items())
    assert len(people) == len(expected)
    known = list(each.knowledge(now).values()) or [NOTHING.knowledge(now, STALE)]
    assert people.busiest(now, STALE, NOTHING) == busiest(known)
    ends = {memory.stale_at(STALE) for memory in people.memories()}
    assert ends - {None} == each.ends()
    assert people.first_to_end(now, STALE) == each.first_to_end(now)


def test_a_reading_that_says_the_same_costs_nothing_for_each() -> None:
    first = Reading(_fixed({"a": CALL, "b": AWAY}), {"c": SILENT})
    people = People().after_reading(first, 10, NOTHING, STALE)
    seen = drawn(people, 10, STALE, LOOK, None)
    again = people.in_trouble(SILENT, 12).after_reading(replace(first), 15, NOTHING, STALE)
    assert again.does is people.does
    assert drawn(again, 15, STALE, LOOK, seen) is seen
    changed = Reading(_fixed({"a": CALL, "b": CALL}), {"c": SILENT})
    news = again.after_reading(changed, 20, NOTHING, STALE)
    assert news.does["a"] is people.does["a"]
    after = drawn(news, 20, STALE, LOOK, seen).people
    assert after["a"] is seen.people["a"]
    assert after["b"] != seen.people["b"]


def test_what_can_be_changed_after_it_was_read_is_looked_at_each_time() -> None:
    presences = {"a": CALL}
    people = People().after_reading(Reading(presences, {}), 10, NOTHING, STALE)
    presences["a"] = AWAY
    people = people.after_reading(Reading(presences, {}), 15, NOTHING, STALE)
    assert people.does["a"].presence == AWAY
