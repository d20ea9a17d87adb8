"""The look-alike's server, asked by the real httpx."""

import socket
import ssl
import threading
from collections.abc import Iterator
from typing import Any, cast

import httpx
import pytest

from busylight.demo.lookalike import (
    ALEX,
    TENANT_ID,
    Lookalike,
    Validity,
)
from busylight.edge.clock import now
from tests.support.clients import authorized, http_client
from tests.support.proxy import ForwardProxy

PEOPLE = {"Presence.Read", "Presence.Read.All", "User.Read", "User.ReadBasic.All"}
APP = {"Presence.Read.All", "User.ReadBasic.All"}


@pytest.fixture
def client(lookalike: Lookalike) -> Iterator[httpx.Client]:
    with http_client(lookalike, base_url=lookalike.base_url) as opened:
        yield opened


def test_everything_goes_over_one_kept_connection(
    lookalike: Lookalike, client: httpx.Client
) -> None:
    client.headers = httpx.Headers(authorized(lookalike, PEOPLE))
    for _ in range(5):
        assert client.get("/me/presence").status_code == 200
    assert (lookalike.connections, lookalike.handshakes) == (1, 1)
    assert lookalike.open_connections == 1
    client.close()
    assert lookalike.wait_for(lambda: lookalike.open_connections == 0)


def test_requests_are_remembered_without_their_tokens(
    lookalike: Lookalike, client: httpx.Client
) -> None:
    header = authorized(lookalike, PEOPLE)
    before = now()
    client.get("/me/presence", headers=header)
    client.get(f"/users/{ALEX.principal_name}?$select=id")
    first, second = lookalike.requests
    assert (first.method, first.path, first.status) == ("GET", "/v1.0/me/presence", 200)
    assert before <= first.at <= second.at <= now()
    assert first.connection == second.connection == 1
    assert (first.authorized, second.authorized) == (True, False)
    assert second.query == {"$select": "id"}
    assert lookalike.requests_to("/v1.0/users") == (second,)
    assert header["Authorization"].split()[1] not in repr(lookalike.requests)


def test_a_stopped_server_refuses_cuts_and_comes_back_on_its_port(
    lookalike: Lookalike, client: httpx.Client
) -> None:
    header = authorized(lookalike, PEOPLE)
    assert client.get("/me/presence", headers=header).status_code == 200
    lookalike.stop()
    lookalike.stop()  # a second time does nothing
    assert lookalike.open_connections == 0
    with pytest.raises(httpx.ConnectError):
        client.get("/me/presence", headers=header)
    lookalike.start()
    lookalike.start()
    assert client.get("/me/presence", headers=header).status_code == 200
    assert lookalike.connections == 2


def test_a_server_may_be_absent_at_first() -> None:
    with Lookalike(started=False) as absent, http_client(absent) as client:
        with pytest.raises(httpx.ConnectError):
            client.get(absent.base_url)
        absent.start()
        assert client.get(absent.base_url).status_code == 404


def test_kept_connections_can_be_cut_while_the_server_goes_on(
    lookalike: Lookalike, client: httpx.Client
) -> None:
    assert client.get("/me").status_code == 401
    lookalike.cut_connections()
    assert client.get("/me").status_code == 401
    assert lookalike.handshakes == 2


@pytest.mark.parametrize(
    ("validity", "reason"),
    [(Validity.EXPIRED, "expired"), (Validity.NOT_YET_VALID, "not yet valid")],
)
def test_a_certificate_may_be_out_of_its_time(validity: Validity, reason: str) -> None:
    with Lookalike(certificate=validity) as untimely, http_client(untimely) as client:
        with pytest.raises(httpx.ConnectError, match=reason):
            client.get(untimely.base_url)
        assert untimely.wait_for(lambda: untimely.open_connections == 0)
        assert (untimely.connections, untimely.handshakes) == (1, 0)


def test_nobody_trusts_the_look_alike_by_accident(lookalike: Lookalike) -> None:
    with httpx.Client(verify=ssl.create_default_context(), trust_env=False) as stranger:
        for host in ("localhost", "127.0.0.1"):
            with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
                stranger.get(f"https://{host}:{lookalike.port}/v1.0/me")


def test_its_authority_passes_the_strictest_check_for_both_names(lookalike: Lookalike) -> None:
    trust = ssl.create_default_context(cafile=str(lookalike.ca_file))
    trust.verify_flags |= ssl.VERIFY_X509_STRICT  # the default from Python 3.13 on
    with httpx.Client(verify=trust, trust_env=False) as client:
        for host in ("localhost", "127.0.0.1"):
            assert client.get(f"https://{host}:{lookalike.port}/v1.0/me").status_code == 401


def test_nothing_is_left_behind() -> None:
    with Lookalike() as running, http_client(running) as client:
        client.get(running.base_url)
        directory = running.ca_file.parent
        assert oct(directory.stat().st_mode & 0o777) == "0o700"
    assert not directory.exists()
    assert not any(thread.name.startswith("lookalike") for thread in threading.enumerate())


def test_a_client_that_speaks_no_tls_or_no_http_harms_nobody(
    lookalike: Lookalike, client: httpx.Client
) -> None:
    with pytest.raises(httpx.TransportError), httpx.Client(trust_env=False) as plain:
        plain.get(f"http://localhost:{lookalike.port}/")
    assert client.head("/me").status_code == 501
    for length in ("1073741824", "-1"):
        assert raw_answer(lookalike, f"Content-Length: {length}") == b""
    assert client.get("/me").status_code == 401


def test_a_connection_may_be_cut_between_tcp_and_tls(lookalike: Lookalike) -> None:
    class CutMeanwhile:
        """Wraps a socket as TLS does, while another thread cuts the connection."""

        def __init__(self, tls: ssl.SSLContext) -> None:
            self.tls = tls

        def wrap_socket(self, plain: socket.socket, **options: Any) -> ssl.SSLSocket:
            (connection,) = lookalike._connections.values()
            connection.is_cut.set()
            return self.tls.wrap_socket(plain, **options)

    lookalike.tls = cast("ssl.SSLContext", CutMeanwhile(lookalike.tls))
    with socket.create_connection(("127.0.0.1", lookalike.port), timeout=5) as plain:
        assert plain.recv(1) == b""


def raw_answer(lookalike: Lookalike, header: str) -> bytes:
    trust = ssl.create_default_context(cafile=str(lookalike.ca_file))
    with (
        socket.create_connection(("127.0.0.1", lookalike.port), timeout=5) as plain,
        trust.wrap_socket(plain, server_hostname="localhost") as wrapped,
    ):
        wrapped.sendall(f"POST /v1.0/me HTTP/1.1\r\nHost: localhost\r\n{header}\r\n\r\n".encode())
        return wrapped.recv(4096)


def test_other_paths_are_not_found(lookalike: Lookalike, client: httpx.Client) -> None:
    assert client.get(f"{lookalike.origin}/nothing/here").status_code == 404
    answer = client.get("/sites", headers=authorized(lookalike, PEOPLE))
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "BadRequest"


def test_waiting_has_an_end(lookalike: Lookalike) -> None:
    assert not lookalike.wait_for(lambda: False, timeout=0)
    assert not lookalike.graph.wait_read(timeout=0)


def test_the_addresses_fit_our_settings(lookalike: Lookalike) -> None:
    assert lookalike.base_url == f"https://localhost:{lookalike.port}/v1.0"
    assert lookalike.authority_url == f"https://localhost:{lookalike.port}/{TENANT_ID}"
    assert lookalike.ca_file.read_bytes().startswith(b"-----BEGIN CERTIFICATE-----")


def test_the_proxy_says_what_it_cannot_do(lookalike: Lookalike) -> None:
    with ForwardProxy() as proxy, http_client(lookalike, proxy=proxy.url) as client:
        assert client.get("http://localhost:1/").status_code == 405
        lookalike.stop()
        with pytest.raises(httpx.ProxyError, match="502"):
            client.get(lookalike.base_url)
