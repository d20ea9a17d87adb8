"""Many people for a wall board: all of them once, and then only who has changed."""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from typing import Final

from busylight.core.view import Person, View, same_people
from busylight.web.feed import compact, event
from busylight.web.words import level_of, presence_in_words

SLICE: Final = 100
"""People that are looked at before the lights get their turn again."""
MOST_CHANGES: Final = 2000
"""Changes after which it is better to get everybody anew."""


@dataclass(slots=True)
class _Entry:
    person: Person
    text: str
    version: int


class People:
    """Everybody, each as one line of JSON that is made when that person changes."""

    def __init__(self, seconds: Callable[[float], float]) -> None:
        """`seconds` turns a moment into seconds since 1970."""
        self._seconds = seconds
        self._entries: OrderedDict[str, _Entry] = OrderedDict()
        """By id; who changed last stands last."""
        self._anew = 1
        """The version from which on changes are enough: before it somebody was taken away."""
        self._made: dict[int, bytes] = {}
        self._seen: Mapping[str, Person] | None = None
        self.version = 0

    async def update(self, view: View) -> None:
        """See who has changed, in slices: it may be ten thousand."""
        if same_people(self._seen, view.people):
            return
        version = self.version + 1
        changed = False
        for number, (who, person) in enumerate(view.people.items(), start=1):
            if number % SLICE == 0:
                await asyncio.sleep(0)
            entry = self._entries.get(who)
            if entry is None or (entry.person is not person and entry.person != person):
                self._entries[who] = _Entry(person, self._line(who, person), version)
                self._entries.move_to_end(who)
                changed = True
        if len(self._entries) > len(view.people):
            for who in [each for each in self._entries if each not in view.people]:
                del self._entries[who]
            self._anew, changed = version, True
        if changed or self.version == 0:
            self.version, self._made = version, {}
        self._seen = view.people

    def since(self, version: int) -> bytes:
        """Who has changed after that version, or the advice to get everybody."""
        if version not in self._made:
            lines = [] if version < self._anew else self._lines_since(version)
            text = f'"people":[{",".join(lines)}]' if len(lines) > 0 else '"anew":true'
            self._made[version] = event("people", f'{{"version":{self.version},{text}}}')
        return self._made[version]

    def _lines_since(self, version: int) -> list[str]:
        lines: list[str] = []
        for entry in reversed(self._entries.values()):
            if entry.version <= version:
                return lines
            lines.append(entry.text)
            if len(lines) > MOST_CHANGES:
                return []
        return lines

    async def everybody(self) -> AsyncIterator[bytes]:
        """One JSON document of all of them, in pieces."""
        entries = list(self._entries.values())
        yield f'{{"version":{self.version},"people":['.encode()
        for begin in range(0, len(entries), SLICE):
            text = ",".join(entry.text for entry in entries[begin : begin + SLICE])
            yield f"{',' if begin else ''}{text}".encode()
            await asyncio.sleep(0)
        yield b"]}"

    def _line(self, who: str, person: Person) -> str:
        knowledge, light = person.knowledge, person.light
        return compact(
            [
                who,
                name_of(who, person),
                presence_in_words(knowledge),
                None if light is None or light.is_dark else light.hex,
                level_of(light),
                "solid" if light is None else light.effect.value,
                round(self._seconds(knowledge.since)),
            ]
        )


def name_of(who: str, person: Person) -> str:
    """What a person is called; an id where no name is known."""
    presence = getattr(person.knowledge, "presence", None)
    return (presence.user if presence is not None else None) or who
