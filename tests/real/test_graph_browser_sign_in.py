"""Signing in with a browser: who may, what is said when not, and which address is believed."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from busylight.core.knowledge import Reading
from busylight.demo.lookalike import ADELE, ALEX, PERSONAL, Lookalike
from busylight.sources.graph.browser_sign_in import (
    BrowserSignIn,
    NotTheAnswerError,
    answer_in,
)
from busylight.sources.graph.errors import SignInRefusedError
from busylight.sources.graph.loopback import Loopback
from busylight.sources.graph.session import GraphSession
from busylight.sources.graph.settings import GraphSettings
from tests.support.clients import http_client
from tests.support.graph import read, settings_for, sign_in_now

REDIRECT = "http://localhost:49999"


@pytest.fixture
def settings(lookalike: Lookalike, tmp_path: Path) -> GraphSettings:
    """Nobody is signed in."""
    return settings_for(lookalike, tmp_path)


@pytest.fixture
async def session(settings: GraphSettings) -> AsyncIterator[GraphSession]:
    async with GraphSession(settings) as opened:
        yield opened


def browse(lookalike: Lookalike, attempt: BrowserSignIn) -> str:
    """Open the page as a browser does; return the address at which it ends."""
    with http_client(lookalike) as client:
        answer = client.get(attempt.url)
    assert answer.status_code == 302, answer.text
    return answer.headers["Location"]


async def test_who_signs_in_in_the_browser_is_signed_in(
    lookalike: Lookalike, settings: GraphSettings, session: GraphSession
) -> None:
    attempt = await session.begin_browser_sign_in(REDIRECT)
    name = await session.finish_browser_sign_in(attempt, browse(lookalike, attempt))
    assert name == ADELE.principal_name
    result = await read(settings)
    assert isinstance(result, Reading)
    assert result.account == ADELE.principal_name


async def test_the_address_asks_for_the_least_and_holds_no_secret(session: GraphSession) -> None:
    attempt = await session.begin_browser_sign_in(REDIRECT)
    query = httpx.URL(attempt.url).params
    assert "Presence.Read" in query["scope"]
    assert "Presence.Read.All" not in query["scope"]
    assert query["code_challenge_method"] == "S256"
    assert attempt.flow["code_verifier"] not in attempt.url
    assert attempt.flow["code_verifier"] not in repr(attempt)


async def test_a_code_is_of_no_use_to_whoever_did_not_ask_for_it(
    lookalike: Lookalike, session: GraphSession
) -> None:
    attempt = await session.begin_browser_sign_in(REDIRECT)
    another = await session.begin_browser_sign_in(REDIRECT)
    stolen = browse(lookalike, attempt).replace(attempt.flow["state"], another.flow["state"])
    with pytest.raises(SignInRefusedError, match="AADSTS70000"):
        await session.finish_browser_sign_in(another, stolen)
    assert not await session.is_signed_in()


async def test_a_code_is_good_once(lookalike: Lookalike, session: GraphSession) -> None:
    attempt = await session.begin_browser_sign_in(REDIRECT)
    address = browse(lookalike, attempt)
    await session.finish_browser_sign_in(attempt, address)
    with pytest.raises(SignInRefusedError, match="AADSTS70008"):
        await session.finish_browser_sign_in(attempt, address)


async def test_an_address_of_another_attempt_is_not_believed(
    lookalike: Lookalike, session: GraphSession
) -> None:
    first = await session.begin_browser_sign_in(REDIRECT)
    second = await session.begin_browser_sign_in(REDIRECT)
    before = len(lookalike.requests)
    with pytest.raises(NotTheAnswerError, match="another sign-in"):
        await session.finish_browser_sign_in(second, f"{REDIRECT}/?code=x&state=y")
    assert len(lookalike.requests) == before, "nothing of it was sent on"
    assert await session.finish_browser_sign_in(first, browse(lookalike, first))


async def test_who_declines_in_the_browser_is_told_so(
    lookalike: Lookalike, session: GraphSession
) -> None:
    lookalike.entra.browser.person = None
    attempt = await session.begin_browser_sign_in(REDIRECT)
    with pytest.raises(SignInRefusedError, match=r"declined to consent \(AADSTS65004\)"):
        await session.finish_browser_sign_in(attempt, browse(lookalike, attempt))


@pytest.mark.parametrize("place", ["authorize", "authorization_code"])
async def test_a_companys_refusal_is_told_with_its_number(
    lookalike: Lookalike, session: GraphSession, place: str
) -> None:
    lookalike.entra.refuse_with(53000, at=[place])
    attempt = await session.begin_browser_sign_in(REDIRECT)
    with pytest.raises(SignInRefusedError, match=r"managed devices only \(AADSTS53000\)"):
        await session.finish_browser_sign_in(attempt, browse(lookalike, attempt))


async def test_another_account_than_the_lights_is_refused_unless_it_is_meant(
    lookalike: Lookalike, settings: GraphSettings, session: GraphSession
) -> None:
    sign_in_now(lookalike, settings)
    lookalike.entra.browser.person = ALEX
    attempt = await session.begin_browser_sign_in(REDIRECT)
    with pytest.raises(SignInRefusedError, match="this is the light of adele"):
        await session.finish_browser_sign_in(attempt, browse(lookalike, attempt))
    attempt = await session.begin_browser_sign_in(REDIRECT)
    name = await session.finish_browser_sign_in(attempt, browse(lookalike, attempt), switch=True)
    assert name == ALEX.principal_name


async def test_a_personal_account_is_refused(lookalike: Lookalike, session: GraphSession) -> None:
    lookalike.entra.browser.person = PERSONAL
    attempt = await session.begin_browser_sign_in(REDIRECT)
    with pytest.raises(SignInRefusedError, match="personal account"):
        await session.finish_browser_sign_in(attempt, browse(lookalike, attempt))


def test_an_address_that_a_terminal_broke_into_lines_is_put_together() -> None:
    answer = answer_in("http://localhost:1/?code=abc%2Fdef\n  ghi&state=s#frag")
    assert answer == {"code": "abc/defghi", "state": "s"}


@pytest.mark.parametrize(
    "text",
    ["", "hello", "http://localhost:1/", "http://localhost:1/?state=s", "?" + "code=x&" * 20000],
)
def test_what_is_no_such_address_is_said_to_be_none(text: str) -> None:
    with pytest.raises(NotTheAnswerError, match="not the address"):
        answer_in(text)


@given(st.text())
def test_whatever_is_pasted_it_is_an_answer_or_none(text: str) -> None:
    try:
        answer = answer_in(text)
    except NotTheAnswerError:
        return
    assert answer.keys() & {"code", "error"}


async def test_the_browsers_page_shows_text_and_never_markup() -> None:
    async def heard(address: str) -> tuple[bool, str]:
        return False, f"<script>{address}</script>"

    async with Loopback(heard) as loopback, httpx.AsyncClient(trust_env=False) as client:
        url = loopback.address.replace("localhost", "127.0.0.1")
        answer = await client.get(f"{url}/?code=<b>")
        other = await client.get(f"{url}/favicon.ico")
    assert answer.status_code == 400
    assert "<script>" not in answer.text
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert other.status_code == 404


async def test_a_browser_that_comes_too_late_finds_nobody() -> None:
    async def heard(_: str) -> tuple[bool, str]:
        return True, "well"

    async with Loopback(heard) as loopback:
        port = int(loopback.address.rpartition(":")[2])
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", port)
