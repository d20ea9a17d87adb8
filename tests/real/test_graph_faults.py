"""Whatever goes wrong between us and Graph is named, and passes when its cause does."""

import asyncio
import logging
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from busylight.core.knowledge import Reading, Trouble, Why
from busylight.demo.lookalike import ADELE, Lookalike, faults
from busylight.demo.lookalike.faults import Fault
from busylight.demo.lookalike.messages import Request, Response
from busylight.edge import log
from busylight.edge.clock import now
from busylight.sources.graph.session import GraphSession
from busylight.sources.graph.settings import GraphSettings
from tests.support.graph import lose_access_tokens, settings_for, sign_in_now

ME = "/v1.0/me/presence"
SHORT = 0.5  # seconds; the deadline of a request in these tests


@pytest.fixture
def settings(lookalike: Lookalike, tmp_path: Path) -> GraphSettings:
    made = settings_for(lookalike, tmp_path)
    sign_in_now(lookalike, made)
    return made


async def fails(session: GraphSession, why: Why = Why.UNREACHABLE) -> str:
    result = await session.read_once()
    assert isinstance(result, Trouble), result
    assert result.why is why
    return result.detail


async def succeeds(session: GraphSession) -> None:
    result = await session.read_once()
    assert isinstance(result, Reading), result
    assert list(result.presences) == [ADELE.object_id]


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (faults.CAPTIVE_PORTAL, "captive portal"),
        (faults.WRONG_CONTENT_TYPE, "not JSON"),
        (faults.EMPTY_LIST, "but a list"),
        (faults.EMPTY_OBJECT, '"availability" is null'),
        (faults.EMPTY_VALUE, "0 people"),
        (faults.NULL, "but null"),
        (faults.INVALID_JSON, "was cut"),
        (faults.JUNK_AFTER_JSON, "no JSON"),
        (faults.BAD_UTF8, "not UTF-8"),
        (faults.DEEP_JSON, "nested too deeply"),
        (faults.HUGE, "more than 65536 bytes"),
        (faults.WRONG_TYPES, '"availability" is a number'),
        (faults.WITHOUT_ACTIVITY, '"activity" is null'),
        (faults.NO_CONTENT, "status 204"),
        (faults.SERVER_ERROR, "status 500"),
        (faults.UNAVAILABLE, "status 503"),
        (faults.status(400), "does not take our question"),
        (faults.status(418), "does not take our question"),
        (faults.throttled(), "status 429"),
        (faults.CUT_BODY, "ended the connection"),
        (faults.RESET, "localhost"),
        (faults.CLOSE, "ended the connection"),
        (faults.gzip_bomb(2**20), "compressed"),
        (faults.body(b"<h1>Forbidden", content_type="text/html"), "captive portal"),
    ],
    ids=lambda value: value.name if isinstance(value, Fault) else "",
)
async def test_a_fault_is_named_and_the_next_read_is_well(
    lookalike: Lookalike, settings: GraphSettings, fault: Fault, words: str
) -> None:
    async with GraphSession(settings) as session:
        await succeeds(session)
        lookalike.faults.add(fault, path=ME)
        assert words in await fails(session)
        assert words in await fails(session)
        lookalike.faults.clear()
        await succeeds(session)


async def test_403_of_somebody_else_is_no_missing_permission(
    lookalike: Lookalike, settings: GraphSettings
) -> None:
    page = faults.Fault("blocked", Response(403, b"<h1>Blocked", {"Content-Type": "text/html"}))
    lookalike.faults.add(page, path=ME)
    async with GraphSession(settings) as session:
        assert "none of Graph's (status 403)" in await fails(session)


@pytest.mark.parametrize(
    "fault",
    [faults.SILENCE, faults.dribbled_body(0.05), faults.dribbled_headers(0.05), faults.delayed(30)],
    ids=lambda fault: str(fault.name),
)
async def test_an_answer_that_takes_too_long_ends_at_the_deadline_in_every_thread(
    lookalike: Lookalike, settings: GraphSettings, fault: Fault
) -> None:
    async with GraphSession(settings, deadline=SHORT) as session:
        await succeeds(session)
        before = threading.active_count()
        lookalike.faults.add(fault, path=ME)
        for _ in range(2):
            began = now()
            assert "within 0.5 s" in await fails(session)
            assert SHORT - 0.05 <= now() - began < SHORT + 1.5
        lookalike.faults.clear()
        await succeeds(session)
        lookalike.cut_connections()
        assert await settles(lambda: threading.active_count() <= before)


async def settles(condition: Callable[[], bool]) -> bool:
    ends = now() + 5
    while not condition() and now() < ends:
        await asyncio.sleep(0.01)
    return condition()


async def test_a_handshake_that_is_never_answered_ends_at_the_deadline(
    lookalike: Lookalike, settings: GraphSettings
) -> None:
    async with GraphSession(settings, deadline=SHORT) as session:
        lookalike.faults.mute = True
        assert "within 0.5 s" in await fails(session)
        lookalike.faults.clear()
        await succeeds(session)


async def test_a_name_service_that_hangs_ends_at_the_deadline_and_is_left_behind(
    lookalike: Lookalike, settings: GraphSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    hangs = threading.Event()
    real = __import__("socket").getaddrinfo

    def slow(*given: object, **options: object) -> object:
        hangs.wait(20)
        return real(*given, **options)

    async with GraphSession(settings, deadline=SHORT) as session:
        with monkeypatch.context() as patched:
            patched.setattr("socket.getaddrinfo", slow)
            began = now()
            assert "name service" in await fails(session)
            assert now() - began < SHORT + 2.5
        before = len(lookalike.requests)
        hangs.set()  # what was left behind goes on now, and must not ask anything any more
        assert await settles(lambda: threading.active_count() <= 8)
        await succeeds(session)
        assert len(lookalike.requests) == before + 1


async def test_many_reads_need_one_tls_handshake(
    lookalike: Lookalike, settings: GraphSettings
) -> None:
    before = lookalike.handshakes
    async with GraphSession(settings) as session:
        for _ in range(20):
            await succeeds(session)
    assert lookalike.handshakes - before == 1


async def test_a_connection_that_the_server_closed_meanwhile_is_no_failure(
    lookalike: Lookalike, settings: GraphSettings
) -> None:
    async with GraphSession(settings) as session:
        await succeeds(session)
        lookalike.cut_connections()
        await succeeds(session)
        lookalike.faults.add(faults.CLOSE, path=ME, times=1)
        await succeeds(session)
        lookalike.faults.add(faults.RESET, path=ME, times=1)
        await succeeds(session)


async def test_a_server_that_goes_and_comes_back_is_found_again(
    lookalike: Lookalike, settings: GraphSettings
) -> None:
    async with GraphSession(settings) as session:
        await succeeds(session)
        lookalike.stop()
        for _ in range(4):
            assert "Connection refused" in await fails(session)
        lookalike.start()
        await succeeds(session)


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
async def test_a_redirect_never_gets_the_token(
    lookalike: Lookalike, settings: GraphSettings, code: int
) -> None:
    with Lookalike() as elsewhere:
        lookalike.faults.add(faults.redirect(f"{elsewhere.base_url}/me/presence", code), path=ME)
        async with GraphSession(settings) as session:
            assert f"status {code}" in await fails(session)
        assert elsewhere.connections == 0
    assert len(lookalike.requests_to(ME)) == 1


async def test_a_cookie_is_nothing_to_us(
    lookalike: Lookalike, settings: GraphSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    cookies: list[str | None] = []
    note = lookalike.note

    def noted(request: Request, status: int | None, connection: int) -> None:
        cookies.append(request.headers.get("cookie"))
        note(request, status, connection)

    monkeypatch.setattr(lookalike, "note", noted)
    lookalike.faults.add(faults.status(503, {"Set-Cookie": "who=me; Path=/"}), path=ME, times=1)
    async with GraphSession(settings) as session:
        assert "status 503" in await fails(session)
        await succeeds(session)
    assert cookies == [None, None]


async def test_the_token_goes_to_graph_alone(lookalike: Lookalike, tmp_path: Path) -> None:
    with Lookalike() as graph:
        # Its own people sign in at `lookalike`; `graph` does not know their tokens.
        both = tmp_path / "both.pem"
        both.write_bytes(lookalike.ca_file.read_bytes() + graph.ca_file.read_bytes())
        settings = settings_for(lookalike, tmp_path, base_url=graph.base_url, ca_file=both)
        sign_in_now(lookalike, settings)
        async with GraphSession(settings) as session:
            assert "refuses a new token" in await fails(session)
    assert not any(request.authorized for request in lookalike.requests)
    assert all(request.authorized for request in graph.requests)


# -- The sign-in server ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fault",
    [
        faults.CAPTIVE_PORTAL,
        faults.EMPTY_LIST,
        faults.EMPTY_OBJECT,
        faults.NULL,
        faults.INVALID_JSON,
        faults.JUNK_AFTER_JSON,
        faults.BAD_UTF8,
        faults.DEEP_JSON,
        faults.NO_CONTENT,
        faults.SERVER_ERROR,
        faults.UNAVAILABLE,
        faults.throttled(),
        faults.CUT_BODY,
        faults.RESET,
        faults.CLOSE,
        faults.gzip_bomb(2**20),
        faults.redirect("https://elsewhere.example/"),
        faults.body(b'{"access_token": 7, "expires_in": 3600}'),
        faults.body(b'{"access_token": "with\\nnewline", "expires_in": 3600}'),
        faults.body(b'{"access_token": "x", "expires_in": "soon"}'),
        faults.body(b'{"access_token": "x", "expires_in": 99999999999999999999}'),
        faults.body(b'{"access_token": "x", "expires_in": -99999999999999}'),
        faults.body(b'{"access_token": "x", "expires_in": 1e999}'),
        faults.body(b'{"access_token": "x", "expires_in": 3600, "id_token": "x"}'),
        faults.body(b'{"token_endpoint": "http://plain.example/x", "authorization_endpoint": "x"}'),
    ],
    ids=lambda fault: str(fault.name),
)
async def test_trouble_at_the_sign_in_server_signs_nobody_out(
    lookalike: Lookalike, settings: GraphSettings, fault: Fault, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    log.protect([caplog.handler])
    lookalike.entra.revoke()  # so that the refresh is needed
    lookalike.entra.vault.access.clear()
    for grant in lookalike.entra.vault.refresh.values():
        grant.revoked_with = None
    for place in (f"/{lookalike.tenant_id}/oauth2", f"/{lookalike.tenant_id}/v2.0"):
        lookalike.faults.add(fault, path=place)
        async with GraphSession(settings) as session:
            for _ in range(2):
                await fails(session)
            lookalike.faults.clear()
            await succeeds(session)
        lookalike.entra.vault.access.clear()
    for token in (*lookalike.entra.vault.access, *lookalike.entra.vault.refresh):
        assert token not in caplog.text


@pytest.mark.parametrize("place", ["oauth2", "v2.0"])
async def test_the_sign_in_servers_retry_after_is_obeyed(
    lookalike: Lookalike, settings: GraphSettings, place: str
) -> None:
    lookalike.entra.vault.access.clear()
    lookalike.faults.add(faults.throttled(60), path=f"/{lookalike.tenant_id}/{place}")
    async with GraphSession(settings) as session:
        assert "sign-in server localhost is busy" in await fails(session)
        assert 50 < session.not_before - now() <= 60
        before = len(lookalike.requests)
        await fails(session)
        assert len(lookalike.requests) == before


async def test_a_dribbling_sign_in_server_ends_at_the_deadline(
    lookalike: Lookalike, settings: GraphSettings
) -> None:
    lose_access_tokens(settings)
    lookalike.faults.add(faults.dribbled_body(0.05), path=f"/{lookalike.tenant_id}")
    async with GraphSession(settings, deadline=SHORT) as session:
        began = now()
        assert "within 0.5 s" in await fails(session)
        assert now() - began < SHORT + 1.5
        lookalike.faults.clear()
        await succeeds(session)


async def test_a_tenant_that_does_not_exist_is_told_by_microsofts_number(
    lookalike: Lookalike, settings: GraphSettings
) -> None:
    lose_access_tokens(settings)
    lookalike.entra.refuse_with(90002, at=["discovery"])
    async with GraphSession(settings) as session:
        assert "there is no such tenant (AADSTS90002)" in await fails(session, Why.SIGNED_OUT)


async def test_cancelling_a_read_ends_its_request(
    lookalike: Lookalike, settings: GraphSettings
) -> None:
    async with GraphSession(settings, deadline=30) as session:
        await succeeds(session)
        lookalike.faults.add(faults.SILENCE, path=ME)
        reading = asyncio.create_task(session.read_once())
        assert await asyncio.to_thread(
            lookalike.wait_for, lambda: len(lookalike.requests_to(ME)) == 2
        )
        reading.cancel()
        began = now()
        with pytest.raises(asyncio.CancelledError):
            await reading
        assert now() - began < 1
        assert await asyncio.to_thread(lookalike.wait_for, lambda: lookalike.open_connections == 0)
        lookalike.faults.clear()
        await succeeds(session)
