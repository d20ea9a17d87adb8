"""A button's bouncing contact as presses, double presses and long presses.

Runs unchanged under CPython and MicroPython. Pure: it is told whether it is down, and how much
time has passed.
"""

from firmware_bridge import protocol

BOUNCE = 20
"""Milliseconds that a contact has to stay as it is to count."""
LONG = 800
"""Milliseconds that a long press is held."""
DOUBLE = 350
"""Milliseconds within which a second press makes a double one."""


class Button:
    """One button; `advance` is to be called every few milliseconds."""

    def __init__(self) -> None:
        self._is_down = False
        self._changing = 0  # for how long the contact has been otherwise
        self._held = 0  # since it went down
        self._waiting = -1  # since a first press was let go; -1: nothing waits
        self._is_told = False  # whether this press is told already

    def advance(self, is_down: bool, milliseconds: int) -> int:  # noqa: FBT001 -- what a pin reads
        """The kind of press that is complete now, as in BUTTON; 0 if none is."""
        if self._is_down:
            self._held += milliseconds
        if self._waiting >= 0:
            self._waiting += milliseconds
        if is_down == self._is_down:
            self._changing = 0
        else:
            self._changing += milliseconds
            if self._changing >= BOUNCE:
                self._changing = 0
                self._is_down = is_down
                return self._went_down() if is_down else self._went_up()
        if self._is_down and not self._is_told and self._held >= LONG:
            self._is_told = True
            self._waiting = -1
            return protocol.LONG_PRESS
        if not self._is_down and self._waiting > DOUBLE:
            self._waiting = -1
            return protocol.PRESS
        return 0

    def _went_down(self) -> int:
        self._held = 0
        self._is_told = False
        if self._waiting < 0:
            return 0
        self._waiting = -1
        self._is_told = True
        return protocol.DOUBLE_PRESS

    def _went_up(self) -> int:
        if not self._is_told:
            self._waiting = 0
        return 0
