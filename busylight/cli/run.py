"""`busylight run`: the daemon."""

import argparse
from functools import partial

from busylight.app.clash import clash
from busylight.app.daemon import Daemon, run_until_signalled, wiring_of
from busylight.app.watch import Watch
from busylight.cli.common import STDOUT, Exit, log, settings_of, state_dir_of
from busylight.cli.sign_in_prompt import prompt_line
from busylight.core.knowledge import SignInPrompt
from busylight.core.view import View
from busylight.edge.state_dir import DaemonLock
from busylight.edge.systemd import Supervisor
from busylight.settings.tree import Settings


def main(args: argparse.Namespace) -> int:
    """Run until SIGTERM or SIGINT."""
    settings = settings_of(args)
    if (problem := clash()) is not None:
        log.warning("%s; %s", *problem)
    with DaemonLock(state_dir_of(settings)):
        run_until_signalled(partial(_daemon, settings), settings.state_dir)
    return Exit.OK


def _daemon(settings: Settings, supervisor: Supervisor, watch: Watch) -> Daemon:
    wiring, broken = wiring_of(settings)
    wiring.watchers.append(SignInTeller())
    return Daemon(settings, wiring, broken, supervisor, watch)


class SignInTeller:
    """Prints address and code of each sign-in that waits, once."""

    def __init__(self) -> None:
        self._told: SignInPrompt | None = None

    def __call__(self, view: View) -> None:
        """Look at a new view."""
        if view.sign_in is not None and view.sign_in != self._told:
            STDOUT.say(prompt_line(view.sign_in))
        self._told = view.sign_in
