"""Runs the program's own source, and the one by which it follows the other reader, in turn."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from busylight.core.reader import Turns


@dataclass(slots=True)
class SourceTurns:
    """Runs whichever source has its turn."""

    own: Callable[[], Awaitable[None]]
    """Reads for ever; cancelled when its turn is over."""
    followed: Callable[[], Awaitable[None]]
    """The same of the other reader's."""
    turns: Turns
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    def take(self, turns: Turns) -> None:
        """Have these run from now on."""
        self.turns = turns
        self._changed.set()

    async def run(self) -> None:
        """Work for ever; raises what a source's runner raises, which none should."""
        running: dict[str, asyncio.Task[None]] = {}
        try:
            while True:
                self._changed.clear()
                for name, work in self._works().items():
                    _start_or_end(name, work, running, wanted=getattr(self.turns, name))
                changed = asyncio.create_task(self._changed.wait())
                either: set[asyncio.Task[Any]] = {changed, *running.values()}
                try:
                    await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    changed.cancel()
                for name, task in list(running.items()):
                    if task.done():
                        del running[name]
                        if not task.cancelled():
                            task.result()
        finally:
            for task in running.values():
                task.cancel()
            if running:
                await asyncio.wait(running.values())

    def _works(self) -> Mapping[str, Callable[[], Awaitable[None]]]:
        return {"own": self.own, "followed": self.followed}


def _start_or_end(
    name: str,
    work: Callable[[], Awaitable[None]],
    running: "dict[str, asyncio.Task[None]]",
    *,
    wanted: bool,
) -> None:
    """Start it if it is wanted and the last one has ended; cancel it if it is not."""
    task = running.get(name)
    if wanted and task is None:
        running[name] = asyncio.create_task(_done(work), name=f"source {name}")
    elif not wanted and task is not None and not task.cancelling():
        task.cancel()


async def _done(work: Callable[[], Awaitable[None]]) -> None:
    await work()
