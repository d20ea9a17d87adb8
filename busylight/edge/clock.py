"""The two clocks: one for ages and deadlines, one for people."""

import asyncio
import contextlib
import time
from datetime import UTC, datetime, timedelta
from typing import Final

_BOOTTIME: Final = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)

_LONGEST_NAP: Final = 5.0  # seconds; asyncio's timers stand still in suspend, so look up this often
_STEP: Final = 2.0  # seconds; less is the usual slewing of NTP, more is a clock that was set


def now() -> float:
    """Seconds on a clock that never jumps and counts through suspend. Linux: CLOCK_BOOTTIME."""
    return time.clock_gettime(_BOOTTIME)


_napping: Final[dict[asyncio.Timeout, tuple[asyncio.AbstractEventLoop, float]]] = {}
"""Who naps in which loop, and from when on he may be woken early."""


async def nap(event: asyncio.Event, seconds: float) -> bool:
    """Wait for `event` for so long, or less; whether it was set.

    Whoever wakes because his time is up wakes all others who have napped for at least half of
    theirs, and had but to look at the clock: the machine wakes once in place of once for each.
    """
    loop = asyncio.get_running_loop()
    limit = asyncio.timeout(seconds)
    _napping[limit] = loop, loop.time() + seconds / 2
    try:
        async with limit:
            await event.wait()
    except TimeoutError:
        _wake_others(loop)
        return False
    else:
        return True
    finally:
        _napping.pop(limit, None)


def _wake_others(loop: asyncio.AbstractEventLoop) -> None:
    now = loop.time()
    for limit, (its_loop, early_from) in list(_napping.items()):
        if its_loop is loop and now >= early_from:
            with contextlib.suppress(RuntimeError):  # it has not begun, or wakes already
                limit.reschedule(now)


async def sleep_until(deadline: float) -> None:
    """Sleep until `deadline` on the clock of `now`, also when the machine was suspended."""
    never = asyncio.Event()
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
