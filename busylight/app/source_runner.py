"""Runs the source for as long as the program lives, and begins anew after every fault."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from busylight.app.checked import checked_answer
from busylight.app.raised import described, told, words_of
from busylight.core.backoff import full_jitter
from busylight.core.knowledge import Reading, Trouble, Why
from busylight.core.preferred_presence import Preferred
from busylight.edge import clock
from busylight.edge.current_part import PART, SOURCE, leaving_nothing
from busylight.edge.lives import Abandoned, Life, fault_in, first_of
from busylight.parts import NotTakenError, PacedSource, Source, SourceError, WritingSource

_log: Final = logging.getLogger("busylight.app")

_BEGIN_LIMIT: Final = 30.0
_GOODBYE_LIMIT: Final = 2.0
_LONGEST_PAUSE: Final = 15.0
_HANGING_LIMIT: Final = 8
SLACK: Final = 60.0
"""Seconds for which a source may be silent after what it has read is too old."""


@dataclass(slots=True)
class SourceRunner:
    """Runs one source."""

    make: Callable[[], Source]
    """A new object for each try."""
    heard: Callable[[Reading | Trouble], None]
    stale_after: float = 60.0
    """Seconds after which a reading is too old."""
    part: str = SOURCE
    """What it is called when it blocks the program."""
    abandoned: Abandoned = field(default_factory=set)
    """Earlier tries that do not end."""
    _source: Source | None = None
    _pace: float = 0.0
    _last_word: float = 0.0

    def refresh(self) -> None:
        """Have the source read as soon as may be; whoever asks bears no fault of the source's."""
        if self._source is not None:
            try:
                self._source.refresh()
            except Exception as error:  # noqa: BLE001 -- whatever a source raises is its fault alone
                _log.warning("the source cannot be asked: %s", told(described(error)))

    def pace(self, seconds: float) -> None:
        """Have the source read no more often than every so many seconds; 0: as it is set."""
        self._pace = seconds
        source: object = self._source
        if isinstance(source, PacedSource):
            source.pace(seconds)

    async def prefer(self, wanted: Preferred | None, seconds: int) -> None:
        """Set the person's preferred presence at the source; raises `NotTakenError`."""
        source: object = self._source
        if not isinstance(source, WritingSource):
            raise NotTakenError("the source has not begun yet", wait=1.0)
        await source.prefer(wanted, seconds)

    async def run(self) -> None:
        """Read for ever."""
        failures, said = 0, ""
        PART.set(self.part)
        while True:
            began = clock.now()
            try:
                async with leaving_nothing():
                    await self._read()
                problem = "the source has ended by itself"
            except SourceError as error:
                problem = words_of(error)
            except TimeoutError as error:
                problem = f"the source does not answer: {words_of(error)}"
            except Exception as error:  # noqa: BLE001 -- whatever a source raises is its fault alone
                _log.debug("the source failed", exc_info=True)
                problem = f"the source failed: {described(error)}"
            failures = failures + 1 if clock.now() - began < _LONGEST_PAUSE else 1
            if problem != said:
                _log.warning("%s", told(problem))
            said = problem
            self.heard(Trouble(Why.UNREACHABLE, problem))
            await asyncio.sleep(full_jitter(failures, base=1.0, cap=_LONGEST_PAUSE))

    async def _read(self) -> None:
        if len(self.abandoned) >= _HANGING_LIMIT:
            raise SourceError(f"{_HANGING_LIMIT} earlier tries still hang; restart Busylight")
        life = Life(_GOODBYE_LIMIT)
        try:
            await life.run(lambda: self._live(life), self.abandoned)
        except BaseExceptionGroup as group:
            raise fault_in(group, SourceError) from group
        finally:
            self._source = None

    async def _live(self, life: Life) -> None:
        async with life.within(_BEGIN_LIMIT):
            source = self.make()
            await source.__aenter__()
        self._source = source
        self.pace(self._pace)
        self._last_word = asyncio.get_running_loop().time()
        try:
            async with asyncio.TaskGroup() as group:
                counting = group.create_task(self._count_silence(source, life))
                await self._listen(source, life)
                counting.cancel()
        except BaseException as error:
            await self._leave_after(first_of(error, SourceError), source, life)
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

    async def _listen(self, source: Source, life: Life) -> None:
        async for answer in source.readings():
            life.go_on()
            self._last_word = asyncio.get_running_loop().time()
            self.heard(checked_answer(answer))

    async def _count_silence(self, source: Source, life: Life) -> None:
        """Give up a source that hangs: it has not even said that it cannot read."""
        limit = max(self.stale_after + SLACK, getattr(source, "may_be_silent", 0.0))
        time = asyncio.get_running_loop().time  # which stands still in suspend: nobody can speak
        while (left := self._last_word + limit - time()) > 0:  # noqa: ASYNC110 -- time passes
            await asyncio.sleep(min(left, SLACK))
        life.begin(_GOODBYE_LIMIT)  # it may hang so that it does not even notice its end
        raise SourceError(f"the source has said nothing for {limit:g} s; it is begun anew")
