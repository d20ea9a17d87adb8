"""Shows lights on one output while a person is asked: it goes on by itself meanwhile."""

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any, Final

from busylight.cli.common import CommandError
from busylight.cli.test_light import GOODBYE, PATIENCE, begin, view_of
from busylight.core.light import OFF, LightState
from busylight.settings.tree import Settings

_GRACE: Final = 2.0
"""Seconds more than the output itself gets."""


class LightShow:
    """One output in a thread with a loop of its own; `end` switches it off."""

    def __init__(self, settings: Settings) -> None:
        """Begin; raises `CommandError` if the output cannot be loaded."""
        self.settings = settings
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(
            target=self._loop.run_forever, name="light show", daemon=True
        )
        self._thread.start()
        self._stopping = asyncio.Event()
        self._walkers, self._tasks, broken = self._run(self._begin())
        if broken:
            self.end()
            raise CommandError(broken[0])

    def show(self, light: LightState) -> None:
        """Return when it is shown; raises `CommandError` if it is not."""
        view = view_of(light, "setup", self.settings)
        for walker in self._walkers:
            self._run(walker.show(view))

    def end(self) -> None:
        """Switch the light off and let go of it."""
        try:
            self._run(self._goodbye())
        finally:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(_GRACE)
            if not self._thread.is_alive():
                self._loop.close()

    async def _begin(self) -> Any:
        return begin(self.settings, self._stopping)

    async def _goodbye(self) -> None:
        self._stopping.set()
        for walker in self._walkers:
            walker.slot.put(view_of(OFF, "off", self.settings, is_last=True))
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=GOODBYE)
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def _run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(PATIENCE + _GRACE)
