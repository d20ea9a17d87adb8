"""A token that is good is taken from the cache as it stands: the very one that msal would take."""

import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from busylight.core.knowledge import Reading
from busylight.demo.lookalike import ADELE, ALEX, Lookalike
from busylight.sources.graph.account import PinnedAccount
from busylight.sources.graph.http import HttpClient
from busylight.sources.graph.session import GraphSession
from busylight.sources.graph.settings import GraphSettings
from busylight.sources.graph.tls import trust
from busylight.sources.graph.token_cache import TokenStore
from busylight.sources.graph.tokens import Tokens
from tests.support.graph import read, settings_for, sign_in_now

MINUTE = 60


@pytest.fixture(scope="module")
def lookalike() -> Iterator[Lookalike]:
    with Lookalike() as running:
        yield running


@pytest.fixture
def mine(lookalike: Lookalike, tmp_path: Path) -> GraphSettings:
    made = settings_for(lookalike, tmp_path)
    sign_in_now(lookalike, made)
    return made


@pytest.fixture(scope="module")
def http(lookalike: Lookalike) -> Iterator[HttpClient]:
    client = HttpClient(trust(lookalike.ca_file), None)
    yield client
    client.close()


def tokens_of(graph: GraphSettings, http: HttpClient) -> Tokens:
    store = TokenStore(graph.token_cache)
    return Tokens(graph, None, store, PinnedAccount(graph.token_cache), http.fetch)


def stored(graph: GraphSettings, http: HttpClient) -> str | None:
    """The token that is taken as it stands, if one is."""
    tokens = tokens_of(graph, http)
    with tokens.store.locked():
        found = tokens._stored()
    return None if found is None else found.value


def by_msal(graph: GraphSettings, http: HttpClient) -> str:
    tokens = tokens_of(graph, http)
    with tokens.store.locked():
        return tokens._acquire().value


def cache_of(graph: GraphSettings) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(graph.token_cache.read_text("utf-8"))
    return content


def edit(graph: GraphSettings, **changes: str | int | None) -> None:
    """Change the one access token; None takes a field out, a number is seconds from now."""
    content = cache_of(graph)
    (entry,) = content["AccessToken"].values()
    for name, value in changes.items():
        if value is None:
            del entry[name]
        else:
            entry[name] = in_seconds(value) if isinstance(value, int) else value
    graph.token_cache.write_text(json.dumps(content), "utf-8")


def in_seconds(seconds: float) -> str:
    return str(int(time.time() + seconds))


async def test_a_good_token_is_used_without_asking_the_sign_in_server(
    lookalike: Lookalike, mine: GraphSettings
) -> None:
    before, written = len(lookalike.requests), mine.token_cache.stat()
    async with GraphSession(mine) as session:
        for _ in range(3):
            result = await session.read_once()
            assert isinstance(result, Reading)
            assert result.account == ADELE.principal_name
    assert [each.path for each in lookalike.requests[before:]] == ["/v1.0/me/presence"] * 3
    assert mine.token_cache.stat() == written


async def test_msal_is_there_before_it_is_needed(
    mine: GraphSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "msal")
    async with GraphSession(mine) as session:
        await session.read_once()
        assert "msal" not in sys.modules
        await session.read_once()
        assert "msal" in sys.modules


async def test_a_good_token_is_used_on_where_msal_cannot_be_loaded(
    mine: GraphSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "msal", None)
    async with GraphSession(mine) as session:
        for _ in range(3):
            assert isinstance(await session.read_once(), Reading)


async def test_a_stored_token_that_graph_refuses_is_replaced(
    lookalike: Lookalike, mine: GraphSettings
) -> None:
    lookalike.entra.expire_access_tokens()
    before = len(lookalike.requests)
    assert isinstance(await read(mine), Reading)
    asked = [each.path.rpartition("/")[2] for each in lookalike.requests[before:]]
    assert asked == ["presence", "openid-configuration", "token", "presence"]


@pytest.mark.parametrize(
    "changes",
    [
        {"client_id": "22222222-2222-3333-4444-555555555555"},
        {"realm": "organizations"},
        {"environment": "login.example"},
        {"home_account_id": "someone.else"},
        {"target": "openid profile"},
        {"token_type": "pop"},
        {"token_type": None},
        {"key_id": "k"},
        {"ext_cache_key": "x"},
        {"expires_on": "0"},
        {"expires_on": -10},
        {"expires_on": 4 * MINUTE},
        {"expires_on": 5 * MINUTE + 10},
        {"refresh_on": -10},
    ],
    ids=str,
)
def test_what_does_not_fit_exactly_is_left_to_msal(
    mine: GraphSettings, http: HttpClient, changes: dict[str, str | int | None]
) -> None:
    assert stored(mine, http) is not None
    edit(mine, **changes)
    assert stored(mine, http) is None


def test_a_second_token_that_fits_is_left_to_msal(mine: GraphSettings, http: HttpClient) -> None:
    content = cache_of(mine)
    (entry,) = content["AccessToken"].values()
    content["AccessToken"]["other"] = {**entry, "secret": "T-other"}
    mine.token_cache.write_text(json.dumps(content), "utf-8")
    assert stored(mine, http) is None


@pytest.mark.parametrize("pinned", [None, "{", '{"home_account_id": "x.y", "username": "Alex"}'])
def test_nobody_s_token_but_the_pinned_account_s_is_taken(
    mine: GraphSettings, http: HttpClient, pinned: str | None
) -> None:
    file = mine.token_cache.with_name("token_cache.account.json")
    file.unlink() if pinned is None else file.write_text(pinned, "utf-8")
    assert stored(mine, http) is None


def test_one_who_wants_to_write_takes_no_token_for_reading(
    mine: GraphSettings, http: HttpClient
) -> None:
    tokens = tokens_of(mine.model_copy(update={"write": True}), http)
    tokens.want_to_write()
    with tokens.store.locked():
        assert tokens._stored() is None


def test_a_broken_cache_is_set_aside_and_gives_no_token(
    mine: GraphSettings, http: HttpClient
) -> None:
    mine.token_cache.write_text(mine.token_cache.read_text("utf-8")[:-20], "utf-8")
    assert stored(mine, http) is None
    assert list(mine.token_cache.parent.glob("token_cache.json.broken-*"))


def _different(value: str) -> st.SearchStrategy[str]:
    """Mostly the right one."""
    return st.sampled_from([*[value] * 20, value.upper(), "other"])


@st.composite
def caches(draw: st.DrawFn, content: dict[str, Any]) -> dict[str, Any]:
    """A real cache with any number of tokens that differ in what matters."""
    (good,) = content["AccessToken"].values()
    made = {}
    for number in range(draw(st.integers(0, 3))):
        entry = {
            **good,
            **{
                name: draw(_different(good[name]))
                for name in ("home_account_id", "environment", "client_id", "realm", "token_type")
            },
            "secret": f"T-{number}",
            "target": draw(st.sampled_from([*[good["target"]] * 3, "openid"])),
            "expires_on": in_seconds(draw(st.sampled_from([*[3000] * 4, -9, 290, 310, 340]))),
        }
        if draw(st.booleans()):
            entry["refresh_on"] = in_seconds(draw(st.sampled_from([-9, 1000])))
        for name in draw(st.sampled_from([(), (), (), (), ("ext_cache_key",), ("key_id",)])):
            entry[name] = "x"
        # msal looks at the key first: another token may stand under the one of the good one.
        key = draw(st.sampled_from([*content["AccessToken"], f"key-{number}"]))
        made[key] = entry
    others = {
        f"other-{number}": {**entry, "home_account_id": "x.y", "username": ALEX.principal_name}
        for number, entry in enumerate(content["Account"].values())
        if draw(st.booleans())
    }
    return {**content, "AccessToken": made, "Account": {**others, **content["Account"]}}


@given(st.data())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_what_is_taken_is_what_msal_takes(
    mine: GraphSettings, http: HttpClient, data: st.DataObject
) -> None:
    before = mine.token_cache.read_text("utf-8")
    content = json.loads(before)
    text = json.dumps(data.draw(caches(content)))
    mine.token_cache.write_text(text, "utf-8")
    try:
        found = stored(mine, http)
        event("taken" if found else "left to msal")
        assert mine.token_cache.read_text("utf-8") == text
        if found is not None:
            assert found == by_msal(mine, http)
    finally:
        mine.token_cache.write_text(before, "utf-8")
