"""`busylight health`: whether the daemon answers. For a container's health check.

It runs every 30 seconds beside the daemon, so it loads none of the libraries that the others need.
"""

import argparse
import os
import sys
from pathlib import Path

from busylight.edge.daemon_socket import ask_daemon
from busylight.settings.faults import SettingsError
from busylight.settings.places import state_dir
from busylight.settings.variables import read_variables


def main(args: argparse.Namespace) -> int:
    """Ask it on its socket; a daemon that hangs does not answer."""
    try:
        variables = read_variables(Path(args.env_file) if args.env_file else None, os.environ)
    except SettingsError as error:
        print(f"busylight: {error}", file=sys.stderr)
        return os.EX_CONFIG
    place = state_dir(variables.given, variables.file, os.environ)
    told = ask_daemon(place)
    if told is None:
        print(
            f"busylight: no program answers in {place}: it does not run, it hangs, or it has "
            "another BUSYLIGHT_STATE_DIR or BUSYLIGHT_ID",
            file=sys.stderr,
        )
        return 1
    print(f"healthy; the light shows: {told.get('state')}")
    return 0
