"""A serial light without a board: a pseudo-terminal whose far end reads lines and remembers.

It understands one line a frame, `HEX BRIGHTNESS EFFECT STATE`: the colour with the brightness
applied as six hexadecimal digits, the brightness from 0 to 255, and two words. A line that is
none is counted and otherwise passed over, as a light would.
"""

import contextlib
import os
import re
import select
import threading
import time
import tty
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Final, Self

TEMPLATE: Final = r"{hex} {brightness} {effect} {state}\n"
"""What a host has to write, in the words of `BUSYLIGHT_SERIAL_TEMPLATE`."""

_LINE: Final = re.compile(
    rb"([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2}) ([0-9]{1,3}) ([a-z]{1,16}) ([a-z0-9_]{1,160})"
)
_LONGEST_LINE: Final = 256
_REMEMBERED_BYTES: Final = 1024 * 1024
_REMEMBERED_FRAMES: Final = 4096


@dataclass(frozen=True, slots=True)
class Frame:
    """One line that was understood."""

    red: int
    green: int
    blue: int
    brightness: int
    effect: str
    state: str
    at: float
    """When it was read, in seconds of `time.monotonic`."""

    @property
    def rgb(self) -> tuple[int, int, int]:
        """The colour that the light shows."""
        return self.red, self.green, self.blue


def parse_line(line: bytes, at: float) -> Frame | None:
    """Understand one line, without its end; None if it is junk."""
    found = _LINE.fullmatch(line)
    if found is None or int(found[4]) > 255:  # noqa: PLR2004 -- a byte
        return None
    red, green, blue = (int(found[i], 16) for i in (1, 2, 3))
    return Frame(red, green, blue, int(found[4]), found[5].decode(), found[6].decode(), at)


class VirtualLight:
    """A light on a pseudo-terminal; a context manager.

    `path` stays the same through `unplug` and `replug`, as the link by id of a real one does.
    """

    def __init__(self, path: Path | None = None) -> None:
        """Plug in nothing yet; the link stands at `path`, else in a directory of its own."""
        self._directory = None if path else TemporaryDirectory(prefix="virtual-light-")
        self.path = path or Path(self._directory.name if self._directory else "") / "light"
        self._heard = threading.Condition()
        self._line: _Line | None = None
        self._reading = threading.Event()
        self._reading.set()
        self._frames: deque[Frame] = deque(maxlen=_REMEMBERED_FRAMES)
        self._received = bytearray()
        self.last_line = b""
        """The last whole line as it came, with its end."""
        self.junk = 0
        """Lines that were not understood."""

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

    @property
    def frames(self) -> tuple[Frame, ...]:
        """The lines that were understood, oldest first; the last 4096 of them."""
        with self._heard:
            return tuple(self._frames)

    @property
    def last(self) -> Frame | None:
        """What the light shows."""
        with self._heard:
            return self._frames[-1] if self._frames else None

    @property
    def received(self) -> bytes:
        """The bytes as they came, the last MiB of them."""
        with self._heard:
            return bytes(self._received)

    def wait_for(self, condition: Callable[["VirtualLight"], bool], timeout: float = 10.0) -> bool:
        """Wait until `condition` holds, looking after all that is read; False at the limit."""
        with self._heard:
            return self._heard.wait_for(lambda: condition(self), timeout)

    def plug(self) -> None:
        """Appear: a new pseudo-terminal, and the link to it. Nothing if it is plugged in."""
        if self._line is None:
            self._line = self._plugged()

    def _plugged(self) -> "_Line":
        line = _Line(self._take, self._reading)
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
        self._line.close()
        self._line = None

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
        return self._line is not None and self._line.write(content)

    def _take(self, content: bytes, line: bytearray) -> None:
        with self._heard:
            self._received += content
            del self._received[:-_REMEMBERED_BYTES]
            for byte in content:
                if byte != ord("\n"):
                    if len(line) <= _LONGEST_LINE:
                        line.append(byte)
                    continue
                self.last_line = bytes(line) + b"\n"
                frame = parse_line(bytes(line).rstrip(b"\r"), time.monotonic())
                line.clear()
                if frame is None:
                    self.junk += 1
                else:
                    self._frames.append(frame)
            self._heard.notify_all()


class _Line:
    """One pseudo-terminal, and the thread that reads it."""

    def __init__(self, take: Callable[[bytes, bytearray], None], reading: threading.Event) -> None:
        self._take = take
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
        line = bytearray()
        while not self._closed:
            watched = [self._wake_read]
            if self._reading.is_set():
                watched.append(self._far)
            ready, _, _ = select.select(watched, [], [])
            if self._wake_read in ready:
                os.read(self._wake_read, 4096)
            elif self._far in ready:
                self._take(os.read(self._far, 4096), line)
