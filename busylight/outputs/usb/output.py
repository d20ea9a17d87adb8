"""The output `usb`."""

import logging
from collections.abc import Callable
from types import TracebackType
from typing import Any, ClassVar, Final, Self

from pydantic import BaseModel

from busylight.core.view import View
from busylight.edge.threads import Worker
from busylight.outputs.blinker import RGB, Blinker
from busylight.outputs.repeater import Repeater
from busylight.outputs.usb import lights
from busylight.outputs.usb.settings import UsbSettings
from busylight.parts import Device, OutputError, UntilLost

_log: Final = logging.getLogger("busylight.outputs.usb")

LIMIT: Final = 5.0
"""Seconds that a light may take for anything."""
LIVE_EVERY: Final = 4.0
"""Seconds: Kuando's lights go dark without a word in 15, and a pulled plug is noticed so."""


class UsbOutput:
    """Shows the same on every light from the shop that is plugged in, or on one of them."""

    Settings: ClassVar[type[BaseModel]] = UsbSettings

    def __init__(self, settings: UsbSettings) -> None:
        self._worker = Worker("usb")
        self._lights = lights.Lights(settings)
        self._blinker: Blinker | None = None
        self._keeper: Repeater | None = None
        self._rgb: RGB = (0, 0, 0)

    async def __aenter__(self) -> Self:
        """Find and open them."""
        try:
            await self._open()
        except BaseException:
            self._worker.close()
            raise
        self._keeper = Repeater()
        self._blinker = Blinker(self._paint)
        return self

    async def show(self, view: View) -> None:
        """Show it; what is released is switched off once, and then left alone."""
        if self._blinker is None or self._keeper is None:
            raise OutputError("is not connected")
        await self._keeper.stop()
        if view.light is None:
            await self._blinker.stop()
            await self._paint((0, 0, 0))
            return
        await self._blinker.show(view.light)
        if not view.is_last:
            self._keeper.begin(LIVE_EVERY, self._live)

    def events(self) -> UntilLost:
        """Nothing is asked for here; raises `OutputError` when a light has gone."""
        if self._keeper is None:
            raise OutputError("is not connected")
        return self._keeper.events()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None:
        """Let go; what they show stays."""
        if self._blinker is not None:
            await self._blinker.stop()
        if self._keeper is not None:
            await self._keeper.stop()
        await self._call(self._lights.close)
        self._worker.close()

    async def _open(self) -> None:
        for name in await self._call(self._lights.open):
            _log.info("a light on USB: %s", name)

    async def _paint(self, rgb: RGB) -> None:
        self._rgb = rgb
        await self._call(self._lights.paint, rgb)

    async def _live(self) -> None:
        await self._call(self._lights.live)
        if await self._call(self._lights.open):  # one that was plugged in meanwhile
            await self._paint(self._rgb)

    async def _call(self, function: Callable[..., Any], *arguments: object) -> Any:
        try:
            return await self._worker.call(LIMIT, function, *arguments)
        except TimeoutError as error:
            raise OutputError(f"a USB light does not answer within {LIMIT:g} s") from error

    @staticmethod
    async def check(settings: UsbSettings) -> str:
        """Open them and close them, which changes nothing; raises `OutputError`."""
        worker, found = Worker("usb check"), lights.Lights(settings)
        try:
            names = await worker.call(LIMIT, found.open)
            await worker.call(LIMIT, found.close)
        finally:
            worker.close()
        return ", ".join(names)

    @staticmethod
    def devices() -> list[Device]:
        """Every light that is plugged in, and what selects it."""
        return [
            Device(
                name,
                {"serial_number": hardware.serial_number}
                if hardware.serial_number
                else {"device": f"{hardware.vendor_id:04x}:{hardware.product_id:04x}"},
                problem,
            )
            for name, hardware, problem in lights.describe()
        ]
