"""An asyncio event loop whose time is made up: a month passes in seconds.

Nothing waits. When no callback is ready the loop asks its selector to wait, and there the clock
is put forward instead, to the next timer or to the next thing that happens in the world.
"""

import asyncio
import heapq
import itertools
import math
import selectors
from collections.abc import Callable
from typing import Any, Final

_MICRO: Final = 1_000_000


class NothingWillHappenError(AssertionError):
    """The loop waits for ever: no timer is set, and nothing more happens in the world."""


class VirtualClock:
    """The time of a simulated machine, in whole microseconds.

    Two clocks tick: one that counts through suspend, which the program's ages go by, and the
    loop's, which stands still in suspend as the kernel's timers do.
    """

    def __init__(self) -> None:
        self._micros = 0
        self._suspended = 0
        self._happenings: list[tuple[int, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self.on_quiet: Callable[[], None] = lambda: None
        """Called whenever everything has been done that was to be done at a moment, and again
        just before the next moment at which anything is done."""

    @property
    def now(self) -> float:
        """Seconds, counted through suspend."""
        return self._micros / _MICRO

    @property
    def awake(self) -> float:
        """Seconds that the machine was awake: the loop's time."""
        return (self._micros - self._suspended) / _MICRO

    def at(self, moment: float, happening: Callable[[], None]) -> None:
        """Let something happen in the world at `moment`, whatever the loop does."""
        item = (round(moment * _MICRO), next(self._order), happening)
        heapq.heappush(self._happenings, item)

    def suspend(self, seconds: float) -> None:
        """Let the machine sleep: time goes on, the loop's timers do not."""
        self._micros += round(seconds * _MICRO)
        self._suspended += round(seconds * _MICRO)

    def wait(self, seconds: float | None) -> None:
        """Let time pass until a timer of the loop is due or something happens."""
        self.on_quiet()
        until = math.inf if seconds is None else self._micros + _micros(seconds)
        happens = bool(self._happenings) and self._happenings[0][0] <= until
        if happens:
            until = max(self._happenings[0][0], self._micros)
        elif seconds is None:
            raise NothingWillHappenError("no timer is set, and nothing more happens")
        if until - self._micros > 1:
            self._micros = int(until) - 1
            self.on_quiet()
        self._micros = int(until)
        if happens:
            heapq.heappop(self._happenings)[2]()


def _micros(seconds: float) -> int:
    """Whole microseconds, one at least; a hair more than a whole number is that number."""
    return max(1, math.ceil(seconds * _MICRO - 0.01))


class _Selector(selectors.SelectSelector):
    def __init__(self, clock: VirtualClock) -> None:
        super().__init__()
        self._clock = clock

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Look, and let the time pass that there is to wait."""
        if timeout is None or timeout > 0:
            self._clock.wait(timeout)
        return super().select(0)


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop on a `VirtualClock`."""

    def __init__(self, clock: VirtualClock) -> None:
        super().__init__(_Selector(clock))
        self._virtual = clock

    def time(self) -> float:
        """Seconds that the machine was awake."""
        return self._virtual.awake


class FakeTime:
    """Stands in for the module `time` where the program reads its clocks."""

    def __init__(self, clock: VirtualClock, utc: float) -> None:
        self._clock = clock
        self.offset = utc
        """What the wall clock shows at the clock's zero; the world may step it."""

    def clock_gettime(self, _which: int) -> float:
        """The clock that counts through suspend."""
        return self._clock.now

    def time(self) -> float:
        """The wall clock."""
        return self._clock.now + self.offset

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"the program reads a clock that is not simulated: time.{name}")
