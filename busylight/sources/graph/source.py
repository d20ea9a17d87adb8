"""Presence from Microsoft Graph, read at an interval, with sign-in when it is needed."""

import contextlib
import logging
import math
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from dataclasses import replace
from types import TracebackType
from typing import ClassVar, Final, Self

from busylight.core.backoff import RETRY_AFTER_LIMIT, full_jitter
from busylight.core.knowledge import Reading, Trouble, Why
from busylight.core.preferred_presence import Preferred
from busylight.core.presence import Presence, distinct
from busylight.edge.clock import Bell, nap, now
from busylight.sources.graph.http import REQUEST_SECONDS
from busylight.sources.graph.preferred_presence import PreferredPresenceWriter
from busylight.sources.graph.session import GraphSession, SignInStep
from busylight.sources.graph.settings import GraphSettings
from busylight.sources.graph.tokens import REFUSED_SECONDS

_LOG: Final = logging.getLogger(__name__.rpartition(".")[0])

_FIRST_RETRY: Final = 1.0  # seconds, and twice as much with each failure
_LAST_RETRY: Final = 15.0  # seconds
_REFRESH_SECONDS: Final = 1.0  # between two reads that are asked for: a flood is no reason to ask
_LONGEST_NAP: Final = 5.0  # seconds; timers stand still in suspend, so look up this often

_said_words: set[str] = set()


class GraphSource:
    """Reads whom the settings name; waits for a sign-in when it is needed."""

    Settings: ClassVar[type[GraphSettings]] = GraphSettings
    may_be_silent: ClassVar[float] = RETRY_AFTER_LIMIT + 4 * REQUEST_SECONDS

    def __init__(self, settings: GraphSettings, *, deadline: float = REQUEST_SECONDS) -> None:
        """`deadline`: seconds that a request may take, all in all."""
        self._settings = settings
        self._session = GraphSession(settings, deadline=deadline)
        self._writer = PreferredPresenceWriter(settings, self._session, deadline=deadline)
        self._wanted = Bell()
        self._pace = 0.0

    async def __aenter__(self) -> Self:
        """Read certificates; raises `SourceError` where the files are of no use."""
        await self._session.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close connections."""
        await self._writer.close()
        await self._session.__aexit__(kind, error, traceback)

    def refresh(self) -> None:
        """Read at once, but not while Microsoft asks to be left alone."""
        self._wanted.ring()

    def pace(self, seconds: float) -> None:
        """Leave so many seconds between two readings at least; 0: read at the interval."""
        faster, self._pace = seconds < self._pace, seconds
        if faster:
            self._wanted.ring()

    async def prefer(self, wanted: Preferred | None, seconds: int) -> None:
        """Set the signed-in person's preferred presence; None: clear it. See `WritingSource`."""
        await self._writer.prefer(wanted, seconds)

    async def readings(self) -> AsyncIterator[Reading | Trouble]:
        """Yield what is read, for ever: at the interval, and sooner after a failure."""
        failures = 0
        said: Mapping[str, Presence] = {}
        while True:
            started = now()
            self._wanted.silence()
            result = await self._session.read_once()
            if isinstance(result, Trouble) and result.why is Why.SIGNED_OUT:
                async with contextlib.aclosing(self._until_signed_in(result)) as troubles:
                    async for trouble in troubles:
                        yield trouble
                failures = 0
                continue
            if isinstance(result, Reading):
                if result.presences is not said:
                    _say_new_words(said := result.presences)
                failures = 0
                interval = max(self._settings.interval, self._pace)
                slowed = interval > self._settings.interval
                yield replace(result, slowed_to=interval) if slowed else result
                await self._pause(started + interval, started + _REFRESH_SECONDS)
            else:
                yield result
                failures += 1
                wait = full_jitter(failures, base=_FIRST_RETRY, cap=_LAST_RETRY)
                await self._pause(now() + max(wait, self._pace), now() + wait)

    async def _until_signed_in(self, trouble: Trouble) -> AsyncGenerator[Trouble, None]:
        if self._settings.is_app_permission:
            yield trouble
            await self._pause(now() + REFUSED_SECONDS)
            return
        async with contextlib.aclosing(self._session.sign_in_steps()) as steps:
            async for step in steps:
                yield Trouble(Why.SIGNED_OUT, _detail(trouble, step), step.prompt)

    async def _pause(self, deadline: float, refresh_from: float = math.inf) -> None:
        """Wait until `deadline`, and for as long as Microsoft asks to.

        A `refresh` cuts it short from the moment `refresh_from` on.
        """
        while True:
            ends = min(deadline, refresh_from) if self._wanted.rings else deadline
            left = max(ends, self._session.not_before) - now()
            if left <= 0:
                return
            asked = Bell() if self._wanted.rings else self._wanted
            # What is read then makes others look at the clock by itself.
            await nap(asked, min(left, _LONGEST_NAP), wakes_others=left > _LONGEST_NAP)


def _detail(trouble: Trouble, step: SignInStep) -> str:
    if step.problem is not None:
        return f"{trouble.detail}; no sign-in can be begun: {step.problem}"
    if step.refusal is not None:
        return str(step.refusal)
    return trouble.detail


def _say_new_words(presences: Mapping[str, Presence]) -> None:
    for presence in distinct(presences.values()):
        for word in presence.undocumented:
            if word not in _said_words:
                _said_words.add(word)
                _LOG.warning(
                    "Graph says %r, which Microsoft did not document when this was written: "
                    "its availability decides what is shown, or BUSYLIGHT_COLOR_%s",
                    word,
                    word.upper(),
                )
