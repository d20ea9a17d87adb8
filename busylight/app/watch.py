"""A thread that sees what the event loop cannot: that it is blocked, and that a signal has come.

Code that blocks the loop holds up every light, and no time limit of the loop's can end it. So a
thread looks whether the loop goes round. If it does not, the thread writes where it hangs and in
whose code, and ends the process: its supervisor starts it again.
"""

import _thread
import contextlib
import os
import select
import signal
import sys
import threading
import time
import traceback
from asyncio import Handle
from collections.abc import Callable
from contextvars import Context
from dataclasses import dataclass
from pathlib import Path
from types import FrameType, TracebackType
from typing import Final, Self

from busylight.app import blocked
from busylight.edge.current_part import PART
from busylight.edge.log import redact

TICK: Final = 5.0
"""Seconds: the loop goes round about as often when nothing happens (`hub.LONGEST_NAP`)."""
MISSED: Final = 4
"""So many of these without a round: 20 to 25 seconds.

While all is well nobody looks before the last but one of them is over: a look wakes the machine.
"""
LAST_RESORT: Final = 4.25
"""Seconds after a signal at which the process ends whatever hangs: promised are five."""
_WORD_LIMIT: Final = 2.0  # seconds for the last words, on a card and a stderr that may hang, too


@dataclass(frozen=True, slots=True)
class Pace:
    """How closely the loop is watched."""

    tick: float = TICK
    missed: int = MISSED
    last_resort: float = LAST_RESORT


class Watch:
    """Watches the loop of the thread that enters it; a context manager."""

    def __init__(
        self,
        state_dir: Path | None,
        *,
        pace: Pace | None = None,
        exit_now: Callable[[int], object] = os._exit,
    ) -> None:
        """`state_dir`: where a part that blocks is remembered; `exit_now` ends the process."""
        self._state_dir = state_dir
        self._pace = pace or Pace()
        self._exit_now = exit_now
        self._beats = 0
        self._beat_at = time.monotonic()
        self._watched = threading.get_ident()
        self._ended = threading.Event()
        self._noted = threading.Event()
        self._resort_at: float | None = None

    def __enter__(self) -> Self:
        self._watched = threading.get_ident()
        self._beat_at = time.monotonic()
        self._hears, tells = os.pipe()
        self._tells = tells
        os.set_blocking(tells, False)
        # The C half of a signal's handler writes there at once, though Python be blocked.
        self._before = signal.set_wakeup_fd(tells, warn_on_full_buffer=False)
        self._thread = threading.Thread(target=self._work, name="watch", daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._ended.set()
        signal.set_wakeup_fd(self._before)
        with contextlib.suppress(OSError):
            os.write(self._tells, b"\0")
        self._noted.wait(_WORD_LIMIT)
        if self._resort_at is not None:
            return  # a thread of a part may still hold up the end of the process
        self._thread.join()
        os.close(self._hears)
        os.close(self._tells)

    def beat(self) -> None:
        """Note that the loop goes round; to be called at least once in two of `TICK`."""
        self._beats += 1
        self._beat_at = time.monotonic()

    def _work(self) -> None:
        try:
            while True:
                try:
                    self._run()
                except MemoryError:
                    time.sleep(self._pace.tick)  # whoever blocks the loop is found all the same
                else:
                    return
        finally:
            self._noted.set()

    def _run(self) -> None:
        seen, missed = -1, 0
        while not self._ended.is_set() or self._resort_at is not None or not self._noted.is_set():
            timeout = self._timeout(missed)
            began = time.monotonic()
            ready, _, _ = select.select([self._hears], [], [], timeout)
            if ready:
                if set(os.read(self._hears, 64)) & {signal.SIGTERM, signal.SIGINT}:
                    self._resort_at = self._resort_at or time.monotonic() + self._pace.last_resort
                if self._ended.is_set():
                    self._noted.set()
                continue
            if self._resort_at is not None:
                if time.monotonic() >= self._resort_at:
                    self._exit_now(0)
                    return
                continue
            if time.monotonic() - began > timeout + self._pace.tick:
                # This thread was held up as well: the process was stopped, and has not hung.
                missed, self._beat_at = 0, time.monotonic()
                continue
            patience = 1 if missed else self._pace.missed - 1
            missed = missed + patience if self._beats == seen else 0
            seen = self._beats
            if missed >= self._pace.missed:
                self._end_it()
                return

    def _timeout(self, missed: int) -> float:
        """Seconds until the next look."""
        if self._resort_at is not None:
            return max(self._resort_at - time.monotonic(), 0.0)
        if missed:
            return self._pace.tick
        due = self._beat_at + (self._pace.missed - 1) * self._pace.tick
        return max(due - time.monotonic(), self._pace.tick)

    def _end_it(self) -> None:
        said = threading.Lock()
        said.acquire()
        # Not a `Thread`: where memory has run out, to start one may hang for good, as may be just
        # what holds up the loop.
        with contextlib.suppress(RuntimeError, MemoryError):
            _thread.start_new_thread(self._say_last_words, (said,))
            said.acquire(timeout=_WORD_LIMIT)
        self._exit_now(1)

    def _say_last_words(self, said: threading.Lock) -> None:
        try:
            with contextlib.suppress(MemoryError):
                self._remember_and_say()
        finally:
            said.release()

    def _remember_and_say(self) -> None:
        frame = sys._current_frames().get(self._watched)  # noqa: SLF001 -- its only name
        part = None if frame is None else part_in(frame)
        stack = "" if frame is None else "".join(traceback.format_stack(frame))
        seconds = self._pace.tick * self._pace.missed
        text = redact(
            f"busylight: {part or 'the program itself'} has blocked everything for more than "
            f"{seconds:g} s; ended, to be started again. It hangs here:\n{stack}"
        )
        if part is not None and self._state_dir is not None:
            with contextlib.suppress(OSError):
                blocked.remember(self._state_dir, part)
        with contextlib.suppress(OSError):
            # Not by the log: who blocks may hold its lock.
            os.write(2, text.encode("utf-8", "replace"))


def part_in(frame: FrameType) -> str | None:
    """The part whose code is at work in a stack of the loop's thread; None: the program's own."""
    run = Handle._run.__code__  # noqa: SLF001 -- every step of a task and every callback is run by it
    step: FrameType | None = frame
    while step is not None:
        if step.f_code is run:
            context: Context = step.f_locals["self"]._context  # noqa: SLF001 -- the same
            return context.get(PART)
        step = step.f_back
    return None
