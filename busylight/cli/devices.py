"""`busylight devices`: the serial ports there are, and the setting that selects each."""

import argparse
import asyncio

from busylight.cli.common import (
    CommandError,
    Exit,
    env_file_is_there,
    print_json,
    settings_of,
    state_dir_of,
)
from busylight.outputs.serial.ports import describe, list_ports, port_document


def main(args: argparse.Namespace) -> int:
    """List what is plugged in. Nothing is opened, and no setting is needed; but see `--ours`."""
    if args.ours is not None:
        return _confirm(args)
    env_file_is_there(args)
    ports = list_ports()
    if args.json:
        print_json({"serial_ports": [port_document(port) for port in ports]})
    elif ports:
        print("\n\n".join(describe(port) for port in ports))
    else:
        print("No serial port is plugged in. A light that was just connected takes a second.")
    return Exit.OK


def _confirm(args: argparse.Namespace) -> int:
    """Ask who is on the port that a person has named, and remember it if it is our light."""
    from busylight.cli.light_port import refuse_if_held  # noqa: PLC0415 -- only here a port is opened
    from busylight.outputs.serial.confirmed import remember  # noqa: PLC0415
    from busylight.outputs.serial.conversation import identify  # noqa: PLC0415
    from busylight.outputs.serial.ports import devices  # noqa: PLC0415
    from firmware_bridge.words import describe as in_words  # noqa: PLC0415

    settings = settings_of(args, needs_source=False, needs_outputs=False)
    state_dir = state_dir_of(settings)
    refuse_if_held(args.ours, settings)
    baud = 115_200 if settings.serial is None else settings.serial.baud
    identity = asyncio.run(identify(args.ours, baud))
    try:
        remember(state_dir, args.ours, devices())
    except OSError as error:
        raise CommandError(f"it cannot be kept in {state_dir}: {error.strerror}") from None
    print(f"{args.ours} has our light: {in_words(identity)}")
    print("BUSYLIGHT_SERIAL_PORT=auto finds it from now on, wherever it is plugged in.")
    return Exit.OK
