"""A board with a bootloader, on a pseudo-terminal that real avrdude writes to.

`Nano` speaks STK500 version 1, as Optiboot does, and `ProMicro` AVR109, as Caterina does: so much
of them as avrdude needs. Until they are reset, and after the flashing, they are a light.
Atmel's application notes AVR061 and AVR109 have the commands.
"""

import os
import termios
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar, Final, Self

from firmware_bridge import protocol
from firmware_bridge.simulate import SimulatedLight

FLASH: Final = 32 * 1024
_OK, _IN_SYNC = b"\x10", b"\x14"


class Board(SimulatedLight):
    """A light until its bootloader is spoken to, and again after that has ended."""

    signature = b""
    kind: ClassVar[int]

    def __init__(self, path: Path, *, is_ours: bool = True) -> None:
        super().__init__(path)
        self.board.identity.board = self.kind
        self.is_ours = is_ours
        self.written = bytearray(b"\xff" * FLASH)
        self.spoils = False
        """Whether what is written comes out wrong."""
        self._commands: Iterator[bytes] | None = None
        self._inbox = bytearray()

    def wrote(self, address: int, content: bytes) -> None:
        if self.spoils:
            content = bytes((content[0] ^ 1,)) + content[1:]
        self.written[address : address + len(content)] = content

    @property
    def speed(self) -> int:
        """The baud rate that the host has set."""
        with self.path.open("rb", buffering=0) as port:
            return {getattr(termios, f"B{rate}"): rate for rate in (1200, 57_600, 115_200)}.get(
                termios.tcgetattr(port.fileno())[4], 0
            )


class Nano(Board):
    """ATmega328P."""

    signature = b"\x1e\x95\x0f"
    kind = protocol.ATMEGA328P

    def __init__(self, path: Path, *, baud: int = 115_200, is_ours: bool = True) -> None:
        super().__init__(path, is_ours=is_ours)
        self.baud = baud
        self._is_loading = False

    def took(self, content: bytes) -> None:
        if not self._is_loading and not content.startswith(b"0 "):
            if self.is_ours:
                super().took(content)
            return
        if self.speed != self.baud:
            return  # all that comes is noise
        self._is_loading = True
        self._inbox += content
        while self._is_loading and (length := self._length()) <= len(self._inbox):
            command = bytes(self._inbox[:length])
            del self._inbox[:length]
            self.say(_IN_SYNC + self._answer(command) + _OK)

    def _length(self) -> int:
        """Bytes of the command that comes, as far as that is known."""
        if not self._inbox:
            return 1
        kind = chr(self._inbox[0])
        if kind == "d":
            head = bytes(self._inbox[1:3]).ljust(2, b"\0")
            return 5 + int.from_bytes(head, "big")
        if kind == "E":
            return 2 + (self._inbox[1] if len(self._inbox) > 1 else 1)
        return {"A": 3, "B": 22, "U": 4, "V": 6, "t": 5}.get(kind, 2)

    def _answer(self, command: bytes) -> bytes:
        match chr(command[0]):
            case "A":
                return b"\x04"  # a version
            case "V":
                return b"\0"
            case "u":
                return self.signature
            case "U":
                self._address = int.from_bytes(command[1:3], "little") * 2
            case "d":
                self.wrote(self._address, command[4:-1])
            case "t":
                size = int.from_bytes(command[1:3], "big")
                return bytes(self.written[self._address : self._address + size])
            case "Q":
                self._is_loading = False
                self.is_ours = True
        return b""


class ProMicro(Board):
    """ATmega32U4: its bootloader has a port of its own, and comes when one is opened at 1200."""

    signature = b"\x87\x95\x1e"
    kind = protocol.ATMEGA32U4
    _says: ClassVar = {
        "S": b"CATERIN",
        "V": b"10",
        "v": b"10",
        "p": b"S",
        "a": b"Y",
        "b": b"Y\0\x80",
        "t": b"\x44\0",
        "s": b"\x87\x95\x1e",
        "F": b"\xff",
        "N": b"\xff",
        "Q": b"\xff",
        "r": b"\xff",
    }

    def __init__(self, path: Path, *, is_ours: bool = True) -> None:
        super().__init__(path, is_ours=is_ours)
        self._is_loading = False
        self._ended = threading.Event()
        self._watching = threading.Thread(target=self._watch, daemon=True)

    def _watch(self) -> None:
        """Restart as the bootloader at the touch, and as the light when that has ended."""
        was_loading = False
        while not self._ended.wait(0.02):
            try:
                touched = not self._is_loading and self.speed == 1200
            except OSError:
                continue
            if touched or (was_loading and not self._is_loading):
                self.unplug()
                time.sleep(0.3)
                self._is_loading = touched
                self.plug()
            was_loading = self._is_loading

    def __enter__(self) -> Self:
        super().__enter__()
        self._watching.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._ended.set()
        self._watching.join(5)
        super().__exit__(None, None, None)

    @property
    def ports(self) -> set[str]:
        """The device files there are."""
        return {os.path.realpath(self.path)} if self.path.is_symlink() else set()

    def took(self, content: bytes) -> None:
        if not self._is_loading:
            if self.is_ours:
                super().took(content)
            return
        self._inbox += content
        while self._inbox and (length := self._length()) <= len(self._inbox):
            command = bytes(self._inbox[:length])
            del self._inbox[:length]
            self.say(self._answer(command))

    def _length(self) -> int:
        kind = chr(self._inbox[0])
        if kind == "B":
            head = bytes(self._inbox[1:3]).ljust(2, b"\0")
            return 4 + int.from_bytes(head, "big")
        return {"A": 3, "T": 2, "g": 4, "x": 2, "y": 2}.get(kind, 1)

    def _answer(self, command: bytes) -> bytes:
        match chr(command[0]):
            case "A":
                self._address = int.from_bytes(command[1:3], "big") * 2
            case "B":
                self.wrote(self._address, command[4:])
                self._address += len(command) - 4
            case "g":
                size = int.from_bytes(command[1:3], "big")
                self._address += size
                return bytes(self.written[self._address - size : self._address])
            case "E":
                self._is_loading = False
                self.is_ours = True
        return self._says.get(chr(command[0]), b"\r")
