"""The output `wled`."""

from types import TracebackType
from typing import ClassVar, Final, Self

from pydantic import BaseModel

from busylight.core.light import OFF, LightState
from busylight.core.view import View
from busylight.outputs.repeater import Repeater
from busylight.outputs.wled.api import Api, pixels_of
from busylight.outputs.wled.realtime import Realtime
from busylight.outputs.wled.settings import Mode, WledSettings
from busylight.parts import OutputError, UntilLost

ASK_EVERY: Final = 10.0
"""Seconds between two questions whether the light is still there, and does what it was told."""


class WledOutput:
    """Speaks to WLED on the network, and asks it now and then what it does."""

    Settings: ClassVar[type[BaseModel]] = WledSettings

    def __init__(self, settings: WledSettings) -> None:
        self._settings = settings
        self._api = Api(settings)
        self._realtime: Realtime | None = None
        self._asker: Repeater | None = None
        self._shown: LightState | None = None
        self._is_ours = False

    async def __aenter__(self) -> Self:
        """Ask who it is."""
        self._asker = Repeater()
        try:
            if self._settings.mode is Mode.REALTIME:
                self._realtime = Realtime(self._settings, self._api, Repeater(self._asker.fail))
                await self._realtime.begin()
            else:
                await self._api.info()
        except BaseException:
            await self._api.close()
            raise
        return self

    async def show(self, view: View) -> None:
        """Show it, and return when the light has said that it does."""
        asker = self._listening()
        await asker.stop()
        light = view.light
        if self._realtime is None:
            if light is not None or self._is_ours:
                await self._api.wish(OFF if light is None else light)
        elif light is not None and view.is_last:
            await self._realtime.stay(light)
        else:
            await self._realtime.show(light)
        self._shown, self._is_ours = light, light is not None
        if not view.is_last:
            asker.begin(ASK_EVERY, self._ask)

    def events(self) -> UntilLost:
        """Nothing is asked for here; raises `OutputError` when the light is lost."""
        return self._listening().events()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None:
        """Let go; a light in realtime mode goes back to its own state by itself."""
        if self._asker is not None:
            await self._asker.stop()
        if self._realtime is not None:
            await self._realtime.close()
        await self._api.close()

    def _listening(self) -> Repeater:
        if self._asker is None:
            raise OutputError("is not connected")
        return self._asker

    async def _ask(self) -> None:
        if self._realtime is not None:
            await self._realtime.ask()
        elif self._shown is not None:
            await self._api.wish(self._shown)  # also for a light that was without power
        else:
            await self._api.info()

    @staticmethod
    async def check(settings: WledSettings) -> str:
        """Ask who it is, and change nothing; raises `OutputError`."""
        api = Api(settings)
        try:
            info = await api.info()
        finally:
            await api.close()
        return f"WLED {info.get('ver')} on {settings.host}, {pixels_of(info)} pixels"
