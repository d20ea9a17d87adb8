"""A disk of its own, whose power can be cut: what the kernel has not written yet is lost.

Needs root, and mkfs.ext4 (e2fsprogs).
"""

import fcntl
import os
import struct
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Final, Self

_SHUTDOWN: Final = 0x8004587D
"""The ioctl EXT4_IOC_SHUTDOWN."""
_WITHOUT_FLUSHING: Final = 2
_OPTIONS: Final = "noauto_da_alloc"
"""ext4 saves programs that rename without fsync, by default. Other file systems do not."""
_PATIENCE: Final = 20.0


class Disk:
    """An ext4 in a file, mounted. A context manager; the file goes with it."""

    def __init__(self, image: Path, mounted: Path, size: str = "3G") -> None:
        self.image = image
        self.mounted = mounted
        self._size = size

    def __enter__(self) -> Self:
        _run("truncate", "-s", self._size, str(self.image))
        _run("mkfs.ext4", "-q", "-F", str(self.image))
        self.mounted.mkdir(parents=True, exist_ok=True)
        self.mount()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self.mounted.is_mount():
            self.unmount()
        self.image.unlink()

    def mount(self) -> None:
        """Mount it; what a power cut has left unfinished is replayed, as at a boot."""
        # A device of its own each time: another namespace may hold the one whose power was cut.
        device = _run("losetup", "--find", "--show", str(self.image))
        try:
            _run("mount", "-o", _OPTIONS, device, str(self.mounted))
        finally:
            _run("losetup", "--detach", device)  # as soon as nobody has it mounted

    def unmount(self) -> None:
        """Unmount it, as soon as those who have used it are gone."""
        deadline = time.monotonic() + _PATIENCE
        while True:
            done = subprocess.run(
                ["umount", self.mounted], capture_output=True, text=True, check=False
            )
            if done.returncode == 0:
                return
            assert time.monotonic() < deadline, done.stderr
            time.sleep(0.1)

    def cut(self) -> None:
        """Write nothing any more from this moment on, not even what the kernel has in memory."""
        descriptor = os.open(self.mounted, os.O_RDONLY)
        try:
            fcntl.ioctl(descriptor, _SHUTDOWN, struct.pack("I", _WITHOUT_FLUSHING))
        finally:
            os.close(descriptor)


def _run(*words: str) -> str:
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(words)}: {done.stderr}"
    return done.stdout.strip()
