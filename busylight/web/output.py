"""The page as a part of the program: shown views, heard for what its visitors ask for."""

import asyncio
import importlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Final, Self

from busylight.core.override import Command
from busylight.core.view import View
from busylight.edge.threads import Worker
from busylight.parts import OutputError
from busylight.web.day import Day
from busylight.web.settings import WebSettings

PAGE: Final = "web"
"""What the page is called among the outputs."""
_IMPORT_LIMIT: Final = 18.0
"""Seconds that loading may take: a small Pi with a slow card needs some."""
_MISSING_AGAIN: Final = 60.0
_WAITING_COMMANDS: Final = 16


class MissingLibraryError(OutputError):
    """What the extra `web` brings is not installed."""

    retry_after = _MISSING_AGAIN


@dataclass(frozen=True, slots=True)
class Page:
    """What outlives one connection of the page, and makes the next one."""

    settings: WebSettings
    last_success: Callable[[], float | None]
    """When the last good reading was made, on the clock that counts through suspend."""
    day: Day = field(default_factory=Day)

    def output(self) -> "WebOutput":
        """What shows the page."""
        return WebOutput(self)


class WebOutput:
    """Serves the page."""

    Settings = WebSettings
    dimmed = False

    def __init__(self, page: Page) -> None:
        self._page = page
        self._heard: asyncio.Queue[Command | OutputError] = asyncio.Queue(_WAITING_COMMANDS)
        self._server: Any = None

    async def __aenter__(self) -> Self:
        """Load what serves it, and listen."""
        server = await loaded()
        self._server = server.Server(self._page, self._hear, self._fail)
        await self._server.begin()
        return self

    async def show(self, view: View) -> None:
        """Have the view told to everybody who looks on, when the lights had their turn."""
        self._server.show(view)

    async def events(self) -> AsyncIterator[Command]:
        """Yield what visitors ask for."""
        while True:
            heard = await self._heard.get()
            if isinstance(heard, OutputError):
                raise heard
            yield heard

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None:
        """Hang up."""
        if self._server is not None:
            await self._server.end()

    def _hear(self, command: Command) -> bool:
        """Take in a command; false if there are too many."""
        if self._heard.full():
            return False
        self._heard.put_nowait(command)
        return True

    def _fail(self, error: OutputError) -> None:
        while self._heard.full():
            self._heard.get_nowait()
        self._heard.put_nowait(error)


async def loaded() -> Any:
    """The module that serves, imported in a thread; raises `OutputError`."""
    worker = Worker("import web")
    try:
        return await worker.call(_IMPORT_LIMIT, importlib.import_module, "busylight.web.server")
    except ModuleNotFoundError as error:
        raise MissingLibraryError(
            f"needs a library that is not installed ({error.name}): "
            "pip install 'busylight-presence[web]'"
        ) from error
    finally:
        worker.close()


async def check(settings: WebSettings) -> str:
    """Try whether the page can be served there; says where. Raises `OutputError`."""
    server = await loaded()
    address = settings.address
    if address is None:
        raise OutputError("has no address; set WEB_LISTEN")
    server.bound(address).close()
    return f"{address.url} is free, and what serves the page is installed"
