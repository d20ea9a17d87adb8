"""Where a browser on this machine ends its sign-in (RFC 8252, section 7.3)."""

import asyncio
import html
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import CancelledError
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Final, Self

from busylight.edge.clock import now

_HOST: Final = "127.0.0.1"
_SECONDS: Final = 60.0  # that the sign-in server may take to answer, before the browser is told
_IDLE: Final = 10.0  # seconds that a connection may say nothing
_FAREWELL: Final = 2.0  # seconds that the last page may take to reach the browser
_POLL: Final = 0.05  # seconds
_OVER: Final = "This sign-in is over."
_PAGE: Final = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Busylight</title>
<style>
:root {{ color-scheme: light dark }}
body {{ font: 1.2em system-ui, sans-serif; max-width: 34em; margin: 15vh auto; padding: 1em }}
</style>
<p>{text}</p></html>
"""


class Loopback:
    """Hears one browser on loopback, at an address that nobody else can take meanwhile."""

    def __init__(self, heard: Callable[[str], Coroutine[Any, Any, tuple[bool, str]]]) -> None:
        """`heard` takes the whole address, and says whether it was good, and what to tell."""
        self._server = _Server((_HOST, 0), _Handler)
        self._server.heard = heard
        self._server.loop = asyncio.get_running_loop()

    @property
    def address(self) -> str:
        """What Entra is asked to lead back to: it overlooks the port of `localhost`."""
        return f"http://localhost:{self._server.server_port}"

    async def __aenter__(self) -> Self:
        """Begin to hear."""
        threading.Thread(
            target=self._server.serve_forever, args=(_POLL,), name="loopback", daemon=True
        ).start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Let the browser have its last page, and hear no more."""
        deadline = now() + _FAREWELL
        while self._server.unanswered and now() < deadline:  # noqa: ASYNC110 -- threads, for at most two seconds
            await asyncio.sleep(_POLL)
        self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    loop: asyncio.AbstractEventLoop
    heard: Callable[[str], Coroutine[Any, Any, tuple[bool, str]]]

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.unanswered: set[object] = set()


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = _IDLE
    server_version = "busylight"
    sys_version = ""

    def log_message(self, *_: Any) -> None:
        """Say nothing: the address has a code in it."""

    def do_GET(self) -> None:
        self.server.unanswered.add(self)
        try:
            self._tell(*self._answer())
        finally:
            self.server.unanswered.discard(self)

    def _answer(self) -> tuple[HTTPStatus, str]:
        if not self.path.startswith("/?"):  # a browser asks for a favicon, too
            return HTTPStatus.NOT_FOUND, "There is nothing here."
        heard = self.server.heard(f"http://localhost{self.path}")
        try:
            told = asyncio.run_coroutine_threadsafe(heard, self.server.loop)
        except RuntimeError:  # the loop is closed
            heard.close()
            return HTTPStatus.BAD_REQUEST, _OVER
        try:
            is_good, text = told.result(_SECONDS)
        except (TimeoutError, CancelledError):
            told.cancel()
            return HTTPStatus.BAD_REQUEST, _OVER
        return (HTTPStatus.OK if is_good else HTTPStatus.BAD_REQUEST), text

    def _tell(self, status: HTTPStatus, text: str) -> None:
        body = _PAGE.format(text=html.escape(text)).encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
        self.send_header("Cache-Control", "no-store")
        self.send_header("Referrer-Policy", "no-referrer")
        self.end_headers()
        self.wfile.write(body)
