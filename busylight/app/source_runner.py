"""Runs the source for as long as the program lives, and begins anew after every fault."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from busylight.core.backoff import full_jitter
from busylight.core.knowledge import Reading, Trouble, Why
from busylight.edge import clock
from busylight.edge.tasks import bounded
from busylight.parts import PacedSource, Source, SourceError

_log: Final = logging.getLogger("busylight.app")

_BEGIN_LIMIT: Final = 30.0
_GOODBYE_LIMIT: Final = 2.0
_LONGEST_PAUSE: Final = 15.0


@dataclass(slots=True)
class SourceRunner:
    """Runs one source."""

    make: Callable[[], Source]
    """A new object for each try."""
    heard: Callable[[Reading | Trouble], None]
    _source: Source | None = None
    _pace: float = 0.0

    def refresh(self) -> None:
        """Have the source read as soon as may be."""
        if self._source is not None:
            self._source.refresh()

    def pace(self, seconds: float) -> None:
        """Have the source read no more often than every so many seconds; 0: as it is set."""
        self._pace = seconds
        source: object = self._source
        if isinstance(source, PacedSource):
            source.pace(seconds)

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
        source = self.make()
        await bounded(_BEGIN_LIMIT, source.__aenter__())
        self._source = source
        self.pace(self._pace)
        try:
            async for answer in source.readings():
                self.heard(answer)
        finally:
            self._source = None
            with suppress(Exception):
                await bounded(_GOODBYE_LIMIT, source.__aexit__(None, None, None))
