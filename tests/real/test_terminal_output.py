"""The terminal output on a real pseudo-terminal, and on pipes."""

import asyncio
import contextlib
import fcntl
import os
import re
import signal
import struct
import sys
import termios
import threading
import time
from collections.abc import Iterator, Sequence
from io import StringIO

import pytest

from busylight.outputs.terminal.output import TerminalOutput
from busylight.outputs.terminal.picture import HEIGHT
from busylight.outputs.terminal.screen import Screen, TerminalError
from busylight.outputs.terminal.settings import TerminalSettings
from busylight.parts import OutputError
from tests.support.broker import eventually
from tests.support.serial_lights import view

FRAME = b"\x1b7"  # each picture begins by saving where the cursor is


class Terminal:
    """A terminal with somebody before it, who reads all that is written."""

    def __init__(self, lines: int = 40, columns: int = 100) -> None:
        self._far, self.near = os.openpty()
        self.resize(lines, columns)
        self._wake_read, self._wake_write = os.pipe()
        self.seen = b""
        self._open = True
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def resize(self, lines: int, columns: int) -> None:
        fcntl.ioctl(self.near, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def hang_up(self) -> None:
        if self._open:
            self._open = False
            os.close(self._wake_write)
            self._reader.join(5)
            os.close(self._far)
            os.close(self._wake_read)

    def close(self) -> None:
        self.hang_up()
        os.close(self.near)

    def _read(self) -> None:
        import select  # noqa: PLC0415 -- here alone

        while True:
            ready, _, _ = select.select([self._far, self._wake_read], [], [])
            if self._wake_read in ready:
                return
            self.seen += os.read(self._far, 65536)


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[Terminal]:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLORTERM", "truecolor")
    monkeypatch.delenv("NO_COLOR", raising=False)
    with contextlib.closing(Terminal()) as made:
        yield made


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    reading, writing = os.pipe()
    yield reading, writing
    for descriptor in (reading, writing):
        with contextlib.suppress(OSError):
            os.close(descriptor)


def output_on(descriptor: int) -> TerminalOutput:
    return TerminalOutput(TerminalSettings(), descriptor)


async def test_without_a_terminal_each_change_is_one_plain_line(pipe: tuple[int, int]) -> None:
    reading, writing = pipe
    async with output_on(writing) as output:
        await output.show(view("off"))
        await output.show(view("red 60% pulse", presence="Busy/InACall"))
        await output.show(view("red 60% pulse", "other", presence="Busy/InACall"))
        await output.show(view("release", presence="Available/Available"))
    lines = os.read(reading, 4096).decode().splitlines()
    assert [re.sub(r"^\d\d:\d\d ", "", line) for line in lines] == [
        "unknown/starting #000000 0% solid",
        "Busy/InACall #ff0000 60% pulse",
        "Available/Available released",
    ]
    assert all(re.match(r"\d\d:\d\d ", line) for line in lines)


async def test_the_time_is_local(pipe: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    reading, writing = pipe
    shown = []
    for zone in ("UTC0", "XXX-5:30"):
        monkeypatch.setenv("TZ", zone)
        time.tzset()
        async with output_on(writing) as output:
            await output.show(view("off"))
        shown.append(os.read(reading, 4096).decode()[:5])
    monkeypatch.undo()
    time.tzset()
    minutes = [int(text[:2]) * 60 + int(text[3:]) for text in shown]
    assert (minutes[1] - minutes[0]) % 1440 in (330, 331)


async def test_a_closed_stdout_is_an_error_that_says_what_to_do(pipe: tuple[int, int]) -> None:
    reading, writing = pipe
    os.close(reading)
    async with output_on(writing) as output:
        with pytest.raises(OutputError, match="take `terminal` out of BUSYLIGHT_OUTPUTS"):
            await output.show(view("red"))


async def test_a_reader_that_stops_reading_ends_in_an_error_not_in_a_hang(
    pipe: tuple[int, int],
) -> None:
    _, writing = pipe
    os.set_blocking(writing, False)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(writing, b"x" * 4096)
    async with output_on(writing) as output, asyncio.timeout(8):
        with pytest.raises(OutputError, match="is stopped"):
            await output.show(view("red"))


async def test_a_full_disk_is_named() -> None:
    full = os.open("/dev/full", os.O_WRONLY)
    try:
        async with output_on(full) as output:
            with pytest.raises(OutputError, match="No space left on device"):
                await output.show(view("red"))
    finally:
        os.close(full)


async def test_a_program_without_stdout_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    for stdout in (None, StringIO()):
        monkeypatch.setattr(sys, "stdout", stdout)
        with pytest.raises(OutputError, match="there is no stdout"):
            await TerminalOutput(TerminalSettings()).__aenter__()


async def test_stdout_is_where_it_is_drawn(capfd: pytest.CaptureFixture[str]) -> None:
    async with TerminalOutput(TerminalSettings()) as output:
        await output.show(view("red", presence="Busy/Busy"))
    assert "Busy/Busy #ff0000 100% solid\n" in capfd.readouterr().out


async def test_on_a_terminal_the_picture_is_drawn_in_place(terminal: Terminal) -> None:
    async with output_on(terminal.near) as output:
        await output.show(view("red", presence="Busy/InACall"))
        await eventually(lambda: b"Busy/InACall" in terminal.seen)
        assert b"\x1b[?25l" in terminal.seen  # the cursor is hidden
        assert b"\x1b[15;40r" in terminal.seen  # what else is said scrolls below
        assert b"\x1b[48;2;255;" in terminal.seen or b"\x1b[38;2;255;" in terminal.seen
        first = terminal.seen.count(b"\n")
        await output.show(view("#00ff00", presence="Available/Available"))
        await eventually(lambda: b"Available/Available" in terminal.seen)
        assert terminal.seen.count(b"\n") == first  # nothing scrolls
        assert terminal.seen.count(FRAME) == 2
    await eventually(lambda: terminal.seen.endswith(b"\x1b[?25h\r\r\n"))
    assert terminal.seen.rindex(b"\x1b[r") > terminal.seen.rindex(FRAME)


async def test_a_still_light_is_drawn_once_and_a_moving_one_at_most_ten_times_a_second(
    terminal: Terminal,
) -> None:
    async with output_on(terminal.near) as output:
        await output.show(view("red"))
        await output.show(view("red"))
        await asyncio.sleep(0.5)
        assert terminal.seen.count(FRAME) == 1
        await output.show(view("red pulse"))
        await asyncio.sleep(1.0)
        assert 4 <= terminal.seen.count(FRAME) <= 13
        await output.show(view("off"))
        await asyncio.sleep(0.2)
        before = terminal.seen.count(FRAME)
        await asyncio.sleep(0.5)
        assert terminal.seen.count(FRAME) == before


async def test_no_colour_is_written_to_who_wants_none(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    async with output_on(terminal.near) as output:
        await output.show(view("red", presence="Busy/InACall"))
        await eventually(lambda: b"Busy/InACall" in terminal.seen)
    assert b"\x1b[38" not in terminal.seen
    assert b"\x1b[48" not in terminal.seen


@pytest.mark.parametrize("why", ["dumb", "small", "latin"])
async def test_a_terminal_that_cannot_show_pictures_gets_plain_lines(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch, why: str
) -> None:
    if why == "dumb":
        monkeypatch.setenv("TERM", "dumb")
    elif why == "small":
        terminal.resize(HEIGHT, 80)
    else:
        monkeypatch.setattr(sys, "stdout", open(os.devnull, "w", encoding="latin-1"))  # noqa: SIM115, PTH123, ASYNC230 -- closed with the test
    async with output_on(terminal.near) as output:
        await output.show(view("red", presence="Busy/InACall"))
        await eventually(lambda: b"Busy/InACall #ff0000 100% solid" in terminal.seen)
    assert b"\x1b" not in terminal.seen
    if why == "latin":
        sys.stdout.close()


async def test_a_window_that_changes_its_size_is_drawn_anew(terminal: Terminal) -> None:
    async with output_on(terminal.near) as output:
        await output.show(view("red", presence="Busy/InACall"))
        terminal.resize(30, 90)
        os.kill(os.getpid(), signal.SIGWINCH)
        await eventually(lambda: b"\x1b[15;30r" in terminal.seen)
        terminal.resize(10, 90)
        os.kill(os.getpid(), signal.SIGWINCH)
        await eventually(lambda: b"\x1b[10;1H" in terminal.seen)
        terminal.resize(50, 90)
        os.kill(os.getpid(), signal.SIGWINCH)
        await eventually(lambda: b"\x1b[15;50r" in terminal.seen)


async def test_a_window_that_changes_its_size_while_it_is_drawn_is_drawn_again(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes = [50]
    paint = Screen.paint

    def painted(screen: Screen, lines: Sequence[str]) -> None:
        paint(screen, lines)
        if os.get_terminal_size(terminal.near).lines == 30 and sizes:
            terminal.resize(sizes.pop(), 90)
            os.kill(os.getpid(), signal.SIGWINCH)
            time.sleep(0.2)  # it is still being drawn when that is heard

    monkeypatch.setattr(Screen, "paint", painted)
    async with output_on(terminal.near) as output:
        await output.show(view("red", presence="Busy/InACall"))
        terminal.resize(30, 90)
        os.kill(os.getpid(), signal.SIGWINCH)
        await eventually(lambda: b"\x1b[15;50r" in terminal.seen)


async def test_a_stopped_terminal_ends_in_an_error_and_the_picture_comes_back(
    terminal: Terminal,
) -> None:
    termios.tcflow(terminal.near, termios.TCOOFF)  # Ctrl-S
    async with asyncio.timeout(12):
        async with output_on(terminal.near) as output:
            with pytest.raises(OutputError, match="Ctrl-Q"):
                await output.show(view("red"))
    termios.tcflow(terminal.near, termios.TCOON)
    async with output_on(terminal.near) as output:
        await output.show(view("red", presence="Busy/InACall"))
        await eventually(lambda: b"Busy/InACall" in terminal.seen)


async def test_a_terminal_that_is_closed_while_the_light_moves_is_noticed(
    terminal: Terminal,
) -> None:
    async with output_on(terminal.near) as output, asyncio.timeout(5):
        await output.show(view("red pulse"))
        terminal.hang_up()
        with pytest.raises(OutputError, match="nobody reads stdout any more"):
            async for _ in output.events():
                pass


async def test_an_output_that_was_not_entered_has_no_events_and_can_be_left(
    terminal: Terminal,
) -> None:
    output = output_on(terminal.near)
    with pytest.raises(OutputError):
        output.events()
    await output.__aexit__(None, None, None)


def test_a_screen_gives_the_terminal_back_and_says_when_it_is_gone(terminal: Terminal) -> None:
    with Screen(terminal.near, height=2, width=10) as screen:
        assert screen.fits
        screen.paint(["one", "two"])
        screen.paint(["one", "two"])
    with Screen(-1) as nowhere:
        assert not nowhere.fits
        with pytest.raises(TerminalError):
            nowhere.paint(["x"])
        nowhere._size = None


async def test_a_terminal_is_drawn_on_in_another_thread_too(terminal: Terminal) -> None:
    """Signals are the main thread's alone; the picture goes without them."""

    def elsewhere() -> None:
        async def show() -> None:
            async with output_on(terminal.near) as output:
                await output.show(view("red", presence="Busy/InACall"))

        asyncio.run(show())

    thread = threading.Thread(target=elsewhere)
    thread.start()
    await eventually(lambda: not thread.is_alive() and b"Busy/InACall" in terminal.seen)
