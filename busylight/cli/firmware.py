"""`busylight firmware`: the light that people build themselves."""

import argparse
from importlib import import_module
from pathlib import Path

from busylight.cli.common import CommandError, Exit
from busylight.settings.variables import read_variables


def main(args: argparse.Namespace) -> int:
    """Do one thing with the firmware. No setting is needed."""
    if args.env_file is not None:
        read_variables(Path(args.env_file), {})  # a named file that is missing is told all the same
    action = import_module(f"busylight.cli.firmware_{args.action}")
    try:
        action.run(args)
    except OSError as error:
        raise CommandError(f"{args.action}: {error}") from None
    return Exit.OK
