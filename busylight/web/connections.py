"""Connections of the page: few at a time, served in turn, and cut off when they are slow.

Uvicorn reads HTTP; this stands between it and the sockets. Whoever sends much, or slowly, or reads
slowly, gets no more of the event loop than anybody else: the lights are on the same one.
"""

import asyncio
import socket
from collections import deque
from collections.abc import Callable
from typing import Any, Final

HEAD_LIMIT: Final = 15.0
"""Seconds until a request has to be there, from connecting or from the last answer."""
STALL_LIMIT: Final = 10.0
"""Seconds that somebody may leave unread what was sent."""
MOST_LINES: Final = 300
"""Connections at a time."""
BREATH: Final = 0.001
"""Seconds that all others get between two chunks that were received."""
SEND_BUFFER: Final = 64 * 1024
"""Bytes that the kernel, and again the program, keep for one who does not read."""


class Turnstile:
    """Lets one chunk of one connection through at a time, and others of the loop in between."""

    def __init__(self, inner: "Callable[[Line], asyncio.Protocol]") -> None:
        """`inner` makes the protocol that reads what comes in on a line."""
        self._inner = inner
        self.lines: set[Line] = set()
        self._waiting: deque[tuple[Line, bytes]] = deque()
        self._pump: asyncio.Task[None] | None = None

    def __call__(self) -> "Line":
        """Make the protocol of a new connection."""
        return Line(self, self._inner)

    def came(self, line: "Line") -> None:
        """Take in a new connection; beyond the limit the one goes that has waited longest."""
        self.lines.add(line)
        if len(self.lines) > MOST_LINES:
            idle = [(each.waits_since, each) for each in self.lines if each.waits_since is not None]
            _, oldest = min(idle, key=lambda pair: pair[0], default=(0.0, line))
            oldest.abort()

    def went(self, line: "Line") -> None:
        """Forget a connection that has ended."""
        self.lines.discard(line)

    def put(self, line: "Line", data: bytes) -> None:
        """Have what was received read when it is its turn."""
        self._waiting.append((line, data))
        if self._pump is None or self._pump.done():
            self._pump = asyncio.get_running_loop().create_task(self._work())

    def close(self) -> None:
        """Hang up on everybody."""
        if self._pump is not None:
            self._pump.cancel()
        for line in list(self.lines):
            line.abort()

    async def _work(self) -> None:
        while self._waiting:
            line, data = self._waiting.popleft()
            line.read(data)
            await asyncio.sleep(BREATH)


class Line(asyncio.Protocol):
    """One connection."""

    def __init__(self, turnstile: Turnstile, inner: "Callable[[Line], asyncio.Protocol]") -> None:
        self._turnstile = turnstile
        self._inner: Any = inner(self)
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._limit: asyncio.TimerHandle | None = None
        self._stall: asyncio.TimerHandle | None = None
        self.waits_since: float | None = None
        """Since when no request is being answered, on the loop's clock; None: one is."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin, and wait for a request."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 -- TCP has no other
        self._transport = transport
        transport.set_write_buffer_limits(high=SEND_BUFFER, low=SEND_BUFFER // 4)
        self._inner.connection_made(transport)
        self._wait()
        self._turnstile.came(self)

    def data_received(self, data: bytes) -> None:
        """Queue up; nothing more is received until this was read."""
        if self._transport is not None:
            self._transport.pause_reading()
        self._turnstile.put(self, data)

    def read(self, data: bytes) -> None:
        """Hand on what was received."""
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        self._inner.data_received(data)
        if not transport.is_closing() and not self._inner.flow.read_paused:
            transport.resume_reading()

    def eof_received(self) -> bool | None:
        """Whoever will send no more is not answered any more."""
        return None

    def pause_writing(self) -> None:
        """Somebody does not read: not for long."""
        self._inner.pause_writing()
        if self._stall is None:
            self._stall = self._loop.call_later(STALL_LIMIT, self.abort)

    def resume_writing(self) -> None:
        """It was read."""
        if self._stall is not None:
            self._stall.cancel()
            self._stall = None
        self._inner.resume_writing()

    def connection_lost(self, error: Exception | None) -> None:
        """It is over."""
        for timer in (self._limit, self._stall):
            if timer is not None:
                timer.cancel()
        self._turnstile.went(self)
        self._inner.connection_lost(error)
        self._transport = None

    def asked(self) -> None:
        """A request has come: whoever answers it has limits of its own."""
        self.waits_since = None
        if self._limit is not None:
            self._limit.cancel()
            self._limit = None

    def answered(self) -> None:
        """The answer was given: wait for the next request."""
        if self._transport is not None:
            self._wait()

    def abort(self) -> None:
        """Cut it off: what was not sent yet is lost."""
        if self._transport is not None:
            self._transport.abort()

    def _wait(self) -> None:
        self.waits_since = self._loop.time()
        if self._limit is not None:
            self._limit.cancel()
        self._limit = self._loop.call_later(HEAD_LIMIT, self.abort)


def listener(host: str, port: int) -> socket.socket:
    """A socket that listens there; raises OSError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # Each connection inherits it.
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
        if family == socket.AF_INET6:
            listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, host != "::")
        listening.bind((host, port))
        listening.setblocking(False)
    except OSError:
        listening.close()
        raise
    return listening
