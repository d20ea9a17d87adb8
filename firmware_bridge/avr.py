"""Builds the firmware for the ATmega328P (Uno, Nano), with Debian's gcc-avr and avr-libc."""

import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

SOURCES: Final = Path(__file__).parent / "boards" / "avr"
CHIP: Final = "atmega328p"
FLASH: Final = 32 * 1024
RAM: Final = 2 * 1024
SHARE: Final = 0.5
"""The share of flash and RAM that may be used: the rest is to spare."""
SETTINGS: Final = ("PIXELS", "LIMIT_MA", "CHANNEL_MA", "ORDER", "PWM", "SERIAL_NUMBER")
"""What a builder may set; boards/avr/config.h says what each is."""


class BuildError(Exception):
    """The firmware cannot be built; the text says what to do about it."""


@dataclass(frozen=True, slots=True)
class Firmware:
    """What was built, and how much of the chip it takes, in bytes."""

    elf: Path
    hex: Path
    binary: Path
    flash: int
    ram: int

    @property
    def fits(self) -> bool:
        """Whether half of the chip is to spare."""
        return self.flash <= FLASH * SHARE and self.ram <= RAM * SHARE

    def __str__(self) -> str:
        """The figures, as people read them."""
        return (
            f"flash {self.flash} of {FLASH} bytes ({self.flash / FLASH:.1%}), "
            f"RAM {self.ram} of {RAM} bytes ({self.ram / RAM:.1%})"
        )


def build(directory: Path, settings: Mapping[str, str] | None = None) -> Firmware:
    """Build into `directory`; raises `BuildError`."""
    given = dict(settings or {})
    if unknown := sorted(set(given) - set(SETTINGS)):
        raise BuildError(f"{', '.join(unknown)}: settings are {', '.join(SETTINGS)}")
    elf, hex_file, binary = (directory / f"light.{end}" for end in ("elf", "hex", "bin"))
    sources = sorted(str(path) for path in SOURCES.glob("*.c"))
    _run(
        "avr-gcc",
        *("-std=gnu11", f"-mmcu={CHIP}", "-DF_CPU=16000000UL", "-Os", "-flto"),
        *("-Wall", "-Wextra", "-Werror", "-ffunction-sections", "-fdata-sections"),
        *(f"-D{name}={value}" for name, value in given.items()),
        *("-Wl,--gc-sections", "-o", str(elf), *sources),
    )
    _run("avr-objcopy", "-O", "ihex", "-R", ".eeprom", str(elf), str(hex_file))
    _run("avr-objcopy", "-O", "binary", "-R", ".eeprom", str(elf), str(binary))
    flash, ram = _size(_run("avr-size", str(elf)))
    firmware = Firmware(elf, hex_file, binary, flash, ram)
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
        lines = [line for line in done.stderr.splitlines() if "error" in line]
        raise BuildError("; ".join(lines) or done.stderr.strip())
    return done.stdout
