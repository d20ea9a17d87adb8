"""Signing in and out by the commands: what is said, and what survives."""

import asyncio
import time
from pathlib import Path

import pytest

from busylight.core.knowledge import SignInPrompt
from busylight.demo.lookalike import ADELE, ALEX, Lookalike, faults
from busylight.edge.clock import now
from busylight.sources.graph.errors import (
    EntraUnreachableError,
    GraphError,
    SignInRefusedError,
)
from busylight.sources.graph.session import GraphSession
from busylight.sources.graph.settings import GraphSettings
from tests.support.graph import (
    PATIENCE,
    account_of,
    read,
    settings_for,
    sign_in_now,
    signed_out,
)


@pytest.fixture
def settings(lookalike: Lookalike, tmp_path: Path) -> GraphSettings:
    """Nobody is signed in."""
    return settings_for(lookalike, tmp_path)


async def test_an_empty_cache_is_signed_out_without_asking_the_network(
    lookalike: Lookalike, settings: GraphSettings
) -> None:
    async with GraphSession(settings) as session:
        assert "nobody is signed in" in signed_out(await session.read_once())
        assert not await session.is_signed_in()
        assert await session.account() is None
    assert lookalike.connections == 0


async def test_login_shows_address_and_code_and_waits_for_the_person(
    lookalike: Lookalike, settings: GraphSettings
) -> None:
    prompts: list[SignInPrompt] = []

    def show(prompt: SignInPrompt) -> None:
        prompts.append(prompt)
        lookalike.entra.approve(prompt.code)

    async with GraphSession(settings) as session:
        assert await session.sign_in(show) == ADELE.principal_name
        assert await session.is_signed_in()
        assert account_of(await session.read_once()) == ADELE.principal_name
        assert await session.sign_in(show) == ADELE.principal_name  # at once
    (prompt,) = prompts
    assert prompt.url == f"{lookalike.origin}/devicelogin"
    assert 890 < prompt.expires_at - now() <= 900
    assert account_of(await read(settings)) == ADELE.principal_name


async def test_a_logout_that_cannot_be_written_is_none(
    lookalike: Lookalike, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = settings_for(lookalike, tmp_path)
    sign_in_now(lookalike, settings)

    def read_only(*_: object) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr("busylight.sources.graph.token_cache.write_private", read_only)
    async with GraphSession(settings) as session:
        with pytest.raises(GraphError, match="the tokens are still in"):
            await session.sign_out()


async def test_logout_forgets_the_tokens_and_keeps_whose_light_it_is(
    lookalike: Lookalike, settings: GraphSettings
) -> None:
    sign_in_now(lookalike, settings)
    async with GraphSession(settings) as session:
        assert account_of(await session.read_once())
        before = len(lookalike.requests)
        assert await session.sign_out() == [ADELE.principal_name]
        assert await session.sign_out() == []
        signed_out(await session.read_once())
        assert len(lookalike.requests) == before
        with pytest.raises(SignInRefusedError, match="this is the light of adele"):
            await session.sign_in(lambda prompt: lookalike.entra.approve(prompt.code, ALEX))
    assert "secret" not in settings.token_cache.read_text()


async def test_logout_works_without_a_network(
    lookalike: Lookalike, settings: GraphSettings
) -> None:
    sign_in_now(lookalike, settings)
    lookalike.stop()
    async with GraphSession(settings) as session:
        assert await session.sign_out() == [ADELE.principal_name]


async def test_a_code_that_ends_is_followed_by_a_new_one(
    lookalike: Lookalike, settings: GraphSettings
) -> None:
    lookalike.entra.device_code_seconds = 1
    codes: list[str] = []

    def show(prompt: SignInPrompt) -> None:
        codes.append(prompt.code)
        lookalike.entra.device_code_seconds = 900  # that of the next one
        if len(codes) == 2:
            lookalike.entra.approve(prompt.code)

    async with GraphSession(settings) as session:
        assert await session.sign_in(show) == ADELE.principal_name
    assert len(set(codes)) == 2


async def test_a_wall_clock_that_jumps_ends_no_code(
    lookalike: Lookalike, settings: GraphSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = time.time()
    jumps = iter([real, real + 10**8, real - 10**8] * 50)

    def show(prompt: SignInPrompt) -> None:
        lookalike.entra.slow_down(1)
        monkeypatch.setattr("msal.oauth2cli.oauth2.time.time", lambda: next(jumps))
        lookalike.entra.approve(prompt.code)

    monkeypatch.setattr("busylight.sources.graph.sign_in._SLOWER", 0.0)
    async with GraphSession(settings) as session:
        assert await session.sign_in(show) == ADELE.principal_name


async def test_slow_down_is_obeyed(
    lookalike: Lookalike, settings: GraphSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("busylight.sources.graph.sign_in._SLOWER", 0.5)

    def show(prompt: SignInPrompt) -> None:
        lookalike.entra.slow_down(1)
        lookalike.entra.approve(prompt.code)

    async with GraphSession(settings) as session:
        await session.sign_in(show)
    polls = [each.at for each in lookalike.requests if each.path.endswith("/token")]
    assert len(polls) == 2
    assert polls[1] - polls[0] > 1.4


@pytest.mark.parametrize(
    ("code", "words"),
    [(53003, "Conditional Access"), (65001, "consented"), (50076, "multi-factor")],
)
async def test_a_refused_login_says_microsofts_reason(
    lookalike: Lookalike, settings: GraphSettings, code: int, words: str
) -> None:
    lookalike.entra.refuse_with(code, at=["device_code"])
    async with GraphSession(settings) as session:
        with pytest.raises(SignInRefusedError, match=words) as raised:
            await session.sign_in(lambda prompt: lookalike.entra.approve(prompt.code))
    assert f"AADSTS{code}" in str(raised.value)


async def test_an_app_that_may_use_no_device_codes_is_told_so(
    lookalike: Lookalike, settings: GraphSettings
) -> None:
    lookalike.entra.refuse_with(7000218, at=["devicecode"])
    async with GraphSession(settings) as session:
        with pytest.raises(SignInRefusedError, match="Allow public client flows"):
            await session.sign_in(lambda _: None)


async def test_who_declines_is_told_so(lookalike: Lookalike, settings: GraphSettings) -> None:
    async with GraphSession(settings) as session:
        with pytest.raises(SignInRefusedError, match="declined"):
            await session.sign_in(lambda prompt: lookalike.entra.decline(prompt.code))


async def test_login_without_a_network_says_so(
    lookalike: Lookalike, settings: GraphSettings
) -> None:
    lookalike.stop()
    async with GraphSession(settings) as session:
        with pytest.raises(EntraUnreachableError, match="Connection refused"):
            await session.sign_in(lambda _: None)


async def test_a_network_that_fails_while_a_code_waits_is_lived_through(
    lookalike: Lookalike, settings: GraphSettings
) -> None:
    def show(prompt: SignInPrompt) -> None:
        lookalike.faults.add(faults.UNAVAILABLE, times=1)
        lookalike.entra.approve(prompt.code)

    async with GraphSession(settings) as session:
        assert await session.sign_in(show) == ADELE.principal_name


@pytest.mark.parametrize(
    "flow",
    [
        b'{"user_code": "ABC", "verification_uri": 7, "device_code": "x", "expires_in": 900}',
        b'{"user_code": "A\\nC", "verification_uri": "x", "device_code": "x", "expires_in": 900}',
        b'{"user_code": "ABC", "device_code": "x", "expires_in": 900}',
        b'{"user_code": "ABC", "verification_uri": "x", "device_code": "x", "expires_in": "y"}',
        b'{"user_code": "ABC", "verification_uri": "x"}',
    ],
)
async def test_a_code_that_nobody_could_enter_is_a_named_error(
    lookalike: Lookalike, settings: GraphSettings, flow: bytes
) -> None:
    lookalike.faults.add(faults.body(flow), path=f"/{lookalike.tenant_id}/oauth2/v2.0/devicecode")
    async with GraphSession(settings) as session:
        with pytest.raises(EntraUnreachableError):
            await session.sign_in(lambda _: None)


async def test_a_sign_in_that_does_not_say_whose_it_is_is_not_taken(
    lookalike: Lookalike, settings: GraphSettings
) -> None:
    async with GraphSession(settings) as session:
        shown: asyncio.Queue[SignInPrompt] = asyncio.Queue()
        waiting = asyncio.create_task(session.sign_in(shown.put_nowait))
        await shown.get()
        anonymous = faults.body(b'{"access_token": "x", "expires_in": 3600}')
        lookalike.faults.add(anonymous, path=f"/{lookalike.tenant_id}/oauth2/v2.0/token", times=1)
        assert await asyncio.to_thread(
            lookalike.wait_for, lambda: any(r.path.endswith("/token") for r in lookalike.requests)
        )
        lookalike.entra.approve()
        assert await asyncio.wait_for(waiting, PATIENCE) == ADELE.principal_name
