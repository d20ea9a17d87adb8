"""Where each variable's value comes from: the environment, the env file, or a secret's file."""

import logging
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from busylight.settings.envfile import parse_env_file
from busylight.settings.faults import SettingFault, SettingsError
from busylight.settings.renamed import RENAMED, Renamed, with_new_names

_log: Final = logging.getLogger("busylight.settings")

PREFIX: Final = "BUSYLIGHT_"
DEFAULT_FILES: Final = (Path(".env"), Path("/etc/busylight/busylight.env"))
_SECRET_LIMIT: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class Variable:
    """A value that was given, and where."""

    name: str
    """With the prefix."""
    value: str
    where: str | None = None
    """`file:line`; None for the environment."""


@dataclass(frozen=True, slots=True)
class Variables:
    """All of ours that were given."""

    given: Mapping[str, Variable]
    file: Path | None
    """The env file that was read, if any."""
    faults: tuple[SettingFault, ...]
    old_names: tuple[str, ...] = ()
    """Names that stand there and are others today; `given` has the new ones."""


def read_variables(named_file: Path | None, environ: Mapping[str, str]) -> Variables:
    """Read the env file (the named one, else the first default that is there) and `environ`.

    Raises `SettingsError` if there is nothing to go on with: the file cannot be read. A setting
    that has another name today is taken by it, and the old name is told in the log.
    """
    file = env_file_in_force(named_file)
    given: dict[str, Variable] = {}
    faults: list[SettingFault] = []
    if file is not None:
        lines, broken = parse_env_file(_read(file))
        faults += [
            SettingFault(f"{file}:{line.number}", f"the line {line.problem}") for line in broken
        ]
        for line in lines:
            if line.name.startswith(PREFIX) and line.value:
                given[line.name] = Variable(line.name, line.value, f"{file}:{line.number}")
    for name, value in environ.items():
        if name.startswith(PREFIX) and value:
            given[name] = Variable(name, value)
    return _renamed(Variables(given, file, tuple(faults)), RENAMED)


def _renamed(read: Variables, table: Iterable[Renamed]) -> Variables:
    """The same by the names of today."""
    bare = {name.removeprefix(PREFIX): variable for name, variable in read.given.items()}
    outputs = bare["OUTPUTS"].value.lower().split(",") if "OUTPUTS" in bare else []
    values, replaced = with_new_names(bare, table, [name.strip() for name in outputs])
    for old, (new, one) in replaced.items():
        where = bare[old].where or "in the environment"
        _log.warning(
            "%s%s (%s) is called %s%s since %s: rename it, the old name works until %s",
            *(PREFIX, old, where, PREFIX, new, one.on, one.until),
        )
    given = {f"{PREFIX}{name}": value for name, value in values.items()}
    given = {name: replace(value, name=name) for name, value in given.items()}
    return replace(read, given=given, old_names=tuple(f"{PREFIX}{old}" for old in replaced))


def env_file_in_force(named_file: Path | None) -> Path | None:
    """The env file that is read: the named one, else the first default that is there."""
    if named_file is not None:
        return named_file
    return next((path for path in DEFAULT_FILES if _may_be_there(path)), None)


def _may_be_there(path: Path) -> bool:
    """A file in a directory that is closed to us shall be told, not passed over."""
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True
    return True


def _read(file: Path) -> str:
    try:
        return file.read_bytes().decode("utf-8")
    except FileNotFoundError:
        problem = "there is no such env file; name one that exists with --env-file"
    except PermissionError:
        problem = "this user may not read the env file; try with sudo, or as the light's user"
    except OSError as error:
        problem = f"the env file cannot be read: {error.strerror or error}"
    except UnicodeDecodeError as error:
        problem = f"the env file is not UTF-8 (at byte {error.start}); save it as UTF-8"
    raise SettingsError([SettingFault(str(file), problem)])


def with_secret_files(
    given: Mapping[str, Variable], secrets: Iterable[str]
) -> tuple[dict[str, Variable], list[SettingFault]]:
    """Put what stands in the file that `X_FILE` names in the place of the secret `X`."""
    values = dict(given)
    faults: list[SettingFault] = []
    for name in secrets:
        pointer = values.pop(f"{name}_FILE", None)
        if pointer is None:
            continue
        if name in values:
            faults.append(
                SettingFault(pointer.name, f"is given together with {name}, and one is enough")
            )
            continue
        try:
            content = Path(pointer.value).read_bytes()
            if len(content) > _SECRET_LIMIT:
                raise OSError("it is too large for a secret")  # noqa: TRY301 -- one way out
            text = content.decode("utf-8").removesuffix("\n").removesuffix("\r")
            if not text:
                raise OSError("it is empty")  # noqa: TRY301 -- one way out
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) and error.strerror else error
            faults.append(
                SettingFault(
                    f"{pointer.name}={pointer.value}",
                    f"names a file that cannot be read: {reason}",
                    where=pointer.where,
                )
            )
            continue
        values[name] = Variable(name, text, pointer.where)
    return values, faults


_KUBERNETES: Final = re.compile(
    r"BUSYLIGHT_([A-Z0-9_]+_)?"
    r"(SERVICE_HOST|SERVICE_PORT(_[A-Z0-9_]+)?|PORT(_[0-9]+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?)"
)
_KUBERNETES_ADDRESS: Final = re.compile(r"(tcp|udp|sctp)://[0-9A-Fa-f.:\[\]]+:[0-9]+")


def is_from_kubernetes(variable: Variable, *, known: bool) -> bool:
    """Whether a cluster has put this in the environment for a service called busylight.

    A name of our own is Kubernetes' only if its value is an address: `BUSYLIGHT_MQTT_PORT` may
    be either.
    """
    if variable.where is not None or not _KUBERNETES.fullmatch(variable.name):
        return False
    if variable.name.endswith("_PORT") and not variable.name.endswith("SERVICE_PORT"):
        return _KUBERNETES_ADDRESS.fullmatch(variable.value) is not None
    return not known
