"""What commands share: exit codes, settings, the form of errors, the log."""

import argparse
import json
import logging
import os
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from enum import IntEnum
from pathlib import Path
from typing import Any, Final, NoReturn

from busylight.cli.log_output import configure
from busylight.edge.log import conceal, redact
from busylight.edge.speaker import Speaker
from busylight.edge.state_dir import AlreadyRunningError, StateDirError, prepare
from busylight.mqtt.settings import MqttSettings
from busylight.parts import PartError
from busylight.settings.faults import SettingFault, SettingsError
from busylight.settings.load import load
from busylight.settings.tree import LogFormat, Settings, secrets_of
from busylight.settings.variables import read_variables
from busylight.sources.graph.settings import GraphSettings

JSON_VERSION: Final = 1
"""The version of the schema of every `--json` output; see docs/commands.md."""


STDOUT: Final = Speaker(1)
STDERR: Final = Speaker(2)
"""For commands that stay: their words never hold them up."""


class Exit(IntEnum):
    """What a command's exit code means."""

    OK = 0
    FAILED = 1
    USAGE = 2
    SIGN_IN_NEEDED = 77
    BAD_SETTINGS = 78


class CommandError(Exception):
    """A command cannot do what was asked; the text says what to do next."""

    def __init__(self, text: str, code: Exit = Exit.FAILED) -> None:
        super().__init__(text)
        self.code = code


def run_command(command: Callable[[argparse.Namespace], int], args: argparse.Namespace) -> int:
    """Run a command and tell each error in one line on stderr; return the exit code."""
    configure("debug" if args.debug else "warning", as_json=False)
    with suppress(AttributeError, ValueError, OSError):  # a stdout that is none, or closed
        # A Latin-1 terminal shows \u2615 for a cup of coffee, and no error.
        sys.stdout.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]  # see above
    try:
        return _told(command, args)
    except BrokenPipeError:
        # Whoever read our output has gone, as `| head` does.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.FAILED
    except KeyboardInterrupt:
        return 130  # what a shell says of a program that Ctrl-C has ended
    except Exception as error:  # noqa: BLE001 -- told in one line, or as a redacted traceback
        if args.debug:
            print(redact(traceback.format_exc()), file=sys.stderr)
        return _fail(
            f"{type(error).__name__}: {error} (this should not happen; run it again with "
            "--debug and report what it prints)"
        )
    finally:
        for speaker in (STDOUT, STDERR):
            speaker.flush()


def leave(code: int) -> NoReturn:
    """End the process now, when all is said and let go of.

    Python's own end takes seconds on a busy machine, waits for whatever thread a plugin has left
    behind, and nothing could cut it short.
    """
    logging.shutdown()  # what was counted of the log is told
    for speaker in (STDOUT, STDERR):
        speaker.flush()
    os._exit(code)


def _told(command: Callable[[argparse.Namespace], int], args: argparse.Namespace) -> int:
    try:
        return command(args)
    except SettingsError as error:
        for fault in error.faults:
            _say(str(fault))
        return Exit.BAD_SETTINGS
    except StateDirError as error:
        return _fail(str(error), Exit.BAD_SETTINGS)
    except CommandError as error:
        return _fail(str(error), error.code)
    except (AlreadyRunningError, PartError) as error:
        return _fail(str(error))


def _fail(text: str, code: Exit = Exit.FAILED) -> int:
    _say(text)
    return code


def _say(text: str) -> None:
    print(f"busylight: {redact(' '.join(text.split()))}", file=sys.stderr)


def settings_of(
    args: argparse.Namespace, *, needs_source: bool = True, needs_outputs: bool = True
) -> Settings:
    """The settings that the command line names; the log is as they say."""
    env_file = None if args.env_file is None else Path(args.env_file)
    settings = load(env_file, needs_source=needs_source, needs_outputs=needs_outputs)
    for secret in secrets_of(settings):
        conceal(secret)
    stays = args.command == "run"
    level = "debug" if args.debug else settings.log_level.value if stays else "warning"
    as_json = settings.log_format is LogFormat.JSON
    configure(level, as_json=as_json, speaker=STDERR if stays else None)
    return settings


def env_file_is_there(args: argparse.Namespace) -> None:
    """For a command that needs no setting: a named file that is missing is told all the same."""
    if args.env_file is not None:
        read_variables(Path(args.env_file), {})


def graph_settings_of(settings: Settings) -> GraphSettings:
    """The settings of Graph, for commands that are about its sign-in."""
    if settings.source != "graph" or settings.graph is None:
        raise CommandError(
            f"presence is read from {settings.source}, which needs no sign-in at Microsoft"
        )
    return settings.graph


def broker_settings_of(settings: Settings) -> MqttSettings:
    """The settings of the broker, for commands that are about it."""
    if settings.mqtt is None:
        raise SettingsError(
            [
                SettingFault(
                    "BUSYLIGHT_MQTT_HOST",
                    "is missing: this command works through the broker",
                    "BUSYLIGHT_MQTT_HOST=homeassistant.local",
                )
            ]
        )
    return settings.mqtt


def state_dir_of(settings: Settings) -> Path:
    """The state directory, made private and ours."""
    prepare(settings.state_dir)
    return settings.state_dir


def print_json(content: dict[str, Any]) -> None:
    """Print one document of a documented schema."""
    spells_all = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
    document = {"version": JSON_VERSION, **content}
    print(json.dumps(document, indent=2, ensure_ascii=not spells_all))


log: Final = logging.getLogger("busylight.cli")
