"""`busylight service`: as a service of systemd, that starts with the machine."""

import argparse
import sys
from pathlib import Path

from busylight.cli.common import CommandError, Exit, settings_of
from busylight.edge.daemon_socket import ask_daemon
from busylight.service.files import settings_file, unit_name
from busylight.service.install import ServiceError, install, state_of, uninstall
from busylight.settings.variables import env_file_in_force


def main(args: argparse.Namespace) -> int:
    """Install, uninstall, or say how it is."""
    try:
        if args.action == "install":
            _install(args)
        elif args.action == "uninstall":
            uninstall(_program(), args.name, print)
        else:
            return _status(args)
    except ServiceError as error:
        raise CommandError(str(error)) from None
    return Exit.OK


def _install(args: argparse.Namespace) -> None:
    named = args.env_file or (args.name and settings_file(args.name))
    settings_in = env_file_in_force(Path(named) if named else None)
    if settings_in is None:
        raise CommandError(
            "there are no settings yet: write them into ./.env or "
            f"{settings_file(None)} (docs/settings.md), or name their file with --env-file",
            Exit.BAD_SETTINGS,
        )
    args.env_file = str(settings_in)
    settings = settings_of(args)  # faulty settings make no service
    install(_program(), settings_in, args.name, print)
    if settings.graph is not None and not settings.graph.is_app_permission:
        print(f"Now sign in: sudo {_program()} login --env-file {settings_file(args.name)}")


def _status(args: argparse.Namespace) -> int:
    state = state_of(args.name)
    print(f"{unit_name(args.name)}: {state}")
    if state == "not installed":
        return Exit.FAILED
    args.env_file = args.env_file or str(settings_file(args.name))
    told = ask_daemon(settings_of(args, needs_source=False, needs_outputs=False).state_dir)
    print("the program answers" if told else "the program does not answer")
    if told:
        print(f"the light shows: {told['state']}")
        for name, health in told["diagnostics"]["outputs"].items():
            if "error" in health:
                print(f"but {name} does not: {health['error']}")
    return Exit.OK if state.startswith("active") and told else Exit.FAILED


def _program() -> Path:
    return Path(sys.prefix) / "bin" / "busylight"
