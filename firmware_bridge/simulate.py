"""A light without a board: a pseudo-terminal with the boards' own protocol behind it.

What differs from a board is the pins alone: what the LEDs would be driven with is remembered.
"""

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from firmware_bridge import protocol
from firmware_bridge.board import FRAME, Board
from firmware_bridge.light import Light
from firmware_bridge.pseudo_port import PseudoPort

SERIAL_NUMBER: Final = b"virtual1"
PIXELS: Final = 8
_REMEMBERED: Final = 8192


@dataclass(frozen=True, slots=True)
class Painting:
    """What the LEDs were driven with, from a moment on."""

    duty: tuple[int, int, int]
    """Red, green, blue, 0 to 255, after gamma."""
    look: tuple[int, ...]
    """Red, green, blue, brightness, effect and period (milliseconds) of the light shown."""
    state: int
    """Of `firmware_bridge.protocol`: IDLE, SHOWING, RELEASED or LOST."""
    at: float
    """Seconds of `time.monotonic`."""


class SimulatedLight(PseudoPort):
    """A light of our own firmware on a pseudo-terminal; a context manager.

    It has power by itself: unplugged, it notices after the lifetime that its host is gone.
    """

    tick = FRAME / 1000

    def __init__(
        self,
        path: Path | None = None,
        *,
        pixels: int = PIXELS,
        limit: int = 400,
        serial_number: bytes = SERIAL_NUMBER,
    ) -> None:
        """Plug in nothing yet; `limit` in milliamperes."""
        super().__init__(path)
        identity = protocol.Identity(
            protocol.SIMULATOR,
            serial_number,
            pixels,
            protocol.HAS_BUTTON | protocol.HAS_PIXELS,
        )
        self.board = Board(identity, Light(pixels, limit))
        self._painted = threading.Condition()
        self._paintings: deque[Painting] = deque(maxlen=_REMEMBERED)
        self._time = time.monotonic()
        self._rest = 0.0

    @property
    def paintings(self) -> tuple[Painting, ...]:
        """All that was painted, oldest first; the last 8192 of them."""
        with self._painted:
            return tuple(self._paintings)

    @property
    def last(self) -> Painting | None:
        """What is shown."""
        with self._painted:
            return self._paintings[-1] if self._paintings else None

    def wait_for(
        self, condition: Callable[["SimulatedLight"], bool], timeout: float = 10.0
    ) -> bool:
        """Wait until `condition` holds, looking after each painting; False at the limit."""
        with self._painted:
            return self._painted.wait_for(lambda: condition(self), timeout)

    def press(self, kind: int = protocol.PRESS) -> None:
        """Press the button."""
        with self._painted:
            self.board.press(kind)

    def restart(self) -> None:
        """Lose power for a moment: all that was told is forgotten."""
        with self._painted:
            light = self.board.light
            self.board = Board(self.board.identity, Light(light.pixels, light.limit))
            self._time = time.monotonic()

    def plugged(self) -> None:
        """The board goes on; what was torn off is no beginning of a frame."""
        with self._painted:
            self.board.reader = protocol.Reader()

    def took(self, content: bytes) -> None:
        """Hand it to the board."""
        with self._painted:
            self._advance()
            self.board.receive(content)
            self._paint()

    def passed(self) -> None:
        """Let the effect go on."""
        with self._painted:
            self._advance()
            self._paint()

    def _advance(self) -> None:
        now = time.monotonic()
        passed = (now - self._time) * 1000 + self._rest
        self._time, self._rest = now, passed % 1
        self.board.advance(int(passed))

    def _paint(self) -> None:
        duty = self.board.paint()
        if duty is not None:
            light = self.board.light
            self._paintings.append(
                Painting(duty, light.look().look(), light.state, time.monotonic())
            )
            self.board.painted(duty)
            self._painted.notify_all()
        if answers := self.board.answers():
            self.say(answers)
