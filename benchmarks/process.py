"""What a process uses: CPU time, memory, wake-ups, bytes written to the card."""

import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

_GOODBYE = 10.0


@dataclass(frozen=True, slots=True)
class Usage:
    """What a process has used by a moment."""

    at: float
    cpu: float
    """Seconds of all its threads, those that have ended too."""
    waits: Mapping[str, int]
    """Voluntary context switches of each thread that lives: each is a wait that has ended.

    Not those that others force on it: they tell how busy the machine is.
    """
    rss: float
    pss: float
    """MiB; of the latter, what is shared counts in part."""
    written: int
    """Bytes that were given to a disk."""
    threads: int
    handles: int

    @classmethod
    def of(cls, pid: int) -> Self:
        """Read it now; raises OSError when the process has ended."""
        place = Path(f"/proc/{pid}")
        waits = {
            task.name: int(_fields(task / "status")["voluntary_ctxt_switches"])
            for task in (place / "task").iterdir()
        }
        memory = _fields(place / "smaps_rollup")
        return cls(
            at=time.monotonic(),
            cpu=cpu_seconds(pid),
            waits=waits,
            rss=int(memory["Rss"].split()[0]) / 1024,
            pss=int(memory["Pss"].split()[0]) / 1024,
            written=int(_fields(place / "io")["write_bytes"]),
            threads=len(waits),
            handles=len(list((place / "fd").iterdir())),
        )

    def wakeups_since(self, before: Self) -> int:
        """Waits that have ended since; of a thread that has ended since nobody can tell any."""
        return sum(count - before.waits.get(thread, 0) for thread, count in self.waits.items())


def cpu_seconds(pid: int) -> float:
    """CPU time of a process, by its own clock (clock_getcpuclockid(3)): nanoseconds, not ticks."""
    return time.clock_gettime((~pid << 3) | 2)


def _fields(file: Path) -> dict[str, str]:
    lines = (line.partition(":") for line in file.read_text("ascii", "replace").splitlines())
    return {name: value.strip() for name, _, value in lines}


@dataclass(frozen=True, slots=True)
class Ended:
    """What a command took, from its start to its end."""

    wall: float
    cpu: float


def run_to_end(command: Sequence[str], environment: Mapping[str, str]) -> Ended:
    """Run a command that prints to nobody; raises if it fails."""
    began = time.perf_counter()
    process = subprocess.Popen(command, env=dict(environment), stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{command} ended with {process.returncode}")
    return Ended(wall, usage.ru_utime + usage.ru_stime)


class Running:
    """A process that stays; a context manager that ends it. What it says is not kept."""

    def __init__(
        self, name: str, command: Sequence[str], environment: Mapping[str, str], log: Path
    ) -> None:
        self.name = name
        self.began = time.monotonic()
        self._log = log
        self._process = subprocess.Popen(
            command,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        # Through a pipe, as into a journal: its log shall not count among what it writes.
        self._pump = subprocess.Popen(
            ["tee", log], stdin=self._process.stderr, stdout=subprocess.DEVNULL
        )

    def usage(self) -> Usage:
        """What it has used by now; raises when it has ended."""
        if self._process.poll() is not None:
            raise RuntimeError(f"{self.name} has ended: {self._log.read_text('utf-8', 'replace')}")
        return Usage.of(self._process.pid)

    @property
    def pid(self) -> int:
        """Its number."""
        return self._process.pid

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._process.terminate()
        try:
            self._process.wait(_GOODBYE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._pump.wait()
        if self._process.stderr is not None:
            self._process.stderr.close()
