"""WLED's realtime protocol on UDP: colours that hold for some seconds, and not longer.

https://kno.wled.ge/interfaces/udp-realtime/. When nothing has come for the lifetime that the last
packet named, WLED goes back to its own state: a light whose host has died says nothing false.
"""

import asyncio
import socket
from collections.abc import Iterator
from typing import Final

from busylight.core.light import LightState
from busylight.edge.threads import Worker
from busylight.outputs.blinker import RGB, Blinker
from busylight.outputs.repeater import Repeater
from busylight.outputs.wled.api import Api, pixels_of
from busylight.outputs.wled.settings import WledSettings
from busylight.parts import OutputError

_DNRGB: Final = 4
_MOST: Final = 489
"""Pixels in one packet."""
_LEAVE: Final = bytes((_DNRGB, 0, 0, 0, 0, 0, 0, 0))
"""A lifetime of 0 s: WLED leaves realtime mode at once."""
_NAME_SECONDS: Final = 8.0
_TRIES: Final = 10


def packets(rgb: RGB, pixels: int, lifetime: int) -> Iterator[bytes]:
    """Tell every pixel this colour for `lifetime` seconds."""
    for first in range(0, pixels, _MOST):
        count = min(_MOST, pixels - first)
        yield bytes((_DNRGB, lifetime, *first.to_bytes(2, "big"))) + bytes(rgb) * count


class Realtime:
    """Says each colour again before it has had its time, and blinks what blinks."""

    def __init__(self, settings: WledSettings, api: Api, keeper: Repeater) -> None:
        """`keeper` says things again, and tells when that has failed."""
        self._settings = settings
        self._api = api
        self._socket: socket.socket | None = None
        self._pixels = 0
        self._rgb: RGB | None = None
        self._is_taken = False
        self._blinker = Blinker(self._paint)
        self._keeper = keeper

    async def begin(self) -> None:
        """Ask how many pixels there are; raises `OutputError`."""
        self._pixels = pixels_of(await self._api.info())
        worker = Worker("wled name")
        try:
            self._socket = await worker.call(_NAME_SECONDS, _socket, self._settings)
        except (OSError, TimeoutError) as error:
            raise OutputError(f"{self._settings.host} cannot be reached: {error}") from error
        finally:
            worker.close()

    async def show(self, light: LightState | None) -> None:
        """Show it; None leaves the light to its own state."""
        await self._keeper.stop()
        if light is None:
            await self._blinker.stop()
            if self._rgb is not None:
                self._send(_LEAVE)
            self._rgb, self._is_taken = None, False
            return
        await self._blinker.show(light)
        if not self._is_taken:
            await self._wait_until_taken()
        self._keeper.begin(self._settings.lifetime / 3, self._again)

    async def stay(self, light: LightState) -> None:
        """Have the light show this by itself, when we are gone."""
        await self.show(None)
        await self._api.wish(light)

    async def ask(self) -> None:
        """Whether the light is there, and takes what it is told; raises `OutputError`."""
        info = await self._api.info()
        if self._rgb is not None and not info.get("live"):
            raise OutputError(
                f"{self._settings.host} takes no realtime data: allow it in WLED's Sync settings "
                "(Receive UDP realtime), or set WLED_MODE=json"
            )

    async def close(self) -> None:
        """Say nothing more: the light goes back to its own state when its time is over."""
        await self._blinker.stop()
        await self._keeper.stop()
        if self._socket is not None:
            self._socket.close()

    async def _wait_until_taken(self) -> None:
        for tries in range(1, _TRIES + 1):
            try:
                await self.ask()
            except OutputError:
                if tries == _TRIES:
                    raise
                await asyncio.sleep(0.1)
                await self._again()
            else:
                self._is_taken = True
                return

    async def _paint(self, rgb: RGB) -> None:
        self._rgb = rgb
        await self._again()

    async def _again(self) -> None:
        if self._rgb is not None:
            for packet in packets(self._rgb, self._pixels, self._settings.lifetime):
                self._send(packet)

    def _send(self, packet: bytes) -> None:
        if self._socket is None:
            raise OutputError("is not connected")
        try:
            self._socket.send(packet)
        except BlockingIOError:
            return  # the same is said again soon
        except OSError as error:
            raise OutputError(f"{self._settings.host} cannot be reached: {error}") from error


def _socket(settings: WledSettings) -> socket.socket:
    family, kind, protocol, _, address = socket.getaddrinfo(
        settings.host, settings.realtime_port, type=socket.SOCK_DGRAM
    )[0]
    found = socket.socket(family, kind, protocol)
    found.setblocking(False)
    found.connect(address)
    return found
