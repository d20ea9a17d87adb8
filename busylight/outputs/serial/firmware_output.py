"""A light of our own firmware: it confirms what it shows, and knows when we are gone."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Self

from busylight.core.light import Effect, LightState
from busylight.core.override import Command, Pressed
from busylight.core.view import View
from busylight.outputs.serial.conversation import Conversation
from busylight.outputs.serial.finding import port_of
from busylight.outputs.serial.settings import SerialSettings
from busylight.parts import OutputError
from firmware_bridge import protocol
from firmware_bridge.words import describe

_log: Final = logging.getLogger("busylight.outputs.serial")

LIFETIME: Final = 12.0
"""Seconds without a word from us until the light says that its host is gone."""
PING_EVERY: Final = 4.0
"""Seconds: two pings may get lost."""

_EFFECTS: Final = {
    Effect.SOLID: protocol.SOLID,
    Effect.BLINK: protocol.BLINK,
    Effect.PULSE: protocol.PULSE,
    Effect.BREATHE: protocol.BREATHE,
}


@dataclass(frozen=True, slots=True)
class Care:
    """How closely a light is looked after, in seconds."""

    lifetime: float = LIFETIME
    ping_every: float = PING_EVERY


@dataclass(frozen=True, slots=True)
class _Wish:
    """What the light shall show."""

    light: LightState | None
    lifetime: float

    @property
    def kind(self) -> int:
        return protocol.RELEASE if self.light is None else protocol.SHOW

    @property
    def payload(self) -> bytes:
        show = show_of(self.light, self.lifetime)
        return show.lifetime.to_bytes(2, "little") if self.light is None else show.pack()

    def is_fulfilled(self, shown: protocol.Shown) -> bool:
        if self.light is None:
            return shown.state == protocol.RELEASED
        return (
            shown.state == protocol.SHOWING
            and shown.show.look() == show_of(self.light, self.lifetime).look()
        )


def show_of(light: LightState | None, lifetime: float = 0) -> protocol.Show:
    """A light in the words of the wire; `lifetime` in seconds, 0 for ever. None is dark."""
    tenths = round(lifetime * 10)
    if light is None:
        return protocol.Show(0, 0, 0, 0, lifetime=tenths)
    period = 0 if light.period is None else round(light.period * 1000)
    effect = _EFFECTS[light.effect]
    return protocol.Show(*light.rgb, light.brightness, effect, period, tenths)


class FirmwareOutput:
    """Shows each view until the light confirms it, and pings, so that it knows that we live."""

    def __init__(self, settings: SerialSettings, care: Care | None = None) -> None:
        self._settings = settings
        self._care = care or Care()
        self._conversation: Conversation | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._wish: _Wish | None = None
        self._turn = asyncio.Lock()
        self._said_goodbye = False
        self.has_button = False

    async def __aenter__(self) -> Self:
        """Find the port, open it, and make sure that our light is behind it."""
        path = port_of(self._settings)
        conversation = Conversation(path, self._settings.baud)
        identity = await conversation.begin()
        _log.info("the light on %s: %s", path, describe(identity))
        self.has_button = bool(identity.capabilities & protocol.HAS_BUTTON)
        self._conversation = conversation
        self._keeper = asyncio.create_task(self._keep(conversation), name="serial pings")
        return self

    async def show(self, view: View) -> None:
        """Show it, and return when the light has said that it does; raises `OutputError`."""
        conversation = self._connected()
        # What is shown at the end stays: the light is not to wait for us any more.
        wish = _Wish(view.light, 0 if view.is_last else self._care.lifetime)
        async with self._turn:
            if wish != self._wish:
                await self._fulfil(conversation, wish)
            self._said_goodbye = view.is_last

    async def events(self) -> AsyncIterator[Command]:
        """Yield the presses of its button; raises `OutputError` when it is lost."""
        conversation = self._connected()
        while True:
            heard = await conversation.heard.get()
            if isinstance(heard, OutputError):
                raise heard
            yield Pressed(heard)

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None:
        """Close the port. Without a last view the light will say that its host is gone."""
        if self._keeper is not None:
            self._keeper.cancel()
            with suppress(asyncio.CancelledError):
                await self._keeper
        if self._conversation is not None:
            await self._conversation.end(in_order=self._said_goodbye)
            self._conversation = None

    def _connected(self) -> Conversation:
        if self._conversation is None:
            raise OutputError("is not connected")
        return self._conversation

    async def _fulfil(self, conversation: Conversation, wish: _Wish) -> None:
        self._wish = None
        shown = await conversation.ask(wish.kind, wish.payload)
        self._wish = wish
        if not wish.is_fulfilled(shown):
            _log.warning("the light shows %s instead: its firmware is older", shown.show.look())

    async def _keep(self, conversation: Conversation) -> None:
        """Ping, and show again what the light has forgotten, until the line is lost."""
        with suppress(OutputError):  # the line itself knows, and tells whoever listens to it
            while True:
                await asyncio.sleep(self._care.ping_every)
                async with self._turn:
                    if self._wish is None or self._said_goodbye:
                        continue
                    shown = await conversation.ask(protocol.PING)
                    if not self._wish.is_fulfilled(shown):
                        await self._fulfil(conversation, self._wish)
