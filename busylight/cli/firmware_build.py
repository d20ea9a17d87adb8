"""`busylight firmware build`: the firmware for an Arduino Uno or Nano, as a file to flash."""

import argparse
import secrets
from pathlib import Path

from busylight.cli.common import CommandError
from firmware_bridge import avr


def run(args: argparse.Namespace) -> None:
    """Build, and say what was built and how to put it on the board."""
    settings = dict(_setting(text) for text in args.set)
    # No two lights should share it.
    number = ",".join(str(byte) for byte in secrets.token_bytes(8))
    settings.setdefault("SERIAL_NUMBER", number)
    directory = Path(args.output)
    directory.mkdir(parents=True, exist_ok=True)
    try:
        firmware = avr.build(directory, settings)
    except avr.BuildError as error:
        raise CommandError(f"build: {error}") from None
    print(f"{firmware.hex}\n{firmware}")
    print(
        "put it on the board with its port in place of PORT (a Nano's old bootloader has 57600):\n"
        f"  avrdude -p m328p -c arduino -P PORT -b 115200 -U flash:w:{firmware.hex}:i"
    )


def _setting(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not value:
        raise CommandError(f"--set {text}: is no NAME=VALUE like PIXELS=24")
    return name, value
