"""Blinking done by us, for lamps that cannot animate: two calls a round, and none otherwise."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final

from busylight.core.light import OFF, Effect, LightState, shown_rgb
from busylight.parts import OutputError, UntilLost

RGB = tuple[int, int, int]

_DARK: Final = OFF.rgb


class Blinker:
    """Paints a light, and goes on blinking it for as long as it blinks.

    Pulse and breathe are painted solid: a lamp that cannot do them by itself would have to be
    spoken to thirty times a second.
    """

    def __init__(self, paint: Callable[[RGB], Awaitable[None]]) -> None:
        """`paint` shows a colour, with the brightness applied, and raises `OutputError`."""
        self._paint = paint
        self._blinking: asyncio.Task[None] | None = None
        self._lost: asyncio.Future[OutputError] = asyncio.get_running_loop().create_future()

    async def show(self, light: LightState) -> None:
        """Paint it, and begin to blink if it blinks; raises what `paint` raises.

        A blink begins with its lit half.
        """
        await self.stop()
        await self._paint(shown_rgb(light))
        if light.effect is Effect.BLINK and light.period is not None and not light.is_dark:
            self._blinking = asyncio.create_task(self._blink(light, light.period / 2))

    async def stop(self) -> None:
        """Leave the lamp as it is."""
        if self._blinking is not None:
            self._blinking.cancel()
            with suppress(asyncio.CancelledError):
                await self._blinking
            self._blinking = None

    def events(self) -> UntilLost:
        """What an output that hears nothing else returns: notices when blinking has failed."""
        return UntilLost(self._lost)

    async def _blink(self, light: LightState, half: float) -> None:
        loop = asyncio.get_running_loop()
        due, lit = loop.time(), True
        try:
            while True:
                due = max(due + half, loop.time())
                await asyncio.sleep(due - loop.time())
                lit = not lit
                await self._paint(shown_rgb(light) if lit else _DARK)
        except OutputError as error:
            self._fail(error)
        except Exception as error:  # noqa: BLE001 -- as the program tells it of an output's show
            self._fail(OutputError(f"{type(error).__name__}: {error}"))

    def _fail(self, error: OutputError) -> None:
        if not self._lost.done():
            self._lost.set_result(error)
