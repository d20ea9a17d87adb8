"""The upper lines of a terminal, painted again and again; whatever else is said scrolls below."""

import errno
import os
import select
import time
from collections.abc import Sequence
from types import TracebackType
from typing import Final, Self

from busylight.outputs.terminal.picture import HEIGHT, WIDTH
from busylight.parts import OutputError

WRITE_LIMIT: Final = 2.0
"""Seconds that a terminal may take nothing before it counts as stopped."""
_BELOW: Final = 3  # lines that must be left for the log


class TerminalError(OutputError):
    """The terminal takes nothing; the text says what to do about it."""


class Screen:
    """Where pictures are painted; a context manager that gives the terminal back as it was.

    All methods block, for at most `WRITE_LIMIT`, and raise `TerminalError`.
    """

    def __init__(self, descriptor: int, height: int = HEIGHT, width: int = WIDTH) -> None:
        """Paint pictures of `height` and `width` on the terminal `descriptor`."""
        self._descriptor = descriptor
        self._height = height
        self._width = width
        self._size: os.terminal_size | None = None
        self._painted: Sequence[str] = ()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None:
        self.close()

    @property
    def fits(self) -> bool:
        """Whether there is room for the picture now."""
        return self._room(_size(self._descriptor))

    def paint(self, lines: Sequence[str]) -> None:
        """Show a picture in place of the one before; a terminal that is too small shows none."""
        size = _size(self._descriptor)
        if lines == self._painted and size == self._size:
            return
        begin = ""
        if size != self._size:
            # Everything that was there scrolls away, then all but the picture's lines scroll.
            self._size = size
            begin = f"\x1b[?25l\x1b[r\x1b[{size.lines};1H" + "\n" * size.lines
            if self._room(size):
                begin += f"\x1b[{self._height + 1};{size.lines}r\x1b[{self._height + 1};1H"
        picture = ""
        if self._room(size):
            painted = "".join(
                f"\x1b[{number};1H{line}\x1b[0m\x1b[K" for number, line in enumerate(lines, 1)
            )
            picture = f"\x1b7{painted}\x1b8"
        write(self._descriptor, (begin + picture).encode())
        self._painted = lines

    def close(self) -> None:
        """Leave the last picture standing, the cursor below it and visible."""
        if self._size is not None:
            size, self._size = self._size, None
            write(self._descriptor, f"\x1b[r\x1b[{size.lines};1H\x1b[0m\x1b[?25h\r\n".encode())

    def _room(self, size: os.terminal_size) -> bool:
        return size.lines >= self._height + _BELOW and size.columns >= self._width


def write(descriptor: int, content: bytes) -> None:
    """Write all of it; raises `TerminalError` when nobody takes it.

    Not through `sys.stdout`: a thread that hangs there keeps its lock, and the program's exit
    would wait for that.
    """
    deadline = time.monotonic() + WRITE_LIMIT
    while content:
        try:
            _, ready, _ = select.select([], [descriptor], [], max(deadline - time.monotonic(), 0.0))
            if not ready:
                raise TerminalError("the terminal is stopped: Ctrl-Q lets it go on")
            content = content[os.write(descriptor, content) :]
        except (BlockingIOError, InterruptedError):
            continue
        except (OSError, ValueError) as error:
            # A descriptor of -1, of a file object that is closed, is a ValueError.
            raise TerminalError(_gone(error)) from None


def _gone(error: OSError | ValueError) -> str:
    if isinstance(error, OSError) and error.errno not in (errno.EPIPE, errno.EIO, errno.EBADF):
        return f"stdout cannot be written: {error.strerror}"
    return "nobody reads stdout any more: take `terminal` out of BUSYLIGHT_OUTPUTS if none should"


def _size(descriptor: int) -> os.terminal_size:
    try:
        return os.get_terminal_size(descriptor)
    except OSError:
        return os.terminal_size((0, 0))
