"""Whose light it is, and its tokens: refreshed, revoked, refused, shared by processes."""

import asyncio
import json
import os
import sys
import time
from pathlib import Path

import pytest

from busylight.core.knowledge import Trouble, Why
from busylight.demo.lookalike import ADELE, ALEX, PERSONAL, Lookalike
from busylight.edge.clock import now
from busylight.sources.graph import tokens as tokens_module
from busylight.sources.graph.errors import (
    GraphError,
    SignInRefusedError,
)
from busylight.sources.graph.session import GraphSession
from busylight.sources.graph.settings import GraphSettings
from tests.support.graph import (
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


# -- Whose light it is --------------------------------------------------------------------------


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


# -- Refresh, revocation, refusal ---------------------------------------------------------------


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


# -- Processes ----------------------------------------------------------------------------------


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
