"""How late a shared machine is, measured beside what is timed: a limit is one of the product."""

import threading
import time
from bisect import bisect_right
from pathlib import Path
from types import TracebackType
from typing import Final, NamedTuple, Self

_STEP: Final = 0.01
_STOPPED: Final = 0.05
"""Seconds by which a sleep is too long only if the whole process was held up."""


class _Moment(NamedTuple):
    """What was lost up to a moment (of `time.monotonic`), in seconds."""

    at: float
    owner: float
    other: float
    overslept: float


class Lateness:
    """Measures for how long threads that could run have waited for a processor: Linux counts it.

    One is the thread that has made it, the other one of its own that sleeps in short steps, as
    whoever waits for something does; and a process that was stopped sleeps longer. A context
    manager.
    """

    def __init__(self) -> None:
        self._owner = _waits_of_this_thread()
        self._moments = [_Moment(time.monotonic(), _seconds(self._owner), 0.0, 0.0)]
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="lateness", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._ended.set()
        self._thread.join(5)

    def _run(self) -> None:
        other = _waits_of_this_thread()
        while not self._ended.is_set():
            time.sleep(_STEP)
            overslept = self._overslept()
            moment = _Moment(time.monotonic(), _seconds(self._owner), _seconds(other), overslept)
            self._moments.append(moment)

    def _overslept(self) -> float:
        """Up to now, when the sleep that goes on may have been too long already."""
        last = self._moments[-1]
        late = time.monotonic() - last.at - _STEP
        return last.overslept + (late if late > _STOPPED else 0.0)

    def since(self, began: float) -> float:
        """Seconds of those since `began` (of `time.monotonic`) that others had the machine."""
        moments = list(self._moments)
        first = moments[max(bisect_right(moments, began, key=lambda moment: moment.at) - 1, 0)]
        last = moments[-1]
        return max(
            _seconds(self._owner) - first.owner,
            last.other - first.other,
            self._overslept() - first.overslept,
        )


def _waits_of_this_thread() -> Path:
    return Path(f"/proc/self/task/{threading.get_native_id()}/schedstat")


def _seconds(counted: Path) -> float:
    try:
        return int(counted.read_text().split()[1]) / 1e9
    except (OSError, IndexError, ValueError):
        return 0.0  # no Linux, or one that does not count
