"""`busylight setup`: the conversation of `busylight.setup`, held in a terminal."""

import argparse
import getpass
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from pydantic.fields import FieldInfo

from busylight.cli.common import CommandError, Exit
from busylight.cli.setup_actions import Doer
from busylight.edge.log import conceal
from busylight.edge.state_dir import daemon_runs
from busylight.settings.faults import SettingFault, SettingsError
from busylight.settings.fields import fields_of
from busylight.settings.load import check
from busylight.settings.outputs import COLOR
from busylight.settings.tree import (
    BUILT_IN_OTHERS,
    BUILT_IN_OUTPUTS,
    BUILT_IN_SOURCES,
    OWN_FIELDS,
    Settings,
)
from busylight.settings.variables import (
    DEFAULT_FILES,
    PREFIX,
    Variable,
    Variables,
    env_file_in_force,
    read_variables,
)
from busylight.setup.answers import NOTHING, Answers, name_of
from busylight.setup.conversation import (
    BadSettingsError,
    NotEnoughError,
    Place,
    conversation,
    unattended,
)
from busylight.setup.steps import Ask, Outcome, StopTalkError, Talk, Tell, Values

_LONGEST_PROMPT: Final = 100


def main(args: argparse.Namespace) -> int:
    """Lead a person to a light that works, or do it without one; 130 after Ctrl-C."""
    for number in (signal.SIGTERM, signal.SIGHUP):  # a terminal that is closed is an end, too
        signal.signal(number, lambda signum, _frame: sys.exit(128 + signum))
    file = _target(args)
    variables = read_variables(file if file.exists() else None, {})
    if variables.faults:
        raise SettingsError(list(variables.faults))
    environment = {
        name.removeprefix(PREFIX): value
        for name, value in os.environ.items()
        if name.startswith(PREFIX) and value
    }
    there = {name.removeprefix(PREFIX): each.value for name, each in variables.given.items()}
    given = {name.removeprefix(PREFIX): value for name, value in args.set}
    reader = Reader(file)
    answers = Answers(
        there | given | environment,
        fixed=given.keys() | environment.keys(),
        fields=fields(),
        judge=reader.faults,
    )
    _begin_with_what_is_good(answers)
    is_root = os.geteuid() == 0
    place = Place(
        file,
        is_there=file.exists(),
        may_install=is_root and Path("/run/systemd/system").is_dir(),
        wants_service=not args.no_service,
    )
    asks = sys.stdin.isatty() and not args.yes
    talk = conversation(answers, place) if asks else unattended(answers, place, may_change=args.yes)
    written = [*there, *(name.removeprefix(PREFIX) for name in variables.old_names)]
    with Doer(file, reader.settings_of, written=written, not_written=environment.keys()) as doer:
        if daemon_runs(doer.state_dir(answers.values)):
            raise CommandError(
                "busylight is running, and has the light: stop it first (sudo systemctl stop "
                "busylight, or Ctrl-C where it runs)"
            )
        _hold(talk, doer)
    if not place.may_install and not args.no_service:
        _tell_of_service(file, is_root=is_root)
    return Exit.OK


class Reader:
    """Reads settings as every command would, were they in the file."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def settings_of(self, values: Values) -> Settings:
        """All settings; raises `SettingsError`."""
        return check(self._variables(values), os.environ)

    def faults(self, values: Values) -> list[SettingFault]:
        """What is wrong with them."""
        try:
            check(self._variables(values), os.environ)
        except SettingsError as error:
            return error.faults
        return []

    def _variables(self, values: Values) -> Variables:
        given = {
            f"{PREFIX}{name}": Variable(f"{PREFIX}{name}", value)
            for name, value in values.items()
            if value
        }
        return Variables(given, self._file, ())


def _target(args: argparse.Namespace) -> Path:
    """Where the settings will stand; raises `CommandError` where they could not be written."""
    file = env_file_in_force(Path(args.env_file) if args.env_file else None)
    if file is None:
        file = DEFAULT_FILES[1] if os.geteuid() == 0 else DEFAULT_FILES[0]
    file = file.absolute()
    place = file.parent
    while not place.exists():
        place = place.parent
    if not os.access(place, os.W_OK | os.X_OK) or (file.exists() and not os.access(file, os.R_OK)):
        raise CommandError(
            f"{file} cannot be written by this user: run it with sudo, or name another file with "
            "--env-file"
        )
    return file


def fields() -> Mapping[str, FieldInfo]:
    """Every setting that can be asked for, by its name without the prefix."""
    own = {name.upper(): Settings.model_fields[name] for name in OWN_FIELDS}
    parts = fields_of({**BUILT_IN_SOURCES, **BUILT_IN_OUTPUTS, **BUILT_IN_OTHERS}, [])
    return own | {name.removeprefix(PREFIX): field for name, field in parts.items()}


def _begin_with_what_is_good(answers: Answers) -> None:
    """Drop what is wrong by itself and will be asked for; raises where no question would mend it.

    What was given on the command line or in the environment is not dropped: 78.
    """
    hopeless = []
    for fault in answers.faults():
        name = name_of(fault)
        if name not in answers.values:
            if " is missing" not in str(fault):
                hopeless.append(fault)
        elif name in answers.fixed or not _can_be_asked(answers, name):
            hopeless.append(fault)
        else:
            print(f"What is set now is not good, and is asked for anew: {fault}")
            answers.set(name, None)
    if hopeless:
        raise SettingsError(hopeless)


def _can_be_asked(answers: Answers, name: str) -> bool:
    return answers.is_known(name) or name.startswith(COLOR)


def _hold(talk: Talk[None], doer: Doer) -> None:
    answer: str | Outcome | None = None
    try:
        while True:
            step = talk.send(answer)
            if isinstance(step, Tell):
                print(step.text, flush=True)
                answer = None
            elif isinstance(step, Ask):
                answer = _asked(step)
            else:
                answer = doer.do(step)
    except StopIteration:
        return
    except NotEnoughError as error:
        raise CommandError(str(error), Exit.USAGE) from None
    except BadSettingsError as error:
        raise CommandError(str(error), Exit.BAD_SETTINGS) from None
    except StopTalkError as error:
        raise CommandError(str(error)) from None
    except EOFError:
        raise CommandError("the input has ended; nothing was changed") from None
    except KeyboardInterrupt:
        print("\nNothing was changed.", flush=True)
        raise


def _asked(question: Ask) -> str:
    shown = question.default
    if question.secret and shown not in ("", NOTHING):
        shown = "as it is"
    text = question.text
    if len(text) > _LONGEST_PROMPT:
        print(text)
        text = question.name
    prompt = f"{text} [{shown}]: " if shown else f"{text}: "
    if not question.secret:
        return input(prompt)
    answer = getpass.getpass(prompt)
    if answer:
        conceal(answer)
    return answer


def _tell_of_service(file: Path, *, is_root: bool) -> None:
    program = Path(sys.prefix) / "bin" / "busylight"
    if is_root:
        print(f"To start it: {program} run --env-file {file}")
        return
    print(
        f"To start it now: busylight run --env-file {file}\n"
        f"To start it with the machine: sudo {program} service install --env-file {file}"
    )
