"""The port of a light that a command is about: which it is, and whether the daemon has it."""

import argparse
import os
from typing import Final

from busylight.cli.common import CommandError
from busylight.edge.daemon_socket import ask_daemon
from busylight.outputs.serial.finding import port_of
from busylight.parts import OutputError
from busylight.settings.tree import Settings

STOP_IT: Final = "stop it first (sudo systemctl stop busylight, or Ctrl-C where it runs)"


def port_for(args: argparse.Namespace, settings: Settings) -> str:
    """The port that is named, that is set, or that says that it is our light.

    Raises `CommandError` where there is none, or where the daemon has it.
    """
    path: str | None = args.port
    if path is None and settings.serial is not None:
        try:
            path = port_of(settings.serial)
        except OutputError as error:
            raise CommandError(f"which port? Name it with --port ({error})") from None
    if path is None:
        raise CommandError("which port? Name it with --port; `busylight devices` lists them")
    refuse_if_held(path, settings)
    return path


def refuse_if_held(path: str, settings: Settings) -> None:
    """Raise `CommandError` if the daemon drives the light on `path`."""
    daemon = ask_daemon(settings.state_dir)
    if daemon is not None and _is_daemons(path, settings):
        health = daemon["diagnostics"]["outputs"].get("serial")
        if health is not None:
            raise CommandError(
                f"the daemon (process {daemon['pid']}) has {path}, and says: "
                f"{health.get('error', health['state'])}; {STOP_IT}"
            )


def _is_daemons(path: str, settings: Settings) -> bool:
    if settings.serial is None:
        return False
    try:
        return os.path.realpath(port_of(settings.serial)) == os.path.realpath(path)
    except OutputError:
        return False
