"""The directory for what must survive a restart, and the lock of the daemon that owns it."""

import fcntl
import os
import stat
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from busylight.edge.files import PRIVATE_DIR, PRIVATE_FILE

LOCK: Final = "daemon.lock"


class StateDirError(Exception):
    """The directory cannot be used; the text says what to do about it."""


class AlreadyRunningError(Exception):
    """Another daemon holds this state directory."""


def prepare(path: Path) -> None:
    """Make the directory private and ours, creating it if need be.

    Run as root this process becomes the directory's owner first, so that a daemon that runs as
    somebody else can read whatever is written there. Raises `StateDirError`.
    """
    _become_owner(path)
    try:
        path.mkdir(mode=PRIVATE_DIR, parents=True, exist_ok=True)
        mode = stat.S_IMODE(path.stat().st_mode)
        if mode != PRIVATE_DIR:
            path.chmod(PRIVATE_DIR)
    except FileExistsError:
        raise StateDirError(f"{path} is not a directory; set BUSYLIGHT_STATE_DIR to one") from None
    except PermissionError as error:
        raise StateDirError(
            f"{error.filename or path} belongs to somebody else; run as its owner (or with sudo), "
            "or set BUSYLIGHT_STATE_DIR to a directory of yours"
        ) from None
    except OSError as error:
        # A read-only card: the light works without what would have been remembered.
        if not path.is_dir():
            raise StateDirError(
                f"{path} cannot be made: {error.strerror}; set BUSYLIGHT_STATE_DIR to a "
                "directory that can be written"
            ) from None


def _become_owner(path: Path) -> None:
    if os.geteuid() != 0:
        return
    for place in (path, path.parent):
        try:
            owner = place.stat()
        except OSError:
            continue
        if owner.st_uid != 0:
            os.setgroups(_groups_of(owner.st_uid, owner.st_gid))
            os.setgid(owner.st_gid)
            os.setuid(owner.st_uid)
            _see_that_we_can_go_on(place)
        return


def _see_that_we_can_go_on(directory: Path) -> None:
    """Modules are loaded as they are needed: their new user must be able to read them."""
    for file in (__file__, os.__file__):
        if not os.access(file, os.R_OK):
            raise StateDirError(
                f"{directory} belongs to the user {os.getuid()}, who may not read this program at "
                f"{Path(file).parent}; install it where everybody may, such as /opt/busylight"
            )


def _groups_of(uid: int, gid: int) -> list[int]:
    import pwd  # noqa: PLC0415 -- needed as root only

    try:
        name = pwd.getpwuid(uid).pw_name
    except KeyError:  # a number without a name, as in containers
        return [gid]
    return os.getgrouplist(name, gid)


class DaemonLock:
    """Held by the daemon as long as it lives; the kernel lets go of it, whatever happens."""

    def __init__(self, state_dir: Path) -> None:
        self._path = state_dir / LOCK
        self._descriptor: int | None = None

    def __enter__(self) -> Self:
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, PRIVATE_FILE)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            raise AlreadyRunningError(
                f"a busylight daemon is running already (it holds {self._path})"
            ) from None
        self._descriptor = descriptor
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def daemon_runs(state_dir: Path) -> bool:
    """Whether a daemon holds this state directory now."""
    try:
        descriptor = os.open(state_dir / LOCK, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False
