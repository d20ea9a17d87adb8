"""What an output must not do to the program around it: leave things behind, and hold it up."""

import asyncio
import os
import threading
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, Self

from busylight.testing.lateness import Lateness
from busylight.testing.trial import PATIENCE, OutputCheckError

LONGEST_BLOCK: Final = 0.5
"""Seconds that an output may hold up everything else, beside those that others had the machine."""


@dataclass(frozen=True, slots=True)
class Belongings:
    """What this process has, of what an output could leave behind."""

    threads: frozenset[str]
    tasks: int
    files: int

    @classmethod
    def now(cls) -> "Belongings":
        """What there is at this moment."""
        files = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0  # noqa: PTH112, PTH208 -- names are enough
        threads = frozenset(str(thread) for thread in threading.enumerate())
        return cls(threads, len(asyncio.all_tasks()), files)

    def more_than(self, before: "Belongings") -> str:
        """What has been added since, in words."""
        left = [f"the thread {thread}" for thread in sorted(self.threads - before.threads)]
        if self.tasks > before.tasks:
            left.append(f"{self.tasks - before.tasks} tasks")
        if self.files > before.files:
            left.append(f"{self.files - before.files} open files or sockets")
        return ", ".join(left)


async def no_leak(life: Callable[[], Awaitable[None]]) -> None:
    """Live three times; the first may load what stays loaded."""
    await life()
    before = Belongings.now()
    await life()
    await life()
    left = ""
    with suppress(TimeoutError):
        async with asyncio.timeout(PATIENCE / 2):  # threads need a moment to end
            while left := Belongings.now().more_than(before):
                await asyncio.sleep(0.01)
    if left:
        raise OutputCheckError(f"leaves something behind: {left}")


class Watch:
    """Notices when everything is held up: another task should have had its turn meanwhile."""

    _EVERY: Final = 0.02  # seconds

    async def __aenter__(self) -> Self:
        self._lateness = Lateness().__enter__()
        self._longest = 0.0
        self._since = asyncio.get_running_loop().time()
        self._beating = asyncio.create_task(self._beat())
        return self

    async def __aexit__(self, kind: object, *_: object) -> None:
        self._turn()
        self._beating.cancel()
        await asyncio.wait({self._beating})
        self._lateness.__exit__(None, None, None)
        if kind is None and self._longest > LONGEST_BLOCK:
            raise OutputCheckError(
                f"blocks everything else for {self._longest:.1f} s: call what blocks by a Worker"
            )

    async def _beat(self) -> None:
        while True:
            self._turn()
            await asyncio.sleep(self._EVERY)

    def _turn(self) -> None:
        now = asyncio.get_running_loop().time()
        held_up = now - self._since - self._EVERY
        if held_up > self._longest:
            self._longest = max(self._longest, held_up - self._lateness.since(self._since))
        self._since = now
