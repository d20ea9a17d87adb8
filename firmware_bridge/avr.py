"""Builds the firmware for ATmega328P (Uno, Nano) and ATmega32U4 (Pro Micro).

With Debian's gcc-avr and avr-libc.
"""

import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from firmware_bridge import protocol

SOURCES: Final = Path(__file__).parent / "boards" / "avr"
SHARE: Final = 0.5
"""The share of flash and RAM that may be used: the rest is to spare."""
SETTINGS: Final = (
    *("PIXELS", "LIMIT_MA", "CHANNEL_MA", "ORDER", "PWM", "BUTTON", "SERIAL_NUMBER"),
    *("USB_VID", "USB_PID"),
)
"""What a builder may set; boards/avr/config.h says what each is."""
UNTOLD: Final = ("LIMIT_MA", "CHANNEL_MA", "ORDER")
"""Those of them that a board of ours does not tell."""


@dataclass(frozen=True, slots=True)
class Chip:
    """A chip that there is firmware for."""

    mcu: str
    """As avr-gcc calls it."""
    name: str
    flash: int
    """Bytes."""
    ram: int
    """Bytes."""


ATMEGA328P: Final = Chip("atmega328p", "ATmega328P", 32 * 1024, 2 * 1024)
ATMEGA32U4: Final = Chip("atmega32u4", "ATmega32U4", 32 * 1024, 2560)
CHIPS: Final = (ATMEGA328P, ATMEGA32U4)

_NUMBER: Final = "(?:0x[0-9A-Fa-f]+|[0-9]+)"
_NUMBERS: Final = re.compile(f"{_NUMBER}(?:,{_NUMBER})*")  # a serial number has eight
_EXAMPLE: Final = "PIXELS=24"
_ASSERTION: Final = re.compile('static assertion failed: "(.*)"')
"""What our C says of settings that are out of range."""


def chip_of(mcu: str) -> Chip:
    """The chip that avr-gcc calls so."""
    return next(chip for chip in CHIPS if chip.mcu == mcu)


def serial_number(number: bytes) -> str:
    """The value of SERIAL_NUMBER for eight bytes, which no two lights should share."""
    return ",".join(str(byte) for byte in number)


def settings_told(identity: protocol.Identity) -> dict[str, str]:
    """The settings that a board of ours tells of itself: all of it but currents and order."""

    def has(capability: int) -> str:
        return str(int(bool(identity.capabilities & capability)))

    return {
        "PIXELS": str(identity.pixels),
        "PWM": has(protocol.HAS_PWM),
        "BUTTON": has(protocol.HAS_BUTTON),
        "SERIAL_NUMBER": serial_number(identity.serial_number),
    }


class BuildError(Exception):
    """The firmware cannot be built; the text says what to do about it."""


@dataclass(frozen=True, slots=True)
class Firmware:
    """What was built, and how much of the chip it takes, in bytes."""

    chip: Chip
    elf: Path
    hex: Path
    binary: Path
    flash: int
    ram: int

    @property
    def fits(self) -> bool:
        """Whether half of the chip is to spare."""
        return self.flash <= self.chip.flash * SHARE and self.ram <= self.chip.ram * SHARE

    def __str__(self) -> str:
        """The figures, as people read them."""
        flash, ram = self.chip.flash, self.chip.ram
        return (
            f"{self.chip.name}: flash {self.flash} of {flash} bytes ({self.flash / flash:.1%}), "
            f"RAM {self.ram} of {ram} bytes ({self.ram / ram:.1%})"
        )


def build(
    directory: Path, settings: Mapping[str, str] | None = None, chip: Chip = ATMEGA328P
) -> Firmware:
    """Build into `directory`; raises `BuildError`."""
    given = dict(settings or {})
    if unknown := sorted(set(given) - set(SETTINGS)):
        raise BuildError(f"{', '.join(unknown)}: settings are {', '.join(SETTINGS)}")
    for name, value in given.items():
        if not _NUMBERS.fullmatch(value):
            raise BuildError(f"{name}={value}: a whole number is expected, as {_EXAMPLE}")
    elf, hex_file, binary = (directory / f"light.{end}" for end in ("elf", "hex", "bin"))
    sources = sorted(str(path) for path in SOURCES.glob("*.c"))
    _run(
        "avr-gcc",
        *("-std=gnu11", f"-mmcu={chip.mcu}", "-DF_CPU=16000000UL", "-Os", "-flto"),
        *("-Wall", "-Wextra", "-Werror", "-ffunction-sections", "-fdata-sections"),
        *(f"-D{name}={value}" for name, value in given.items()),
        *("-Wl,--gc-sections", "-o", str(elf), *sources),
    )
    _run("avr-objcopy", "-O", "ihex", "-R", ".eeprom", str(elf), str(hex_file))
    _run("avr-objcopy", "-O", "binary", "-R", ".eeprom", str(elf), str(binary))
    flash, ram = _size(_run("avr-size", str(elf)))
    firmware = Firmware(chip, elf, hex_file, binary, flash, ram)
    if not firmware.fits:
        raise BuildError(f"the firmware takes more than half of the chip: {firmware}")
    return firmware


def _size(said: str) -> tuple[int, int]:
    """Flash and RAM, of what avr-size says: text, data, bss."""
    text, data, bss = (int(number) for number in said.splitlines()[1].split()[:3])
    return text + data, data + bss


def _run(program: str, *arguments: str) -> str:
    path = shutil.which(program)
    if path is None:
        raise BuildError(
            f"{program} is not installed; on Debian: sudo apt-get install gcc-avr avr-libc"
        )
    done = subprocess.run([path, *arguments], capture_output=True, text=True, check=False)  # noqa: S603 -- a compiler, with arguments of ours and numbers
    if done.returncode:
        lines = _ASSERTION.findall(done.stderr)
        lines = lines or [line for line in done.stderr.splitlines() if "error" in line]
        raise BuildError("; ".join(lines) or done.stderr.strip())
    return done.stdout
