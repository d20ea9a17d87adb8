"""The directory for what must survive a restart, and the lock of the daemon that owns it."""

import fcntl
import os
import stat
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from busylight.edge.files import PRIVATE_DIR

_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO
_OURS: Final = ("token_cache.json", "override.json", "blocked.json", "daemon.sock")
"""Files by which a directory of ours is known."""


class StateDirError(Exception):
    """The directory cannot be used; the text says what to do about it."""


class AlreadyRunningError(Exception):
    """Another daemon holds this state directory."""


def prepare(path: Path) -> None:
    """Make the directory private and ours, creating it if need be.

    Run as root this process becomes the directory's owner first, so that a daemon that runs as
    somebody else can read whatever is written there. Raises `StateDirError`.
    """
    try:
        _become_owner(path)
        path.mkdir(mode=PRIVATE_DIR, parents=True, exist_ok=True)
        _make_private(path)
    except FileExistsError:
        raise StateDirError(f"{path} is not a directory; set BUSYLIGHT_STATE_DIR to one") from None
    except PermissionError as error:
        raise _of_somebody_else(Path(error.filename or path)) from None
    except OSError as error:
        raise StateDirError(
            f"{path} cannot be made: {error.strerror}; set BUSYLIGHT_STATE_DIR to a directory "
            "that can be written"
        ) from None
    # A read-only card is no obstacle: the light works without what would be remembered.
    wanted = os.R_OK | os.X_OK | (0 if is_read_only(path) else os.W_OK)
    if not os.access(path, wanted, effective_ids=True):
        raise _of_somebody_else(path)


def is_read_only(path: Path) -> bool:
    """Whether the directory is on a file system that is mounted read-only."""
    return bool(os.statvfs(path).f_flag & os.ST_RDONLY)


def _make_private(path: Path) -> None:
    mode = stat.S_IMODE(path.stat().st_mode)
    if not mode & _OTHERS or is_read_only(path):
        return
    if any(path.iterdir()) and not any((path / name).exists() for name in _OURS):
        raise StateDirError(
            f"{path} is open to others and holds other things than ours; set "
            "BUSYLIGHT_STATE_DIR to a directory for this light alone"
        )
    path.chmod(PRIVATE_DIR)


def _of_somebody_else(path: Path) -> StateDirError:
    return StateDirError(
        f"{path} belongs to somebody else; run as its owner (or with sudo), or set "
        "BUSYLIGHT_STATE_DIR to a directory of yours"
    )


def _become_owner(path: Path) -> None:
    if os.geteuid() != 0:
        return
    for place in (path, *path.parents):
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
    """Held by the daemon as long as it lives; the kernel lets go of it, whatever happens.

    It is the directory itself that is locked: that works on a read-only card, too, and leaves
    nothing behind.
    """

    def __init__(self, state_dir: Path) -> None:
        self._state_dir = state_dir
        self._descriptor: int | None = None

    def __enter__(self) -> Self:
        descriptor = _open(self._state_dir)
        if not _lock(descriptor):
            os.close(descriptor)
            raise AlreadyRunningError(
                f"a busylight daemon is running already (it holds {self._state_dir})"
            )
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
        descriptor = _open(state_dir)
    except OSError:
        return False
    try:
        return not _lock(descriptor)
    finally:
        os.close(descriptor)


def _open(state_dir: Path) -> int:
    return os.open(state_dir, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)


def _lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
