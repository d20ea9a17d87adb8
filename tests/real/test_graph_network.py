"""Whom we trust, and which way we go: TLS, the company's CA, and its proxy."""

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from busylight.core.knowledge import Reading, Trouble, Why
from busylight.demo.lookalike import Lookalike, Validity
from busylight.parts import SourceError
from busylight.sources.graph import tls
from busylight.sources.graph.explain import explain
from busylight.sources.graph.http import HttpClient
from busylight.sources.graph.session import GraphSession
from tests.support.graph import read, settings_for, sign_in_now
from tests.support.proxy import ForwardProxy

PROXY_VARIABLES = ("HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy", "ALL_PROXY", "all_proxy")


@pytest.fixture(autouse=True)
def no_proxy_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in PROXY_VARIABLES:
        monkeypatch.delenv(name, raising=False)


def unreachable(result: Reading | Trouble) -> str:
    assert isinstance(result, Trouble), result
    assert result.why is Why.UNREACHABLE
    return result.detail


async def test_a_ca_that_is_not_trusted_names_the_setting(
    lookalike: Lookalike, tmp_path: Path
) -> None:
    sign_in_now(lookalike, settings_for(lookalike, tmp_path))
    detail = unreachable(await read(settings_for(lookalike, tmp_path, ca_file=None)))
    assert "the certificate of localhost is not trusted" in detail
    assert "BUSYLIGHT_GRAPH_CA_FILE" in detail
    assert not any(request.authorized for request in lookalike.requests)


async def test_the_bundles_of_requests_and_curl_do_not_override_ours(
    lookalike: Lookalike, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.setenv(name, str(tmp_path / "absent.pem"))
    settings = settings_for(lookalike, tmp_path)
    sign_in_now(lookalike, settings)
    assert isinstance(await read(settings), Reading)


@pytest.mark.parametrize(
    ("validity", "words"),
    [
        (Validity.NOT_YET_VALID, "clock looks wrong"),
        (Validity.EXPIRED, "has expired"),
    ],
)
async def test_a_certificate_out_of_its_time_says_that_the_clock_may_be_wrong(
    tmp_path: Path, validity: Validity, words: str
) -> None:
    with Lookalike() as well:
        sign_in_now(well, settings_for(well, tmp_path))
    with Lookalike(certificate=validity) as lookalike:
        assert words in unreachable(await read(settings_for(lookalike, tmp_path)))


async def test_a_certificate_of_another_host_says_that_somebody_else_answers(
    lookalike: Lookalike, tmp_path: Path
) -> None:
    sign_in_now(lookalike, settings_for(lookalike, tmp_path))
    other = f"https://127.0.0.2:{lookalike.port}"
    settings = settings_for(lookalike, tmp_path, authority_url=f"{other}/t", base_url=f"{other}/v1")
    http = HttpClient(tls.trust(settings.ca_file))
    with pytest.raises(Exception, match=r"127\.0\.0\.2"):
        http.fetch("GET", settings.base)


async def test_a_host_that_cannot_be_found_names_the_name_service(
    lookalike: Lookalike, tmp_path: Path
) -> None:
    settings = settings_for(lookalike, tmp_path)
    sign_in_now(lookalike, settings)
    gone = settings.model_copy(update={"base_url": "https://graph.invalid/v1.0"})
    detail = unreachable(await read(gone))
    assert detail.startswith("graph.invalid cannot be found")
    assert "DNS" in detail


async def test_a_proxy_is_used_for_sign_in_and_graph_alike(
    lookalike: Lookalike, tmp_path: Path
) -> None:
    with ForwardProxy() as proxy:
        settings = settings_for(lookalike, tmp_path, proxy=proxy.url)
        sign_in_now(lookalike, settings)
        assert len(proxy.tunnels) == 1
        assert isinstance(await read(settings), Reading)
        assert len(proxy.tunnels) == 2
    assert lookalike.connections == 2


async def test_the_proxy_of_the_environment_is_used_but_not_for_hosts_it_excepts(
    lookalike: Lookalike, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = settings_for(lookalike, tmp_path)
    sign_in_now(lookalike, settings)
    with ForwardProxy() as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url.removeprefix("http://"))
        assert isinstance(await read(settings), Reading)
        assert proxy.tunnels == [f"localhost:{lookalike.port}"]
        monkeypatch.setenv("NO_PROXY", "example.com,localhost")
        assert isinstance(await read(settings), Reading)
        assert len(proxy.tunnels) == 1


async def test_a_proxy_that_is_not_there_is_named(lookalike: Lookalike, tmp_path: Path) -> None:
    settings = settings_for(lookalike, tmp_path)
    sign_in_now(lookalike, settings)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"http://me:secret@127.0.0.1:{taken.getsockname()[1]}"
    detail = unreachable(await read(settings.model_copy(update={"proxy": address})))
    assert "through the proxy 127.0.0.1" in detail
    assert "secret" not in detail


@contextmanager
def answering_proxy(answer: bytes) -> Iterator[str]:
    """A proxy that says this to every CONNECT."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            while True:
                try:
                    client, _ = listener.accept()
                except OSError:
                    return
                with client:
                    client.recv(4096)
                    client.sendall(answer)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(5)


@pytest.mark.parametrize(
    ("status", "words"),
    [
        ("407 Proxy Authentication Required", "asks for a user"),
        ("403 Forbidden", "does not let us"),
    ],
)
async def test_a_proxy_that_refuses_is_named(
    lookalike: Lookalike, tmp_path: Path, status: str, words: str
) -> None:
    settings = settings_for(lookalike, tmp_path)
    sign_in_now(lookalike, settings)
    with answering_proxy(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n".encode()) as proxy:
        detail = unreachable(await read(settings.model_copy(update={"proxy": proxy})))
    assert words in detail
    assert "the proxy 127.0.0.1" in detail


@pytest.mark.parametrize("content", [b"", b"no certificate", None])
async def test_a_ca_file_that_is_of_no_use_is_told_at_the_begin(
    lookalike: Lookalike, tmp_path: Path, content: bytes | None
) -> None:
    path = tmp_path / "company.pem"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(SourceError, match=r"BUSYLIGHT_GRAPH_CA_FILE=.* cannot be used"):
        async with GraphSession(settings_for(lookalike, tmp_path, ca_file=path)):
            pass


def test_a_system_without_certificates_gets_those_of_certifi(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "absent"))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path / "absent"))
    assert tls.trust().cert_store_stats()["x509_ca"] > 50
    (tmp_path / "certs").mkdir()
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path / "certs"))
    assert tls.trust().cert_store_stats()["x509_ca"] > 50
    (tmp_path / "certs" / "0000.0").touch()
    assert tls.trust().cert_store_stats()["x509_ca"] == 0


def test_certificates_are_always_checked() -> None:
    context = tls.trust()
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname


def test_a_header_that_cannot_be_sent_is_told_without_its_secret(lookalike: Lookalike) -> None:
    http = HttpClient(tls.trust(lookalike.ca_file))
    with pytest.raises(Exception, match="no answer from localhost") as raised:
        http.fetch("GET", lookalike.base_url, headers={"Authorization": "Bearer s3cret\n"})
    assert "s3cret" not in repr(raised.value)
    http.close()


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (httpx.ReadTimeout("x"), "did not answer within 10 s"),
        (TimeoutError(), "did not answer within 10 s"),
        (OSError(113, "No route to host"), "no connection to host (No route to host)"),
        (ssl.SSLError(1, "[SSL] wrong version"), "no TLS connection to host"),
        (ValueError("s3cret"), "no answer from host (ValueError)"),
    ],
)
def test_each_failure_is_told_in_words(error: Exception, words: str) -> None:
    text = str(explain(error, "host", None, 10.0))
    assert words in text
    assert "s3cret" not in text
