"""Which build this is: the commit behind the version.

A wheel carries its commit in a file, which `setup.py` writes. An archive that GitHub makes has it
in this very file (`.gitattributes`: export-subst). A checkout is asked.

What this file imports is what `--version` costs, so it is next to nothing.
"""

import os

from busylight import __version__

PACKAGED = "commit.txt"
"""Beside this file in a wheel, and in a source distribution."""
VARIABLE = "SOURCE_COMMIT"
"""Tells it to a build that has no git, such as an image's."""

_HERE = os.path.dirname(os.path.realpath(__file__))  # noqa: PTH120 -- pathlib is large
_ROOT = os.path.dirname(os.path.dirname(_HERE))  # noqa: PTH120 -- the same
_ARCHIVED = "$Format:%H,%D$"
_LENGTH = 12
_SECONDS = 5.0


def described() -> str:
    """The version and the commit, as `busylight --version` tells them."""
    return f"{__version__} ({commit() or 'unknown commit'})"


def version_of_build() -> str:
    """The version of the wheel: what is no release has its commit in it, so that pip updates it."""
    head = _text(_ROOT, "PKG-INFO")
    if head is not None:  # a source distribution has its version already
        return head.partition("\nVersion: ")[2].partition("\n")[0]
    known = commit()
    if known is None or _is_release():
        return __version__
    return f"{__version__}+g{known.replace('-', '.')}"


def commit() -> str | None:
    """The commit, with `-dirty` behind it if something has been changed since; or None."""
    packaged = _text(_HERE, PACKAGED)
    if packaged is not None:
        return packaged.strip() or None
    if not _ARCHIVED.startswith("$"):
        return _ARCHIVED[:_LENGTH]
    if told := os.environ.get(VARIABLE):
        return told[:_LENGTH]
    return _git("describe", "--always", "--dirty", "--exclude=*", f"--abbrev={_LENGTH}")


def _text(directory: str, name: str) -> str | None:
    """What stands in a file; None where there is none."""
    try:
        with open(f"{directory}/{name}", encoding="utf-8") as file:  # noqa: PTH123 -- as above
            return file.read()
    except FileNotFoundError:
        return None


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
    if not os.path.exists(f"{_ROOT}/.git"):  # noqa: PTH110 -- a checkout of somebody else's around us is not asked
        return None
    import subprocess  # noqa: PLC0415 -- large, and only a checkout is asked

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
