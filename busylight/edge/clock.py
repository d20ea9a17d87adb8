"""The two clocks: one for ages and deadlines, one for people."""

import asyncio
import time
from datetime import UTC, datetime, timedelta
from typing import Final

_BOOTTIME: Final = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)

_LONGEST_NAP: Final = 5.0  # seconds; asyncio's timers stand still in suspend, so look up this often
_STEP: Final = 2.0  # seconds; less is the usual slewing of NTP, more is a clock that was set


def now() -> float:
    """Seconds on a clock that never jumps and counts through suspend. Linux: CLOCK_BOOTTIME."""
    return time.clock_gettime(_BOOTTIME)


class Bell:
    """Ends naps, those too that begin before it is silenced; for one event loop.

    An `asyncio.Event` under a timeout does the same in more turns of the loop: whoever waits for
    that is cancelled when his time is up. A program at rest does little else.
    """

    def __init__(self) -> None:
        self._rings = False
        self.nappers: Final[set[asyncio.Future[bool]]] = set()
        """Who naps until it rings; only for `nap`."""

    @property
    def rings(self) -> bool:
        """Whether it was rung, and not silenced since."""
        return self._rings

    def ring(self) -> None:
        """Wake whoever naps, and let nobody nap until it is silenced."""
        self._rings = True
        for waiter in self.nappers:
            if not waiter.done():
                waiter.set_result(True)

    def silence(self) -> None:
        """Let naps last."""
        self._rings = False


_napping: Final[dict["asyncio.Future[bool]", float]] = {}
"""Who naps, and from when on (by his loop's clock) he may be woken early."""


async def nap(bell: Bell, seconds: float, *, wakes_others: bool = True) -> bool:
    """Wait for `bell` for so long, or less; whether it rang.

    Whoever wakes because his time is up wakes all others who have napped for at least half of
    theirs, and had but to look at the clock: the machine wakes once in place of once for each.
    Not so (`wakes_others`) who is about to do what will ring for them.
    """
    if bell.rings:
        return True
    loop = asyncio.get_running_loop()
    waiter: asyncio.Future[bool] = loop.create_future()
    timer = loop.call_later(max(seconds, 0.0), _wake, waiter)
    _napping[waiter] = loop.time() + seconds / 2
    bell.nappers.add(waiter)
    try:
        rang = await waiter
    finally:
        timer.cancel()
        bell.nappers.discard(waiter)
        del _napping[waiter]
    if not rang and wakes_others:
        now = loop.time()
        for other, early_from in list(_napping.items()):
            if now >= early_from and other.get_loop() is loop:
                _wake(other)
    return rang


def _wake(waiter: "asyncio.Future[bool]") -> None:
    if not waiter.done():
        waiter.set_result(False)


async def sleep_until(deadline: float) -> None:
    """Sleep until `deadline` on the clock of `now`, also when the machine was suspended."""
    never = Bell()
    while (left := deadline - now()) > 0:
        await nap(never, min(left, _LONGEST_NAP))


class WallClock:
    """Turns moments of `now` into dates for people.

    The offset is kept until the wall clock is set (a Pi starts in the past until NTP answers),
    so that a date once told does not wander by milliseconds.
    """

    def __init__(self) -> None:
        self._offset = time.time() - now()

    @property
    def epoch(self) -> float:
        """When 1970 began, on the clock of `now`; changes when the wall clock is set."""
        offset = time.time() - now()
        if abs(offset - self._offset) > _STEP:
            self._offset = offset
        return -self._offset

    def utc(self, moment: float) -> datetime:
        """The date of `moment`."""
        return datetime.fromtimestamp(0, UTC) + timedelta(seconds=moment - self.epoch)

    def rfc3339(self, moment: float | None) -> str | None:
        """The date of `moment` as RFC 3339 in UTC, whole seconds."""
        if moment is None:
            return None
        return self.utc(moment).strftime("%Y-%m-%dT%H:%M:%SZ")
