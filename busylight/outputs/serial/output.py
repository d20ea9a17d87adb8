"""The output `serial`."""

from collections.abc import AsyncIterator
from types import TracebackType
from typing import ClassVar, Self

from pydantic import BaseModel

from busylight.core.override import Command
from busylight.core.view import View
from busylight.outputs.serial import adalight
from busylight.outputs.serial.firmware_output import FirmwareOutput
from busylight.outputs.serial.one_way_output import OneWayOutput
from busylight.outputs.serial.scene import Rhythm
from busylight.outputs.serial.settings import Protocol, SerialSettings
from busylight.outputs.serial.template import Template
from busylight.outputs.serial.wled_output import WledOutput


class SerialOutput:
    """A light on a serial line, whatever is spoken there."""

    Settings: ClassVar[type[BaseModel]] = SerialSettings

    def __init__(self, settings: SerialSettings, rhythm: Rhythm | None = None) -> None:
        """`rhythm`: of a line without answers, in place of its protocol's own."""
        self._speaker = _speaker(settings, rhythm)

    async def __aenter__(self) -> Self:
        """Open the port; raises `OutputError`."""
        await self._speaker.__aenter__()
        return self

    async def show(self, view: View) -> None:
        """Show it; raises `OutputError`."""
        await self._speaker.show(view)

    @property
    def has_button(self) -> bool:
        """Whether there is a button on the light; known once it is connected."""
        return self._speaker.has_button

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


def _speaker(settings: SerialSettings, rhythm: Rhythm | None) -> FirmwareOutput | OneWayOutput:
    match settings.protocol:
        case Protocol.BUSYLIGHT:
            return FirmwareOutput(settings)
        case Protocol.WLED:
            return WledOutput(settings, rhythm)
        case Protocol.ADALIGHT:
            strip = adalight.Adalight(settings.pixels or 1)
            return OneWayOutput(settings, strip, rhythm or adalight.RHYTHM)
        case Protocol.TEMPLATE:
            template = Template.parse(settings.template or "")
            return OneWayOutput(settings, template, rhythm or Rhythm())
