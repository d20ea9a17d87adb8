"""A TCP proxy on loopback in front of any server, which breaks connections on demand.

Every fault holds for connections that stand and for new ones, until `heal`.
"""

import contextlib
import socket
import struct
import threading
import time
from dataclasses import dataclass, field
from types import TracebackType
from typing import Final, Self

_CHUNK: Final = 16_384
_GLANCE: Final = 0.02  # seconds between two looks whether a fault has ended


@dataclass(slots=True)
class Way:
    """What happens to bytes that go one way."""

    black_hole: bool = False
    """They are taken and thrown away, as by a firewall that forgot the connection."""
    stalled: bool = False
    """They are not taken: the sender's buffers fill up."""
    bytes_per_second: float | None = None
    cut_at: int | None = None
    """After so many bytes of a connection it is closed in both directions."""


@dataclass(eq=False)
class _Pair:
    """A connection of a client, and the one to the server that belongs to it."""

    client: socket.socket
    server: socket.socket | None = None
    threads: list[threading.Thread] = field(default_factory=list)

    def sockets(self) -> list[socket.socket]:
        return [each for each in (self.client, self.server) if each is not None]


class FaultProxy:
    """A context manager; clients connect to `port`, and so reach the port that it was given."""

    def __init__(self, target: int, host: str = "127.0.0.1") -> None:
        """`target`: the server's port."""
        self.target = target
        self.host = host
        self.to_server = Way()
        self.to_client = Way()
        self.hanging = False
        """Connections are accepted, and nothing ever answered: the server is not asked."""
        self.accepted = 0
        """Connections so far."""
        self.accepted_at: list[float] = []
        """When each came, in seconds of `time.monotonic`."""
        self._pairs: list[_Pair] = []
        self._lock = threading.Lock()
        self._listener: socket.socket | None = None
        self._accepting: threading.Thread | None = None
        self._ended = False
        self._holder = socket.socket()
        self._holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._holder.bind((host, 0))
        self.port: int = self._holder.getsockname()[1]

    def __enter__(self) -> Self:
        self.listen()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._ended = True
        self.refuse()
        for pair in self._pairs:
            for thread in pair.threads:
                thread.join(5)
        self._holder.close()

    # -- Faults -------------------------------------------------------------------------------

    def refuse(self) -> None:
        """Refuse connections from now on, and end those that stand."""
        if self._listener is not None:
            listener, self._listener = self._listener, None
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            if self._accepting is not None:
                self._accepting.join(5)
            listener.close()
        self.cut()

    def listen(self) -> None:
        """Accept connections again."""
        if self._listener is not None:
            return
        self._listener = socket.socket()
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener.bind((self.host, self.port))
        self._listener.listen(64)
        self._accepting = threading.Thread(
            target=self._accept, args=(self._listener,), name="fault proxy", daemon=True
        )
        self._accepting.start()

    def cut(self) -> None:
        """End every connection in order (FIN)."""
        for pair in self._standing():
            self._close(pair)

    def reset(self) -> None:
        """End every connection with RST."""
        for pair in self._standing():
            for each in pair.sockets():
                with contextlib.suppress(OSError):
                    # l_onoff 1, l_linger 0: what was not sent is dropped, and the peer told so.
                    each.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            # Shut down for reading alone, which wakes our threads and sends no FIN before it.
            self._close(pair, socket.SHUT_RD)

    def half_open(self) -> None:
        """Let the server lose its connections without the clients being told, as by a reboot."""
        self.to_server.black_hole = True
        for pair in self._standing():
            if pair.server is not None:
                with contextlib.suppress(OSError):
                    pair.server.shutdown(socket.SHUT_RDWR)

    def heal(self) -> None:
        """Let all be well for new connections; those that a fault has touched are ended."""
        touched = self.is_faulty
        self.to_server, self.to_client, self.hanging = Way(), Way(), False
        if touched:
            self.cut()
        self.listen()

    @property
    def is_faulty(self) -> bool:
        """Whether any fault is on."""
        return self.hanging or self.to_server != Way() or self.to_client != Way()

    @property
    def standing(self) -> int:
        """How many connections stand."""
        return len(self._standing())

    # -- Work ---------------------------------------------------------------------------------

    def _standing(self) -> list[_Pair]:
        with self._lock:
            return list(self._pairs)

    def _accept(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = listener.accept()
                self.accepted += 1
                self.accepted_at.append(time.monotonic())
                pair = _Pair(client)
                with self._lock:
                    self._pairs.append(pair)
                self._start(pair, self._serve)

    def _start(self, pair: _Pair, work: object, *args: object) -> None:
        thread = threading.Thread(
            target=work,  # type: ignore[arg-type]  # one of the methods below
            args=(pair, *args),
            name="fault proxy",
            daemon=True,
        )
        pair.threads.append(thread)
        thread.start()

    def _serve(self, pair: _Pair) -> None:
        while self.hanging and not self._ended and pair in self._standing():
            time.sleep(_GLANCE)
        try:
            server = socket.create_connection((self.host, self.target), timeout=5)
        except OSError:
            self._close(pair)
            return
        server.settimeout(None)
        pair.server = server
        if pair not in self._standing():
            server.close()
            return
        self._start(pair, self._pump, server, pair.client, "to_client")
        self._pump(pair, pair.client, server, "to_server")

    def _pump(self, pair: _Pair, source: socket.socket, sink: socket.socket, name: str) -> None:
        passed = 0
        try:
            while True:
                while getattr(self, name).stalled and not self._ended:
                    time.sleep(_GLANCE)
                received = source.recv(_CHUNK)
                while getattr(self, name).stalled and not self._ended:
                    time.sleep(_GLANCE)  # what came while nothing was wrong yet stays here, too
                # A peer that was told nothing of the other's end (half open) is not told now.
                if not received:
                    if self.to_server.black_hole and name == "to_client":
                        return
                    break
                way: Way = getattr(self, name)
                if way.black_hole:
                    continue
                if way.cut_at is not None and passed + len(received) >= way.cut_at:
                    sink.sendall(received[: max(way.cut_at - passed, 0)])
                    break
                passed += len(received)
                self._send(sink, received, name)
        except OSError:
            pass
        self._close(pair)

    def _send(self, sink: socket.socket, content: bytes, name: str) -> None:
        while content:
            rate = getattr(self, name).bytes_per_second
            size = len(content) if rate is None else max(1, int(rate / 10))
            sink.sendall(content[:size])
            content = content[size:]
            if rate is not None:
                time.sleep(size / rate)

    def _close(self, pair: _Pair, how: int = socket.SHUT_RDWR) -> None:
        with self._lock:
            if pair not in self._pairs:
                return
            self._pairs.remove(pair)
        for each in pair.sockets():
            with contextlib.suppress(OSError):
                each.shutdown(how)
            each.close()
