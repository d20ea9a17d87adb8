"""Putting the service on this machine, and taking it away again. Needs root."""

import contextlib
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from busylight.outputs.usb.rules import RULES, udev_rules
from busylight.service.files import (
    MODULES,
    SETTINGS_DIR,
    STATE_ROOT,
    USER,
    files,
    settings_file,
    unit_name,
)

_BOOTED: Final = Path("/run/systemd/system")  # sd_booted(3)
_HIDDEN: Final = tuple(map(Path, ("/home", "/root", "/run/user", "/tmp", "/var/tmp")))  # noqa: S108 -- where the service does not see
_READABLE: Final = 0o644
_SETTINGS_MODE: Final = 0o640
_SECONDS: Final = 120.0

Say = Callable[[str], None]


class ServiceError(Exception):
    """The service cannot be put there; the text says what to do about it."""


def install(program: Path, settings: Path, name: str | None, say: Say) -> None:
    """Make `program` a service with these settings; `name` is given to one of several lights.

    What is there already is brought up to date, and a service that runs is restarted. Raises
    `ServiceError`.
    """
    _see_that_it_can_run(program)
    target = settings_file(name)
    _see_that_nothing_is_lost(settings, target)
    with _told():
        for path, text in {**files(program), **usb_rules()}.items():
            if _write(path, text):
                say(f"wrote {path}")
        _run("systemd-sysusers", "/etc/sysusers.d/busylight.conf")
        user = pwd.getpwnam(USER)
        _own_directory(SETTINGS_DIR, 0, user.pw_gid, 0o750)
        _own_directory(STATE_ROOT, user.pw_uid, user.pw_gid, 0o700)
        _hand_over(STATE_ROOT, user.pw_uid, user.pw_gid)
        if _write(target, settings.read_text("utf-8"), _SETTINGS_MODE, user.pw_gid):
            say(f"wrote {target} (which is what counts from now on)")
        unit = unit_name(name)
        if not _BOOTED.is_dir():
            _run("systemctl", "enable", unit)
            say(f"enabled {unit}; systemd does not run here, so it starts at the next boot")
            return
        _load_drivers()
        _run("systemctl", "daemon-reload")
        _run("systemctl", "enable", unit)
        _run("systemctl", "restart", unit)
    say(f"started {unit}, now and at each boot")


def uninstall(program: Path, name: str | None, say: Say) -> None:
    """Stop the service and take its files away, but for settings and sign-in.

    The files that all lights share go with the last one. Raises `ServiceError`.
    """
    _see_that_we_are_root(program, "uninstall")
    unit = unit_name(name)
    with _told():
        _run("systemctl", "disable", *(["--now"] if _BOOTED.is_dir() else []), unit, may_fail=True)
        say(f"stopped and disabled {unit}")
        if not _others(unit):
            for path in (*files(Path("/")), RULES):
                if path.exists():
                    path.unlink()
                    say(f"removed {path}")
        if _BOOTED.is_dir():
            _run("systemctl", "daemon-reload")
    say(f"left: {SETTINGS_DIR} (settings), {STATE_ROOT} (sign-in), and the user {USER}")


def usb_rules() -> dict[Path, str]:
    """The rules for lights from the shop, where the library that speaks to them is installed."""
    try:
        from busylight.outputs.usb.lights import supported  # noqa: PLC0415 -- an extra
    except ImportError:
        return {}
    return {RULES: udev_rules(supported())}


def state_of(name: str | None) -> str:
    """What systemd says of it in two words, such as `active (running)`; raises `ServiceError`."""
    shown = _run("systemctl", "show", "--property=LoadState,ActiveState,SubState", unit_name(name))
    words = dict(line.partition("=")[::2] for line in shown.splitlines())
    if words.get("LoadState") == "not-found":
        return "not installed"
    return f"{words.get('ActiveState', 'unknown')} ({words.get('SubState', 'unknown')})"


def _see_that_it_can_run(program: Path) -> None:
    _see_that_we_are_root(program, "install")
    if shutil.which("systemctl") is None:
        raise ServiceError(
            "there is no systemd on this machine; let your own supervisor start "
            f"`{program} run`, and restart it when it ends"
        )
    place = program.resolve()
    if not program.exists() or any(place.is_relative_to(each) for each in _HIDDEN):
        raise ServiceError(
            f"the program is at {program}, where a service may not see it; install it for all: "
            "sudo python3 -m venv /opt/busylight, then sudo /opt/busylight/bin/pip install with "
            "what you have installed here, then sudo /opt/busylight/bin/busylight service install"
        )


def _see_that_we_are_root(program: Path, action: str) -> None:
    if os.geteuid() != 0:
        raise ServiceError(f"this needs root: sudo {program} service {action}")


def _see_that_nothing_is_lost(settings: Path, target: Path) -> None:
    if not target.exists() or settings.resolve() == target.resolve():
        return
    if settings.read_bytes() != target.read_bytes():
        raise ServiceError(
            f"{target} is there already, and says something else than {settings}: change it "
            f"there, or remove it and do this again; `--env-file {target}` keeps it as it is"
        )


def _write(path: Path, text: str, mode: int = _READABLE, group: int = 0) -> bool:
    """Replace a file in one step; whether there was anything to do."""
    content = text.encode()
    path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    if path.is_file() and path.read_bytes() == content:
        os.chown(path, 0, group)
        path.chmod(mode)
        return False
    descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        os.fchown(file.fileno(), 0, group)
        os.fchmod(file.fileno(), mode)
        file.flush()
        os.fsync(file.fileno())
    Path(temporary).replace(path)
    return True


def _own_directory(path: Path, user: int, group: int, mode: int) -> None:
    path.mkdir(mode=mode, parents=True, exist_ok=True)
    os.chown(path, user, group)
    path.chmod(mode)


def _hand_over(directory: Path, user: int, group: int) -> None:
    """Give away what root has left there: a sign-in of before the service was."""
    for path in directory.rglob("*"):
        if path.lstat().st_uid == 0:
            os.chown(path, user, group, follow_symlinks=False)


def _load_drivers() -> None:
    """Load them now, too: a machine may lack some, and one that has no USB lacks all."""
    names = [line for line in MODULES.splitlines() if line and not line.startswith("#")]
    _run("modprobe", "--all", "--quiet", *names, may_fail=True)
    _run("udevadm", "control", "--reload", may_fail=True)
    _run("udevadm", "trigger", "--subsystem-match=tty", may_fail=True)


def _others(unit: str) -> bool:
    """Whether another light is enabled still."""
    wants = Path("/etc/systemd/system/multi-user.target.wants")
    return any(path.name != unit for path in wants.glob("busylight*.service"))


def _run(*words: str, may_fail: bool = False) -> str:
    try:
        done = subprocess.run(  # noqa: S603 -- words of ours
            words, capture_output=True, text=True, timeout=_SECONDS, check=False
        )
    except FileNotFoundError:
        if may_fail:
            return ""
        raise ServiceError(f"{words[0]} is not on this machine") from None
    except subprocess.TimeoutExpired:
        raise ServiceError(f"`{' '.join(words)}` has not ended after {_SECONDS:.0f} s") from None
    if done.returncode and not may_fail:
        said = " ".join(done.stderr.split()) or f"exit code {done.returncode}"
        raise ServiceError(f"`{' '.join(words)}` failed: {said}")
    return done.stdout


@contextlib.contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ServiceError(f"{error.filename or 'a file'}: {error.strerror or error}") from None
