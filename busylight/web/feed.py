"""What viewers are told: the newest only, made once for all of them, after the lights' turn."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Final, Protocol

from busylight.core.view import View

AFTER_THE_LIGHTS: Final = 0.05
"""Seconds that the lights get for a change before anybody who only looks on."""
AT_ONCE: Final = 4
"""Viewers that are woken in one round of the loop."""
BETWEEN: Final = 0.002
"""Seconds between two such rounds."""
MINUTE: Final = 60.0
"""Seconds after which what moves with the time (the strip of the day) is made anew."""
ALIVE: Final = b"event: alive\ndata: {}\n\n"
SIGN_OF_LIFE: Final = 20.0
"""Seconds of silence after which a viewer is told that we are still there."""


class Topic(Protocol):
    """Something that changes, and is told as events."""

    version: int
    """Grows with each change; 0: there is nothing yet."""

    async def update(self, view: View) -> None:
        """Take in what is to be shown now."""
        ...

    def since(self, version: int) -> bytes:
        """The event for somebody who knows this version: to be sent as it is."""
        ...


def event(name: str, data: str) -> bytes:
    """One server-sent event."""
    return f"event: {name}\ndata: {data}\n\n".encode()


def compact(document: object) -> str:
    """JSON in one line."""
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))


class Document:
    """One JSON document, told whole."""

    def __init__(self, name: str, make: Callable[[View], object]) -> None:
        self._name = name
        self._make = make
        self._text = ""
        self._event = b""
        self.version = 0

    async def update(self, view: View) -> None:
        """Make the document anew."""
        text = compact(self._make(view))
        if text != self._text:
            self._text, self._event = text, event(self._name, text)
            self.version += 1

    def since(self, version: int) -> bytes:  # noqa: ARG002 -- the whole document is the newest
        """All of it."""
        return self._event


class Sections:
    """Pieces of the page; who knows some of them gets the others."""

    def __init__(self, make: Callable[[View], Mapping[str, str]]) -> None:
        self._make = make
        self.pieces: dict[str, tuple[int, str]] = {}
        self._made: dict[int, bytes] = {}
        self.version = 0

    async def update(self, view: View) -> None:
        """Make the pieces anew, and see which have changed."""
        changed = {
            name: html
            for name, html in self._make(view).items()
            if name not in self.pieces or self.pieces[name][1] != html
        }
        if changed:
            self.version += 1
            self._made = {}
            self.pieces |= {name: (self.version, html) for name, html in changed.items()}

    def since(self, version: int) -> bytes:
        """The pieces that have changed after that version."""
        if version not in self._made:
            newer = {name: html for name, (made, html) in self.pieces.items() if made > version}
            self._made[version] = event("sections", compact(newer))
        return self._made[version]


class Feed:
    """Holds the newest view, and wakes those who look on."""

    def __init__(self, topics: Mapping[str, Topic]) -> None:
        self.topics = topics
        self.view: View | None = None
        self._made_of: View | None = None
        self._changed = asyncio.Event()
        self._there_is_one = asyncio.Event()
        self._viewers: set[asyncio.Event] = set()
        self._turn = asyncio.Lock()

    @property
    def viewers(self) -> int:
        """How many look on."""
        return len(self._viewers)

    def put(self, view: View) -> None:
        """Lay down the newest view."""
        self.view = view
        self._changed.set()
        self._there_is_one.set()

    async def newest(self) -> View:
        """The newest view; waits for the first one."""
        await self._there_is_one.wait()
        assert self.view is not None  # noqa: S101 -- it was put before the event was set
        return self.view

    async def made(self) -> None:
        """Have every topic as new as the view."""
        async with self._turn:
            view = await self.newest()
            if view is not self._made_of:
                for topic in self.topics.values():
                    await topic.update(view)
                self._made_of = view

    async def run(self) -> None:
        """Tell viewers of changes, for ever; nothing is done while there are none."""
        while True:
            try:
                async with asyncio.timeout(MINUTE if self._viewers else None):
                    await self._changed.wait()
            except TimeoutError:
                self._made_of = None  # time has passed: the strip of the day has moved
            self._changed.clear()
            await asyncio.sleep(AFTER_THE_LIGHTS)
            if self._viewers:
                await self.made()
                await self._wake()

    async def _wake(self) -> None:
        for number, viewer in enumerate(list(self._viewers), start=1):
            viewer.set()
            if number % AT_ONCE == 0:
                await asyncio.sleep(BETWEEN)

    async def events(self, *names: str) -> AsyncIterator[bytes]:
        """What to send to one viewer: all at first, then what is newer, and signs of life."""
        known = dict.fromkeys(names, 0)
        with self._viewer() as woken:
            await self.made()
            while True:
                woken.clear()
                for name in names:
                    topic = self.topics[name]
                    if topic.version > known[name]:
                        news, known[name] = topic.since(known[name]), topic.version
                        yield news
                try:
                    async with asyncio.timeout(SIGN_OF_LIFE):
                        await woken.wait()
                except TimeoutError:
                    yield ALIVE

    @contextmanager
    def _viewer(self) -> Iterator[asyncio.Event]:
        woken = asyncio.Event()
        self._viewers.add(woken)
        self._changed.set()  # the clock of `run` may have stood still
        try:
            yield woken
        finally:
            self._viewers.discard(woken)
