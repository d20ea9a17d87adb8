"""How late a shared machine is, measured beside what is timed: a limit is one of the product."""

import threading
import time
from types import TracebackType
from typing import Final, Self

_STEP: Final = 0.01


class Lateness:
    """Sleeps in short steps, and notes by how much each was too long; a context manager."""

    def __init__(self) -> None:
        self._ended = threading.Event()
        self._steps: list[tuple[float, float]] = []
        self._thread = threading.Thread(target=self._run, daemon=True)

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
        began = time.monotonic()
        while not self._ended.is_set():
            time.sleep(_STEP)
            ended = time.monotonic()
            self._steps.append((ended, ended - began - _STEP))
            began = ended

    def since(self, began: float) -> float:
        """Seconds of those since `began` (of `time.monotonic`) that others had the machine."""
        return sum(late for ended, late in list(self._steps) if ended >= began)
