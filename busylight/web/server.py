"""Serves the page in the program's own event loop: sockets, Uvicorn's reader of HTTP, the app."""

import asyncio
import logging
import socket
from collections.abc import Callable
from typing import Any, Final

from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from busylight.core.override import Command
from busylight.core.view import View
from busylight.edge.threads import P, T, Worker
from busylight.parts import OutputError
from busylight.web.app import Site, app_of
from busylight.web.connections import Line, Turnstile, listener
from busylight.web.guard import HEAD_SIZE
from busylight.web.output import Page
from busylight.web.session import kept_key
from busylight.web.settings import Address

_log: Final = logging.getLogger("busylight.web")

_BACKLOG: Final = 128
_CARD_LIMIT: Final = 5.0
_LOAD_LIMIT: Final = 10.0


def bound(address: Address) -> socket.socket:
    """A socket at that address; raises `OutputError` with what to do about it."""
    try:
        return listener(address.host, address.port)
    except OSError as error:
        raise OutputError(_why(address, error)) from error


def _why(address: Address, error: OSError) -> str:
    where = f"cannot listen on {address.host}, port {address.port}"
    if isinstance(error, PermissionError):
        return f"{where}: ports below 1024 are the system's; set WEB_LISTEN to a higher one"
    hints = {
        "Address already in use": "another program has it; end that one, or set WEB_LISTEN to "
        "another port",
        "Cannot assign requested address": "this machine has no such address; set WEB_LISTEN to "
        "one that `ip address` lists, or to 0.0.0.0",
    }
    reason = error.strerror or str(error)
    return f"{where}: {hints.get(reason, reason)}"


class Server:
    """Everything behind one socket."""

    def __init__(
        self,
        page: Page,
        heard: Callable[[Command], bool],
        failed: Callable[[OutputError], None],
    ) -> None:
        """`heard` takes what visitors ask for; `failed` takes what nobody has foreseen."""
        self._page = page
        self._heard = heard
        self._failed = failed
        self._site: Site | None = None
        self._turnstile: Turnstile | None = None
        self._server: asyncio.Server | None = None
        self._telling: asyncio.Task[None] | None = None

    async def begin(self) -> None:
        """Listen; raises `OutputError`."""
        address = self._page.settings.address
        if address is None:
            raise OutputError("has no address; set WEB_LISTEN")
        listening = bound(address)
        try:
            key = await self._key()
            site = self._site = Site(self._page, key, self._heard)
            await self._in_thread(_LOAD_LIMIT, site.load)
            turnstile = self._turnstile = Turnstile(_reader(app_of(site)))
            self._server = await asyncio.get_running_loop().create_server(
                turnstile, sock=listening, backlog=_BACKLOG
            )
        except BaseException:
            listening.close()
            raise
        self._telling = asyncio.create_task(site.feed.run(), name="web feed")
        self._telling.add_done_callback(self._ended)
        _log.info("the page is at %s", address.url)

    def show(self, view: View) -> None:
        """Lay down the newest view."""
        if self._site is not None:
            self._site.feed.put(view)

    async def end(self) -> None:
        """Hang up on everybody."""
        if self._server is not None:
            self._server.close()
        if self._turnstile is not None:
            self._turnstile.close()
        if self._telling is not None:
            self._telling.cancel()
            await asyncio.wait({self._telling})
        if self._site is not None:
            self._site.close()

    async def _key(self) -> bytes:
        try:
            return await self._in_thread(_CARD_LIMIT, kept_key, self._page.settings.state_dir)
        except TimeoutError:
            return kept_key(None)

    async def _in_thread(
        self, seconds: float, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        worker = Worker("web")
        try:
            return await worker.call(seconds, function, *args, **kwargs)
        finally:
            worker.close()

    def _ended(self, task: "asyncio.Task[None]") -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            self._failed(OutputError(f"{type(error).__name__}: {error}"))


def _reader(app: Any) -> Callable[[Line], asyncio.Protocol]:
    config = Config(
        app,
        loop="none",
        http=H11Protocol,
        ws="none",
        lifespan="off",
        interface="asgi3",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        date_header=False,
        timeout_keep_alive=60,  # ours is shorter, and does not wait for what is not read
        h11_max_incomplete_event_size=HEAD_SIZE,
    )
    config.load()
    logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)  # strangers write what they like
    state = ServerState()

    def make(line: Line) -> asyncio.Protocol:
        return H11Protocol(config, state, {"line": line})

    return make
