"""What is remembered of each person, by id, and what that says now.

All of whom one reading has told are as old as that reading: how old, and what is wrong since, is
remembered once for all of them. So a reading in which nobody of a hundred thousand does anything
new costs no more than one of a single person.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Final

from busylight.core.decide import busiest, decide
from busylight.core.knowledge import Knowledge, Known, Memory, NotKnown, Reading, Trouble, Why
from busylight.core.light import LightState
from busylight.core.palette import Palette
from busylight.core.presence import Presence, busyness
from busylight.core.reader import Good
from busylight.core.view import Person

_OF_NO_AGE: Final = Trouble(Why.STALE, "the other reader has not said how old its word was")
_NOBODY: Final[Mapping[str, Any]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class People:
    """What is remembered of everybody."""

    does: Mapping[str, Known] = field(default_factory=lambda: _NOBODY)
    """What each did of whom the last reading has told."""
    together: Memory | None = None
    """Of the busiest of those; but for what each does it is that of all. None: there is nobody."""
    apart: Mapping[str, Memory] = field(default_factory=lambda: _NOBODY)
    """Of each of whom the last reading could not tell."""
    said: Mapping[str, Presence] | None = None
    """What the last reading has said, if nobody can change it since: `does` is what came of it."""

    def __len__(self) -> int:
        """How many are watched."""
        return len(self.does) + len(self.apart)

    def of(self, who: str) -> Memory | None:
        """What is remembered of one; None: nothing."""
        does = self.does.get(who)
        if does is None or self.together is None:
            return self.apart.get(who)
        presence = None if self.together.presence is None else does.presence
        return replace(self.together, presence=presence, since=does.since, changed_at=does.read_at)

    def called(self, who: str) -> "People":
        """The same of the one person that there is, by another name."""
        return People(
            MappingProxyType(dict(zip((who,), self.does.values(), strict=False))),
            self.together,
            MappingProxyType(dict(zip((who,), self.apart.values(), strict=False))),
        )

    def after_reading(
        self, reading: Reading, now: float, nothing: Memory, stale_after: float
    ) -> "People":
        """What is remembered after a reading; `nothing` of whoever is new."""
        apart = {
            who: (self.of(who) or nothing).after_trouble(trouble, now)
            for who, trouble in reading.troubles.items()
        }
        holds = self._holds(now, stale_after)
        together = self.together
        if holds and together and together.presence and self._says_the_same(reading):
            slowed_to = reading.slowed_to
            together = together.after_presence(together.presence, now, stale_after, slowed_to)
            return replace(self, together=together, apart=MappingProxyType(apart))
        kept = self.does if holds else _NOBODY
        does = self._does_after(reading, now, nothing, stale_after, kept)
        together = None
        if does:
            lead = _busiest(does)
            together = nothing.after_presence(lead.presence, now, stale_after, reading.slowed_to)
            together = replace(together, since=lead.since, changed_at=lead.read_at)
        presences = reading.presences
        is_fixed = type(presences) is MappingProxyType and len(does) == len(presences)
        return People(
            MappingProxyType(does),
            together,
            MappingProxyType(apart),
            presences if is_fixed else None,
        )

    def _does_after(
        self,
        reading: Reading,
        now: float,
        nothing: Memory,
        stale_after: float,
        kept: Mapping[str, Known],
    ) -> dict[str, Known]:
        """What each does of whom a reading tells; `kept`: what they have done until now."""
        does = {}
        news: dict[int, Known] = {}  # thousands begin to do the same at once
        for who, presence in reading.presences.items():
            did = kept.get(who)
            if did is not None and (did.presence is presence or did.presence == presence):
                does[who] = did
                continue
            if did is not None or who in self.apart:
                after = (self.of(who) or nothing).after_presence(presence, now, stale_after)
                if not after.since == after.changed_at == now:
                    does[who] = _done(presence, after)
                    continue
            if (new := news.get(id(presence))) is None:
                after = nothing.after_presence(presence, now, stale_after)
                new = news[id(presence)] = _done(presence, after)
            does[who] = new
        for who in reading.troubles:
            does.pop(who, None)
        return does

    def _says_the_same(self, reading: Reading) -> bool:
        """Whether a reading says of whom it can read the very same as the last one."""
        said = self.said
        return reading.presences is said and not any(who in said for who in reading.troubles)

    def _holds(self, now: float, stale_after: float) -> bool:
        """Whether what the last reading has said is known at this moment."""
        ends = None if self.together is None else self.together.stale_at(stale_after)
        return ends is not None and now < ends

    def in_trouble(self, trouble: Trouble, now: float) -> "People":
        """What is remembered when nobody could be read."""
        return self._changed(lambda memory: memory.after_trouble(trouble, now))

    def after_pace(self, pace: float, now: float, stale_after: float) -> "People":
        """What is remembered when reading is slowed less, to `pace` (0: not at all)."""
        return self._changed(lambda memory: memory.after_pace(pace, now, stale_after))

    def of_other(self, good: Good | None, now: float, *, still_told: bool) -> "People":
        """What is remembered of the other reader's words: they are as old as its readings.

        `good`: on which they rest, if it has said so. As long as they are `still_told` it lives,
        and says in time that they hold no more; after that nobody would.
        """
        if good is None:
            return self if still_told else self.in_trouble(_OF_NO_AGE, now)
        return self._changed(lambda memory: replace(memory, good_at=good.at, holds=good.holds))

    def _changed(self, change: Callable[[Memory], Memory]) -> "People":
        """What is remembered when the same has happened to everybody."""
        return replace(
            self,
            together=self.together and change(self.together),
            apart=MappingProxyType({who: change(memory) for who, memory in self.apart.items()}),
        )

    def memories(self) -> Iterator[Memory]:
        """All that differ in more than in what somebody does."""
        if self.together is not None:
            yield self.together
        yield from self.apart.values()

    def busiest(self, now: float, stale_after: float, nobody: Memory) -> Knowledge:
        """What the light is about; `nobody` is remembered where nobody is."""
        memories = list(self.memories()) or [nobody]
        return busiest([memory.knowledge(now, stale_after) for memory in memories])

    def first_to_end(self, now: float, stale_after: float) -> Good | None:
        """The reading of all that is known that ends first; None: nothing is known."""
        known = (
            (ends, memory.good_at)
            for memory in self.memories()
            if (ends := memory.stale_at(stale_after)) is not None and now < ends
        )
        first = min(known, default=None, key=lambda each: each[0])
        return None if first is None or first[1] is None else Good(first[1], first[0] - first[1])


def _done(presence: Presence, memory: Memory) -> Known:
    return Known(presence, memory.since, memory.changed_at)


def _busiest(does: Mapping[str, Known]) -> Known:
    """The first of those who are busiest: of all who do the same it is the first one."""
    first: dict[int, Known] = {}
    for each in does.values():
        first.setdefault(id(each.presence), each)
    return max(first.values(), key=lambda one: busyness(one.presence))


@dataclass(frozen=True, slots=True)
class Look:
    """What makes light of what is known."""

    palette: Palette
    outside_hours: bool


@dataclass(frozen=True, slots=True)
class Drawn:
    """Everybody as shown, and out of what it was drawn: it is kept while that stays the same."""

    does: Mapping[str, Known]
    lost: NotKnown | None
    """What is known of them in place of what they did; None: that."""
    apart: Mapping[str, Knowledge]
    look: Look
    people: Mapping[str, Person]


def drawn(
    people: People, now: float, stale_after: float, look: Look, before: Drawn | None
) -> Drawn:
    """Each of them, with the light of their own; of `before` as much is kept as is the same."""
    together = None if people.together is None else people.together.knowledge(now, stale_after)
    lost = together if isinstance(together, NotKnown) else None
    apart = {who: memory.knowledge(now, stale_after) for who, memory in people.apart.items()}
    if before is not None and before.look == look:
        if before.does is people.does and before.lost == lost and before.apart == apart:
            return before
        kept = before.people
    else:
        kept = _NOBODY
    known: Mapping[str, Knowledge] = people.does
    if lost is not None:
        known = dict.fromkeys(people.does, lost)
    draw = _Hand(look, kept, now).draw
    found = {
        who: draw(who, knowledge) for each in (known, apart) for who, knowledge in each.items()
    }
    return Drawn(people.does, lost, apart, look, MappingProxyType(found))


class _Hand:
    """Draws each, and what is the same only once."""

    def __init__(self, look: Look, kept: Mapping[str, Person], now: float) -> None:
        self._look = look
        self._kept = kept
        self._now = now
        self._lights: dict[Presence | Why, LightState | None] = {}
        self._made: dict[int, Person] = {}
        """By the knowledge: thousands do the same since the same moment."""

    def draw(self, who: str, knowledge: Knowledge) -> Person:
        """The person as before, or anew if what is known is new."""
        person = self._kept.get(who)
        if person is not None and (person.knowledge is knowledge or person.knowledge == knowledge):
            return person
        if (made := self._made.get(id(knowledge))) is not None:
            return made
        same = knowledge.presence if isinstance(knowledge, Known) else knowledge.why
        if same not in self._lights:
            self._lights[same] = decide(
                knowledge,
                None,
                self._look.palette,
                self._now,
                outside_hours=self._look.outside_hours,
            ).light
        person = self._made[id(knowledge)] = Person(knowledge, self._lights[same])
        return person
