"""Signing in, here and elsewhere: who may, what is said when not, and what survives."""

import asyncio
import json
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from busylight.core.knowledge import Reading, SignInPrompt, Trouble, Why
from busylight.demo.lookalike import ADELE, ALEX, PERSONAL, AppCredential, Lookalike, faults
from busylight.edge.clock import now
from busylight.sources.graph import session as session_module
from busylight.sources.graph import token_cache
from busylight.sources.graph import tokens as tokens_module
from busylight.sources.graph.errors import (
    EntraUnreachableError,
    GraphError,
    SignInRefusedError,
)
from busylight.sources.graph.session import GraphSession
from busylight.sources.graph.settings import GraphSettings
from tests.support.broker import eventually
from tests.support.graph import PATIENCE, read, settings_for, sign_in_now, watching


@pytest.fixture
def lookalike() -> Iterator[Lookalike]:
    with Lookalike() as running:
        yield running


@pytest.fixture
def settings(lookalike: Lookalike, tmp_path: Path) -> GraphSettings:
    """Nobody is signed in."""
    return settings_for(lookalike, tmp_path)


def account_of(result: Reading | Trouble) -> str | None:
    assert isinstance(result, Reading), result
    return result.account


def signed_out(result: Reading | Trouble) -> str:
    assert isinstance(result, Trouble), result
    assert result.why is Why.SIGNED_OUT
    return result.detail


def prompt_of(trouble: Trouble) -> SignInPrompt:
    assert trouble.why is Why.SIGNED_OUT
    assert trouble.sign_in is not None
    return trouble.sign_in


async def nth_code(watched: Any, number: int) -> Trouble:
    """The trouble that shows the `number`th code."""
    async with asyncio.timeout(PATIENCE):
        while True:
            shown = [each for each in watched.seen if isinstance(each, Trouble) and each.sign_in]
            if len(shown) >= number:
                trouble: Trouble = shown[number - 1]
                return trouble
            await asyncio.sleep(0.01)


def shorten_refusals(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    monkeypatch.setattr(tokens_module, "REFUSED_SECONDS", seconds)
    monkeypatch.setattr(session_module, "REFUSED_SECONDS", seconds)


# -- The commands ------------------------------------------------------------------------------


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


# -- Whose light it is -------------------------------------------------------------------------


async def test_whoever_else_signs_in_is_refused_and_leaves_no_token(
    lookalike: Lookalike, settings: GraphSettings
) -> None:
    sign_in_now(lookalike, settings)
    async with GraphSession(settings) as session:
        await session.sign_out()
        with pytest.raises(
            SignInRefusedError, match="has signed in, but this is the light of adele"
        ):
            await session.sign_in(lambda prompt: lookalike.entra.approve(prompt.code, ALEX))
        signed_out(await session.read_once())
    assert all(
        token not in settings.token_cache.read_text() for token in lookalike.entra.vault.refresh
    )


async def test_login_switch_gives_the_light_to_another(
    lookalike: Lookalike, settings: GraphSettings
) -> None:
    sign_in_now(lookalike, settings)
    async with GraphSession(settings) as session:
        name = await session.sign_in(
            lambda prompt: lookalike.entra.approve(prompt.code, ALEX), switch=True
        )
        assert name == ALEX.principal_name
        assert account_of(await session.read_once()) == ALEX.principal_name
        assert await session.sign_out() == [ALEX.principal_name]
        with pytest.raises(SignInRefusedError, match="this is the light of alex"):
            await session.sign_in(lambda prompt: lookalike.entra.approve(prompt.code, ADELE))


async def test_a_personal_account_is_refused_with_the_reason(
    lookalike: Lookalike, tmp_path: Path
) -> None:
    settings = settings_for(lookalike, tmp_path, authority_url=lookalike.authority("common"))
    async with GraphSession(settings) as session:
        with pytest.raises(SignInRefusedError, match="is a personal account"):
            await session.sign_in(lambda prompt: lookalike.entra.approve(prompt.code, PERSONAL))
        signed_out(await session.read_once())


async def test_somebody_elses_cache_is_not_read(
    lookalike: Lookalike, settings: GraphSettings, tmp_path: Path
) -> None:
    sign_in_now(lookalike, settings)
    (tmp_path / "other").mkdir()
    others = settings_for(lookalike, tmp_path / "other")
    sign_in_now(lookalike, others, ALEX)
    settings.token_cache.write_bytes(others.token_cache.read_bytes())
    detail = signed_out(await read(settings))
    assert "alex@contoso.example is signed in, but this is the light of adele" in detail


async def test_a_lost_pin_is_made_again_from_who_is_signed_in(
    lookalike: Lookalike, settings: GraphSettings
) -> None:
    sign_in_now(lookalike, settings)
    (pin,) = settings.token_cache.parent.glob("*.account.json")
    pin.unlink()
    assert account_of(await read(settings)) == ADELE.principal_name
    assert json.loads(pin.read_text())["username"] == ADELE.principal_name


# -- Refresh, revocation, refusal --------------------------------------------------------------


@pytest.mark.parametrize("code", [700082, 50173, 50076, 65001, 53003, 50057])
async def test_a_refused_refresh_is_signed_out_with_the_reason_and_tried_rarely(
    lookalike: Lookalike,
    settings: GraphSettings,
    monkeypatch: pytest.MonkeyPatch,
    code: int,
) -> None:
    sign_in_now(lookalike, settings)
    lookalike.entra.revoke(code=code)
    async with GraphSession(settings) as session:
        for _ in range(5):
            assert f"AADSTS{code}" in signed_out(await session.read_once())
        assert len([r for r in lookalike.requests if r.path.endswith("/token")]) == 2
        monkeypatch.setattr(tokens_module, "now", lambda: now() + 901)
        signed_out(await session.read_once())
        assert len([r for r in lookalike.requests if r.path.endswith("/token")]) == 3


async def test_a_token_about_to_expire_is_refreshed_in_time(
    lookalike: Lookalike, settings: GraphSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    sign_in_now(lookalike, settings)
    async with GraphSession(settings) as session:
        for _ in range(3):
            assert account_of(await session.read_once())
        assert lookalike.entra.issued["refresh_token"] == 0
        monkeypatch.setattr(tokens_module, "now", lambda: now() + 3700)
        real = time.time
        monkeypatch.setattr("msal.application.time.time", lambda: real() + 3700)
        assert account_of(await session.read_once())
        assert lookalike.entra.issued["refresh_token"] == 1


async def test_a_sign_in_elsewhere_ends_a_refusal_at_once(
    lookalike: Lookalike, settings: GraphSettings
) -> None:
    sign_in_now(lookalike, settings)
    lookalike.entra.revoke()
    async with GraphSession(settings) as session:
        signed_out(await session.read_once())
        sign_in_now(lookalike, settings)
        assert account_of(await session.read_once()) == ADELE.principal_name


async def test_a_cache_without_a_refresh_token_is_signed_out(
    lookalike: Lookalike, settings: GraphSettings
) -> None:
    sign_in_now(lookalike, settings)
    cache = json.loads(settings.token_cache.read_text())
    del cache["RefreshToken"], cache["AccessToken"]
    settings.token_cache.write_text(json.dumps(cache))
    assert "no longer there" in signed_out(await read(settings))


async def test_a_cache_that_was_cut_says_so_and_the_next_sign_in_mends_it(
    lookalike: Lookalike, settings: GraphSettings
) -> None:
    sign_in_now(lookalike, settings)
    settings.token_cache.write_bytes(settings.token_cache.read_bytes()[:-1])
    async with GraphSession(settings) as session:
        assert "the token cache was broken" in signed_out(await session.read_once())
        await session.sign_in(lambda prompt: lookalike.entra.approve(prompt.code))
        assert account_of(await session.read_once())
        await session.sign_out()
        assert "nobody is signed in" in signed_out(await session.read_once())


# -- The app's own credential ------------------------------------------------------------------


def of_app(lookalike: Lookalike, directory: Path, **others: Any) -> GraphSettings:
    return settings_for(lookalike, directory, user=ALEX.object_id, **others)


async def test_a_client_secret_needs_nobody(lookalike: Lookalike, tmp_path: Path) -> None:
    settings = of_app(lookalike, tmp_path, client_secret=SecretStr(lookalike.client_secret))
    async with GraphSession(settings) as session:
        assert await session.is_signed_in()
        assert account_of(await session.read_once()) is None
        with pytest.raises(SignInRefusedError, match="signs in by itself"):
            await session.sign_in(lambda _: None)
    assert account_of(await read(settings)) is None
    assert lookalike.entra.issued["client_credentials"] == 1  # the second one found it cached


@pytest.mark.parametrize("form", ["pem", "pfx"])
@pytest.mark.parametrize("password", [None, "correct-horse"])
async def test_a_certificate_needs_nobody(
    lookalike: Lookalike, tmp_path: Path, form: str, password: str | None
) -> None:
    app = AppCredential.mint()
    path = tmp_path / f"app.{form}"
    path.write_bytes(app.pem(password) if form == "pem" else app.pfx(password))
    settings = of_app(
        lookalike,
        tmp_path,
        certificate_file=path,
        certificate_password=None if password is None else SecretStr(password),
    )
    assert "AADSTS700027" in signed_out(await read(settings))
    lookalike.entra.register_certificate(app.certificate)
    assert account_of(await read(settings)) is None


async def test_a_wrong_secret_is_signed_out_with_what_to_do_and_tried_rarely(
    lookalike: Lookalike, tmp_path: Path
) -> None:
    settings = of_app(lookalike, tmp_path, client_secret=SecretStr("wr0ng~secret"))
    async with GraphSession(settings) as session:
        for _ in range(3):
            detail = signed_out(await session.read_once())
            assert "AADSTS7000215" in detail
            assert "BUSYLIGHT_GRAPH_CLIENT_SECRET" in detail
            assert "wr0ng" not in detail
    assert len([r for r in lookalike.requests if r.path.endswith("/token")]) == 1


async def test_a_source_with_an_expired_secret_shows_no_code_and_comes_back_by_itself(
    lookalike: Lookalike, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shorten_refusals(monkeypatch, 0.3)
    monkeypatch.setattr("busylight.sources.graph.source.REFUSED_SECONDS", 0.3)
    lookalike.entra.refuse_with(7000222, at=["client_credentials"])
    settings = of_app(lookalike, tmp_path, client_secret=SecretStr(lookalike.client_secret))
    async with watching(settings) as watched:
        trouble = await watched.next(Trouble)
        assert "AADSTS7000222" in trouble.detail
        assert trouble.sign_in is None
        lookalike.entra.allow()
        await watched.reading("DoNotDisturb/Presenting")


# -- The daemon --------------------------------------------------------------------------------


async def test_a_source_shows_a_code_and_reads_when_the_person_has_signed_in(
    lookalike: Lookalike, settings: GraphSettings
) -> None:
    async with watching(settings) as watched:
        trouble = await watched.next(Trouble)
        assert "nobody is signed in" in trouble.detail
        lookalike.entra.approve(prompt_of(trouble).code)
        reading = await watched.reading("Available/Available")
        assert reading.account == ADELE.principal_name


async def test_a_source_goes_on_when_the_person_signs_in_with_another_process(
    lookalike: Lookalike, settings: GraphSettings
) -> None:
    async with watching(settings) as watched, GraphSession(settings) as login:
        prompt_of(await watched.next(Trouble))
        await login.sign_in(lambda prompt: lookalike.entra.approve(prompt.code))
        reading = await watched.reading("Available/Available")
        assert reading.account == ADELE.principal_name
    assert len(lookalike.entra.sign_ins) == 2


async def test_login_ends_when_the_person_enters_the_daemons_code(
    lookalike: Lookalike, settings: GraphSettings
) -> None:
    async with watching(settings) as watched, GraphSession(settings) as login:
        prompt = prompt_of(await watched.next(Trouble))
        shown: asyncio.Queue[SignInPrompt] = asyncio.Queue()
        waiting = asyncio.create_task(login.sign_in(shown.put_nowait))
        await shown.get()
        lookalike.entra.approve(prompt.code)
        assert await asyncio.wait_for(waiting, PATIENCE) == ADELE.principal_name


async def test_a_logout_beside_a_running_daemon_is_noticed(
    lookalike: Lookalike, settings: GraphSettings
) -> None:
    sign_in_now(lookalike, settings)
    async with watching(settings) as watched, GraphSession(settings) as logout:
        await watched.reading("Available/Available")
        await logout.sign_out()
        assert "nobody is signed in" in (await watched.next(Trouble)).detail
        sign_in_now(lookalike, settings)
        after = len(watched.seen)
        await watched.next(Reading, after)


async def test_a_revoked_sign_in_leads_to_a_new_code_with_the_reason(
    lookalike: Lookalike, settings: GraphSettings
) -> None:
    sign_in_now(lookalike, settings)
    async with watching(settings) as watched:
        await watched.reading("Available/Available")
        lookalike.entra.revoke()
        trouble = await watched.next(Trouble)
        assert "revoked" in trouble.detail
        assert "AADSTS50173" in trouble.detail
        after = len(watched.seen)
        lookalike.entra.approve(prompt_of(trouble).code)
        await watched.next(Reading, after)


async def test_whoever_else_enters_the_daemons_code_is_refused_and_a_new_one_shown(
    lookalike: Lookalike, settings: GraphSettings
) -> None:
    sign_in_now(lookalike, settings)
    async with GraphSession(settings) as session:
        await session.sign_out()
    async with watching(settings) as watched:
        first = prompt_of(await nth_code(watched, 1))
        lookalike.entra.approve(first.code, ALEX)
        second = await nth_code(watched, 2)
        assert "alex@contoso.example has signed in, but this is the light of" in second.detail
        assert prompt_of(second).code != first.code
        lookalike.entra.approve(prompt_of(second).code, ADELE)
        await watched.reading("Available/Available")
    assert all(each.account == ADELE.principal_name for each in watched.seen
               if isinstance(each, Reading))  # fmt: skip


async def test_a_code_that_ends_at_the_daemon_is_followed_by_a_new_one(
    lookalike: Lookalike, settings: GraphSettings
) -> None:
    lookalike.entra.device_code_seconds = 1
    async with watching(settings) as watched:
        codes = {prompt_of(await nth_code(watched, number)).code for number in (1, 2)}
        assert len(codes) == 2


async def test_a_refused_refresh_that_is_allowed_again_needs_no_code(
    lookalike: Lookalike, settings: GraphSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    shorten_refusals(monkeypatch, 0.2)
    sign_in_now(lookalike, settings)
    lookalike.entra.refuse_with(50057, at=["refresh_token"])
    lookalike.entra.vault.access.clear()
    async with watching(settings) as watched:
        assert "disabled" in (await watched.next(Trouble)).detail
        lookalike.entra.allow()
        await watched.reading("Available/Available")


async def test_without_a_network_nobody_signed_in_is_said_with_the_reason_why_there_is_no_code(
    lookalike: Lookalike, settings: GraphSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session_module, "_NO_CODE_PAUSE", 0.1)
    lookalike.stop()
    async with watching(settings) as watched:
        trouble = await watched.next(Trouble)
        assert trouble.why is Why.SIGNED_OUT
        assert trouble.sign_in is None
        assert "no sign-in can be begun" in trouble.detail
        lookalike.start()
        lookalike.entra.approve(prompt_of(await nth_code(watched, 1)).code)
        await watched.reading("Available/Available")


async def test_where_no_code_is_to_be_had_a_sign_in_elsewhere_is_still_noticed(
    lookalike: Lookalike, settings: GraphSettings
) -> None:
    lookalike.entra.refuse_with(7000218, at=["devicecode"])
    async with watching(settings) as watched, GraphSession(settings) as other:
        assert "Allow public client flows" in (await watched.next(Trouble)).detail
        lookalike.entra.allow()
        await other.sign_out()  # changes nothing that helps
        sign_in_now(lookalike, settings)
        await watched.reading("Available/Available")
    assert len(lookalike.entra.sign_ins) == 1


@pytest.mark.parametrize("has_code", [True, False])
async def test_a_card_that_stumbles_while_a_sign_in_waits_is_looked_at_now_and_then(
    lookalike: Lookalike,
    settings: GraphSettings,
    monkeypatch: pytest.MonkeyPatch,
    has_code: bool,  # noqa: FBT001 -- a parameter of the test
) -> None:
    looks: list[float] = []

    def stumble(_path: Path) -> str:
        looks.append(time.monotonic())
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(session_module, "_GLANCE", 0.1)
    if not has_code:
        lookalike.entra.refuse_with(7000218, at=["devicecode"])
    async with watching(settings) as watched:
        trouble = await watched.next(Trouble)
        assert (trouble.sign_in is not None) is has_code
        lookalike.entra.allow()
        with monkeypatch.context() as stumbling:
            stumbling.setattr(token_cache, "_checked", stumble)
            sign_in_now(lookalike, settings)
            await eventually(lambda: len(looks) >= 4)
        assert looks[3] - looks[0] >= 0.25
        await watched.reading("Available/Available")


async def test_an_app_whose_codes_are_refused_unseen_asks_for_no_other_until_somebody_acts(
    lookalike: Lookalike, settings: GraphSettings
) -> None:
    lookalike.entra.refuse_with(7000218, at=["device_code"])
    async with watching(settings) as watched:
        # Entered sooner than any person could: it stands for an app that is refused at any poll.
        lookalike.entra.approve(prompt_of(await nth_code(watched, 1)).code)
        told: list[Trouble] = []

        def is_told() -> bool:
            told[:] = [each for each in watched.seen if isinstance(each, Trouble)]
            return told[-1].sign_in is None

        await eventually(is_told)
        assert "AADSTS7000218" in told[-1].detail
        await asyncio.sleep(3)  # time for three polls: that nothing is asked is what is looked at
        assert len(lookalike.entra.sign_ins) == 1
        lookalike.entra.allow()
        sign_in_now(lookalike, settings)
        await watched.reading("Available/Available")


async def test_a_signed_in_daemon_without_sign_in_server_is_unreachable_not_signed_out(
    lookalike: Lookalike, settings: GraphSettings
) -> None:
    sign_in_now(lookalike, settings)
    lookalike.stop()
    async with watching(settings) as watched:
        trouble = await watched.next(Trouble)
        assert trouble.why is Why.UNREACHABLE
        lookalike.start()
        await watched.reading("Available/Available")


# -- Processes ---------------------------------------------------------------------------------

_READER = """
import asyncio, sys
from pathlib import Path
from busylight.core.knowledge import Reading
from busylight.sources.graph.session import GraphSession
from busylight.sources.graph.settings import GraphSettings

async def main():
    settings = GraphSettings.model_validate_json(sys.argv[1])
    for _ in range(5):
        async with GraphSession(settings) as session:
            result = await session.read_once()
            assert isinstance(result, Reading), result

asyncio.run(main())
"""


_HOLDER = """
import fcntl, sys
file = open(sys.argv[1])
fcntl.flock(file, fcntl.LOCK_EX)
print("held", flush=True)
sys.stdin.read()
"""


async def started(*arguments: str) -> asyncio.subprocess.Process:
    """Another process of ours."""
    return await asyncio.create_subprocess_exec(
        sys.executable,
        *arguments,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )


async def test_two_processes_share_one_sign_in_and_lose_no_token(
    lookalike: Lookalike, settings: GraphSettings
) -> None:
    sign_in_now(lookalike, settings)
    lookalike.entra.access_token_seconds = 200  # so short that each reads with a new one
    lookalike.entra.vault.access.clear()
    cache = json.loads(settings.token_cache.read_text())
    del cache["AccessToken"]
    settings.token_cache.write_text(json.dumps(cache))
    readers = [await started("-c", _READER, settings.model_dump_json()) for _ in range(2)]
    codes = [await asyncio.wait_for(reader.wait(), 60) for reader in readers]
    assert codes == [0, 0]
    assert lookalike.entra.issued["refresh_token"] == 10
    assert account_of(await read(settings)) == ADELE.principal_name


async def test_a_lock_that_hangs_is_unreachable_with_what_to_do(
    lookalike: Lookalike, settings: GraphSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    sign_in_now(lookalike, settings)
    holder = await started("-c", _HOLDER, f"{settings.token_cache}.lock")
    assert holder.stdout is not None
    assert await holder.stdout.readline()
    async with GraphSession(settings) as session:
        monkeypatch.setattr(session._store, "_lock_seconds", 0.2)
        result = await session.read_once()
        assert isinstance(result, Trouble)
        assert result.why is Why.UNREACHABLE
        assert "another process holds token_cache.json.lock" in result.detail
        assert await session.account() is None
        with pytest.raises(GraphError):
            await session.sign_out()
        await holder.communicate(b"")
        assert account_of(await session.read_once()) == ADELE.principal_name
