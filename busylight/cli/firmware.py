"""`busylight firmware`: the light that people build themselves."""

import argparse
from importlib import import_module

from busylight.cli.common import CommandError, Exit


def main(args: argparse.Namespace) -> int:
    """Do one thing with the firmware."""
    action = import_module(f"busylight.cli.firmware_{args.action}")
    try:
        action.run(args)
    except OSError as error:
        raise CommandError(f"{args.action}: {error}") from None
    return Exit.OK
