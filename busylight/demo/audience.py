"""Who looks at the demo: lines for a pipe, a picture for a person."""

import asyncio
import contextlib
import os
import sys
from types import TracebackType
from typing import Final, Protocol, Self

from busylight.core.light import Effect, LightState, shown_rgb
from busylight.core.palette import Rule
from busylight.core.view import View
from busylight.demo.day import Step
from busylight.edge.threads import Worker
from busylight.outputs.terminal.picture import Depth, draw, light_words, plain_line, words_of
from busylight.outputs.terminal.screen import WRITE_LIMIT, Screen, TerminalError
from firmware_bridge import protocol
from firmware_bridge.simulate import Painting, SimulatedLight

_FRAME_SECONDS: Final = 0.1


class Audience(Protocol):
    """Is told what happens, and shows it."""

    async def __aenter__(self) -> Self:
        """Take a seat."""
        ...

    def saw(self, view: View) -> None:
        """The program has a new view."""
        ...

    def shown(self, step: Step, rule: Rule) -> None:
        """A state of the day has reached the light."""
        ...

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None:
        """Leave."""
        ...


class PlainAudience:
    """One line for each state that has reached the light."""

    async def __aenter__(self) -> Self:
        """Nothing to prepare."""
        return self

    def saw(self, view: View) -> None:
        """What has not reached the light yet is no line."""

    def shown(self, step: Step, rule: Rule) -> None:
        """Print the state."""
        words = f"{step.availability}/{step.activity}"
        print(plain_line(step.time, words, rule.light), flush=True)  # noqa: T201 -- what is asked for

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None:
        """Nothing to give back."""


class PictureAudience:
    """A picture of the virtual light, drawn from the bytes that it has received."""

    def __init__(self, light: SimulatedLight) -> None:
        self._light = light
        self._screen = Screen(sys.stdout.fileno())
        self._depth = Depth.of(os.environ)
        self._worker = Worker("demo picture")
        self._time = "--:--"
        self._view: View | None = None
        self._drawing: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Begin to draw."""
        self._drawing = asyncio.create_task(self._draw())
        return self

    def saw(self, view: View) -> None:
        """Remember what the program says beside the picture."""
        self._view = view

    def shown(self, step: Step, rule: Rule) -> None:  # noqa: ARG002 -- the light itself is drawn
        """Remember the time of the day that is played."""
        self._time = step.time

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None:
        """Stop drawing, and give the cursor back."""
        if self._drawing is not None:
            self._drawing.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._drawing
        with contextlib.suppress(TerminalError, TimeoutError):
            await self._worker.call(2 * WRITE_LIMIT, self._screen.close)
        self._worker.close()

    async def _draw(self) -> None:
        loop = asyncio.get_running_loop()
        shown, since = None, loop.time()
        while True:
            painting = self._light.last
            light = None if painting is None else light_of(painting)
            if light != shown:
                shown, since = light, loop.time()
            lines = draw(light, loop.time() - since, self._words(painting), self._depth)
            with contextlib.suppress(TerminalError, TimeoutError):  # who stops it misses some
                await self._worker.call(2 * WRITE_LIMIT, self._screen.paint, lines)
            await asyncio.sleep(_FRAME_SECONDS)

    def _words(self, painting: Painting | None) -> list[str]:
        view = self._view
        if view is None:
            return [self._time]
        lines = [f"{self._time}  {words_of(view.knowledge)}", light_words(view.light)]
        if view.sign_in is not None:
            lines.append(f"sign in with {view.sign_in.code}: the stand-in does it by itself")
        elif painting is not None:
            red, green, blue = shown_rgb(light_of(painting))
            lines.append(f"on the wire: {red:02x}{green:02x}{blue:02x}    Ctrl-C ends it")
        return lines


_EFFECTS: Final = {
    protocol.SOLID: Effect.SOLID,
    protocol.BLINK: Effect.BLINK,
    protocol.PULSE: Effect.PULSE,
    protocol.BREATHE: Effect.BREATHE,
}


def light_of(painting: Painting) -> LightState:
    """What a light that was painted so looks like."""
    red, green, blue, brightness, effect, period = painting.look
    seconds = period / 1000 if period else None
    return LightState(red, green, blue, brightness, _EFFECTS[effect], seconds)
