"""A log that a fault cannot flood: what is repeated is counted, and said in one line a part.

In any minute at most `AT_ONCE` lines are written as they come, of one part no more than half of
them, and none that the same part has written in that minute already. The others are counted: once
a minute each part gets a line with their number and the last of them, at most `SUMMARIES`.
"""

import contextlib
import logging
import threading
from collections import deque
from collections.abc import Callable
from typing import Final

from busylight.core.backoff import RateLimit
from busylight.edge.clock import now
from busylight.edge.current_part import PART

AT_ONCE: Final = 8
"""Lines a minute that are written as they come."""
SUMMARIES: Final = 4
"""Lines a minute that tell how many more there were: twelve with the others."""
_MINUTE: Final = 60.0
_LONGEST: Final = 300  # letters of a line that stands for others


class _Part:
    """What one part has said of late."""

    def __init__(self) -> None:
        self.written = RateLimit(AT_ONCE // 2, _MINUTE)
        self.said: deque[tuple[float, str]] = deque(maxlen=AT_ONCE)
        self.counted = 0
        self.last = ""
        self.level = logging.NOTSET

    def says_again(self, text: str, moment: float) -> bool:
        return any(text == said and moment - at < _MINUTE for at, said in self.said)

    def count(self, record: logging.LogRecord, text: str) -> None:
        self.counted += 1
        self.last = text
        self.level = max(self.level, record.levelno)


class CalmHandler(logging.Handler):
    """Stands before another handler, and lets no more through than anybody would read."""

    def __init__(self, behind: logging.Handler, clock: Callable[[], float] = now) -> None:
        """`behind` writes the lines; its filters see every one of them."""
        super().__init__()
        self._behind = behind
        self._clock = clock
        self._parts: dict[str, _Part] = {}
        self._written = RateLimit(AT_ONCE, _MINUTE)
        self._timer: threading.Timer | None = None

    def emit(self, record: logging.LogRecord) -> None:
        """Write the line, or count it."""
        name = PART.get() or record.name
        part = self._parts.setdefault(name, _Part())
        text = record.getMessage()
        moment = self._clock()
        if (
            part.says_again(text, moment)
            or part.written.wait(moment) > 0
            or self._written.wait(moment) > 0
        ):
            part.count(record, text)
            self._tell_later()
            return
        part.said.append((moment, text))
        part.written.note(moment)
        self._written.note(moment)
        self._behind.handle(record)

    def close(self) -> None:
        """Say what was counted, and end."""
        self.tell()
        super().close()

    def tell(self) -> None:
        """Say how many more lines there were."""
        self.acquire()
        try:
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            self._summarize()
        finally:
            self.release()

    def _tell_later(self) -> None:
        if self._timer is None:
            timer = threading.Timer(_MINUTE, self.tell)
            timer.name, timer.daemon = "log", True
            with contextlib.suppress(RuntimeError):  # no more threads now: the next line tries it
                timer.start()
                self._timer = timer

    def _summarize(self) -> None:
        parts = sorted(
            ((name, part) for name, part in self._parts.items() if part.counted),
            key=lambda item: item[1].counted,
            reverse=True,
        )
        alone = parts if len(parts) <= SUMMARIES else parts[: SUMMARIES - 1]
        for name, part in alone:
            last = part.last if len(part.last) <= _LONGEST else f"{part.last[:_LONGEST]}…"
            self._write(name, part.level, f"{part.counted} more from {name}, the last: {last}")
        if others := parts[len(alone) :]:
            counted = sum(part.counted for _, part in others)
            names = ", ".join(name for name, _ in others)[:_LONGEST]
            level = max(part.level for _, part in others)
            self._write(__name__, level, f"{counted} more from {names}")
        for _, part in parts:
            part.counted, part.level = 0, logging.NOTSET

    def _write(self, name: str, level: int, text: str) -> None:
        self._behind.handle(logging.LogRecord(name, level, "", 0, text, None, None))
