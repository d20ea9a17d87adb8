"""Setting the preferred presence: the real client and msal against the look-alike."""

import asyncio
import logging
from pathlib import Path

import pytest

from busylight.core.knowledge import Reading, Trouble
from busylight.core.preferred_presence import Preferred
from busylight.demo.lookalike import ADELE, MEGAN, Lookalike, faults
from busylight.demo.lookalike.faults import Fault
from busylight.edge.clock import now
from busylight.parts import NotTakenError
from busylight.sources.graph.checking import CheckLine, check_writing
from busylight.sources.graph.session import GraphSession
from busylight.sources.graph.settings import GraphSettings
from busylight.sources.graph.source import GraphSource
from tests.support.graph import settings_for, sign_in_now, watching

BUSY = Preferred("Busy", "Busy")
SET_PATH = f"/v1.0/users/{ADELE.object_id}/presence/setUserPreferredPresence"


@pytest.fixture
def settings(lookalike: Lookalike, tmp_path: Path) -> GraphSettings:
    settings = settings_for(lookalike, tmp_path, write=True)
    sign_in_now(lookalike, settings)
    return settings


@pytest.fixture
def old_sign_in(lookalike: Lookalike, tmp_path: Path) -> GraphSettings:
    """Signed in before writing was asked for."""
    sign_in_now(lookalike, settings_for(lookalike, tmp_path))
    return settings_for(lookalike, tmp_path, write=True)


def preferred(lookalike: Lookalike) -> tuple[str, str] | None:
    found = lookalike.graph.preferences.of(ADELE.object_id)
    return None if found is None else (found.availability, found.activity)


async def not_taken(source: GraphSource, wanted: Preferred | None = BUSY) -> NotTakenError:
    with pytest.raises(NotTakenError) as caught:
        await source.prefer(wanted, 60)
    return caught.value


async def test_it_is_set_for_its_time_seen_by_the_reader_and_cleared(
    lookalike: Lookalike, settings: GraphSettings
) -> None:
    lookalike.graph.set_presence(ADELE.object_id, "Available", "Available")
    async with watching(settings) as watched:
        await watched.reading("Available/Available")
        await watched.source.prefer(BUSY, 1500)
        action = lookalike.graph.preferences.actions[-1]
        assert action.body == {
            "availability": "Busy",
            "activity": "Busy",
            "expirationDuration": "PT25M",
        }
        await watched.reading("Busy/Busy")
        await watched.source.prefer(None, 0)
        assert preferred(lookalike) is None
        assert lookalike.graph.preferences.actions[-1].name == "clearUserPreferredPresence"


async def test_it_ends_in_teams_by_itself(lookalike: Lookalike, settings: GraphSettings) -> None:
    async with watching(settings) as watched:
        await watched.source.prefer(BUSY, 1)
        await watched.reading("Busy/Busy")
        after = len(watched.seen)
        await watched.next(Reading, after)
        assert lookalike.graph.wait_preferred(None, timeout=10)


async def test_without_a_session_in_teams_it_is_taken_and_of_no_effect(
    lookalike: Lookalike, settings: GraphSettings
) -> None:
    lookalike.graph.without_session.add(ADELE.object_id)
    async with watching(settings) as watched:
        await watched.source.prefer(BUSY, 60)
        assert preferred(lookalike) == ("Busy", "Busy")
        await watched.reading("Offline/Offline")


async def test_an_old_sign_in_reads_on_and_a_new_one_mends_it(
    lookalike: Lookalike, old_sign_in: GraphSettings
) -> None:
    async with watching(old_sign_in) as watched:
        await watched.next(Reading)
        refused = await not_taken(watched.source)
        assert "sign in again with `busylight login`" in str(refused)
        assert "Presence.ReadWrite" in str(refused)
        assert refused.wait
        after = len(watched.seen)
        asked = lookalike.entra.tokens_issued
        await not_taken(watched.source)  # which is no reason to ask Microsoft each time
        await watched.next(Reading, after)
        assert not [each for each in watched.seen if isinstance(each, Trouble)]
        assert lookalike.entra.tokens_issued == asked
        sign_in_now(lookalike, old_sign_in)
        await watched.source.prefer(BUSY, 60)
        assert preferred(lookalike) == ("Busy", "Busy")
        assert not [each for each in watched.seen if isinstance(each, Trouble)]


async def test_login_asks_again_whoever_has_signed_in_for_less(
    lookalike: Lookalike, old_sign_in: GraphSettings
) -> None:
    prompts: list[str] = []
    lookalike.entra.auto_approve_after = 0.0
    async with GraphSession(old_sign_in, writes=True) as session:
        assert (
            await session.sign_in(lambda prompt: prompts.append(prompt.code))
            == ADELE.principal_name
        )
        assert len(prompts) == 1
        await session.sign_in(lambda prompt: prompts.append(prompt.code))
        assert len(prompts) == 1


async def test_the_permission_is_asked_for_only_where_it_is_wanted(
    lookalike: Lookalike, tmp_path: Path
) -> None:
    for write in (False, True):
        settings = settings_for(lookalike, tmp_path / str(write), write=write)
        settings.token_cache.parent.mkdir()
        sign_in_now(lookalike, settings)
        scopes = " ".join(lookalike.entra.sign_ins[-1].scopes)
        assert ("Presence.ReadWrite" in scopes) is write


async def test_a_permission_that_is_missing_is_told_with_what_helps(
    lookalike: Lookalike, settings: GraphSettings
) -> None:
    lookalike.graph.forbidden = {"Presence.ReadWrite"}
    async with watching(settings) as watched:
        await watched.next(Reading)
        refused = await not_taken(watched.source)
        assert "the delegated permission Presence.ReadWrite is missing (status 403" in str(refused)
        assert "busylight login" in str(refused)
        after = len(watched.seen)
        await watched.next(Reading, after)
        assert not [each for each in watched.seen if isinstance(each, Trouble)]


@pytest.mark.parametrize(
    ("fault", "words", "waits"),
    [
        (faults.status(404), "signed in to Teams", True),
        (faults.status(500), "status 500", False),
        (faults.status(401), "refuses a new token", False),
        (faults.CAPTIVE_PORTAL, "captive portal", False),
        (faults.RESET, "localhost", False),
        (faults.SILENCE, "did not answer within", False),
        (faults.HUGE, "more than 65536 bytes", False),
    ],
    ids=lambda value: value.name if isinstance(value, Fault) else "",
)
async def test_what_goes_wrong_is_told_and_reading_goes_on(
    lookalike: Lookalike, settings: GraphSettings, fault: Fault, words: str, *, waits: bool
) -> None:
    lookalike.faults.add(fault, path=SET_PATH)
    async with watching(settings, deadline=1.0) as watched:
        await watched.next(Reading)
        writing = asyncio.create_task(not_taken(watched.source))
        after = len(watched.seen)
        await watched.next(Reading, after)
        refused = await writing
        assert words in str(refused)
        assert bool(refused.wait) is waits
        assert not [each for each in watched.seen if isinstance(each, Trouble)]
        lookalike.faults.clear()
        await watched.source.prefer(BUSY, 60)
        assert preferred(lookalike) == ("Busy", "Busy")


async def test_what_graph_does_not_take_is_said_to_be_final(
    lookalike: Lookalike, settings: GraphSettings
) -> None:
    async with GraphSource(settings) as source:
        refused = await not_taken(source, Preferred("Busy", "InACall"))
        assert refused.wait is None
        assert "does not take" in str(refused)
    assert preferred(lookalike) is None


async def test_patience_that_graph_asks_for_is_the_readers_too(
    lookalike: Lookalike, settings: GraphSettings
) -> None:
    lookalike.faults.add(faults.throttled(2), path=SET_PATH, times=1)
    async with watching(settings) as watched:
        await watched.next(Reading)
        refused = await not_taken(watched.source)
        asked_until = now() + 2 - 0.2
        assert refused.wait
        assert "left alone" in str(refused)
        again = await not_taken(watched.source)  # without asking
        assert again.wait
        await asyncio.sleep(1)
        requests = [each for each in lookalike.requests if "/presence" in each.path]
        refused_at = next(each.at for each in requests if each.status == 429)
        assert [each for each in requests if refused_at + 0.5 < each.at < asked_until] == []


async def test_the_limiter_counts_both(
    lookalike: Lookalike, settings: GraphSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    from busylight.core.backoff import RateLimit  # noqa: PLC0415 -- this test's own
    from busylight.sources.graph import http  # noqa: PLC0415 -- what this test alone replaces

    counted = RateLimit(1000, 30.0)
    noted: list[float] = []
    monkeypatch.setattr(counted, "note", noted.append)
    monkeypatch.setattr(http, "_RATE", counted)
    async with GraphSource(settings) as source:
        await source.prefer(BUSY, 60)
    made = [each for each in lookalike.requests if each.at >= noted[0] - 1]
    assert len(noted) >= 2
    assert any(each.path == SET_PATH for each in made)


async def test_another_person_who_signs_in_gets_their_own(
    lookalike: Lookalike, settings: GraphSettings
) -> None:
    async with GraphSession(settings, writes=True) as session:
        await session.prefer(BUSY, 60)
        lookalike.entra.auto_approve_person = MEGAN
        lookalike.entra.auto_approve_after = 0.0
        async with GraphSession(settings, writes=True) as other:
            await other.sign_in(lambda _prompt: None, switch=True)
        await session.prefer(BUSY, 60)
    assert [action.user_id for action in lookalike.graph.preferences.actions] == [
        ADELE.object_id,
        MEGAN.object_id,
    ]


async def checked(settings: GraphSettings) -> CheckLine:
    return await check_writing(settings)


async def test_check_tries_the_permission_and_changes_nothing(
    lookalike: Lookalike, settings: GraphSettings
) -> None:
    line = await checked(settings)
    assert (line.what, line.ok) == ("writing", True)
    assert lookalike.graph.preferences.actions == []
    assert [each.status for each in lookalike.requests if each.path == SET_PATH] == [400]
    lookalike.graph.forbidden = {"Presence.ReadWrite"}
    line = await checked(settings)
    assert (line.what, line.ok) == ("writing", False)
    assert "Presence.ReadWrite" in line.detail
    assert "busylight login" in line.remedy


async def test_check_tells_an_old_sign_in(lookalike: Lookalike, old_sign_in: GraphSettings) -> None:
    line = await checked(old_sign_in)
    assert (line.what, line.ok) == ("sign-in", False)
    assert "login" in line.remedy
    assert lookalike.graph.preferences.actions == []


async def test_no_token_reaches_the_log(
    lookalike: Lookalike, settings: GraphSettings, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    lookalike.faults.add(faults.status(401), path=SET_PATH, times=2)
    async with GraphSource(settings) as source:
        refused = await not_taken(source)
        await source.prefer(BUSY, 60)
    tokens = [*lookalike.entra.vault.access, *lookalike.entra.vault.refresh]
    assert tokens
    assert not [token for token in tokens if token in caplog.text or token in str(refused)]
