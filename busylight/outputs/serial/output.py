"""The output `serial`."""

from collections.abc import AsyncIterator
from types import TracebackType
from typing import ClassVar, Self

from pydantic import BaseModel

from busylight.core.override import Command
from busylight.core.view import View
from busylight.outputs.serial.firmware_output import FirmwareOutput
from busylight.outputs.serial.scene import Rhythm
from busylight.outputs.serial.settings import Protocol, SerialSettings
from busylight.outputs.serial.template_output import TemplateOutput


class SerialOutput:
    """A light on a serial line, whatever is spoken there."""

    Settings: ClassVar[type[BaseModel]] = SerialSettings

    def __init__(self, settings: SerialSettings, rhythm: Rhythm | None = None) -> None:
        """`rhythm`: of a line without answers."""
        self._speaker: FirmwareOutput | TemplateOutput = (
            FirmwareOutput(settings)
            if settings.protocol is Protocol.BUSYLIGHT
            else TemplateOutput(settings, rhythm)
        )

    async def __aenter__(self) -> Self:
        """Open the port; raises `OutputError`."""
        await self._speaker.__aenter__()
        return self

    async def show(self, view: View) -> None:
        """Show it; raises `OutputError`."""
        await self._speaker.show(view)

    def events(self) -> AsyncIterator[Command]:
        """What is asked for on this line; raises `OutputError` when it is lost."""
        return self._speaker.events()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None:
        """Close; after the last view only when that has left."""
        await self._speaker.__aexit__(kind, error, traceback)
