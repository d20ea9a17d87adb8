"""The output `gpio`."""

import warnings
from collections.abc import Callable
from types import TracebackType
from typing import Any, ClassVar, Final, Self

import gpiozero
from pydantic import BaseModel

from busylight.core.light import FULL
from busylight.core.view import View
from busylight.edge.threads import Worker
from busylight.outputs.blinker import RGB, Blinker
from busylight.outputs.gpio.settings import GpioSettings
from busylight.outputs.gpio.system_library import borrow_lgpio
from busylight.outputs.gpio.traffic import lit
from busylight.parts import OutputError, UntilLost

# Each library that it tries in vain is a warning of four lines; if none is left, that is our error.
warnings.filterwarnings("ignore", category=gpiozero.PinFactoryFallback)

LIMIT: Final = 5.0
"""Seconds that the pins may take for anything."""


class GpioOutput:
    """LEDs on the pins of a Raspberry Pi: an RGB LED, or single ones as in a traffic light.

    The pins dim by pulse width, which gpiozero's library does outside of this process's loop.
    """

    Settings: ClassVar[type[BaseModel]] = GpioSettings

    def __init__(self, settings: GpioSettings) -> None:
        self._settings = settings
        self._worker = Worker("gpio")
        self._leds: dict[str, Any] = {}
        self._blinker: Blinker | None = None

    async def __aenter__(self) -> Self:
        """Take the pins, dark."""
        try:
            await self._call(self._open)
        except BaseException:
            self._worker.close()
            raise
        self._blinker = Blinker(self._paint)
        return self

    async def show(self, view: View) -> None:
        """Show it; what is released is dark."""
        if self._blinker is None:
            raise OutputError("is not connected")
        if view.light is None:
            await self._blinker.stop()
            await self._paint((0, 0, 0))
        else:
            await self._blinker.show(view.light)

    def events(self) -> UntilLost:
        """Nothing is asked for here; raises `OutputError` when a blink has failed."""
        if self._blinker is None:
            raise OutputError("is not connected")
        return self._blinker.events()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None:
        """Give the pins back: they are inputs then, and every LED is dark."""
        if self._blinker is not None:
            await self._blinker.stop()
        await self._call(self._close)
        self._worker.close()

    def _open(self) -> None:
        borrow_lgpio()
        for color, pin in self._settings.pins.items():
            try:
                self._leds[color] = gpiozero.PWMLED(
                    pin, active_high=self._settings.active_high, initial_value=0
                )
            except Exception as error:
                self._close()
                raise OutputError(_problem(pin, error)) from error

    def _close(self) -> None:
        for led in self._leds.values():
            led.close()
        self._leds.clear()

    async def _paint(self, rgb: RGB) -> None:
        levels = (
            dict(zip(("red", "green", "blue"), (channel / FULL for channel in rgb), strict=True))
            if self._settings.is_rgb
            else lit(rgb, self._leds)
        )
        await self._call(self._set, levels)

    def _set(self, levels: dict[str, float]) -> None:
        for color, led in self._leds.items():
            led.value = levels[color]

    async def _call(self, function: Callable[..., None], *arguments: object) -> None:
        try:
            await self._worker.call(LIMIT, function, *arguments)
        except OutputError:
            raise
        except TimeoutError as error:
            raise OutputError(f"the pins do not answer within {LIMIT:g} s") from error
        except Exception as error:
            raise OutputError(f"the pins cannot be used: {error}") from error

    @staticmethod
    async def check(settings: GpioSettings) -> str:
        """Whether this machine has such pins; none is touched. Raises `OutputError`."""
        worker = Worker("gpio check")
        try:
            factory = await worker.call(LIMIT, _factory)
        finally:
            worker.close()
        pins = ", ".join(f"{color} on GPIO{pin}" for color, pin in settings.pins.items())
        return f"{pins}, by {factory}"


def _factory() -> str:
    try:
        borrow_lgpio()
        gpiozero.Device.ensure_pin_factory()
    except Exception as error:
        raise OutputError(_problem(None, error)) from error
    return type(gpiozero.Device.pin_factory).__name__


def _problem(pin: int | None, error: Exception) -> str:
    if isinstance(error, gpiozero.GPIOPinInUse):
        return f"GPIO{pin} is in use already: another output or another program has it"
    if isinstance(error, gpiozero.BadPinFactory):
        return (
            "this machine has no pins that can be used: on a Raspberry Pi, pip install "
            "'busylight-presence[gpio]' (on Raspberry Pi OS 13 also apt-get install "
            "python3-lgpio), and let the user be in the group gpio"
        )
    if isinstance(error, gpiozero.PinInvalidPin):
        return f"GPIO{pin} is no pin of this machine"
    return f"GPIO{pin} cannot be used: {error}; is the user in the group gpio?"
