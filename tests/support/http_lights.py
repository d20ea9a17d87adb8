"""Things on the network that are told what is shown: a URL that listens, and a light with WLED.

The WLED behaves as https://kno.wled.ge/interfaces/json-api/ and .../udp-realtime/ say: realtime
data hold for as long as their packet says, and then its own state is back.
"""

import json
import socket
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final, Self

RGB = tuple[int, int, int]


class HttpPlace:
    """A small HTTP server on loopback, on the same port each time; a context manager."""

    def __init__(self) -> None:
        self.port = 0
        self._server: ThreadingHTTPServer | None = None
        self._sockets: set[socket.socket] = set()

    def answer(self, method: str, path: str, headers: Any, body: bytes) -> tuple[int, bytes]:
        """What is answered."""
        raise NotImplementedError

    def more_headers(self) -> dict[str, str]:
        """Headers of each answer."""
        return {}

    def start(self) -> None:
        """Be there."""
        place = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self) -> None:
                super().setup()
                place._sockets.add(self.connection)

            def _answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                status, content = place.answer(self.command, self.path, self.headers, body)
                self.send_response(status)
                for name, value in place.more_headers().items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: object) -> None:
                pass

        for verb in ("GET", "POST", "PUT", "PATCH"):
            setattr(Handler, f"do_{verb}", Handler._answer)

        class Server(ThreadingHTTPServer):
            allow_reuse_address = True
            daemon_threads = True

            def handle_error(self, *_: object) -> None:
                pass

        self._server = Server(("127.0.0.1", self.port), Handler)
        self.port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self) -> None:
        """Be gone, and cut whoever is connected."""
        server, self._server = self._server, None
        if server is None:
            return
        server.shutdown()
        server.server_close()
        for each in list(self._sockets):
            try:
                each.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue
        self._sockets.clear()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


class Listener(HttpPlace):
    """Remembers what it was told."""

    def __init__(self) -> None:
        super().__init__()
        self.status = 200
        self.seconds = 0.0
        self.headers: dict[str, str] = {}
        self.told: list[tuple[str, str, dict[str, str], bytes]] = []

    def answer(self, method: str, path: str, headers: Any, body: bytes) -> tuple[int, bytes]:
        self.told.append((method, path, dict(headers), body))
        time.sleep(self.seconds)
        return self.status, b"a private answer"

    def more_headers(self) -> dict[str, str]:
        return self.headers

    @property
    def last(self) -> Any:
        """The newest body, read."""
        return json.loads(self.told[-1][3])


_OWN: Final[RGB] = (1, 2, 3)


class WledLookalike(HttpPlace):
    """A light with WLED."""

    def __init__(self, pixels: int = 30, *, takes_realtime: bool = True) -> None:
        super().__init__()
        self.pixels = pixels
        self.takes_realtime = takes_realtime
        self.udp_port = 0
        self.packets: list[bytes] = []
        self.is_other: Callable[[dict[str, Any]], dict[str, Any]] = lambda state: state
        self._udp: socket.socket | None = None
        self._ear: threading.Thread | None = None
        self._realtime: list[RGB] = []
        self._until = 0.0
        self.state: dict[str, Any] = {
            "on": True,
            "bri": 255,
            "seg": [{"id": 0, "sel": True, "col": [list(_OWN)], "fx": 0}],
        }

    @property
    def is_live(self) -> bool:
        """Whether it shows realtime data."""
        return time.monotonic() < self._until

    @property
    def rgb(self) -> RGB:
        """What all its pixels show; (-1, -1, -1) if they differ."""
        if self.is_live:
            colors = set(self._realtime)
            return colors.pop() if len(colors) == 1 else (-1, -1, -1)
        if not self.state["on"]:
            return 0, 0, 0
        red, green, blue = (c * self.state["bri"] // 255 for c in self.state["seg"][0]["col"][0])
        return red, green, blue

    def start(self) -> None:
        super().start()
        self._udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._udp.bind(("127.0.0.1", self.udp_port))
        self.udp_port = self._udp.getsockname()[1]
        self._ear = threading.Thread(target=self._listen, args=(self._udp,), daemon=True)
        self._ear.start()

    def stop(self) -> None:
        udp, self._udp = self._udp, None
        if udp is not None:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as waker:
                waker.sendto(b"", ("127.0.0.1", self.udp_port))
            if self._ear is not None:
                self._ear.join(5)
            udp.close()
        self._until = 0.0
        super().stop()

    def _listen(self, udp: socket.socket) -> None:
        while self._udp is udp:
            try:
                packet = udp.recv(2048)
            except OSError:
                return
            if packet and self.takes_realtime:
                self._take(packet)

    def _take(self, packet: bytes) -> None:
        self.packets.append(packet)
        if packet[0] != 4 or len(packet) <= 7:  # DNRGB
            return
        if packet[1] == 0:
            self._until = 0.0
            return
        first = int.from_bytes(packet[2:4], "big")
        if not self.is_live:
            self._realtime = [(0, 0, 0)] * self.pixels
        for number in range((len(packet) - 4) // 3):
            if first + number < self.pixels:
                at = 4 + 3 * number
                self._realtime[first + number] = (packet[at], packet[at + 1], packet[at + 2])
        self._until = time.monotonic() + packet[1]

    def answer(self, method: str, path: str, headers: Any, body: bytes) -> tuple[int, bytes]:
        del headers
        if path == "/json/info":
            info = {"ver": "0.15.0", "leds": {"count": self.pixels}, "live": self.is_live}
            return 200, json.dumps(info).encode()
        if path == "/json/state" and method == "POST":
            wish = json.loads(body)
            segment = wish.pop("seg", {})
            self.state |= {key: wish[key] for key in ("on", "bri") if key in wish}
            self.state["seg"][0] |= segment
            return 200, json.dumps(self.is_other(self.state)).encode()
        return 404, b"no"
