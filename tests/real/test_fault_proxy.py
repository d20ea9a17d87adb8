"""The proxy that breaks connections: each fault is what it says, or nothing is shown by it."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest

from tests.support.broker import wait_until
from tests.support.fault_proxy import FaultProxy


class Echo:
    """A server that says back what it hears."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.heard = b""
        self.ended = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, suppress(OSError):
            while received := connection.recv(4096):
                self.heard += received
                connection.sendall(received)
        self.ended += 1

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


@pytest.fixture
def echo() -> Iterator[Echo]:
    echo = Echo()
    yield echo
    echo.close()


@pytest.fixture
def proxy(echo: Echo) -> Iterator[FaultProxy]:
    with FaultProxy(echo.port) as proxy:
        yield proxy


@pytest.fixture
def client(proxy: FaultProxy) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=5) as client:
        client.sendall(b"hello")
        assert client.recv(100) == b"hello"
        client.settimeout(0.3)
        yield client


def test_refused_connections_are_refused_and_those_that_stood_have_ended(
    proxy: FaultProxy, client: socket.socket
) -> None:
    proxy.refuse()
    assert client.recv(100) == b""
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", proxy.port), timeout=1)
    proxy.heal()
    socket.create_connection(("127.0.0.1", proxy.port), timeout=1).close()


def test_a_hanging_server_accepts_and_never_hears(proxy: FaultProxy, echo: Echo) -> None:
    proxy.hanging = True
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=0.3) as client:
        client.sendall(b"is anybody there?")
        with pytest.raises(TimeoutError):
            client.recv(100)
    assert echo.heard == b""


def test_a_black_hole_takes_one_way_alone(
    proxy: FaultProxy, client: socket.socket, echo: Echo
) -> None:
    proxy.to_client.black_hole = True
    client.sendall(b"there")
    with pytest.raises(TimeoutError):
        client.recv(100)
    assert echo.heard == b"hellothere"
    proxy.to_client.black_hole = False
    proxy.to_server.black_hole = True
    client.sendall(b"lost")
    with pytest.raises(TimeoutError):
        client.recv(100)
    assert echo.heard == b"hellothere"


def test_who_writes_into_a_stalled_line_has_to_wait(
    proxy: FaultProxy, client: socket.socket
) -> None:
    proxy.to_server.stalled = True
    with pytest.raises(TimeoutError):
        client.sendall(b"x" * 64 * 2**20)


def test_bytes_come_at_the_rate(proxy: FaultProxy, client: socket.socket) -> None:
    client.settimeout(5)
    proxy.to_client.bytes_per_second = 100.0
    began = time.monotonic()
    client.sendall(b"y" * 50)
    got = b""
    while len(got) < 50:
        got += client.recv(100)
    assert 0.3 < time.monotonic() - began < 3


def test_a_connection_is_cut_at_the_byte(proxy: FaultProxy) -> None:
    proxy.to_client.cut_at = 7
    with socket.create_connection(("127.0.0.1", proxy.port), timeout=5) as client:
        client.sendall(b"0123456789")
        got = b""
        with suppress(ConnectionError):
            while received := client.recv(100):
                got += received
    assert got == b"0123456"


def test_a_reset_is_no_end_in_order(proxy: FaultProxy, client: socket.socket) -> None:
    proxy.reset()
    with pytest.raises(ConnectionResetError):
        client.recv(100)


def test_of_a_half_open_connection_only_the_server_knows_the_end(
    proxy: FaultProxy, client: socket.socket, echo: Echo
) -> None:
    proxy.half_open()
    wait_until(lambda: echo.ended == 1)
    client.sendall(b"still here")
    with pytest.raises(TimeoutError):
        client.recv(100)
    proxy.heal()
    assert client.recv(100) == b""
