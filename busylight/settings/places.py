"""Where the state directory is: known without a library, for whoever only asks the daemon."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from busylight.settings.variables import PREFIX, Variable

_SYSTEM_FILE_DIR: Final = Path("/etc/busylight")


def state_dir(given: Mapping[str, Variable], file: Path | None, environ: Mapping[str, str]) -> Path:
    """The directory that the settings name, else the light's own in the root for such."""
    named = given.get(f"{PREFIX}STATE_DIR")
    if named is not None:
        return Path(named.value).expanduser()
    light = given.get(f"{PREFIX}ID")
    return _root(file, environ) / (light.value if light is not None else "busylight")


def _root(file: Path | None, environ: Mapping[str, str]) -> Path:
    if systemd := environ.get("STATE_DIRECTORY"):
        return Path(systemd.split(":")[0])
    if file is not None and file.resolve().is_relative_to(_SYSTEM_FILE_DIR):
        return Path("/var/lib/busylight")
    if xdg := environ.get("XDG_STATE_HOME"):
        return Path(xdg) / "busylight"
    return Path("~/.local/state/busylight").expanduser()
