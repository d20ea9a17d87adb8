"""A serial port without a wire: a pseudo-terminal that can be unplugged, plugged in, and stalled.

What stands at its far end is a subclass of `PseudoPort`.
"""

import contextlib
import os
import select
import threading
import tty
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Self


class PseudoPort(ABC):
    """A context manager; `path` stays the same through `unplug` and `replug`.

    So does the link by id of a real device. A subclass says what happens to what comes.
    """

    tick: float | None = None
    """Seconds after which `passed` is called though nothing comes; None: never."""

    def __init__(self, path: Path | None = None) -> None:
        """Plug in nothing yet; the link stands at `path`, else in a directory of its own."""
        self._directory = None if path else TemporaryDirectory(prefix="virtual-light-")
        self.path = path or Path(self._directory.name if self._directory else "") / "light"
        self._line: _Line | None = None
        self._reading = threading.Event()
        self._reading.set()

    @abstractmethod
    def took(self, content: bytes) -> None:
        """Bytes have come from the host."""

    def passed(self) -> None:  # noqa: B027 -- a light without effects has nothing to do
        """Time has passed."""

    def plugged(self) -> None:  # noqa: B027 -- nor one that remembers nothing
        """There is a new line, on which nothing has come yet."""

    def __enter__(self) -> Self:
        self.plug()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.unplug()
        if self._directory is not None:
            self._directory.cleanup()

    def plug(self) -> None:
        """Appear: a new pseudo-terminal, and the link to it. Nothing if it is plugged in."""
        if self._line is None:
            self._line = self._plugged()

    def _plugged(self) -> "_Line":
        self.plugged()
        line = _Line(self.took, self.passed, self.tick, self._reading)
        temporary = self.path.with_name(f".{self.path.name}.new")
        temporary.unlink(missing_ok=True)
        temporary.symlink_to(line.device)
        temporary.replace(self.path)
        return line

    def unplug(self) -> None:
        """Disappear: whoever has the port open is told so by the kernel."""
        if self._line is None:
            return
        self.path.unlink(missing_ok=True)
        line, self._line = self._line, None
        line.close()

    def replug(self) -> None:
        """Disappear, and appear under another device name behind the same link."""
        before = self._line
        self._line = self._plugged()  # while the old name is still taken
        if before is not None:
            before.close()

    def stall(self) -> None:
        """Stop reading, as a board that hangs: writes fill the buffer and then block."""
        self._reading.clear()
        if self._line is not None:
            self._line.wake()

    def resume(self) -> None:
        """Read again, what waits in the buffer first."""
        self._reading.set()
        if self._line is not None:
            self._line.wake()

    def say(self, content: bytes) -> bool:
        """Send bytes to the host; False if it did not read on, and some of them are lost."""
        line = self._line
        return line is not None and line.write(content)


class _Line:
    """One pseudo-terminal, and the thread that reads it."""

    def __init__(
        self,
        took: Callable[[bytes], None],
        passed: Callable[[], None],
        tick: float | None,
        reading: threading.Event,
    ) -> None:
        self._took = took
        self._passed = passed
        self._tick = tick
        self._reading = reading
        self._far, near = os.openpty()
        tty.setraw(near)
        os.set_blocking(self._far, False)
        self.device = os.ttyname(near)
        # Kept open here, or the far end would read an error as soon as a host lets go.
        self._near = near
        self._wake_read, self._wake_write = os.pipe()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="virtual light", daemon=True)
        self._thread.start()

    def write(self, content: bytes) -> bool:
        # What nobody reads is lost, as on a wire: a full buffer must not block the light.
        try:
            return os.write(self._far, content) == len(content)
        except BlockingIOError:
            return False

    def wake(self) -> None:
        with contextlib.suppress(OSError):
            os.write(self._wake_write, b".")

    def close(self) -> None:
        self._closed = True
        self.wake()
        self._thread.join(5)
        for descriptor in (self._near, self._far, self._wake_read, self._wake_write):
            os.close(descriptor)

    def _run(self) -> None:
        while not self._closed:
            watched = [self._wake_read]
            if self._reading.is_set():
                watched.append(self._far)
            ready, _, _ = select.select(watched, [], [], self._tick)
            if self._wake_read in ready:
                os.read(self._wake_read, 4096)
            elif self._far in ready:
                self._took(os.read(self._far, 4096))
            if self._tick is not None and self._reading.is_set():
                self._passed()
