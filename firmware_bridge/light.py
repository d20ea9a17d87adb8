"""What a board does with what it is told: effects, gamma, current limit, a host that is gone.

Runs unchanged under CPython and MicroPython. Pure, and all in whole numbers, so that the C
implementation for AVR comes to the very same values. Time is told to it in milliseconds passed.
"""

from firmware_bridge import protocol

FULL = 255
_FOREVER = -1
_TENTH = 100  # milliseconds

BOOT_LIFETIME = 10000
"""Milliseconds after power-up without a word until a light takes its host for gone."""

HOST_LOST = protocol.Show(0x40, 0x00, 0xFF, 64, protocol.PULSE, 4000)
"""The unknown colour, dim and slow."""

_RISE = 13107  # of 65536: the share of a pulse in which it grows
_FALL = 65536 - _RISE
_HALF = 32768

# Half a breath, from a tenth to full, in 32 steps: 26 + 229 * (1 - cos(pi * i / 32)) / 2.
BREATH = (
    b"\x1a\x1b\x1c\x1f\x23\x28\x2d\x34\x3c\x44\x4d\x57\x61\x6b\x76\x81"
    b"\x8c\x98\xa3\xae\xb8\xc2\xcc\xd5\xdd\xe5\xec\xf1\xf6\xfa\xfd\xfe"
    b"\xff"
)

# What 8-bit sRGB is in light: 255 * (v / 255) ** 2.2, and never dark where v is not.
GAMMA = (
    b"\x00\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01\x01"
    b"\x01\x01\x01\x01\x01\x01\x01\x01\x01\x02\x02\x02\x02\x02\x02\x02"
    b"\x03\x03\x03\x03\x03\x04\x04\x04\x04\x05\x05\x05\x05\x06\x06\x06"
    b"\x06\x07\x07\x07\x08\x08\x08\x09\x09\x09\x0a\x0a\x0b\x0b\x0b\x0c"
    b"\x0c\x0d\x0d\x0d\x0e\x0e\x0f\x0f\x10\x10\x11\x11\x12\x12\x13\x13"
    b"\x14\x14\x15\x16\x16\x17\x17\x18\x19\x19\x1a\x1a\x1b\x1c\x1c\x1d"
    b"\x1e\x1e\x1f\x20\x21\x21\x22\x23\x23\x24\x25\x26\x27\x27\x28\x29"
    b"\x2a\x2b\x2b\x2c\x2d\x2e\x2f\x30\x31\x31\x32\x33\x34\x35\x36\x37"
    b"\x38\x39\x3a\x3b\x3c\x3d\x3e\x3f\x40\x41\x42\x43\x44\x45\x46\x47"
    b"\x49\x4a\x4b\x4c\x4d\x4e\x4f\x51\x52\x53\x54\x55\x57\x58\x59\x5a"
    b"\x5b\x5d\x5e\x5f\x61\x62\x63\x64\x66\x67\x69\x6a\x6b\x6d\x6e\x6f"
    b"\x71\x72\x74\x75\x77\x78\x79\x7b\x7c\x7e\x7f\x81\x82\x84\x85\x87"
    b"\x89\x8a\x8c\x8d\x8f\x91\x92\x94\x95\x97\x99\x9a\x9c\x9e\x9f\xa1"
    b"\xa3\xa5\xa6\xa8\xaa\xac\xad\xaf\xb1\xb3\xb5\xb6\xb8\xba\xbc\xbe"
    b"\xc0\xc2\xc4\xc5\xc7\xc9\xcb\xcd\xcf\xd1\xd3\xd5\xd7\xd9\xdb\xdd"
    b"\xdf\xe1\xe3\xe5\xe7\xea\xec\xee\xf0\xf2\xf4\xf6\xf8\xfb\xfd\xff"
)


def level(effect: int, elapsed: int, period: int) -> int:
    """How bright an effect is, 0 to 255, `elapsed` milliseconds after it began."""
    if effect == protocol.SOLID:
        return FULL
    phase = (elapsed % period) * 65536 // period
    if effect == protocol.BLINK:
        return FULL if phase < _HALF else 0
    if effect == protocol.PULSE:
        if phase < _RISE:
            return phase * FULL // _RISE
        left = (65536 - phase) * 256 // _FALL
        return (left * left * FULL) >> 16
    if phase >= _HALF:
        phase = 65536 - phase
    step = phase >> 10
    low = BREATH[step]
    if step == len(BREATH) - 1:
        return low
    return low + ((BREATH[step + 1] - low) * (phase & 1023) >> 10)


class Light:
    """The light of a board: what it was told, and what it shows of that at this moment."""

    def __init__(self, pixels: int, limit: int = 400, channel: int = 20) -> None:
        """`limit`: the milliamperes that all LEDs may draw; `channel`: what one of an LED does."""
        self.pixels = pixels
        self.limit = limit
        self._channel = channel
        self._told = protocol.Show(0, 0, 0, 0)
        self._told_state = protocol.IDLE
        self._left = BOOT_LIFETIME
        self._elapsed = 0
        self._was_lost = False
        self.state = protocol.IDLE
        """One of the states of SHOWN."""

    def show(self, show: protocol.Show) -> None:
        """Show it; a light that is shown already goes on without a jerk."""
        if self.state != protocol.SHOWING or show.look() != self._told.look():
            self._elapsed = 0
        self._tell(show, protocol.SHOWING)

    def release(self, lifetime: int) -> None:
        """Go dark and let the lamp go; `lifetime` in tenths of a second, 0 for ever."""
        self._tell(protocol.Show(0, 0, 0, 0, lifetime=lifetime), protocol.RELEASED)

    def _tell(self, show: protocol.Show, state: int) -> None:
        self._told = show
        self._told_state = state
        self.word()

    def word(self) -> None:
        """The host is there: what it told last holds for its lifetime again."""
        if self.state == protocol.LOST:
            self._was_lost = True
            self._elapsed = 0
        self.state = self._told_state
        if self.state == protocol.IDLE:
            self._left = BOOT_LIFETIME
        elif self._told.lifetime:
            self._left = self._told.lifetime * _TENTH
        else:
            self._left = _FOREVER

    def advance(self, milliseconds: int) -> None:
        """Let time pass."""
        look = self.look()
        self._elapsed += milliseconds
        if look.period:
            self._elapsed %= look.period
        if self._left == _FOREVER or self.state == protocol.LOST:
            return
        self._left = max(self._left - milliseconds, 0)
        if not self._left:
            self.state = protocol.LOST
            self._elapsed = 0

    def look(self) -> protocol.Show:
        """The light that is shown, before its effect is applied."""
        return HOST_LOST if self.state == protocol.LOST else self._told

    def duty(self) -> tuple[int, int, int]:
        """What the LEDs are driven with at this moment: red, green, blue, 0 to 255."""
        look = self.look()
        return self._limited(self._duty(level(look.effect, self._elapsed, look.period)))

    def shown(self) -> protocol.Shown:
        """What SHOWN says; having been lost is said once."""
        look = self.look()
        flags = protocol.WAS_LOST if self._was_lost else 0
        self._was_lost = False
        if self._need(self._duty(FULL)) > self.limit * FULL:
            flags |= protocol.LIMITED
        lifetime = 0
        if self._left != _FOREVER and self.state != protocol.LOST:
            lifetime = (self._left + _TENTH - 1) // _TENTH
        shown = protocol.Show(*look.look())
        shown.lifetime = lifetime
        return protocol.Shown(self.state, flags, shown)

    def _duty(self, brightness: int) -> tuple[int, int, int]:
        look = self.look()
        factor = look.brightness * brightness
        return (
            GAMMA[(look.red * factor + 32512) // 65025],
            GAMMA[(look.green * factor + 32512) // 65025],
            GAMMA[(look.blue * factor + 32512) // 65025],
        )

    def _need(self, duty: tuple[int, int, int]) -> int:
        """The current of all LEDs in 255ths of a milliampere."""
        return (duty[0] + duty[1] + duty[2]) * self.pixels * self._channel

    def _limited(self, duty: tuple[int, int, int]) -> tuple[int, int, int]:
        need = self._need(duty)
        most = self.limit * FULL
        if need <= most:
            return duty
        return duty[0] * most // need, duty[1] * most // need, duty[2] * most // need
