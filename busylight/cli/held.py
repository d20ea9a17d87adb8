"""A port that the daemon has is told of, and not opened."""

import os
from typing import Final

from busylight.app.control_socket import ask_daemon
from busylight.cli.common import CommandError
from busylight.outputs.serial.finding import port_of
from busylight.parts import OutputError
from busylight.settings.tree import Settings

STOP_IT: Final = "stop it first (sudo systemctl stop busylight, or Ctrl-C where it runs)"


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
