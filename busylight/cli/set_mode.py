"""`busylight set MODE [--for 25m] [--teams]`: a running daemon's override, through MQTT."""

import argparse
import asyncio

from busylight.cli.common import CommandError, Exit, broker_settings_of, settings_of
from busylight.core.override import Mode, SetMode
from busylight.core.preferred_presence import PREFERRED


def main(args: argparse.Namespace) -> int:
    """Ask the daemon for a mode, and wait until it confirms."""
    from busylight.outputs.mqtt.remote import set_mode  # noqa: PLC0415 -- loads paho

    if args.mode is Mode.AUTO and args.seconds is not None:
        raise CommandError("--for does not go with auto, which has no end", Exit.USAGE)
    if args.teams and args.mode not in (Mode.AUTO, *PREFERRED):
        raise CommandError(
            f"--teams does not go with {args.mode}, which is about the light alone; it goes with "
            f"auto, {', '.join(PREFERRED)}",
            Exit.USAGE,
        )
    settings = settings_of(args, needs_source=False, needs_outputs=False)
    wanted = SetMode(args.mode, args.seconds)
    asyncio.run(set_mode(broker_settings_of(settings), wanted, teams=args.teams))
    return Exit.OK
