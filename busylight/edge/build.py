"""Which build this is: the commit behind the version.

A wheel carries its commit in a file, which `setup.py` writes. An archive that GitHub makes has it
in this very file (`.gitattributes`: export-subst). A checkout is asked.
"""

import os
import subprocess
from pathlib import Path
from typing import Final

from busylight import __version__

PACKAGED: Final = "commit.txt"
"""Beside this file in a wheel, and in a source distribution."""
VARIABLE: Final = "SOURCE_COMMIT"
"""Tells it to a build that has no git, such as an image's."""

_HERE: Final = Path(__file__).resolve().parent
_ROOT: Final = _HERE.parents[1]
_ARCHIVED: Final = "$Format:%H,%D$"
_LENGTH: Final = 12
_SECONDS: Final = 5.0


def described() -> str:
    """The version and the commit, as `busylight --version` tells them."""
    return f"{__version__} ({commit() or 'unknown commit'})"


def version_of_build() -> str:
    """The version of the wheel: what is no release has its commit in it, so that pip updates it."""
    if (_ROOT / "PKG-INFO").is_file():  # a source distribution has its version already
        head = (_ROOT / "PKG-INFO").read_text("utf-8")
        return head.partition("\nVersion: ")[2].partition("\n")[0]
    known = commit()
    if known is None or _is_release():
        return __version__
    return f"{__version__}+g{known.replace('-', '.')}"


def commit() -> str | None:
    """The commit, with `-dirty` behind it if something has been changed since; or None."""
    packaged = _HERE / PACKAGED
    if packaged.is_file():
        return packaged.read_text("ascii").strip() or None
    if not _ARCHIVED.startswith("$"):
        return _ARCHIVED[:_LENGTH]
    if told := os.environ.get(VARIABLE):
        return told[:_LENGTH]
    return _git("describe", "--always", "--dirty", "--exclude=*", f"--abbrev={_LENGTH}")


def _is_release() -> bool:
    tag = f"v{__version__}"
    if not _ARCHIVED.startswith("$"):
        return f"tag: {tag}" in _ARCHIVED.split(",")[1:]
    return (
        os.environ.get("RELEASE") == tag
        or _git("describe", "--exact-match", "--tags", "--dirty", f"--match={tag}") == tag
    )


def _git(*words: str) -> str | None:
    """What git says of this checkout; None where there is no git, or no checkout of ours."""
    if not (_ROOT / ".git").exists():  # a checkout of somebody else's around us is not asked
        return None
    try:
        done = subprocess.run(  # noqa: S603 -- words of ours
            ["git", "-C", _ROOT, *words],  # noqa: S607 -- git is wherever it is
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
