"""Signing in while the program runs: codes that are shown, entered, refused, and end."""

import asyncio
import time
from pathlib import Path

import pytest

from busylight.core.knowledge import Reading, SignInPrompt, Trouble, Why
from busylight.demo.lookalike import ADELE, ALEX, Lookalike
from busylight.sources.graph import session as session_module
from busylight.sources.graph import token_cache
from busylight.sources.graph.session import GraphSession
from busylight.sources.graph.settings import GraphSettings
from tests.support.broker import eventually
from tests.support.graph import (
    PATIENCE,
    nth_code,
    prompt_of,
    settings_for,
    shorten_refusals,
    sign_in_now,
    watching,
)


@pytest.fixture
def settings(lookalike: Lookalike, tmp_path: Path) -> GraphSettings:
    """Nobody is signed in."""
    return settings_for(lookalike, tmp_path)


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
