"""The loop of the Graph source, and what `busylight check` asks of it."""

import asyncio
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from busylight.core.knowledge import Reading, Trouble, Why
from busylight.demo.lookalike import ADELE, ALEX, Lookalike, faults
from busylight.edge.clock import now
from busylight.parts import Fault, SourceError
from busylight.sources.graph import source as source_module
from busylight.sources.graph.account import PinnedAccount
from busylight.sources.graph.checking import check
from busylight.sources.graph.http import HttpClient
from busylight.sources.graph.session import GraphSession
from busylight.sources.graph.settings import GraphSettings
from busylight.sources.graph.tls import trust
from busylight.sources.graph.token_cache import TokenStore
from busylight.sources.graph.tokens import Tokens
from tests.support.broker import eventually
from tests.support.graph import Watched, settings_for, sign_in_now, watching

ME = "/v1.0/me/presence"


def signed_in(lookalike: Lookalike, directory: Path, **others: Any) -> GraphSettings:
    settings = settings_for(lookalike, directory, **others)
    sign_in_now(lookalike, settings)
    return settings


def reads(lookalike: Lookalike) -> list[float]:
    return [request.at for request in lookalike.requests_to(ME)]


async def until(lookalike: Lookalike, count: int) -> None:
    assert await asyncio.to_thread(lookalike.wait_for, lambda: len(reads(lookalike)) >= count)


def slowed_to(watched: Watched) -> float | None:
    last = watched.seen[-1]
    return last.slowed_to if isinstance(last, Reading) else None


# -- The loop ----------------------------------------------------------------------------------


async def test_a_change_is_read_within_the_interval(lookalike: Lookalike, tmp_path: Path) -> None:
    async with watching(signed_in(lookalike, tmp_path, interval=0.3)) as watched:
        await watched.reading("Available/Available")
        lookalike.graph.set_presence(ADELE.object_id, "Busy", "InACall")
        began = now()
        await watched.reading("Busy/InACall")
        assert now() - began < 0.3 + 0.5


async def test_the_interval_is_measured_from_start_to_start(
    lookalike: Lookalike, tmp_path: Path
) -> None:
    settings = signed_in(lookalike, tmp_path, interval=0.4)
    lookalike.faults.add(faults.delayed(0.3), path=ME)
    async with watching(settings):
        await until(lookalike, 4)
    gaps = [after - before for before, after in pairwise(reads(lookalike)[:4])]
    # From end to start each would be 0.7, for the answer takes 0.3.
    assert 0.35 * 3 < sum(gaps) < 0.6 * 3, gaps


async def test_a_refresh_reads_at_once(lookalike: Lookalike, tmp_path: Path) -> None:
    async with watching(signed_in(lookalike, tmp_path, interval=3600)) as watched:
        await watched.reading("Available/Available")
        lookalike.graph.set_presence(ADELE.object_id, "Away", "Away")
        watched.source.refresh()
        await watched.reading("Away/Away")
    assert len(reads(lookalike)) == 2


async def test_a_source_that_is_slowed_reads_rarely_says_so_and_reads_at_once_when_it_may(
    lookalike: Lookalike, tmp_path: Path
) -> None:
    async with watching(signed_in(lookalike, tmp_path)) as watched:
        assert (await watched.next(Reading)).slowed_to == 0
        watched.source.pace(2.0)
        await eventually(lambda: slowed_to(watched) == 2.0)
        slowed = len(reads(lookalike))
        await asyncio.sleep(1.5)
        assert len(reads(lookalike)) <= slowed + 1
        faster = now()
        watched.source.pace(0.0)
        await eventually(lambda: slowed_to(watched) == 0)
        assert now() - faster < 1.5  # a second lies between two reads whatever is asked for


async def test_a_source_that_is_slowed_is_so_after_a_failure_too(
    lookalike: Lookalike, tmp_path: Path
) -> None:
    lookalike.faults.add(faults.status(500), path=ME)
    async with watching(signed_in(lookalike, tmp_path)) as watched:
        watched.source.pace(3600.0)
        await watched.next(Trouble)
        await asyncio.sleep(2)  # a first retry comes within a second otherwise
        assert len(reads(lookalike)) == 1
        lookalike.faults.clear()
        watched.source.pace(0.0)
        await watched.next(Reading)


async def test_a_refresh_waits_while_microsoft_asks_to_be_left_alone(
    lookalike: Lookalike, tmp_path: Path
) -> None:
    lookalike.faults.add(faults.throttled(2), path=ME, times=1)
    async with watching(signed_in(lookalike, tmp_path)) as watched:
        trouble = await watched.next(Trouble)
        assert trouble.why is Why.UNREACHABLE
        for _ in range(20):
            watched.source.refresh()
            await asyncio.sleep(0.01)
        await watched.reading("Available/Available")
    first, second = reads(lookalike)[:2]
    assert 1.9 < second - first < 4


@pytest.mark.parametrize("code", [403, 404, 500])
async def test_failures_are_tried_again_with_full_jitter_up_to_15_s(
    lookalike: Lookalike, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    asked: list[tuple[int, float, float]] = []

    def jitter(failures: int, *, base: float, cap: float) -> float:
        asked.append((failures, base, cap))
        return 0.0

    monkeypatch.setattr(source_module, "full_jitter", jitter)
    settings = signed_in(lookalike, tmp_path, interval=3600)
    lookalike.faults.add(faults.status(code), path="/v1.0", times=6)
    async with watching(settings) as watched:
        await watched.reading("Available/Available")
    assert asked
    assert [failures for failures, _, _ in asked] == list(range(1, len(asked) + 1))
    assert {(base, cap) for _, base, cap in asked} == {(1.0, 15.0)}


async def test_the_retry_after_of_a_sign_in_server_holds_while_a_code_waits(
    lookalike: Lookalike, tmp_path: Path
) -> None:
    settings = settings_for(lookalike, tmp_path)
    token = f"/{lookalike.tenant_id}/oauth2/v2.0/token"
    lookalike.faults.add(faults.throttled(3), path=token, times=1)
    async with watching(settings) as watched:
        await watched.next(Trouble)
        lookalike.entra.approve()
        await watched.reading("Available/Available")
    first, second = [request.at for request in lookalike.requests if request.path == token][:2]
    assert second - first > 2.9


async def test_each_word_that_nobody_documented_is_logged_once(
    lookalike: Lookalike, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    source_module._said_words.discard("Hibernating")
    lookalike.graph.set_presence(ADELE.object_id, "Busy", "Hibernating")
    async with watching(signed_in(lookalike, tmp_path, interval=0.01)) as watched:
        await watched.reading("Busy/Hibernating")
        await until(lookalike, 4)
    assert [
        (record.name, "BUSYLIGHT_COLOR_HIBERNATING" in record.message)
        for record in caplog.records
        if "Hibernating" in record.message
    ] == [("busylight.sources.graph", True)]


async def test_a_source_ends_promptly_while_it_waits_for_a_sign_in(
    lookalike: Lookalike, tmp_path: Path
) -> None:
    began = 0.0
    async with watching(settings_for(lookalike, tmp_path)) as watched:
        await watched.next(Trouble)
        began = now()
    assert now() - began < 1


async def test_a_certificate_of_no_use_is_told_at_the_begin(
    lookalike: Lookalike, tmp_path: Path
) -> None:
    path = tmp_path / "app.pem"
    path.write_text("nothing")
    settings = settings_for(lookalike, tmp_path, certificate_file=path, user=ALEX.object_id)
    with pytest.raises(SourceError, match="neither PEM nor a PFX"):
        async with watching(settings):
            pass


async def test_a_sign_in_elsewhere_is_not_missed_though_the_network_fails_just_then(
    lookalike: Lookalike, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("busylight.sources.graph.session._NO_CODE_PAUSE", 2.0)
    (tmp_path / "elsewhere").mkdir()
    elsewhere = signed_in(lookalike, tmp_path / "elsewhere")
    settings = settings_for(lookalike, tmp_path)
    lookalike.stop()
    async with watching(settings) as watched:
        await watched.next(Trouble)
        settings.token_cache.write_bytes(elsewhere.token_cache.read_bytes())
        session = watched.source._session
        async with asyncio.timeout(10):
            while not session._look_again:
                await asyncio.sleep(0.01)
        lookalike.start()
        await watched.reading("Available/Available")


def test_another_process_s_newer_token_is_taken_in_place_of_a_refused_one(
    lookalike: Lookalike, tmp_path: Path
) -> None:
    settings = signed_in(lookalike, tmp_path)
    http = HttpClient(trust(settings.ca_file))
    one, other = (
        Tokens(
            settings,
            None,
            TokenStore(settings.token_cache),
            PinnedAccount(settings.token_cache),
            http.fetch,
        )
        for _ in range(2)
    )
    refused = one.token()
    assert other.token().value == refused.value
    newer = other.token_after(refused)
    assert newer.value != refused.value
    assert one.token_after(refused).value == newer.value
    assert lookalike.entra.issued["refresh_token"] == 1
    assert newer.value not in repr(newer)
    http.close()


# -- Settings ----------------------------------------------------------------------------------


def test_the_settings_faults_are_told_by_field(tmp_path: Path) -> None:
    settings = GraphSettings(
        interval=5,
        token_cache=tmp_path / "t",
        client_id="11111111-2222-3333-4444-555555555555",
        client_secret=SecretStr("x"),
        certificate_file=tmp_path / "absent",
    )
    faults_of: list[Fault] = list(settings.faults())
    assert {fault.field for fault in faults_of} == {"certificate_file", "user", "tenant_id"}


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("tenant_id", "consumers", "personal accounts"),
        ("base_url", "https://graph.example:99999/v1.0", "port"),
        ("proxy", "http://proxy.example:0", "proxy"),
        ("proxy", "socks5://proxy.example", "proxy"),
        ("cloud", "china", "no presence"),
    ],
)
def test_settings_that_could_never_work_are_refused(
    lookalike: Lookalike, tmp_path: Path, field: str, value: str, words: str
) -> None:
    with pytest.raises(ValidationError, match=words):
        settings_for(lookalike, tmp_path, **{field: value})


# -- check -------------------------------------------------------------------------------------


async def lines(settings: GraphSettings) -> dict[str, tuple[bool, str]]:
    async with GraphSession(settings) as session:
        return {
            line.what: (line.ok, f"{line.detail}; {line.remedy}") for line in await check(session)
        }


async def test_check_is_well_when_all_is(lookalike: Lookalike, tmp_path: Path) -> None:
    found = await lines(signed_in(lookalike, tmp_path))
    assert list(found) == ["sign-in", "Graph", "clock", "presence"]
    assert all(ok for ok, _ in found.values())
    assert ADELE.principal_name in found["sign-in"][1]
    assert "Available/Available" in found["presence"][1]


async def test_check_of_an_app_names_it(lookalike: Lookalike, tmp_path: Path) -> None:
    secret = SecretStr(lookalike.client_secret)
    users = (ADELE.object_id, ALEX.object_id)
    found = await lines(settings_for(lookalike, tmp_path, client_secret=secret, users=users))
    assert found["sign-in"] == (True, "signed in as the app itself; ")
    assert found["presence"] == (True, "2 people; ")


async def test_check_tells_people_without_presence(lookalike: Lookalike, tmp_path: Path) -> None:
    secret = SecretStr(lookalike.client_secret)
    users = (ADELE.object_id, *(f"00000000-0000-0000-0000-00000000000{n}" for n in (1, 2)))
    found = await lines(settings_for(lookalike, tmp_path, client_secret=secret, users=users))
    ok, detail = found["presence"]
    assert not ok
    assert "leaves this person out" in detail
    assert "and 1 more" in detail


async def test_check_without_anybody_signed_in_still_tries_graph(
    lookalike: Lookalike, tmp_path: Path
) -> None:
    found = await lines(settings_for(lookalike, tmp_path))
    assert {what: ok for what, (ok, _) in found.items()} == {
        "sign-in": False,
        "Graph": True,
        "clock": True,
    }
    assert "busylight login" in found["sign-in"][1]


async def test_check_without_a_network_tells_both_servers(
    lookalike: Lookalike, tmp_path: Path
) -> None:
    settings = signed_in(lookalike, tmp_path)
    lookalike.stop()
    found = await lines(settings)
    assert {what: ok for what, (ok, _) in found.items()} == {
        "sign-in server": False,
        "Graph": False,
    }


async def test_check_takes_a_captive_portal_for_no_graph(
    lookalike: Lookalike, tmp_path: Path
) -> None:
    settings = signed_in(lookalike, tmp_path)
    lookalike.faults.add(faults.CAPTIVE_PORTAL, path="/v1.0")
    ok, detail = (await lines(settings))["Graph"]
    assert not ok
    assert "captive portal" in detail


@pytest.mark.parametrize(
    ("code", "what"), [(403, "permission"), (404, "presence"), (500, "presence")]
)
async def test_check_tells_what_keeps_us_from_reading(
    lookalike: Lookalike, tmp_path: Path, code: int, what: str
) -> None:
    settings = signed_in(lookalike, tmp_path)
    lookalike.faults.add(faults.status(401), path=ME, times=1)  # without a token
    lookalike.faults.add(faults.status(code), path="/v1.0")
    assert not (await lines(settings))[what][0]


@pytest.mark.parametrize(("minutes", "words"), [(30, "behind"), (-30, "ahead"), (1, "agrees")])
async def test_check_compares_the_clock_with_graphs(
    lookalike: Lookalike, tmp_path: Path, minutes: int, words: str
) -> None:
    settings = signed_in(lookalike, tmp_path)
    date = format_datetime(datetime.now(UTC) + timedelta(minutes=minutes), usegmt=True)
    lookalike.faults.add(faults.status(401, {"Date": date}), path=ME, times=1)
    ok, detail = (await lines(settings))["clock"]
    assert words in detail
    assert ok == (words == "agrees")


async def test_a_reading_has_one_entry_for_one_person(lookalike: Lookalike, tmp_path: Path) -> None:
    async with GraphSession(signed_in(lookalike, tmp_path)) as session:
        result = await session.read_once()
    assert isinstance(result, Reading)
    assert list(result.presences) == [ADELE.object_id]
    assert result.troubles == {}
