"""Files that are private to their user and never half written."""

import contextlib
import os
import tempfile
import time
from pathlib import Path
from typing import Final

PRIVATE_FILE: Final = 0o600
PRIVATE_DIR: Final = 0o700
_OLD: Final = 60.0
"""Seconds after which nobody is still writing a temporary file."""


def write_private(path: Path, content: bytes) -> None:
    """Replace `path` in one step by a file with `content` that only its user can read.

    A power cut leaves the old file or the new one, never a part. Raises OSError.
    """
    descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(file.fileno(), PRIVATE_FILE)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(temporary).unlink()
        raise
    _sweep(path)
    directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def _sweep(path: Path) -> None:
    """Remove what earlier writers left half done when their power went: there are tokens in it."""
    with contextlib.suppress(OSError), os.scandir(path.parent) as entries:
        for entry in entries:
            if not entry.name.startswith(f".{path.name}."):
                continue
            if abs(time.time() - entry.stat(follow_symlinks=False).st_mtime) > _OLD:
                with contextlib.suppress(OSError):
                    Path(entry.path).unlink()
