"""Who may use a device file, who does use it, and what to do about it."""

import grp
import os
import pwd
import stat
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Ownership:
    """Whose a device file is."""

    owner: str
    group: str
    gid: int
    mode: int
    """The permission bits."""

    @classmethod
    def of(cls, path: str) -> "Ownership":
        """Look at the file; raises OSError."""
        status = os.stat(path)  # noqa: PTH116 -- a path of the settings, as text everywhere here
        return cls(
            _user_name(status.st_uid),
            _group_name(status.st_gid),
            status.st_gid,
            stat.S_IMODE(status.st_mode),
        )


@dataclass(frozen=True, slots=True)
class Person:
    """Who this process works for."""

    name: str
    groups: frozenset[int]
    """Of this process."""
    groups_on_file: frozenset[int]
    """Of the account; newer than the process, perhaps."""

    @classmethod
    def me(cls) -> "Person":
        """The user of this process."""
        name = _user_name(os.geteuid())
        return cls(
            name,
            frozenset((os.getegid(), *os.getgroups())),
            frozenset(os.getgrouplist(name, os.getegid())),
        )


def may_use(path: str) -> bool:
    """Whether this process may read and write the device."""
    return os.access(path, os.R_OK | os.W_OK, effective_ids=True)


def remedy(path: str, ownership: Ownership, person: Person) -> str:
    """What helps a person who may not use `path`."""
    group_may = ownership.mode & 0o060 == 0o060  # noqa: PLR2004 -- rw for the group
    if not group_may or ownership.gid == 0:
        return (
            f"{path} belongs to {ownership.owner}, and no group may use it "
            f"(mode {ownership.mode:04o}): install the udev rule of docs/serial.md"
        )
    if ownership.gid in person.groups_on_file - person.groups:
        return (
            f"{person.name} is in group {ownership.group}, but was not yet when this session "
            "began: sign out and in again, or restart the service"
        )
    return (
        f"{path} belongs to group {ownership.group}: run `sudo usermod -aG {ownership.group} "
        f"{person.name}` and sign in anew (in a systemd unit: "
        f"SupplementaryGroups={ownership.group}), or install the udev rule of docs/serial.md"
    )


def problem(path: str) -> str | None:
    """Why this process may not use `path`, and what helps; None if it may."""
    try:
        return None if may_use(path) else remedy(path, Ownership.of(path), Person.me())
    except OSError:
        return None  # it is gone, which is not a matter of permission


def users_of(path: str) -> list[str]:
    """The programs that have `path` open, `screen (process 4711)`, as far as we may see them."""
    device = os.path.realpath(path)
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        if int(process.name) == os.getpid():
            continue
        try:
            if any(os.readlink(each) == device for each in (process / "fd").iterdir()):  # noqa: PTH115 -- a link to no path, often
                name = (process / "comm").read_text("utf-8", "replace").strip()
                found.append(f"{name} (process {process.name})")
        except OSError:
            continue  # somebody else's, or ended meanwhile
    return found


def _user_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _group_name(gid: int) -> str:
    try:
        return grp.getgrgid(gid).gr_name
    except KeyError:
        return str(gid)
