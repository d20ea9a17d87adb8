"""The HTTPS server in front of both look-alikes, on loopback."""

import os
import socket
import ssl
import struct
import tempfile
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from email.utils import formatdate
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self, cast
from urllib.parse import parse_qsl, urlsplit

from busylight.demo.lookalike.certificates import Validity, mint_server_files
from busylight.demo.lookalike.entra import Entra
from busylight.demo.lookalike.faults import Fault, Faults, Manner
from busylight.demo.lookalike.graph import Graph
from busylight.demo.lookalike.messages import Record, Request, Response, json_response
from busylight.demo.lookalike.people import TENANT_ID
from busylight.edge.clock import now

_VERSION: Final = "/v1.0"
_HOST: Final = "127.0.0.1"
_LARGEST_BODY: Final = 2**20
_JOIN_SECONDS: Final = 3.0
_REMEMBERED: Final = 100_000  # requests; a demo may run for weeks


class Lookalike:
    """Microsoft Graph and Entra on https://localhost, for the demo and for tests.

    A context manager; it may be stopped and started again, on the same port, at will. The port
    is held while it is stopped, so that connections are refused and nobody else takes it.
    """

    def __init__(
        self,
        *,
        started: bool = True,
        certificate: Validity | str = Validity.VALID,
        client_id: str = "11111111-2222-3333-4444-555555555555",
        client_secret: str = "s3cret~of.the-app",  # noqa: S107 -- made up
    ) -> None:
        """Begin nothing yet; with `started=False` not on entering either."""
        self.tenant_id = TENANT_ID
        self.client_id = client_id
        self.client_secret = client_secret
        self._certificate = Validity(certificate)
        self._starts_on_entering = started
        self._changed = threading.Condition()
        self._records: deque[Record] = deque(maxlen=_REMEMBERED)
        self._connections: dict[int, _Connection] = {}
        self._serving: tuple[socket.socket, threading.Thread] | None = None
        self.connections = 0
        """TCP connections accepted, in all."""
        self.handshakes = 0
        """TLS handshakes completed, in all."""
        self.faults = Faults()
        """Nothing is wrong at first."""

    # -- Life ---------------------------------------------------------------------------------

    def __enter__(self) -> Self:
        self._directory = tempfile.TemporaryDirectory(prefix="busylight-lookalike-")
        files = mint_server_files(Path(self._directory.name), self._certificate)
        self.ca_file = files.ca_file
        """The authority that clients must trust; gone on leaving."""
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.tls.load_cert_chain(files.chain_file)
        self._placeholder = _bound_socket(0)
        self.port: int = self._placeholder.getsockname()[1]
        self.origin = f"https://localhost:{self.port}"
        self.base_url = f"{self.origin}{_VERSION}"
        """For `GRAPH_BASE_URL`."""
        self.authority_url = self.authority(TENANT_ID)
        """For `GRAPH_AUTHORITY_URL`."""
        self.entra = Entra(
            client_id=self.client_id,
            client_secret=self.client_secret,
            origin=self.origin,
            changed=self._changed,
        )
        self.graph = Graph(self.entra, self.base_url, self._changed)
        if self._starts_on_entering:
            self.start()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()
        self._placeholder.close()
        self._directory.cleanup()

    def start(self) -> None:
        """Serve, on the port that is held; nothing if it serves already."""
        if self._serving is not None:
            return
        listener = _bound_socket(self.port)
        listener.listen(64)
        accepting = threading.Thread(
            target=self._accept, args=(listener,), name="lookalike", daemon=True
        )
        self._serving = listener, accepting
        accepting.start()

    def stop(self) -> None:
        """Refuse connections from now on, and cut those that are open."""
        if self._serving is None:
            return
        listener, accepting = self._serving
        self._serving = None
        listener.shutdown(socket.SHUT_RDWR)  # wakes the thread that accepts
        accepting.join(_JOIN_SECONDS)
        listener.close()
        self.cut_connections()

    def cut_connections(self) -> None:
        """Cut every open connection, in the middle of an answer or idle."""
        with self._changed:
            connections = list(self._connections.values())
        for connection in connections:
            connection.cut()
        for connection in connections:
            connection.thread.join(_JOIN_SECONDS)

    # -- What a test asks ---------------------------------------------------------------------

    def authority(self, tenant: str) -> str:
        """The sign-in address for a tenant: its id, `organizations`, `common`, `consumers`."""
        return f"{self.origin}/{tenant}"

    @property
    def requests(self) -> tuple[Record, ...]:
        """Every request so far (of the last 100,000), oldest first."""
        with self._changed:
            return tuple(self._records)

    @property
    def open_connections(self) -> int:
        """Connections that are open now."""
        with self._changed:
            return len(self._connections)

    def requests_to(self, path: str) -> tuple[Record, ...]:
        """The requests whose path, version included, begins with `path`."""
        return tuple(record for record in self.requests if record.path.startswith(path))

    def wait_for(self, condition: Callable[[], bool], timeout: float = 10.0) -> bool:
        """Wait until `condition` holds, looking after every request; False at the time limit."""
        with self._changed:
            return self._changed.wait_for(condition, timeout)

    # -- Serving ------------------------------------------------------------------------------

    def answer(self, request: Request) -> Response:
        """The true answer to a request."""
        if request.path.startswith(f"{_VERSION}/"):
            return self.graph.handle(request.method, request.path[len(_VERSION) :], request)
        response = self.entra.handle(request)
        return response or json_response(404, {"error": {"code": "NotFound", "message": ""}})

    def note(self, request: Request, status: int | None, connection: int) -> None:
        """Remember a request and what is answered to it."""
        record = Record(
            method=request.method,
            path=request.path,
            query=request.query,
            status=status,
            at=now(),
            connection=connection,
            authorized="authorization" in request.headers,
        )
        with self._changed:
            self._records.append(record)
            self._changed.notify_all()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                accepted, _ = listener.accept()
            except OSError:
                return  # stopped
            with self._changed:
                self.connections += 1
                connection = _Connection(self, accepted, self.connections)
                self._connections[connection.number] = connection
                connection.thread.start()
                self._changed.notify_all()

    def shook_hands(self) -> None:
        """Count a completed TLS handshake."""
        with self._changed:
            self.handshakes += 1
            self._changed.notify_all()

    def ended(self, number: int) -> None:
        """Forget a connection that is closed."""
        with self._changed:
            self._connections.pop(number, None)
            self._changed.notify_all()


class _Connection:
    """One client, in a thread of its own."""

    def __init__(self, lookalike: Lookalike, accepted: socket.socket, number: int) -> None:
        self.lookalike = lookalike
        self.number = number
        self.is_cut = threading.Event()
        self._socket = accepted
        self.thread = threading.Thread(target=self._run, name=f"lookalike-{number}", daemon=True)

    def cut(self) -> None:
        """End it from another thread, whatever it is doing."""
        self.is_cut.set()
        with suppress(OSError):
            # Not SSLSocket's own: that would drop the TLS object under the serving thread.
            socket.socket.shutdown(self._socket, socket.SHUT_RDWR)

    def _run(self) -> None:
        try:
            with suppress(OSError):  # the client went away, or did not trust us
                self._serve()
        finally:
            self._socket.close()
            self.lookalike.ended(self.number)

    def _serve(self) -> None:
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self.lookalike.faults.mute:
            _read_to_end(self._socket)
            return
        self._socket = self.lookalike.tls.wrap_socket(
            self._socket, server_side=True, do_handshake_on_connect=False
        )
        if self.is_cut.is_set():
            return  # `cut` may have met the plain socket, which is none any more
        self._socket.do_handshake()
        self.lookalike.shook_hands()
        _Handler(self._socket, self)

    def reset(self) -> None:
        """End it with RST in place of FIN."""
        # l_onoff 1, l_linger 0: what was not sent is dropped, and the peer told so.
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        os.close(self._socket.detach())


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def __init__(self, tls_socket: socket.socket, connection: _Connection) -> None:
        self._connection = connection
        self._lookalike = connection.lookalike
        super().__init__(tls_socket, (_HOST, 0), cast("Any", None))  # it needs no server

    def log_message(self, *_: Any) -> None:
        """Say nothing: `Lookalike.requests` knows all."""

    def do_GET(self) -> None:
        self._handle()

    def do_POST(self) -> None:
        self._handle()

    def _handle(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        if not 0 <= length <= _LARGEST_BODY:
            self.close_connection = True
            return
        url = urlsplit(self.path)
        request = Request(
            method=self.command,
            path=url.path,
            query=dict(parse_qsl(url.query)),
            headers={name.lower(): value for name, value in self.headers.items()},
            body=self.rfile.read(length),
        )
        self._give(request, self._lookalike.faults.take(url.path) or Fault("none"))

    def _give(self, request: Request, fault: Fault) -> None:
        note, number = self._lookalike.note, self._connection.number
        if fault.manner in (Manner.SILENCE, Manner.RESET, Manner.CLOSE):
            self.close_connection = True
            note(request, None, number)
            if fault.manner is Manner.SILENCE:
                _read_to_end(self.connection)
            elif fault.manner is Manner.RESET:
                self._connection.reset()
            return
        if fault.manner is Manner.PLAIN and fault.pause:
            self._connection.is_cut.wait(fault.pause)
        response = fault.answer or self._lookalike.answer(request)
        response = replace(response, body=response.body + fault.suffix)
        note(request, response.status, number)
        head = _head(response)
        if fault.manner is Manner.DRIBBLE_HEADERS:
            self._dribble(head + response.body, fault.pause)
        elif fault.manner is Manner.DRIBBLE_BODY:
            self.wfile.write(head)
            self._dribble(response.body, fault.pause)
        elif fault.manner is Manner.CUT:
            self.wfile.write(head + response.body[: len(response.body) // 2])
            self.close_connection = True
        else:
            self.wfile.write(head + response.body)

    def _dribble(self, raw: bytes, pause: float) -> None:
        for byte in raw:
            self.wfile.write(bytes([byte]))
            if self._connection.is_cut.wait(pause):
                self.close_connection = True
                return


def _head(response: Response) -> bytes:
    headers = {"Date": formatdate(usegmt=True), **response.headers}
    if response.status != HTTPStatus.NO_CONTENT:
        headers.setdefault("Content-Length", str(len(response.body)))
    lines = [f"HTTP/1.1 {response.status} {_reason(response.status)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def _reason(status: int) -> str:
    with suppress(ValueError):
        return HTTPStatus(status).phrase
    return "Unknown"


def _read_to_end(connected: socket.socket) -> None:
    while connected.recv(4096):
        pass


def _bound_socket(port: int) -> socket.socket:
    # Two sockets may be bound to one port as long as only one of them listens: the other one
    # holds the port while nothing is served, and connections to it are refused.
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.bind((_HOST, port))
    return bound
