"""A serial light without a board: a pseudo-terminal whose far end reads lines and remembers.

It understands one line a frame, `HEX BRIGHTNESS EFFECT STATE`: the colour with the brightness
applied as six hexadecimal digits, the brightness from 0 to 255, and two words. A line that is
none is counted and otherwise passed over, as a light would.
"""

import re
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from firmware_bridge.pseudo_port import PseudoPort

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


class VirtualLight(PseudoPort):
    """A light that understands text; a context manager.

    `path` stays the same through `unplug` and `replug`, as the link by id of a real one does.
    """

    def __init__(self, path: Path | None = None) -> None:
        """Plug in nothing yet; the link stands at `path`, else in a directory of its own."""
        super().__init__(path)
        self._heard = threading.Condition()
        self._torn = bytearray()
        self._frames: deque[Frame] = deque(maxlen=_REMEMBERED_FRAMES)
        self._received = bytearray()
        self.last_line = b""
        """The last whole line as it came, with its end."""
        self.junk = 0
        """Lines that were not understood."""

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

    def plugged(self) -> None:
        """What was torn off with the old line is no beginning of a new one."""
        self._torn = bytearray()

    def took(self, content: bytes) -> None:
        """Read lines."""
        with self._heard:
            self._received += content
            del self._received[:-_REMEMBERED_BYTES]
            for byte in content:
                if byte != ord("\n"):
                    if len(self._torn) <= _LONGEST_LINE:
                        self._torn.append(byte)
                    continue
                self.last_line = bytes(self._torn) + b"\n"
                frame = parse_line(bytes(self._torn).rstrip(b"\r"), time.monotonic())
                self._torn.clear()
                if frame is None:
                    self.junk += 1
                else:
                    self._frames.append(frame)
            self._heard.notify_all()
