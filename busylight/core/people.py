"""What is remembered of each person, by id, and what that says now."""

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Final

from busylight.core.decide import decide
from busylight.core.knowledge import Knowledge, Known, Memory, Reading, Trouble, Why
from busylight.core.light import LightState
from busylight.core.palette import Palette
from busylight.core.presence import Presence
from busylight.core.reader import Good
from busylight.core.view import Person

_OF_NO_AGE: Final = Trouble(Why.STALE, "the other reader has not said how old its word was")


def after_reading(
    before: Mapping[str, Memory],
    reading: Reading,
    now: float,
    nothing: Memory,
    stale_after: float,
) -> Mapping[str, Memory]:
    """What is remembered after a reading; `nothing` of whoever is new."""
    memories = {}
    for person, presence in reading.presences.items():
        memory = before.get(person) or nothing
        memories[person] = memory.after_presence(presence, now, stale_after, reading.slowed_to)
    for person, trouble in reading.troubles.items():
        memory = before.get(person) or nothing
        memories[person] = memory.after_trouble(trouble, now)
    return MappingProxyType(memories)


def in_trouble(
    memories: Mapping[str, Memory], trouble: Trouble, now: float
) -> Mapping[str, Memory]:
    """What is remembered when nobody could be read."""
    return MappingProxyType(
        {who: memory.after_trouble(trouble, now) for who, memory in memories.items()}
    )


def known_of(
    memories: Mapping[str, Memory], now: float, stale_after: float
) -> dict[str, Knowledge]:
    """What is known of each at this moment."""
    return {who: memory.knowledge(now, stale_after) for who, memory in memories.items()}


def of_other(
    memories: Mapping[str, Memory], good: Good | None, now: float, *, still_told: bool
) -> Mapping[str, Memory]:
    """What is remembered of the other reader's words: they are as old as its readings.

    `good`: on which they rest, if it has said so. As long as they are `still_told` it lives, and
    says in time that they hold no more; after that nobody would.
    """
    if good is None:
        return memories if still_told else in_trouble(memories, _OF_NO_AGE, now)
    return MappingProxyType(
        {who: replace(each, good_at=good.at, holds=good.holds) for who, each in memories.items()}
    )


def first_to_end(memories: Mapping[str, Memory], now: float, stale_after: float) -> Good | None:
    """The reading of all that is known that ends first; None: nothing is known."""
    known = (
        (ends, memory.good_at)
        for memory in memories.values()
        if (ends := memory.stale_at(stale_after)) is not None and now < ends
    )
    first = min(known, default=None, key=lambda each: each[0])
    return None if first is None or first[1] is None else Good(first[1], first[0] - first[1])


def with_lights(
    people: Mapping[str, Knowledge], palette: Palette, now: float, *, outside_hours: bool
) -> Mapping[str, Person]:
    """Each of them, with the light of their own."""
    lights: dict[Presence | Why, LightState | None] = {}  # thousands do the same
    found = {}
    for who, knowledge in people.items():
        same = knowledge.presence if isinstance(knowledge, Known) else knowledge.why
        if same not in lights:
            decision = decide(knowledge, None, palette, now, outside_hours=outside_hours)
            lights[same] = decision.light
        found[who] = Person(knowledge, lights[same])
    return MappingProxyType(found)
