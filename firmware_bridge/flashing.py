"""The boards that firmware can be put on, and by which way."""

from dataclasses import dataclass
from typing import Final

from firmware_bridge import protocol


class FlashError(Exception):
    """The firmware could not be put on the board; the text says what to do about it."""


@dataclass(frozen=True, slots=True)
class AvrBoard:
    """A board whose bootloader avrdude speaks to."""

    title: str
    kind: int
    """What its firmware says that it is, in IDENTITY."""
    mcu: str
    """The chip as avr-gcc calls it."""
    part: str
    """The chip as avrdude calls it."""
    programmer: str
    """The bootloader's language, as avrdude calls it."""
    baud: int
    no_answer: str
    """What helps when the bootloader does not answer."""
    touch: bool = False
    """Whether opening its port at 1200 baud starts the bootloader, on a port of its own."""


@dataclass(frozen=True, slots=True)
class PythonBoard:
    """A board on which MicroPython runs, to which mpremote copies files."""

    title: str
    kind: int
    """What its firmware says that it is, in IDENTITY."""


_RESET: Final = (
    "see that it is the right port and a cable with data lines, and that nothing is on pins 0 and 1"
)

_328P: Final = (protocol.ATMEGA328P, "atmega328p", "m328p", "arduino")

BOARDS: Final[dict[str, AvrBoard | PythonBoard]] = {
    "uno": AvrBoard("Arduino Uno", *_328P, 115_200, _RESET),
    "nano": AvrBoard(
        "Arduino Nano",
        *(*_328P, 115_200),
        f"many Nanos have the old bootloader: try `nano-old-bootloader`; else {_RESET}",
    ),
    "nano-old-bootloader": AvrBoard(
        "Arduino Nano, old bootloader",
        *(*_328P, 57_600),
        f"perhaps this Nano has the new bootloader: try `nano`; else {_RESET}",
    ),
    "pro-micro": AvrBoard(
        "Pro Micro",
        *(protocol.ATMEGA32U4, "atmega32u4", "m32u4", "avr109", 57_600),
        "join RST to GND twice within a second, and try again within 8 s",
        touch=True,
    ),
    "rp2040": PythonBoard("RP2040 (Pico)", protocol.RP2040),
    "rp2350": PythonBoard("RP2350 (Pico 2)", protocol.RP2350),
    "esp32": PythonBoard("ESP32, -S2, -S3, -C3, -C6", protocol.ESP32),
}
"""By the name that a person types."""
