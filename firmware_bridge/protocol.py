"""What goes over the wire between a host and a light: docs/protocol.md, as code.

Runs unchanged under CPython and MicroPython (hence no typing, dataclasses or enum). Pure: bytes
go in, messages come out. Nothing that is read raises: junk is counted and passed over.
"""

import struct

VERSION = 1
"""The highest version of the protocol that this module speaks."""

LONGEST_FRAME = 32
"""Bytes of a frame on the wire, both delimiters included."""
LONGEST_PAYLOAD = 24
DELIMITER = b"\x00"

# From the host.
HELLO = 0x01
SHOW = 0x02
PING = 0x03
RELEASE = 0x04
HEARD = 0x05
REPL = 0x06
# From the light.
IDENTITY = 0x81
SHOWN = 0x82
BUTTON = 0x85
ERROR = 0x8F

SOLID = 0
BLINK = 1
PULSE = 2
BREATHE = 3

# What a light is doing, in SHOWN.
IDLE = 0
SHOWING = 1
RELEASED = 2
LOST = 3

# Flags of SHOWN.
LIMITED = 1
"""The light is dimmer than it was told, so that it draws no more current than it may."""
WAS_LOST = 2
"""The light had given its host up before this frame."""

# Why a frame was refused, in ERROR.
UNKNOWN_KIND = 1
TOO_SHORT = 2
NEWER_VERSION = 3

# Capabilities, in IDENTITY.
HAS_BUTTON = 1
HAS_REPL = 2
HAS_PIXELS = 4
HAS_PWM = 8

PRESS = 1
DOUBLE_PRESS = 2
LONG_PRESS = 3

REPL_WORD = b"REPL"
"""The payload that REPL must have: no accident gives the light out of hand."""

# Boards, in IDENTITY.
SIMULATOR = 0
ATMEGA328P = 1
ATMEGA32U4 = 2
RP2040 = 3
RP2350 = 4
ESP32 = 5
BOARD_NAMES = {
    SIMULATOR: "simulator",
    ATMEGA328P: "ATmega328P",
    ATMEGA32U4: "ATmega32U4",
    RP2040: "RP2040",
    RP2350: "RP2350",
    ESP32: "ESP32",
}

SHORTEST_PERIOD = 400
"""Milliseconds. Faster flashing is a danger to people with photosensitive epilepsy."""
LONGEST_PERIOD = 60000
DEFAULT_PERIODS = {BLINK: 1000, PULSE: 1200, BREATHE: 4000}

_HEAD = 3  # version, sequence, kind
_CHECK = 2
_LONGEST_CODED = LONGEST_FRAME - 2
_SHOW = "<BBBBBHH"
_SHOWN = "<BBBBBBBHH"
_IDENTITY = "<BBBBBHH8s"
IDENTITY_SIZE = 17
SHOWN_SIZE = 11
SHOW_SIZE = 9


def crc16(content: bytes) -> int:
    """CRC-16/IBM-3740: polynomial 0x1021, from 0xFFFF, not reflected."""
    crc = 0xFFFF
    for byte in content:
        mixed = (crc >> 8) ^ byte
        mixed ^= mixed >> 4
        crc = ((crc << 8) ^ (mixed << 12) ^ (mixed << 5) ^ mixed) & 0xFFFF
    return crc


def stuff(content: bytes) -> bytes:
    """Consistent overhead byte stuffing, for fewer than 254 bytes: no zero is left."""
    coded = bytearray(1)
    place = 0  # of the count that is still open
    for byte in content:
        if byte:
            coded.append(byte)
        else:
            coded[place] = len(coded) - place
            place = len(coded)
            coded.append(0)
    coded[place] = len(coded) - place
    return bytes(coded)


def unstuff(coded: bytes) -> bytes | None:
    """The reverse of `stuff`; None if that is impossible."""
    content = bytearray()
    place = 0
    while place < len(coded):
        count = coded[place]
        end = place + count
        if not count or end > len(coded):
            return None
        content.extend(coded[place + 1 : end])
        if end < len(coded):
            content.append(0)
        place = end
    return bytes(content)


class Message:
    """One frame, understood."""

    def __init__(self, sequence: int, kind: int, payload: bytes, version: int = VERSION) -> None:
        self.sequence = sequence
        self.kind = kind
        self.payload = payload
        self.version = version


def encode(sequence: int, kind: int, payload: bytes = b"", version: int = VERSION) -> bytes:
    """The bytes of one frame, a delimiter on either side. Raises ValueError over 24 of payload."""
    if len(payload) > LONGEST_PAYLOAD:
        raise ValueError("a payload has at most 24 bytes")
    content = bytes((version, sequence, kind)) + payload
    return DELIMITER + stuff(content + struct.pack("<H", crc16(content))) + DELIMITER


def decode(coded: bytes) -> Message | None:
    """What stands between two delimiters; None if it is no frame."""
    content = unstuff(coded)
    if content is None or len(content) < _HEAD + _CHECK:
        return None
    check = content[-2] | content[-1] << 8
    content = content[:-_CHECK]
    if crc16(content) != check or not content[0]:
        return None
    return Message(content[1], content[2], content[_HEAD:], content[0])


class Reader:
    """Finds the frames in what comes, in pieces of any length."""

    def __init__(self) -> None:
        self._coded = bytearray()
        self._too_long = False
        self.junk = 0
        """Pieces between two delimiters that were no frame."""

    def feed(self, content: bytes) -> list[Message]:
        """The messages that are complete with these bytes."""
        found = []
        for byte in content:
            if byte:
                if len(self._coded) < _LONGEST_CODED:
                    self._coded.append(byte)
                else:
                    self._too_long = True
                continue
            if not self._coded:
                continue
            message = None if self._too_long else decode(bytes(self._coded))
            self._coded = bytearray()
            self._too_long = False
            if message is None:
                self.junk += 1
            else:
                found.append(message)
        return found


class Show:
    """A light to be shown, and for how long without another word."""

    def __init__(
        self,
        red: int,
        green: int,
        blue: int,
        brightness: int = 255,
        effect: int = SOLID,
        period: int = 0,
        lifetime: int = 0,
    ) -> None:
        """`period` in milliseconds (0: the usual one); `lifetime` in tenths of a second (0: ever).

        An effect that is not known is solid, and a period is brought between 0.4 and 60 s.
        """
        self.red = red
        self.green = green
        self.blue = blue
        self.brightness = brightness
        self.effect = effect if effect in DEFAULT_PERIODS else SOLID
        if self.effect == SOLID:
            period = 0
        elif period == 0:
            period = DEFAULT_PERIODS[self.effect]
        else:
            period = min(max(period, SHORTEST_PERIOD), LONGEST_PERIOD)
        self.period = period
        self.lifetime = lifetime

    def look(self) -> tuple[int, ...]:
        """All but the lifetime."""
        return self.red, self.green, self.blue, self.brightness, self.effect, self.period

    def pack(self) -> bytes:
        """The payload of SHOW."""
        return struct.pack(_SHOW, *self.look(), self.lifetime)


def unpack_show(payload: bytes) -> Show | None:
    """The payload of SHOW read; None if it is too short. What follows is of a newer version."""
    if len(payload) < SHOW_SIZE:
        return None
    return Show(*struct.unpack(_SHOW, payload[:SHOW_SIZE]))


class Shown:
    """What a light shows now."""

    def __init__(self, state: int, flags: int, show: Show) -> None:
        """`show.lifetime` is what is left of it, in tenths of a second; 0 is for ever."""
        self.state = state
        self.flags = flags
        self.show = show

    def pack(self) -> bytes:
        """The payload of SHOWN."""
        return struct.pack(_SHOWN, self.state, self.flags, *self.show.look(), self.show.lifetime)


def unpack_shown(payload: bytes) -> Shown | None:
    """The payload of SHOWN read; None if it is too short."""
    if len(payload) < SHOWN_SIZE:
        return None
    state, flags, *show = struct.unpack(_SHOWN, payload[:SHOWN_SIZE])
    return Shown(state, flags, Show(*show))


class Identity:
    """Who a light is."""

    def __init__(
        self,
        board: int,
        serial_number: bytes,
        pixels: int,
        capabilities: int,
        firmware: tuple[int, int, int] = (0, 1, 0),
        version: int = VERSION,
    ) -> None:
        """`serial_number` has 8 bytes; `version` is the highest of the protocol that it speaks."""
        self.board = board
        self.serial_number = serial_number
        self.pixels = pixels
        self.capabilities = capabilities
        self.firmware = firmware
        self.version = version

    def pack(self) -> bytes:
        """The payload of IDENTITY."""
        return struct.pack(
            _IDENTITY,
            self.version,
            *self.firmware,
            self.board,
            self.pixels,
            self.capabilities,
            self.serial_number,
        )


def unpack_identity(payload: bytes) -> Identity | None:
    """The payload of IDENTITY read; None if it is too short."""
    if len(payload) < IDENTITY_SIZE:
        return None
    version, major, minor, patch, board, pixels, capabilities, number = struct.unpack(
        _IDENTITY, payload[:IDENTITY_SIZE]
    )
    return Identity(board, number, pixels, capabilities, (major, minor, patch), version)
