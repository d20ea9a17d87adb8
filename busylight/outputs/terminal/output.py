"""The output `terminal`."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from datetime import datetime
from types import TracebackType
from typing import ClassVar, Final, Self

from pydantic import BaseModel

from busylight.core.light import LightState
from busylight.core.override import Command
from busylight.core.view import View
from busylight.edge import clock
from busylight.edge.threads import Worker
from busylight.outputs.terminal.picture import (
    Depth,
    captions,
    draw,
    light_words,
    moves,
    plain_line,
    words_of,
)
from busylight.outputs.terminal.screen import WRITE_LIMIT, Screen, write
from busylight.outputs.terminal.settings import TerminalSettings
from busylight.parts import OutputError, UntilLost

FRAME: Final = 0.1
"""Seconds between two pictures of a light that moves."""
_MARGIN: Final = 1.0  # seconds by which a thread's own limit may be late


class TerminalOutput:
    """A picture of the light on a terminal; elsewhere a plain line at each change."""

    Settings: ClassVar[type[BaseModel]] = TerminalSettings
    dimmed: ClassVar[bool] = False

    def __init__(self, settings: TerminalSettings, descriptor: int | None = None) -> None:
        """Draw on `descriptor`; default: stdout."""
        del settings  # there is nothing to set
        self._given = descriptor
        self._descriptor = -1
        self._worker = Worker("terminal")
        self._screen: Screen | None = None
        self._depth = Depth.of(os.environ)
        self._turn = asyncio.Lock()
        self._changed = asyncio.Event()
        self._light: LightState | None = None
        self._began = 0.0
        self._captions: list[str] = []
        self._line = ""
        self._painter: asyncio.Task[None] | None = None
        self._lost: asyncio.Future[OutputError] | None = None

    async def __aenter__(self) -> Self:
        """Find out what stdout is; nothing is written before the first view."""
        self._descriptor = _stdout() if self._given is None else self._given
        self._lost = asyncio.get_running_loop().create_future()
        if can_paint(self._descriptor):
            screen = Screen(self._descriptor)
            if screen.fits:
                self._screen = screen
                self._painter = asyncio.create_task(self._animate(), name="terminal picture")
                with suppress(ValueError, RuntimeError):  # not in the main thread: it goes without
                    asyncio.get_running_loop().add_signal_handler(
                        signal.SIGWINCH, self._changed.set
                    )
        return self

    async def show(self, view: View) -> None:
        """Draw it, if it looks different."""
        if self._screen is None:
            await self._print(view)
            return
        async with self._turn:
            if view.light != self._light or not self._captions:
                self._light, self._began = view.light, clock.now()
            self._captions = captions(view)
            await self._paint(self._screen)
        self._changed.set()

    def events(self) -> AsyncIterator[Command]:
        """Nothing is ever asked for here; raises `OutputError` when the terminal has gone."""
        if self._lost is None:
            raise OutputError("is not open")
        return UntilLost(self._lost)

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None:
        """Leave the last picture standing, and give the cursor back."""
        if self._painter is not None:
            asyncio.get_running_loop().remove_signal_handler(signal.SIGWINCH)
            self._painter.cancel()
            with suppress(asyncio.CancelledError):
                await self._painter
        if self._screen is not None:
            with suppress(OutputError, TimeoutError):
                await self._worker.call(WRITE_LIMIT, self._screen.close)
        self._worker.close()

    async def _print(self, view: View) -> None:
        words, light = words_of(view.knowledge), light_words(view.light)
        if f"{words} {light}" != self._line:
            local = datetime.now().astimezone()
            line = plain_line(f"{local:%H:%M}", words, view.light)
            await self._blocking(lambda: write(self._descriptor, f"{line}\n".encode()))
            self._line = f"{words} {light}"

    async def _paint(self, screen: Screen) -> None:
        lines = draw(self._light, clock.now() - self._began, self._captions, self._depth)
        await self._blocking(lambda: screen.paint(lines))

    async def _animate(self) -> None:
        """Let the picture move while the light does, and follow the size of the terminal."""
        screen = self._screen
        if screen is None or self._lost is None:
            return
        try:
            while True:
                with suppress(TimeoutError):
                    async with asyncio.timeout(FRAME if moves(self._light) else None):
                        await self._changed.wait()
                        await asyncio.sleep(FRAME)  # a window that is dragged changes often
                self._changed.clear()  # what changes while it is painted is painted next
                async with self._turn:
                    await self._paint(screen)
        except OutputError as error:
            self._lost.set_result(error)

    async def _blocking(self, call: Callable[[], None]) -> None:
        try:
            await self._worker.call(WRITE_LIMIT + _MARGIN, call)
        except TimeoutError:
            raise OutputError("the terminal is stopped: Ctrl-Q lets it go on") from None


def can_paint(descriptor: int) -> bool:
    """Whether pictures can be drawn there: a terminal that knows how to move its cursor."""
    encoding = getattr(sys.stdout, "encoding", None) or ""
    return (
        os.isatty(descriptor)
        and os.environ.get("TERM", "dumb") != "dumb"
        and encoding.lower().replace("-", "") == "utf8"
    )


def _stdout() -> int:
    try:
        return sys.stdout.fileno()
    except (AttributeError, OSError, ValueError):
        raise OutputError("there is no stdout: take `terminal` out of BUSYLIGHT_OUTPUTS") from None
