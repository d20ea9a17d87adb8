"""Each fault of the look-alike is what it claims to be, as the real httpx sees it."""

import gzip
import json
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import httpx
import pytest

from busylight.demo.lookalike import ADELE, Lookalike, faults
from busylight.demo.lookalike.faults import Fault
from busylight.edge.clock import now
from tests.support.clients import PRESENCE_READ, authorized, http_client, msal_session, public_app

PATH = "/v1.0/me/presence"
PROMPT = 2.0  # seconds; to stop must never take longer, whatever hangs


@pytest.fixture
def lookalike() -> Iterator[Lookalike]:
    with Lookalike() as running:
        yield running
        began = now()
        running.stop()
        assert now() - began < PROMPT


@pytest.fixture
def ask(lookalike: Lookalike) -> Iterator[Callable[[], httpx.Response]]:
    patience = httpx.Timeout(5, read=0.3)
    header = authorized(lookalike, {"Presence.Read"})
    with http_client(lookalike, headers=header, timeout=patience) as client:
        yield lambda: client.get(f"{lookalike.origin}{PATH}")


def answer_to(
    fault: Fault, lookalike: Lookalike, ask: Callable[[], httpx.Response]
) -> httpx.Response:
    lookalike.faults.add(fault, times=1)
    response = ask()
    assert lookalike.requests[-1].status == response.status_code
    return response


def test_a_fault_happens_as_often_as_asked_on_its_path_alone(
    lookalike: Lookalike, ask: Callable[[], httpx.Response]
) -> None:
    lookalike.faults.add(faults.UNAVAILABLE, path="/v1.0/users")
    lookalike.faults.add(faults.status(404), path=PATH, times=2)
    lookalike.faults.add(faults.SERVER_ERROR, path=PATH)
    assert [ask().status_code for _ in range(4)] == [404, 404, 500, 500]
    lookalike.faults.clear()
    assert ask().status_code == 200


@pytest.mark.parametrize("code", [400, 401, 403, 404, 429, 500, 502, 503, 504, 599])
def test_a_status_comes_with_an_error_of_graphs_shape(
    lookalike: Lookalike, ask: Callable[[], httpx.Response], code: int
) -> None:
    response = answer_to(faults.status(code, {"X-Why": "because"}), lookalike, ask)
    assert response.status_code == code
    assert response.headers["X-Why"] == "because"
    assert response.json()["error"]["code"]


def test_throttling_names_seconds_a_date_or_nothing(
    lookalike: Lookalike, ask: Callable[[], httpx.Response]
) -> None:
    response = answer_to(faults.throttled(7), lookalike, ask)
    assert (response.status_code, response.headers["Retry-After"]) == (429, "7")
    response = answer_to(faults.throttled_until(30), lookalike, ask)
    ahead = parsedate_to_datetime(response.headers["Retry-After"]) - datetime.now(UTC)
    assert timedelta(seconds=25) < ahead <= timedelta(seconds=30)
    response = answer_to(faults.throttled(code=503), lookalike, ask)
    assert response.status_code == 503
    assert "Retry-After" not in response.headers


def test_a_redirect_leads_elsewhere(
    lookalike: Lookalike, ask: Callable[[], httpx.Response]
) -> None:
    response = answer_to(faults.redirect("https://elsewhere.example/", 307), lookalike, ask)
    assert response.status_code == 307
    assert response.has_redirect_location
    assert response.headers["Location"] == "https://elsewhere.example/"


def test_a_captive_portal_is_html_with_200(
    lookalike: Lookalike, ask: Callable[[], httpx.Response]
) -> None:
    response = answer_to(faults.CAPTIVE_PORTAL, lookalike, ask)
    assert response.status_code == 200
    assert response.headers["Content-Type"].startswith("text/html")
    assert "<html>" in response.text


def test_the_right_json_comes_with_the_wrong_type(
    lookalike: Lookalike, ask: Callable[[], httpx.Response]
) -> None:
    response = answer_to(faults.WRONG_CONTENT_TYPE, lookalike, ask)
    assert response.headers["Content-Type"] == "text/plain"
    assert response.json()["availability"] == "Available"


@pytest.mark.parametrize(
    ("fault", "value"),
    [
        (faults.EMPTY_LIST, []),
        (faults.EMPTY_OBJECT, {}),
        (faults.EMPTY_VALUE, {"value": []}),
        (faults.NULL, None),
        (faults.WRONG_TYPES, {"id": ADELE.object_id, "availability": 7, "activity": "Busy"}),
        (faults.WITHOUT_ACTIVITY, {"id": ADELE.object_id, "availability": "Busy"}),
    ],
)
def test_json_of_the_wrong_shape(
    lookalike: Lookalike, ask: Callable[[], httpx.Response], fault: Fault, value: Any
) -> None:
    response = answer_to(fault, lookalike, ask)
    assert response.headers["Content-Type"].startswith("application/json")
    assert response.json() == value


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (faults.INVALID_JSON, json.JSONDecodeError),
        (faults.BAD_UTF8, UnicodeDecodeError),
        (faults.DEEP_JSON, RecursionError),
        (faults.JUNK_AFTER_JSON, json.JSONDecodeError),
    ],
)
def test_what_is_no_json(
    lookalike: Lookalike,
    ask: Callable[[], httpx.Response],
    fault: Fault,
    error: type[Exception],
) -> None:
    response = answer_to(fault, lookalike, ask)
    assert response.headers["Content-Type"].startswith("application/json")
    with pytest.raises(error):
        json.loads(response.content)


def test_a_body_over_64_kib(lookalike: Lookalike, ask: Callable[[], httpx.Response]) -> None:
    response = answer_to(faults.HUGE, lookalike, ask)
    assert len(response.content) > 64 * 1024
    assert response.json()["activity"] == "Busy"


def test_a_gzip_bomb_goes_off_though_nobody_asked_for_gzip(lookalike: Lookalike) -> None:
    lookalike.faults.add(faults.gzip_bomb(2**20))
    with (
        http_client(lookalike, headers={"Accept-Encoding": "identity"}) as client,
        client.stream("GET", f"{lookalike.origin}{PATH}") as response,
    ):
        assert response.headers["Content-Encoding"] == "gzip"
        packed = b"".join(response.iter_raw())
    assert len(packed) < 10_000
    assert len(gzip.decompress(packed)) > 2**20


def test_no_content(lookalike: Lookalike, ask: Callable[[], httpx.Response]) -> None:
    response = answer_to(faults.NO_CONTENT, lookalike, ask)
    assert (response.status_code, response.content) == (204, b"")
    assert ask().status_code == 200
    assert lookalike.connections == 1  # a 204 ends where it should


def test_a_body_is_cut(lookalike: Lookalike, ask: Callable[[], httpx.Response]) -> None:
    with pytest.raises(httpx.RemoteProtocolError, match="without sending complete message"):
        answer_to(faults.CUT_BODY, lookalike, ask)
    assert ask().status_code == 200


def test_silence_lasts_until_the_client_goes(
    lookalike: Lookalike, ask: Callable[[], httpx.Response]
) -> None:
    lookalike.faults.add(faults.SILENCE, times=1)
    with pytest.raises(httpx.ReadTimeout):
        ask()
    assert lookalike.requests[-1].status is None
    assert lookalike.wait_for(lambda: lookalike.open_connections == 0)


@pytest.mark.parametrize("fault", [faults.RESET, faults.CLOSE])
def test_the_connection_ends_in_place_of_an_answer(
    lookalike: Lookalike, ask: Callable[[], httpx.Response], fault: Fault
) -> None:
    lookalike.faults.add(fault, times=1)
    with pytest.raises((httpx.ReadError, httpx.RemoteProtocolError)):
        ask()
    assert lookalike.requests[-1].status is None
    assert ask().status_code == 200
    assert lookalike.connections == 2


def test_a_reset_is_a_reset(lookalike: Lookalike) -> None:
    lookalike.faults.add(faults.RESET)
    trust = ssl.create_default_context(cafile=str(lookalike.ca_file))
    with (
        socket.create_connection(("127.0.0.1", lookalike.port), timeout=5) as plain,
        trust.wrap_socket(plain, server_hostname="localhost") as client,
    ):
        client.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        # Below TLS: Python's ssl, as of 3.11, tells a reset as an end.
        with socket.socket(fileno=client.detach()) as raw:
            raw.settimeout(5)
            with pytest.raises(ConnectionResetError):
                read_to_end(raw)


def read_to_end(raw: socket.socket) -> None:
    while raw.recv(4096):
        pass


def test_a_late_answer_is_the_true_one(
    lookalike: Lookalike, ask: Callable[[], httpx.Response]
) -> None:
    began = time.monotonic()
    assert answer_to(faults.delayed(0.1), lookalike, ask).json()["activity"] == "Available"
    assert time.monotonic() - began >= 0.1


def test_dribbled_bytes_come_in_the_end(
    lookalike: Lookalike, ask: Callable[[], httpx.Response]
) -> None:
    for fault in (faults.dribbled_body(0.0001), faults.dribbled_headers(0.0001)):
        assert answer_to(fault, lookalike, ask).json()["activity"] == "Available"


def test_a_dribble_keeps_below_a_limit_between_two_chunks(lookalike: Lookalike) -> None:
    began = time.monotonic()
    lookalike.faults.add(faults.dribbled_body(0.15))
    with (
        http_client(lookalike, timeout=1) as client,
        client.stream("GET", f"{lookalike.origin}{PATH}") as response,
    ):
        chunks = response.iter_raw()
        assert [len(next(chunks)) for _ in range(10)] == [1] * 10
    assert time.monotonic() - began > 1  # the limit that was given


@pytest.mark.parametrize(
    "fault",
    [
        faults.SILENCE,
        faults.delayed(60),
        faults.dribbled_body(60),
        faults.dribbled_headers(60),
    ],
)
def test_no_fault_holds_up_the_end(
    lookalike: Lookalike, ask: Callable[[], httpx.Response], fault: Fault
) -> None:
    lookalike.faults.add(fault)
    with pytest.raises(httpx.ReadTimeout):
        ask()
    began = now()
    lookalike.stop()
    assert now() - began < PROMPT
    assert lookalike.open_connections == 0


def test_a_mute_server_accepts_and_never_shakes_hands(
    lookalike: Lookalike, ask: Callable[[], httpx.Response]
) -> None:
    lookalike.faults.mute = True
    impatience = httpx.Timeout(5, connect=0.3)
    with http_client(lookalike) as client, pytest.raises(httpx.ConnectTimeout):
        client.get(lookalike.base_url, timeout=impatience)
    assert (lookalike.connections, lookalike.handshakes) == (1, 0)
    assert lookalike.wait_for(lambda: lookalike.open_connections == 0)
    lookalike.faults.clear()
    assert ask().status_code == 200


def test_a_handshake_that_hangs_is_cut_with_the_server(lookalike: Lookalike) -> None:
    with socket.create_connection(("127.0.0.1", lookalike.port), timeout=5) as silent:
        assert lookalike.wait_for(lambda: lookalike.open_connections == 1)
        lookalike.stop()
        assert silent.recv(1) == b""


def test_faults_strike_entra_too(lookalike: Lookalike) -> None:
    with msal_session(lookalike) as session:
        app = public_app(lookalike, session)
        lookalike.faults.add(faults.CAPTIVE_PORTAL, path=f"/{lookalike.tenant_id}/oauth2")
        with pytest.raises(json.JSONDecodeError):
            app.initiate_device_flow([PRESENCE_READ])
