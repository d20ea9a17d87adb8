"""The start of Home Assistant's add-on: what its form says becomes settings of the daemon.

It begins as root, for only root may read the form's answers; then it becomes the image's user, in
the groups of the serial ports, and the daemon takes its place.
"""

import http.client
import json
import os
import stat
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep
from typing import Any, Final
from urllib.parse import urlsplit

from busylight.settings.variables import PREFIX

USER: Final = 10001
"""As in the Dockerfile."""
SETTINGS: Final = {
    "name": "NAME",
    "client_id": "GRAPH_CLIENT_ID",
    "tenant_id": "GRAPH_TENANT_ID",
    "client_secret": "GRAPH_CLIENT_SECRET",
    "user": "GRAPH_USER",
    "serial_port": "SERIAL_PORT",
    "serial_protocol": "SERIAL_PROTOCOL",
    "brightness": "BRIGHTNESS",
    "hours": "HOURS",
    "mqtt_host": "MQTT_HOST",
    "mqtt_port": "MQTT_PORT",
    "mqtt_username": "MQTT_USERNAME",
    "mqtt_password": "MQTT_PASSWORD",
    "log_level": "LOG_LEVEL",
}
"""By the form's option; `outputs` and `settings` are lists of their own."""

_DATA: Final = Path("/data")
_STATE_DIR: Final = f"{PREFIX}STATE_DIR"
_SUPERVISOR: Final = "http://supervisor"
_TOKENS: Final = ("SUPERVISOR_TOKEN", "HASSIO_TOKEN")
_ANSWER_LIMIT: Final = 64 * 1024


class AddonError(Exception):
    """The add-on cannot start; the text says what to do about it."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long the supervisor may take to know of a broker, which may start after us. Seconds."""

    in_all: float = 60.0
    between: float = 5.0
    each: float = 10.0


def main(data: Path = _DATA, patience: Patience | None = None) -> int:
    """Start the daemon in this process's place; returns an exit code only if it cannot."""
    try:
        options = _options(data / "options.json")
        environment = {name: value for name, value in os.environ.items() if name not in _TOKENS}
        state_dir = Path(environment.get(_STATE_DIR) or data / "busylight")
        given = settings_of(options)
        if wants_broker(given):
            given |= _broker(os.environ, given, patience or Patience())
        environment |= given | {_STATE_DIR: str(state_dir)}
        _step_down(state_dir, ports_of(given, Path("/dev")))
    except AddonError as error:
        _say(str(error))
        return os.EX_CONFIG
    words = [sys.executable, "-m", "busylight", "run"]
    return os.execve(sys.executable, words, environment)  # noqa: S606 -- no shell is wanted


def settings_of(options: Mapping[str, Any]) -> dict[str, str]:
    """The settings that the form's answers amount to. What is left empty is not set."""
    given = {
        f"{PREFIX}{setting}": _text(options[option])
        for option, setting in SETTINGS.items()
        if options.get(option) not in (None, "")
    }
    outputs = [str(output) for output in options.get("outputs") or ["mqtt"]]
    if f"{PREFIX}SERIAL_PORT" in given and "serial" not in outputs:
        outputs.append("serial")  # who chooses a port has a light on it
    given[f"{PREFIX}OUTPUTS"] = ",".join(outputs)
    for more in options.get("settings") or []:
        name = str(more["name"]).strip().upper()
        given[name if name.startswith(PREFIX) else f"{PREFIX}{name}"] = str(more["value"])
    return given


def wants_broker(given: Mapping[str, str]) -> bool:
    """Whether the broker is to be Home Assistant's: one is needed, and none is named."""
    words = f"{given[f'{PREFIX}OUTPUTS']},{given.get(f'{PREFIX}SOURCE', '')}".lower().split(",")
    needed = any(word.strip().partition(":")[0] == "mqtt" for word in words)
    return needed and not given.get(f"{PREFIX}MQTT_HOST")


def broker_settings(answer: Any) -> dict[str, str]:
    """The broker that the supervisor names, as settings. Raises AddonError, with its words."""
    data = answer.get("data") if isinstance(answer, dict) else None
    if not isinstance(data, dict) or answer.get("result") != "ok":
        words = answer.get("message") if isinstance(answer, dict) else None
        raise AddonError(str(words or "an answer that is none"))
    try:
        given = {
            "MQTT_HOST": str(data["host"]),
            "MQTT_PORT": str(int(data["port"])),
            "MQTT_USERNAME": str(data.get("username") or ""),
            "MQTT_PASSWORD": str(data.get("password") or ""),
            "MQTT_TLS": "true" if data.get("ssl") else "",
        }
    except (KeyError, TypeError, ValueError) as error:
        raise AddonError("it names no host and port of the broker") from error
    return {f"{PREFIX}{name}": value for name, value in given.items() if value}


def ports_of(given: Mapping[str, str], dev: Path) -> set[int]:
    """The groups that serial ports belong to; root's own only for a port that was chosen."""
    chosen = given.get(f"{PREFIX}SERIAL_PORT", "")
    groups = {_group(path) for path in dev.glob("tty[A-Z]*")} - {0}
    if chosen.startswith("/"):
        groups.add(_group(Path(chosen)))
    return {group for group in groups if group is not None}


def _group(path: Path) -> int | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_gid if stat.S_ISCHR(status.st_mode) else None


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _options(path: Path) -> dict[str, Any]:
    try:
        options = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise AddonError(
            f"{path} cannot be read ({error}): this starts the add-on of Home Assistant; "
            "anywhere else it is `busylight run`"
        ) from None
    if not isinstance(options, dict):
        raise AddonError(f"{path} holds no answers of a form")
    return options


def _broker(
    environ: Mapping[str, str], given: Mapping[str, str], patience: Patience
) -> dict[str, str]:
    """Ask the supervisor for Home Assistant's broker until it has one."""
    deadline = monotonic() + patience.in_all
    while True:
        try:
            return broker_settings(_asked(environ, patience.each))
        except (AddonError, OSError, http.client.HTTPException) as error:
            problem = f"Home Assistant names no MQTT broker ({error})"
        if monotonic() >= deadline:
            break
        _say(f"{problem}; asking again")
        sleep(patience.between)
    others = [name for name in given[f"{PREFIX}OUTPUTS"].split(",") if name != "mqtt"]
    if not others or given.get(f"{PREFIX}SOURCE", "").lower() == "mqtt":
        raise AddonError(
            f"{problem}: install the add-on Mosquitto broker and start this one again, or name a "
            "broker of your own in mqtt_host"
        )
    _say(f"{problem}: going on without, until this add-on is started again")
    return {f"{PREFIX}OUTPUTS": ",".join(others)}


def _asked(environ: Mapping[str, str], seconds: float) -> Any:
    """What the supervisor answers about MQTT. Raises AddonError, OSError, HTTPException."""
    token = next((environ[name] for name in _TOKENS if environ.get(name)), None)
    if token is None:
        raise AddonError("the supervisor has given no token")
    address = urlsplit(environ.get("SUPERVISOR_API") or _SUPERVISOR)
    connection = http.client.HTTPConnection(
        address.hostname or "", address.port or 80, timeout=seconds
    )
    try:
        headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
        connection.request("GET", "/services/mqtt", headers=headers)
        response = connection.getresponse()
        body = response.read(_ANSWER_LIMIT)
    finally:
        connection.close()
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise AddonError(f"it answers with {response.status} {response.reason}") from None


def _step_down(state_dir: Path, groups: Iterable[int]) -> None:
    """Give the program its directory, and be root no longer."""
    try:
        state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        if os.geteuid() == 0:
            os.chown(state_dir, USER, USER)
            above = state_dir.parent
            above.chmod(above.stat().st_mode | stat.S_IXOTH)  # the way to it
            os.setgroups(sorted(groups))
            os.setgid(USER)
            os.setuid(USER)
    except OSError as error:
        raise AddonError(f"{state_dir}: {error.strerror or error}") from None


def _say(text: str) -> None:
    sys.stderr.write(f"busylight: {text}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
