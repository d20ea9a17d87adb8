"""`busylight firmware build`: the firmware for an Arduino or Pro Micro, as a file to flash."""

import argparse
import secrets
from pathlib import Path

from busylight.cli.common import CommandError, env_file_is_there
from firmware_bridge import avr


def run(args: argparse.Namespace) -> None:
    """Build, and say what was built. `firmware flash` builds by itself."""
    env_file_is_there(args)
    settings = dict(args.set)
    settings.setdefault("SERIAL_NUMBER", avr.serial_number(secrets.token_bytes(8)))
    directory = Path(args.output)
    try:
        directory.mkdir(parents=True, exist_ok=True)
        firmware = avr.build(directory, settings, avr.chip_of(args.chip))
    except avr.BuildError as error:
        raise CommandError(f"build: {error}") from None
    except OSError as error:
        raise CommandError(f"build: {directory} cannot be made: {error.strerror}") from None
    print(f"{firmware.hex}\n{firmware}")
