"""The command `busylight`. Each command is a file here, imported only when it is called.

What this file imports is what `--help` costs: even `typing` would be a tenth of it.
"""

import argparse
import sys
from collections.abc import Sequence

COMMANDS = {
    "setup": "find the light, sign in, write the settings: a conversation that ends with a light",
    "run": "watch presence and drive every output, until it is told to stop",
    "demo": "see it work: a working day on stand-ins, no account, broker or hardware",
    "login": "sign in to Microsoft with a code or a browser",
    "logout": "forget the sign-in",
    "status": "read presence once and print it with the light it maps to",
    "check": "try every configured part, and say how to mend what fails",
    "test-light": "walk the outputs through every state of the palette",
    "devices": "list serial ports and lights, with the setting that would select each",
    "plugins": "list the sources and outputs that are installed, and what is wrong with any",
    "palette": "print the colours in force, and where each rule came from",
    "firmware": "the light that you build: its firmware, or a virtual one",
    "service": "start with the machine, as a service of systemd",
    "health": "ask the running daemon whether it is well, for a container's health check",
    "set": "set a running daemon's mode through MQTT",
    "unpublish": "take this light off the broker, and out of Home Assistant",
}
"""Every command with its line of help; its file is its name with `_` for `-`."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return the exit code; see docs/commands.md."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    command = next((word for word in words if word in COMMANDS), None)
    if command in ("run", "demo"):
        _end_when_told()
    asks_for_version = command is None and any(word.startswith("--v") for word in words)
    parser = _parser(command, _version() if asks_for_version else "")
    if command is None:  # --help, --version, or a mistake: argparse explains, and ends it
        parser.parse_args(words)
        return 0
    args = parser.parse_args(words, argparse.Namespace(env_file=None, debug=False))
    del parser  # the words of all commands, which `run` would hold for as long as it lives
    from importlib import import_module  # noqa: PLC0415 -- not for --help

    from busylight.edge import core_dumps, standard_streams  # noqa: PLC0415 -- the same

    standard_streams.occupy()
    core_dumps.forbid()
    if command == "health":
        from busylight.cli import health  # noqa: PLC0415 -- without all that the others load

        return health.main(args)
    from busylight.cli.common import leave, run_command  # noqa: PLC0415 -- not for --help

    code = run_command(import_module(f"busylight.cli.{_module(command)}").main, args)
    if command == "run" and arguments is None:
        leave(code)
    return code


def _end_when_told() -> None:
    """Until the program has handlers of its own: a stop while it loads is a stop, too."""
    import signal  # noqa: PLC0415 -- not for --help

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: sys.exit(0))


def _version() -> str:
    from busylight.edge.build import described  # noqa: PLC0415 -- a checkout asks git

    return f"busylight {described()}"


def _parser(chosen: str | None = None, version: str = "") -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="busylight",
        description="Shows a person's Microsoft Teams presence on a light, truthfully.",
        epilog="Settings come from an env file and the environment; see config.example.env.",
    )
    parser.add_argument(
        "--version", action="version", version=version, help="say which build this is, and end"
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, text in COMMANDS.items():
        command = commands.add_parser(name, help=text, description=text[0].upper() + text[1:])
        if name == chosen:
            from busylight.cli.arguments import add_arguments  # noqa: PLC0415 -- not for --help

            add_arguments(name, command)
    return parser


def _module(command: str) -> str:
    # `set` would hide Python's own word in a reader's mind.
    return {"set": "set_mode"}.get(command, command.replace("-", "_"))
