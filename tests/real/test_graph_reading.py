"""The Graph source reads what Graph documents: msal and httpx against the look-alike."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from busylight.core.backoff import RateLimit
from busylight.core.knowledge import Reading, Trouble, Why
from busylight.core.presence import Presence
from busylight.demo.lookalike import ADELE, ALEX, MEGAN, Lookalike, Person, Route, faults
from busylight.edge.clock import now
from busylight.sources.graph import api, many, names
from busylight.sources.graph import http as http_module
from busylight.sources.graph.session import GraphSession
from busylight.sources.graph.settings import GraphSettings
from tests.support.graph import read, settings_for, sign_in_now

ME = "/v1.0/me/presence"
STRANGER = "00000000-0000-0000-0000-00000000dead"


@pytest.fixture
def mine(lookalike: Lookalike, tmp_path: Path) -> GraphSettings:
    """Settings for the signed-in person, who is signed in."""
    settings = settings_for(lookalike, tmp_path)
    sign_in_now(lookalike, settings)
    return settings


@pytest.fixture
def of_app(lookalike: Lookalike, tmp_path: Path) -> GraphSettings:
    """Settings for Alex, by app permission."""
    return app_settings(lookalike, tmp_path, user=ALEX.object_id)


def app_settings(lookalike: Lookalike, directory: Path, **others: Any) -> GraphSettings:
    secret = SecretStr(lookalike.client_secret)
    return settings_for(lookalike, directory, client_secret=secret, **others)


def known(result: Reading | Trouble) -> dict[str, str]:
    assert isinstance(result, Reading), result
    return {person: presence.words for person, presence in result.presences.items()}


def trouble(result: Reading | Trouble, why: Why) -> str:
    assert isinstance(result, Trouble), result
    assert result.why is why
    return result.detail


def paths(lookalike: Lookalike) -> list[str]:
    return [each.path.removeprefix("/v1.0") for each in lookalike.requests_to("/v1.0")]


def example(person: Person, availability: str, activity: str, *, listed: bool = False) -> bytes:
    one = f'{{"id":"{person.object_id}","availability":"{availability}","activity":"{activity}"}}'
    return (f'{{"value":[{one}]}}' if listed else one).encode()


# -- Microsoft's page "Get presence" -----------------------------------------------------------


async def test_example_1_one_s_own_presence(lookalike: Lookalike, mine: GraphSettings) -> None:
    lookalike.faults.add(faults.body(example(ADELE, "Available", "Available")), path=ME)
    result = await read(mine)
    assert known(result) == {"fa8bf3dc-eca7-46b7-bad1-db199b62afc3": "Available/Available"}
    assert isinstance(result, Reading)
    assert result.account == ADELE.principal_name


async def test_example_2_another_person_s_presence(
    lookalike: Lookalike, of_app: GraphSettings
) -> None:
    path = "/v1.0/users/66825e03-7ef5-42da-9069-724602c31f6b/presence"
    lookalike.faults.add(faults.body(example(ALEX, "DoNotDisturb", "Presenting")), path=path)
    result = await read(of_app)
    assert known(result) == {"66825e03-7ef5-42da-9069-724602c31f6b": "DoNotDisturb/Presenting"}
    assert isinstance(result, Reading)
    assert result.account is None


async def test_example_3_the_communications_path_with_a_list(
    lookalike: Lookalike, tmp_path: Path
) -> None:
    path = "/v1.0/communications/presences/dc74d9bb-6afe-433d-8eaa-e39d80d3a647"
    lookalike.graph.refuse_route(Route.USER, 404)
    body = example(MEGAN, "Away", "BeRightBack", listed=True)
    lookalike.faults.add(faults.body(body), path=path)
    result = await read(app_settings(lookalike, tmp_path, user=MEGAN.object_id))
    assert known(result) == {"dc74d9bb-6afe-433d-8eaa-e39d80d3a647": "Away/BeRightBack"}


# -- Paths and shapes --------------------------------------------------------------------------


@pytest.mark.parametrize("wrapped", [False, True])
async def test_both_shapes_are_read_on_every_path(
    lookalike: Lookalike, mine: GraphSettings, tmp_path: Path, *, wrapped: bool
) -> None:
    for route in (Route.ME, Route.USER, Route.COMMUNICATIONS):
        lookalike.graph.wrap(route, wrapped=wrapped)
    assert known(await read(mine)) == {ADELE.object_id: "Available/Available"}
    of_app = app_settings(lookalike, tmp_path, user=ALEX.object_id)
    assert known(await read(of_app)) == {ALEX.object_id: "DoNotDisturb/Presenting"}
    lookalike.graph.refuse_route(Route.USER, 405)
    assert known(await read(of_app)) == {ALEX.object_id: "DoNotDisturb/Presenting"}


@pytest.mark.parametrize("status", [404, 405])
@pytest.mark.parametrize("own", [False, True])
async def test_the_other_path_is_tried_once_and_remembered(
    lookalike: Lookalike, mine: GraphSettings, of_app: GraphSettings, status: int, *, own: bool
) -> None:
    settings = mine if own else of_app
    lookalike.graph.refuse_route(Route.ME if own else Route.USER, status)
    person = ADELE if own else ALEX
    first = "/me/presence" if own else f"/users/{ALEX.object_id}/presence"
    other = f"/communications/presences/{person.object_id}"
    async with GraphSession(settings) as session:
        for _ in range(3):
            assert list(known(await session.read_once())) == [person.object_id]
    assert paths(lookalike) == [first, other, other, other]


async def test_a_person_on_neither_path_is_unreachable_and_the_other_path_not_tried_again(
    lookalike: Lookalike, tmp_path: Path
) -> None:
    settings = app_settings(lookalike, tmp_path, user=STRANGER)
    async with GraphSession(settings) as session:
        for _ in range(3):
            detail = trouble(await session.read_once(), Why.UNREACHABLE)
            assert "knows no presence of that person (status 404, NotFound)" in detail
            assert "BUSYLIGHT_GRAPH_USER" in detail
    assert len(paths(lookalike)) == 4


async def test_when_the_remembered_path_goes_the_first_one_is_tried_again(
    lookalike: Lookalike, of_app: GraphSettings
) -> None:
    async with GraphSession(of_app) as session:
        lookalike.graph.refuse_route(Route.USER, 404)
        assert known(await session.read_once())
        lookalike.graph.refuse_route(Route.USER, None)
        lookalike.graph.refuse_route(Route.COMMUNICATIONS, 404)
        assert known(await session.read_once())
        assert known(await session.read_once())
    assert [path.split("/")[1] for path in paths(lookalike)] == [
        "users", "communications", "communications", "users", "users",
    ]  # fmt: skip


async def test_a_network_that_fails_on_the_other_path_settles_nothing(
    lookalike: Lookalike, of_app: GraphSettings
) -> None:
    lookalike.graph.refuse_route(Route.USER, 404)
    lookalike.faults.add(faults.UNAVAILABLE, path="/v1.0/communications", times=1)
    async with GraphSession(of_app) as session:
        assert "503" in trouble(await session.read_once(), Why.UNREACHABLE)
        assert known(await session.read_once())


async def test_the_answer_must_be_about_the_person_who_was_asked_for(
    lookalike: Lookalike, of_app: GraphSettings
) -> None:
    lookalike.graph.set_presence(ALEX.object_id, "Busy", "Busy", id=MEGAN.object_id)
    assert "another person" in trouble(await read(of_app), Why.UNREACHABLE)


async def test_the_status_message_is_read(lookalike: Lookalike, mine: GraphSettings) -> None:
    lookalike.graph.set_presence(ADELE.object_id, "Busy", "InACall", "Back  at 3 ")
    result = await read(mine)
    assert isinstance(result, Reading)
    assert result.presences[ADELE.object_id] == Presence(
        "Busy", "InACall", "Back at 3", ADELE.principal_name
    )


# -- Names -------------------------------------------------------------------------------------


async def test_a_principal_name_is_resolved_once(lookalike: Lookalike, tmp_path: Path) -> None:
    settings = app_settings(lookalike, tmp_path, user=ALEX.principal_name)
    async with GraphSession(settings) as session:
        for _ in range(3):
            result = await session.read_once()
            assert known(result) == {ALEX.object_id: "DoNotDisturb/Presenting"}
            assert isinstance(result, Reading)
            assert result.presences[ALEX.object_id].user == ALEX.principal_name
    presence = f"/users/{ALEX.object_id}/presence"
    assert paths(lookalike) == [f"/users/{ALEX.principal_name}", presence, presence, presence]
    assert lookalike.requests_to("/v1.0")[0].query == {"$select": "id"}


async def test_a_name_that_may_not_be_resolved_names_the_permission_and_the_way_out(
    lookalike: Lookalike, tmp_path: Path
) -> None:
    lookalike.graph.forbidden = {"User.ReadBasic.All"}
    settings = app_settings(lookalike, tmp_path, user=ALEX.principal_name)
    detail = trouble(await read(settings), Why.FORBIDDEN)
    assert "application permission User.ReadBasic.All is missing" in detail
    assert "object id (GUID)" in detail


async def test_a_name_that_nobody_has_is_not_asked_for_at_each_read(
    lookalike: Lookalike, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = app_settings(lookalike, tmp_path, user="nobody@contoso.example")
    async with GraphSession(settings) as session:
        for _ in range(3):
            detail = trouble(await session.read_once(), Why.UNREACHABLE)
            assert "nobody called nobody@contoso.example" in detail
        assert len(paths(lookalike)) == 1
        monkeypatch.setattr(names, "now", lambda: now() + 901)
        trouble(await session.read_once(), Why.UNREACHABLE)
    assert len(paths(lookalike)) == 2


# -- Many --------------------------------------------------------------------------------------


async def test_many_are_read_in_bulk_and_each_has_a_presence_or_a_reason(
    lookalike: Lookalike, tmp_path: Path
) -> None:
    users = (ADELE.object_id, ALEX.principal_name, ALEX.object_id, STRANGER, "no@contoso.example")
    result = await read(app_settings(lookalike, tmp_path, users=users))
    assert known(result) == {
        ADELE.object_id: "Available/Available",
        ALEX.object_id: "DoNotDisturb/Presenting",
    }
    assert isinstance(result, Reading)
    assert result.presences[ALEX.object_id].user == ALEX.principal_name
    assert {who: why.why for who, why in result.troubles.items()} == {
        STRANGER: Why.UNREACHABLE,
        "no@contoso.example": Why.UNREACHABLE,
    }
    assert len(lookalike.requests_to("/v1.0/communications/getPresencesByUserId")) == 1


async def test_people_whose_names_may_not_be_resolved_are_each_their_own_trouble(
    lookalike: Lookalike, tmp_path: Path
) -> None:
    lookalike.graph.forbidden = {"User.ReadBasic.All"}
    users = (ADELE.object_id, ALEX.principal_name)
    result = await read(app_settings(lookalike, tmp_path, users=users))
    assert list(known(result)) == [ADELE.object_id]
    assert isinstance(result, Reading)
    assert result.troubles[ALEX.principal_name].why is Why.FORBIDDEN


async def test_more_people_than_graph_takes_at_once_are_asked_for_in_slices(
    lookalike: Lookalike, tmp_path: Path
) -> None:
    people = tuple(f"00000000-0000-0000-0000-{number:012}" for number in range(1301))
    for person in people:
        lookalike.graph.set_presence(person, "Busy", "InAMeeting")
    result = await read(app_settings(lookalike, tmp_path, users=people))
    assert set(known(result)) == set(people)
    assert len(lookalike.requests_to("/v1.0/communications/getPresencesByUserId")) == 3


async def test_the_signed_in_person_can_read_others(lookalike: Lookalike, tmp_path: Path) -> None:
    settings = settings_for(lookalike, tmp_path, users=(ALEX.object_id,))
    sign_in_now(lookalike, settings)
    result = await read(settings)
    assert known(result) == {ALEX.object_id: "DoNotDisturb/Presenting"}
    assert isinstance(result, Reading)
    assert result.account == ADELE.principal_name


async def test_a_file_of_people_that_is_being_written_is_not_believed(
    lookalike: Lookalike,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    file = tmp_path / "people"
    both = f"{ADELE.object_id}\n{MEGAN.object_id}\n"
    file.write_text(both, "utf-8")
    settings = app_settings(lookalike, tmp_path, users=f"@{file}")
    real = Path.read_text

    def half(path: Path, *given: Any) -> str:
        text = real(path, *given)
        file.write_text(both, "utf-8")  # the other half has come
        return text

    async with GraphSession(settings) as session:
        assert set(known(await session.read_once())) == {ADELE.object_id, MEGAN.object_id}
        file.write_text(f"{ADELE.object_id}\n", "utf-8")
        with monkeypatch.context() as writing:
            writing.setattr(Path, "read_text", half)
            assert set(known(await session.read_once())) == {ADELE.object_id, MEGAN.object_id}
        assert "is being written" in caplog.text
        assert set(known(await session.read_once())) == {ADELE.object_id, MEGAN.object_id}


async def test_a_file_of_people_is_read_again_when_it_changes_and_kept_while_it_is_broken(
    lookalike: Lookalike, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "people"
    file.write_text(f"# the office\n{ADELE.object_id}\n", "utf-8")
    settings = app_settings(lookalike, tmp_path, users=f"@{file}")
    async with GraphSession(settings) as session:
        assert set(known(await session.read_once())) == {ADELE.object_id}
        file.write_text(f"{ADELE.object_id}\n{MEGAN.object_id}  # new\n", "utf-8")
        assert set(known(await session.read_once())) == {ADELE.object_id, MEGAN.object_id}
        for broken in ("nobody at all\n", ""):
            file.write_text(broken, "utf-8")
            assert set(known(await session.read_once())) == {ADELE.object_id, MEGAN.object_id}
        assert "names a file whose line 1 is neither an object id" in caplog.text
        assert "names a file in which nobody stands" in caplog.text
        file.unlink()
        for _ in range(2):
            assert set(known(await session.read_once())) == {ADELE.object_id, MEGAN.object_id}
        assert caplog.text.count("cannot be read") == 1
        file.write_text(f"{ALEX.object_id}\n", "utf-8")
        assert set(known(await session.read_once())) == {ALEX.object_id}


async def test_after_a_request_that_was_cut_off_the_people_of_before_are_those_read_last(
    lookalike: Lookalike, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "people"
    file.write_text(f"{ADELE.object_id}\n{MEGAN.object_id}\n", "utf-8")
    settings = app_settings(lookalike, tmp_path, users=f"@{file}")
    async with GraphSession(settings) as session:
        assert set(known(await session.read_once())) == {ADELE.object_id, MEGAN.object_id}
        file.write_text(f"{ADELE.object_id}\n{ALEX.object_id}\n", "utf-8")  # Megan has left
        assert set(known(await session.read_once())) == {ADELE.object_id, ALEX.object_id}
        file.write_text("junk junk\n", "utf-8")
        for _ in range(2):
            reading = asyncio.create_task(session.read_once())
            await asyncio.sleep(0)
            reading.cancel()
            await asyncio.wait({reading})
            assert reading.cancelled()
            assert set(known(await session.read_once())) == {ADELE.object_id, ALEX.object_id}
        assert caplog.text.count("the people of before are read on") == 1


async def test_many_names_are_looked_up_a_few_in_each_reading_and_the_others_read_meanwhile(
    lookalike: Lookalike, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(many, "NAMES_A_ROUND", 1)
    users = (ADELE.object_id, ALEX.principal_name, MEGAN.principal_name)
    async with GraphSession(app_settings(lookalike, tmp_path, users=users)) as session:
        first = await session.read_once()
        assert set(known(first)) == {ADELE.object_id, ALEX.object_id}
        assert isinstance(first, Reading)
        assert first.troubles[MEGAN.principal_name].why is Why.STARTING
        second = await session.read_once()
        assert len(known(second)) == 3
        assert isinstance(second, Reading)
        assert not second.troubles


# -- Permissions -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("others", "asked"),
    [
        ({}, {"Presence.Read"}),
        ({"user": ALEX.object_id}, {"Presence.Read.All"}),
        ({"user": ALEX.principal_name}, {"Presence.Read.All", "User.ReadBasic.All"}),
        ({"users": (ALEX.object_id,)}, {"Presence.Read.All"}),
        (
            {"users": (ALEX.object_id, ALEX.principal_name)},
            {"Presence.Read.All", "User.ReadBasic.All"},
        ),
    ],
)
async def test_no_more_is_asked_for_than_is_needed(
    lookalike: Lookalike, tmp_path: Path, others: dict[str, Any], asked: set[str]
) -> None:
    settings = settings_for(lookalike, tmp_path, **others)
    sign_in_now(lookalike, settings)
    (sign_in,) = lookalike.entra.sign_ins
    graph = "https://graph.microsoft.com/"
    assert {scope for scope in sign_in.scopes if scope.startswith(graph)} == {
        f"{graph}{permission}" for permission in asked
    }
    assert known(await read(settings))


@pytest.mark.parametrize(
    ("cloud", "host"),
    [
        ("global", "graph.microsoft.com"),
        ("usgov", "graph.microsoft.us"),
        ("dod", "dod-graph.microsoft.us"),
    ],
)
async def test_each_cloud_has_scopes_of_its_own(
    lookalike: Lookalike, tmp_path: Path, cloud: str, host: str
) -> None:
    settings = settings_for(lookalike, tmp_path, cloud=cloud)
    sign_in_now(lookalike, settings)
    (sign_in,) = lookalike.entra.sign_ins
    assert f"https://{host}/Presence.Read" in sign_in.scopes
    assert known(await read(settings))


async def test_403_names_the_permission_and_who_can_grant_it(
    lookalike: Lookalike, mine: GraphSettings, of_app: GraphSettings
) -> None:
    lookalike.graph.forbidden = {"Presence.Read", "Presence.Read.All"}
    detail = trouble(await read(mine), Why.FORBIDDEN)
    assert "the delegated permission Presence.Read is missing" in detail
    assert "administrator" in detail
    detail = trouble(await read(of_app), Why.FORBIDDEN)
    assert "the application permission Presence.Read.All is missing" in detail


async def test_a_permission_granted_later_is_found_without_waiting_for_the_tokens_end(
    lookalike: Lookalike, of_app: GraphSettings
) -> None:
    lookalike.entra.app_roles = set()
    async with GraphSession(of_app) as session:
        trouble(await session.read_once(), Why.FORBIDDEN)
        lookalike.entra.app_roles = {"Presence.Read.All"}
        assert known(await session.read_once())


async def test_while_403_lasts_new_tokens_are_asked_for_rarely(
    lookalike: Lookalike, mine: GraphSettings
) -> None:
    lookalike.graph.forbidden = {"Presence.Read"}
    async with GraphSession(mine) as session:
        for _ in range(5):
            trouble(await session.read_once(), Why.FORBIDDEN)
    assert lookalike.entra.issued["refresh_token"] == 1


# -- 401 ---------------------------------------------------------------------------------------


async def test_after_401_the_token_is_refreshed_once_by_force(
    lookalike: Lookalike, mine: GraphSettings
) -> None:
    async with GraphSession(mine) as session:
        assert known(await session.read_once())
        lookalike.faults.add(faults.status(401), path=ME, times=1)
        assert known(await session.read_once())
        assert known(await session.read_once())
    assert lookalike.entra.issued["refresh_token"] == 1


async def test_an_app_gets_a_new_token_after_401_too(
    lookalike: Lookalike, of_app: GraphSettings
) -> None:
    async with GraphSession(of_app) as session:
        assert known(await session.read_once())
        lookalike.entra.vault.access.clear()
        assert known(await session.read_once())
    assert lookalike.entra.issued["client_credentials"] == 2


async def test_a_new_token_that_is_refused_too_is_unreachable_and_not_renewed_at_each_read(
    lookalike: Lookalike, mine: GraphSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    lookalike.faults.add(faults.status(401), path=ME)
    async with GraphSession(mine) as session:
        for _ in range(4):
            detail = trouble(await session.read_once(), Why.UNREACHABLE)
            assert "refuses a new token, too" in detail
        assert lookalike.entra.issued["refresh_token"] == 1
        monkeypatch.setattr(api, "now", lambda: now() + 61)
        trouble(await session.read_once(), Why.UNREACHABLE)
    assert lookalike.entra.issued["refresh_token"] == 2


async def test_another_process_s_newer_token_is_used_before_a_forced_refresh(
    lookalike: Lookalike, mine: GraphSettings
) -> None:
    async with GraphSession(mine) as one, GraphSession(mine) as other:
        assert known(await one.read_once())
        assert known(await other.read_once())
        lookalike.entra.vault.access.clear()
        assert known(await one.read_once())
        assert known(await other.read_once())
    assert lookalike.entra.issued["refresh_token"] == 1


# -- Patience ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "make_fault",
    [
        lambda: faults.throttled(120),
        lambda: faults.throttled_until(120),  # a date: made when it is needed, not before
        lambda: faults.throttled(120, code=503),
    ],
)
async def test_retry_after_is_obeyed_without_any_request(
    lookalike: Lookalike, of_app: GraphSettings, make_fault: Callable[[], faults.Fault]
) -> None:
    lookalike.faults.add(make_fault(), path="/v1.0/users")
    async with GraphSession(of_app) as session:
        detail = trouble(await session.read_once(), Why.UNREACHABLE)
        assert "asks to be left alone for 1" in detail
        assert 100 < session.not_before - now() <= 120
        before = len(lookalike.requests)
        lookalike.faults.clear()
        assert "left alone" in trouble(await session.read_once(), Why.UNREACHABLE)
        assert len(lookalike.requests) == before
        session.not_before = now()
        assert known(await session.read_once())


async def test_a_retry_after_of_days_is_an_hour(
    lookalike: Lookalike, of_app: GraphSettings
) -> None:
    lookalike.faults.add(faults.throttled(999_999), path="/v1.0/users")
    async with GraphSession(of_app) as session:
        await session.read_once()
        assert 3590 < session.not_before - now() <= 3600


@pytest.mark.parametrize(
    "value",
    [
        "",
        "soon",
        "-5",
        "1e9",
        "Mon, 99 Foo 2026 99:99:99 GMT",
        "Mon, 1 Jan 2026 00:00:00 +99999999999",
    ],
)
async def test_a_retry_after_that_says_nothing_is_no_crash(
    lookalike: Lookalike, of_app: GraphSettings, value: str
) -> None:
    lookalike.faults.add(faults.status(429, {"Retry-After": value, "Date": value}), path="/v1.0")
    async with GraphSession(of_app) as session:
        assert "429" in trouble(await session.read_once(), Why.UNREACHABLE)
        assert session.not_before <= now()


async def test_a_date_in_retry_after_goes_by_the_servers_own_clock(
    lookalike: Lookalike, of_app: GraphSettings
) -> None:
    headers = {
        "Date": "Mon, 01 Jan 2035 00:00:00 GMT",
        "Retry-After": "Mon, 01 Jan 2035 00:01:40 GMT",
    }
    lookalike.faults.add(faults.status(429, headers), path="/v1.0/users")
    async with GraphSession(of_app) as session:
        await session.read_once()
        assert 90 < session.not_before - now() <= 100


async def test_no_settings_make_more_requests_than_microsoft_allows(
    lookalike: Lookalike, of_app: GraphSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_module, "_RATE", RateLimit(5, 1.0))
    async with GraphSession(of_app) as session:
        for _ in range(8):
            assert known(await session.read_once())
    times = [request.at for request in lookalike.requests]
    for begin in times:
        assert len([at for at in times if begin <= at < begin + 0.95]) <= 5
