"""A stand-in for what add-ons are told by Home Assistant's supervisor about services."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

TOKEN = "t0ken-of-the-addon"
NO_SERVICE = {"result": "error", "message": "Service not enabled"}


class Supervisor:
    """Answers on loopback, in the words of the supervisor's own API; a context manager."""

    def __init__(self, **mqtt: Any) -> None:
        """`mqtt`: what it knows of the broker; nothing: there is none yet."""
        self.mqtt = mqtt
        self.asked: list[str] = []
        self.junk: bytes | None = None
        """Said in place of an answer."""
        supervisor = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                supervisor.asked.append(self.path)
                status, document = supervisor._answer(
                    self.path, self.headers.get("Authorization", "")
                )
                body = supervisor.junk or json.dumps(document).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def _answer(self, path: str, authorization: str) -> tuple[int, dict[str, Any]]:
        if authorization != f"Bearer {TOKEN}":
            return 401, {"result": "error", "message": "unauthorized"}
        if path != "/services/mqtt":
            return 404, {"result": "error", "message": "Service does not exist"}
        if not self.mqtt:
            return 400, NO_SERVICE
        return 200, {"result": "ok", "data": {**self.mqtt, "addon": "core_mosquitto"}}

    @property
    def environment(self) -> dict[str, str]:
        """What an add-on gets to know of it."""
        port = self._server.server_address[1]
        return {"SUPERVISOR_TOKEN": TOKEN, "SUPERVISOR_API": f"http://127.0.0.1:{port}"}

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
