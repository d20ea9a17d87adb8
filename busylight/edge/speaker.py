"""Words for people on stdout or stderr, which may be blocked: nobody waits for them.

A terminal that was stopped by Ctrl-S, or a pipe that nobody reads, would otherwise hold up
whoever logs a line, and with it the light.
"""

import contextlib
import os
import queue
import threading
from typing import Final

_KEPT: Final = 1000  # lines; of more, the newest are lost
_IDLE: Final = 30.0  # seconds without a line after which the thread ends: the next gets a new one


class Speaker:
    """Writes lines to a descriptor, from a thread of its own that the exit does not wait for."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._lines: queue.Queue[bytes] = queue.Queue(_KEPT)
        self._idle = threading.Condition()
        self._unwritten = 0
        self._thread: threading.Thread | None = None

    def say(self, line: str) -> None:
        """Have one line written; returns at once."""
        with self._idle:
            try:
                self._lines.put_nowait(f"{line}\n".encode("utf-8", "replace"))
            except queue.Full:
                return
            self._unwritten += 1
            if self._thread is None:
                thread = threading.Thread(target=self._write, name="speaker", daemon=True)
                with contextlib.suppress(RuntimeError):  # no more threads now; with the next line
                    thread.start()
                    self._thread = thread

    def flush(self, seconds: float = 1.0) -> None:
        """Wait until all is written, but no longer than `seconds`."""
        with self._idle:
            self._idle.wait_for(lambda: self._unwritten == 0, seconds)

    def _write(self) -> None:
        while True:
            try:
                content = self._lines.get(timeout=_IDLE)
            except queue.Empty:
                with self._idle:
                    if self._lines.empty():
                        self._thread = None
                        return
                continue
            try:
                # Not through sys.stdout: a thread that hangs there keeps a lock that the exit
                # of the interpreter wants.
                while content:
                    content = content[os.write(self._descriptor, content) :]
            except OSError:
                pass  # nobody reads it any more: that is no fault of the light
            with self._idle:
                self._unwritten -= 1
                self._idle.notify_all()
