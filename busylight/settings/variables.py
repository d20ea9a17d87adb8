"""Where each variable's value comes from: the environment, the env file, or a secret's file."""

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from busylight.settings.envfile import parse_env_file
from busylight.settings.faults import SettingFault, SettingsError

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


def read_variables(named_file: Path | None, environ: Mapping[str, str]) -> Variables:
    """Read the env file (the named one, else the first default that is there) and `environ`.

    Raises `SettingsError` if there is nothing to go on with: the file cannot be read.
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
    return Variables(given, file, tuple(faults))


def env_file_in_force(named_file: Path | None) -> Path | None:
    """The env file that is read: the named one, else the first default that is there."""
    if named_file is not None:
        return named_file
    # lexists, and not exists: a file in a directory that is closed to us shall be told, not
    # passed over.
    return next((path for path in DEFAULT_FILES if os.path.lexists(path)), None)


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
