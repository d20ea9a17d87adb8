"""`busylight demo`: the real pipeline on stand-ins, and a picture of what reaches the light."""

import argparse
import asyncio
import os
import sys
from pathlib import Path

from busylight.cli.common import CommandError, Exit
from busylight.demo.play import Options, play
from busylight.demo.player import NotShownError
from busylight.settings.faults import SettingsError
from busylight.settings.variables import read_variables


def main(args: argparse.Namespace) -> int:
    """Play days until Ctrl-C, or one with `--once`."""
    env_file = None if args.env_file is None else Path(args.env_file)
    try:
        variables = read_variables(env_file, os.environ)
    except SettingsError:
        if env_file is not None:
            raise
        # The service's settings are closed to this user: its colours are not shown, then.
        variables = read_variables(Path(os.devnull), os.environ)
    options = Options(speed=args.speed, once=args.once, plain=args.plain or not sys.stdout.isatty())
    try:
        asyncio.run(play(variables, options))
    except NotShownError as error:
        raise CommandError(str(error)) from None
    return Exit.OK
