"""A Debian of its own, made by debootstrap and booted by systemd-nspawn: a bare Pi to install on.

Needs root, and debootstrap and systemd-container from Debian. Its disk is one whose power can be
cut.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import IO, Final, Self

import pexpect

from tests.support.disk import Disk
from tests.support.machine import PATIENCE, Machine

PYTHON_OF: Final = {"bookworm": "3.11", "trixie": "3.13"}
_MIRROR: Final = "http://deb.debian.org/debian"
_PACKAGES: Final = "systemd,systemd-sysv,dbus,udev,kmod,python3,ca-certificates,sudo"
"""What Raspberry Pi OS Lite has, too."""
_BOOT: Final = "--register=no --keep-unit --boot SYSTEMD_CGROUP_ENABLE_LEGACY_FORCE=1"
_SAID: Final = 2000  # bytes


def debian(release: str, directory: Path) -> Path:
    """Make the root directory of a Debian, unless it is there."""
    root = directory / release
    if not (root / "usr/bin/sudo").exists():
        shutil.rmtree(root, ignore_errors=True)
        subprocess.run(
            ["debootstrap", "--variant=minbase", f"--include={_PACKAGES}", release, root, _MIRROR],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        (root / "etc" / "hosts").write_text("127.0.0.1 localhost\n::1 localhost\n")
        (root / "etc/apt/apt.conf.d/80-retries").write_text('Acquire::Retries "3";\n')
    return root


def wheels(release: str, source: Path, directory: Path, extras: str = "") -> Path:
    """Our wheel, all that it needs for that Debian's Python, and what builds it."""
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "-qq"]
    subprocess.run([*pip, "wheel", "--no-deps", "-w", directory, source], check=True)
    (own,) = directory.glob("busylight_presence-*.whl")
    subprocess.run(
        [*pip, "download", "--only-binary=:all:", f"--python-version={PYTHON_OF[release]}",
         "-d", directory, f"{own}{extras}", "setuptools>=77"], check=True,
    )  # fmt: skip
    return directory


class Container(Machine):
    """A booted Debian, on a disk of its own, in the network of this machine."""

    def __init__(self, disk: Disk) -> None:
        self.root = disk.mounted
        self._disk = disk
        self._nspawn: subprocess.Popen[bytes] | None = None
        self._pid = 0
        self._said = b""

    def __enter__(self) -> Self:
        self.boot()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._end()

    def boot(self) -> None:
        """Start it, and wait until its systemd says that it is up."""
        self._nspawn = subprocess.Popen(
            # A terminal of its own, or nspawn waits for somebody who answers.
            ["script", "-qec",
             f"systemd-nspawn -D {self.root} {_BOOT}", "/dev/null"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )  # fmt: skip
        console = self._nspawn.stdout
        assert console is not None
        self._said = b""
        threading.Thread(target=self._listen, args=(console,), daemon=True).start()
        deadline = time.monotonic() + PATIENCE
        while True:
            assert time.monotonic() < deadline, f"it does not boot: {self._said.decode()}"
            self._pid = self._pid_of_init()
            if self._pid and "running" in self.run("systemctl is-system-running --wait").stdout:
                return
            time.sleep(0.1)

    def _listen(self, console: IO[bytes]) -> None:
        with console:
            for line in console:
                self._said = (self._said + line)[-_SAID:]

    def cut_power(self) -> None:
        """End all that runs in it at once; what has not reached its disk by now never will."""
        self._disk.cut()
        self._end()
        self._disk.unmount()
        self._disk.mount()

    def _end(self) -> None:
        if self._pid:
            os.kill(self._pid, signal.SIGKILL)
        if self._nspawn is not None:
            self._nspawn.wait(PATIENCE)
        self._pid, self._nspawn = 0, None

    def run(self, command: str, *, check: bool = False) -> "subprocess.CompletedProcess[str]":
        """Run a shell's line as root; `check`: it must do well."""
        done = subprocess.run(
            ["nsenter", *self._inside(), "sh", "-c", f"cd /root && {command}"],
            capture_output=True,
            text=True,
            timeout=600,
            stdin=subprocess.DEVNULL,
            check=False,
        )
        assert not check or done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        return done

    def terminal(self, command: str) -> "pexpect.spawn[str]":
        """The command in a terminal of the user pi."""
        return pexpect.spawn(
            "nsenter",
            [*self._inside(), "runuser", "-u", "pi", "--", "bash", "-c", f"cd; {command}"],
            encoding="utf-8",
            timeout=PATIENCE,
            dimensions=(50, 250),
        )

    def _inside(self) -> list[str]:
        return ["-t", str(self._pid), "-m", "-u", "-i", "-p", "-C", "-r", "-w"]

    def _pid_of_init(self) -> int:
        """The first process of it: whose root is our directory, and who is 1 inside."""
        for status in Path("/proc").glob("[0-9]*/status"):
            try:
                numbers = re.search(r"^NSpid:\t(\d+)\t1$", status.read_text(), re.MULTILINE)
                if numbers and (status.parent / "root").samefile(self.root):
                    return int(numbers[1])
            except OSError:
                continue
        return 0
