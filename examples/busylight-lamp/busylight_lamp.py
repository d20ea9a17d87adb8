"""An output for a lamp that understands lines of text on TCP: `rrggbb`, answered with `ok`."""

import asyncio
from contextlib import suppress
from typing import Self

from pydantic import Field, SecretStr

from busylight.plugins import Blinker, Branch, OutputError, UntilLost, View


class LampSettings(Branch):
    """The settings `BUSYLIGHT_LAMP_…`."""

    host: str = Field(description="The lamp's name or address", examples=["lamp.local"])
    port: int = Field(default=4210, ge=1, le=65535, description="Its port", examples=["4210"])
    password: SecretStr | None = Field(
        default=None, description="What it asks for, if it does", examples=["correct-horse"]
    )


class Lamp:
    """Tells the lamp each colour, and waits until it has said that it shows it."""

    Settings = LampSettings
    api_version = 1

    def __init__(self, settings: LampSettings) -> None:
        """Connect nothing yet."""
        self._settings = settings

    async def __aenter__(self) -> Self:
        """Connect, and say the password."""
        host, port = self._settings.host, self._settings.port
        try:
            self._reader, self._writer = await asyncio.open_connection(host, port)
        except OSError as error:
            problem = error.strerror or error
            raise OutputError(
                f"{host} port {port} cannot be reached ({problem}): is the lamp on?"
            ) from error
        self._blinker = Blinker(self._paint)
        if self._settings.password is not None:
            try:
                await self._ask(self._settings.password.get_secret_value())
            except OutputError:
                await self.__aexit__()  # it is called for us only once we have entered
                raise
        return self

    async def show(self, view: View) -> None:
        """Show it; a lamp that is released goes dark, and is then left alone."""
        if view.light is None:
            await self._blinker.stop()
            await self._paint((0, 0, 0))
        else:
            # What is shown last stays: a blink begins with its lit half, and ends with us.
            await self._blinker.show(view.light)

    def events(self) -> UntilLost:
        """Nothing is asked for here, but a blink that fails is noticed at once."""
        return self._blinker.events()

    async def __aexit__(self, *_: object) -> None:
        """Hang up."""
        await self._blinker.stop()
        self._writer.close()
        with suppress(OSError):
            await self._writer.wait_closed()

    async def _paint(self, rgb: tuple[int, int, int]) -> None:
        await self._ask(bytes(rgb).hex())

    async def _ask(self, line: str) -> None:
        try:
            self._writer.write(line.encode() + b"\n")
            await self._writer.drain()
            answer = await self._reader.readline()
        except OSError as error:
            raise OutputError(f"the lamp has hung up ({error.strerror or error})") from error
        if not answer:
            raise OutputError("the lamp has hung up: was it switched off?")
        if answer != b"ok\n":
            raise OutputError(f"the lamp does not understand us: {answer[:40]!r}")
