"""Runs the source for as long as the program lives, and begins anew after every fault."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from busylight.core.backoff import full_jitter
from busylight.core.knowledge import Reading, Trouble, Why
from busylight.edge import clock
from busylight.edge.lives import Abandoned, Life, first_of
from busylight.parts import Source, SourceError

_log: Final = logging.getLogger("busylight.app")

_BEGIN_LIMIT: Final = 30.0
_GOODBYE_LIMIT: Final = 2.0
_LONGEST_PAUSE: Final = 15.0
_HANGING_LIMIT: Final = 8


@dataclass(slots=True)
class SourceRunner:
    """Runs one source."""

    make: Callable[[], Source]
    """A new object for each try."""
    heard: Callable[[Reading | Trouble], None]
    abandoned: Abandoned = field(default_factory=set)
    """Earlier tries that do not end."""
    _source: Source | None = None

    def refresh(self) -> None:
        """Have the source read as soon as may be."""
        if self._source is not None:
            self._source.refresh()

    async def run(self) -> None:
        """Read for ever."""
        failures, said = 0, ""
        while True:
            began = clock.now()
            try:
                await self._read()
                problem = "the source has ended by itself"
            except SourceError as error:
                problem = str(error)
            except Exception as error:  # noqa: BLE001 -- whatever a source raises is its fault alone
                _log.debug("the source failed", exc_info=True)
                problem = f"the source failed: {type(error).__name__}: {error}"
            failures = failures + 1 if clock.now() - began < _LONGEST_PAUSE else 1
            if problem != said:
                _log.warning("%s", problem)
            said = problem
            self.heard(Trouble(Why.UNREACHABLE, problem))
            await asyncio.sleep(full_jitter(failures, base=1.0, cap=_LONGEST_PAUSE))

    async def _read(self) -> None:
        if len(self.abandoned) >= _HANGING_LIMIT:
            raise SourceError(f"{_HANGING_LIMIT} earlier tries still hang; restart Busylight")
        life = Life(_GOODBYE_LIMIT)
        try:
            await life.run(self._live(life), self.abandoned)
        except BaseExceptionGroup as group:
            raise first_of(group, SourceError) from group
        finally:
            self._source = None

    async def _live(self, life: Life) -> None:
        source = self.make()
        async with life.within(_BEGIN_LIMIT):
            await source.__aenter__()
        self._source = source
        try:
            async for answer in source.readings():
                life.go_on()
                self.heard(answer)
        except BaseException as error:
            await self._leave_after(error, source, life)
            raise
        async with life.within(_GOODBYE_LIMIT):
            await source.__aexit__(None, None, None)

    async def _leave_after(self, error: BaseException, source: Source, life: Life) -> None:
        try:
            async with life.within(_GOODBYE_LIMIT):
                await source.__aexit__(type(error), error, error.__traceback__)
        except Exception as late:
            if isinstance(error, asyncio.CancelledError):
                raise  # a task group of the source's has cancelled us: this is what failed in it
            _log.debug("the source was left after %r, and failed with %r", error, late)
