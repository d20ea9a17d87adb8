"""The look-alike of Graph, asked by the real httpx."""

import threading
from collections.abc import Iterator

import httpx
import pytest

from busylight.demo.lookalike import (
    ADELE,
    ALEX,
    MEGAN,
    PERSONAL,
    Lookalike,
    Person,
    Route,
)
from busylight.demo.lookalike.graph import BULK_LIMIT
from busylight.edge.clock import now
from tests.support.clients import authorized, bearer, http_client

PEOPLE = {"Presence.Read", "Presence.Read.All", "User.Read", "User.ReadBasic.All"}
APP = {"Presence.Read.All", "User.ReadBasic.All"}


@pytest.fixture
def client(lookalike: Lookalike) -> Iterator[httpx.Client]:
    with http_client(lookalike, base_url=lookalike.base_url) as opened:
        yield opened


# -- Presence -------------------------------------------------------------------------------------


def test_the_three_examples_of_microsofts_page(lookalike: Lookalike, client: httpx.Client) -> None:
    lookalike.graph.wrap(Route.COMMUNICATIONS)
    header = authorized(lookalike, PEOPLE)
    words = ("id", "availability", "activity")

    me = client.get("/me/presence", headers=header).json()
    assert [me[word] for word in words] == [ADELE.object_id, "Available", "Available"]
    assert me["@odata.context"].endswith(f"/v1.0/$metadata#users('{me['id']}')/presence/$entity")

    user = client.get(f"/users/{ALEX.object_id}/presence", headers=header).json()
    assert [user[word] for word in words] == [ALEX.object_id, "DoNotDisturb", "Presenting"]

    other = client.get(f"/communications/presences/{MEGAN.object_id}", headers=header).json()
    (one,) = other["value"]
    assert [one[word] for word in words] == [MEGAN.object_id, "Away", "BeRightBack"]
    assert other["@odata.context"].endswith("#communications/presences")


@pytest.mark.parametrize("route", [Route.ME, Route.USER, Route.COMMUNICATIONS])
def test_each_path_answers_in_either_shape(
    lookalike: Lookalike, client: httpx.Client, route: Route
) -> None:
    header, path = authorized(lookalike, PEOPLE), route.format(id=ADELE.object_id)
    assert client.get(path, headers=header).json()["availability"] == "Available"
    lookalike.graph.wrap(route)
    assert client.get(path, headers=header).json()["value"][0]["availability"] == "Available"
    lookalike.graph.wrap(route, wrapped=False)
    assert "value" not in client.get(path, headers=header).json()


@pytest.mark.parametrize("status", [404, 405])
@pytest.mark.parametrize("route", [Route.ME, Route.USER, Route.COMMUNICATIONS])
def test_each_path_can_be_missing(
    lookalike: Lookalike, client: httpx.Client, route: Route, status: int
) -> None:
    header, path = authorized(lookalike, PEOPLE), route.format(id=ADELE.object_id)
    lookalike.graph.refuse_route(route, status)
    assert client.get(path, headers=header).status_code == status
    lookalike.graph.refuse_route(route, None)
    assert client.get(path, headers=header).status_code == 200


def test_what_is_set_is_read_and_the_reading_noticed(
    lookalike: Lookalike, client: httpx.Client
) -> None:
    header = authorized(lookalike, PEOPLE)
    graph = lookalike.graph
    before = client.get("/me/presence", headers=header).json()
    graph.set_presence(ADELE.object_id, "Busy", "InACall", "On the phone", workLocation="home")
    assert not graph.wait_read(timeout=0)
    read = client.get("/me/presence", headers=header).json()
    assert (read["availability"], read["activity"]) == ("Busy", "InACall")
    assert read["statusMessage"]["message"] == {"content": "On the phone", "contentType": "text"}
    assert read["workLocation"] == "home"
    assert read["outOfOfficeSettings"] == {"message": None, "isOutOfOffice": False}
    assert read["sequenceNumber"] > before["sequenceNumber"]
    assert graph.wait_read(timeout=0)
    assert not graph.wait_read(times=2, timeout=0)


def test_a_reading_wakes_who_waits_for_it(lookalike: Lookalike, client: httpx.Client) -> None:
    was_read: list[bool] = []
    waiting = threading.Thread(
        target=lambda: was_read.append(lookalike.graph.wait_read(ALEX.object_id, timeout=10))
    )
    waiting.start()
    client.get(f"/users/{ALEX.object_id}/presence", headers=authorized(lookalike, PEOPLE))
    waiting.join(10)
    assert was_read == [True]


def test_who_is_out_of_office_says_so_twice(lookalike: Lookalike, client: httpx.Client) -> None:
    lookalike.graph.set_presence(ADELE.object_id, "Offline", "OutOfOffice")
    read = client.get("/me/presence", headers=authorized(lookalike, PEOPLE)).json()
    assert read["outOfOfficeSettings"]["isOutOfOffice"] is True


@pytest.mark.parametrize(("status", "code"), [(400, "BadRequest"), (404, "NotFound")])
def test_presence_takes_no_principal_name(
    lookalike: Lookalike, client: httpx.Client, status: int, code: str
) -> None:
    lookalike.graph.principal_name_status = status
    path = f"/users/{ALEX.principal_name}/presence"
    answer = client.get(path, headers=authorized(lookalike, PEOPLE))
    assert answer.status_code == status
    assert answer.json()["error"]["code"] == code


def test_a_person_nobody_knows_is_not_found(lookalike: Lookalike, client: httpx.Client) -> None:
    stranger = "00000000-1111-2222-3333-444444444444"
    for path in (f"/users/{stranger}/presence", f"/users/{stranger}"):
        assert client.get(path, headers=authorized(lookalike, PEOPLE)).status_code == 404


def test_a_personal_account_has_no_presence(lookalike: Lookalike, client: httpx.Client) -> None:
    answer = client.get("/me/presence", headers=authorized(lookalike, PEOPLE, PERSONAL))
    assert answer.status_code == 400


# -- Many people ----------------------------------------------------------------------------------

BULK = "/communications/getPresencesByUserId"


def test_many_people_are_read_at_once_and_strangers_left_out(
    lookalike: Lookalike, client: httpx.Client
) -> None:
    ids = [ALEX.object_id, "00000000-1111-2222-3333-444444444444", MEGAN.object_id.upper()]
    answer = client.post(BULK, json={"ids": ids}, headers=authorized(lookalike, APP, None))
    assert [one["id"] for one in answer.json()["value"]] == [ALEX.object_id, MEGAN.object_id]
    assert lookalike.graph.wait_read(MEGAN.object_id, timeout=0)


def test_650_people_are_the_most(lookalike: Lookalike, client: httpx.Client) -> None:
    header = authorized(lookalike, PEOPLE)
    ids = [f"{number:08x}-1111-2222-3333-444444444444" for number in range(BULK_LIMIT + 1)]
    assert client.post(BULK, json={"ids": ids}, headers=header).status_code == 400
    assert client.post(BULK, json={"ids": ids[1:]}, headers=header).json()["value"] == []


@pytest.mark.parametrize(
    "body", [b"", b"[]", b'{"ids":[]}', b'{"ids":[7]}', b'{"ids":null}', b'{"ids":["adele"]}']
)
def test_a_malformed_question_is_refused(
    lookalike: Lookalike, client: httpx.Client, body: bytes
) -> None:
    answer = client.post(BULK, content=body, headers=authorized(lookalike, PEOPLE))
    assert answer.status_code == 400


def test_the_path_for_many_can_be_missing(lookalike: Lookalike, client: httpx.Client) -> None:
    lookalike.graph.refuse_route(Route.BULK, 404)
    answer = client.post(
        BULK, json={"ids": [ALEX.object_id]}, headers=authorized(lookalike, PEOPLE)
    )
    assert answer.status_code == 404


# -- People ---------------------------------------------------------------------------------------


def test_a_principal_name_is_resolved(lookalike: Lookalike, client: httpx.Client) -> None:
    path = f"/users/{ALEX.principal_name}?$select=id"
    answer = client.get(path, headers=authorized(lookalike, APP, None)).json()
    assert answer.pop("@odata.context").endswith("#users(id)/$entity")
    assert answer == {"id": ALEX.object_id}


def test_a_new_colleague_is_found(lookalike: Lookalike, client: httpx.Client) -> None:
    lookalike.graph.people.append(
        Person("Nestor Wilke", "nestor@contoso.example", "aaaaaaaa-0000-0000-0000-000000000001")
    )
    answer = client.get(
        "/users/NESTOR@contoso.example", headers=authorized(lookalike, PEOPLE)
    ).json()
    assert answer["surname"] == "Wilke"


def test_the_signed_in_person_is_described(lookalike: Lookalike, client: httpx.Client) -> None:
    answer = client.get("/me", headers=authorized(lookalike, {"User.Read"})).json()
    assert answer["userPrincipalName"] == ADELE.principal_name
    assert answer["displayName"] == "Adele Vance"


# -- Who may --------------------------------------------------------------------------------------


def test_without_a_good_token_nothing_is_told(lookalike: Lookalike, client: httpx.Client) -> None:
    revoked = authorized(lookalike, PEOPLE)
    lookalike.entra.revoke()
    expired = authorized(lookalike, PEOPLE)
    lookalike.entra.expire_access_tokens()
    headers: tuple[dict[str, str], ...] = (
        {},
        {"Authorization": "Basic abc"},
        {"Authorization": "Bearer"},
        bearer("made up"),
        expired,
        revoked,
    )
    messages = set()
    for header in headers:
        answer = client.get("/me/presence", headers=header)
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"].startswith("Bearer ")
        assert answer.json()["error"]["code"] == "InvalidAuthenticationToken"
        messages.add(answer.json()["error"]["message"])
    assert len(messages) == 4  # empty (three times), malformed, expired, revoked


@pytest.mark.parametrize(
    ("path", "permissions", "allowed"),
    [
        ("/me/presence", {"Presence.Read"}, True),
        ("/me/presence", {"User.Read"}, False),
        (f"/users/{ADELE.object_id}/presence", {"Presence.Read"}, True),
        (f"/users/{ALEX.object_id}/presence", {"Presence.Read"}, False),
        (f"/users/{ALEX.object_id}/presence", {"Presence.Read.All"}, True),
        (f"/communications/presences/{ALEX.object_id}", {"Presence.Read"}, False),
        (f"/users/{ALEX.principal_name}", {"Presence.Read.All"}, False),
        ("/me", {"Presence.Read"}, False),
    ],
)
def test_each_path_needs_its_permission(
    lookalike: Lookalike,
    client: httpx.Client,
    path: str,
    permissions: set[str],
    *,
    allowed: bool,
) -> None:
    answer = client.get(path, headers=authorized(lookalike, permissions))
    assert answer.status_code == (200 if allowed else 403)
    if not allowed:
        assert answer.json()["error"]["code"] in ("Forbidden", "Authorization_RequestDenied")
        assert "request-id" in answer.headers


ACTION = f"/users/{ADELE.object_id}/presence/setUserPreferredPresence"
CLEAR = f"/users/{ADELE.object_id}/presence/clearUserPreferredPresence"
WRITE = {"Presence.ReadWrite", "Presence.Read"}
BUSY = {"availability": "Busy", "activity": "Busy"}


def test_a_preferred_presence_takes_the_place_of_the_sessions_until_it_is_cleared(
    lookalike: Lookalike, client: httpx.Client
) -> None:
    header = authorized(lookalike, WRITE)
    answer = client.post(ACTION, headers=header, json=BUSY)
    assert (answer.status_code, answer.content) == (200, b"")
    assert client.get("/me/presence", headers=header).json()["availability"] == "Busy"
    lookalike.graph.without_session.add(ADELE.object_id)
    assert client.get("/me/presence", headers=header).json()["availability"] == "Offline"
    lookalike.graph.without_session.clear()
    assert client.post(CLEAR, headers=header).status_code == 200
    assert client.get("/me/presence", headers=header).json()["availability"] == "Available"
    assert client.post(CLEAR, headers=header, json={}).status_code == 200


@pytest.mark.parametrize(
    ("availability", "days"), [("Busy", 1), ("DoNotDisturb", 1), ("Available", 7), ("Away", 7)]
)
def test_a_preferred_presence_without_a_time_ends_as_graph_documents(
    lookalike: Lookalike, client: httpx.Client, availability: str, days: int
) -> None:
    pair = {"availability": availability, "activity": availability}
    client.post(ACTION, headers=authorized(lookalike, WRITE), json=pair)
    found = lookalike.graph.preferences.of(ADELE.object_id)
    assert found is not None
    assert found.ends_at == pytest.approx(now() + days * 86_400, abs=30)


@pytest.mark.parametrize(
    "body",
    [
        b"[]",
        b"{",
        b"{}",
        b'{"availability":"Busy"}',
        b'{"availability":"Busy","activity":"InACall"}',
        b'{"availability":"Offline","activity":"Offline"}',
        b'{"availability":"Busy","activity":"Busy","expirationDuration":"25m"}',
        b'{"availability":"Busy","activity":"Busy","expirationDuration":"P"}',
        b'{"availability":"Busy","activity":"Busy","expirationDuration":"PT"}',
        b'{"availability":"Busy","activity":"Busy","expirationDuration":"PT0S"}',
        b'{"availability":"Busy","activity":"Busy","expirationDuration":1500}',
        b'{"availability":"Busy","activity":"Busy","sessionId":"x"}',
    ],
)
def test_a_preferred_presence_that_graph_does_not_document_is_refused(
    lookalike: Lookalike, client: httpx.Client, body: bytes
) -> None:
    answer = client.post(ACTION, headers=authorized(lookalike, WRITE), content=body)
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "BadRequest"
    assert lookalike.graph.preferences.actions == []


@pytest.mark.parametrize(
    ("user_id", "permissions", "as_app", "allowed"),
    [
        (ADELE.object_id, {"Presence.ReadWrite"}, False, True),
        (ADELE.object_id, {"Presence.Read.All"}, False, False),
        (ALEX.object_id, {"Presence.ReadWrite"}, False, False),
        (ALEX.object_id, {"Presence.ReadWrite.All"}, True, True),
        (ALEX.object_id, {"Presence.ReadWrite"}, True, False),
    ],
)
def test_who_may_set_whose_preferred_presence(
    lookalike: Lookalike,
    client: httpx.Client,
    user_id: str,
    permissions: set[str],
    as_app: bool,  # noqa: FBT001 -- a case of the table
    allowed: bool,  # noqa: FBT001 -- a case of the table
) -> None:
    header = authorized(lookalike, permissions, None if as_app else ADELE)
    path = f"/users/{user_id}/presence/setUserPreferredPresence"
    assert client.post(path, headers=header, json=BUSY).status_code == (200 if allowed else 403)


def test_a_permission_can_be_withheld_whatever_the_token_says(
    lookalike: Lookalike, client: httpx.Client
) -> None:
    header = authorized(lookalike, PEOPLE)
    lookalike.graph.forbidden |= {"Presence.Read", "Presence.Read.All"}
    assert client.get("/me/presence", headers=header).status_code == 403
    lookalike.graph.forbidden.clear()
    assert client.get("/me/presence", headers=header).status_code == 200


def test_an_app_has_no_me(lookalike: Lookalike, client: httpx.Client) -> None:
    answer = client.get("/me/presence", headers=authorized(lookalike, APP, None))
    assert answer.status_code == 400
    assert "delegated authentication flow" in answer.json()["error"]["message"]
    path = f"/users/{ALEX.object_id}/presence"
    assert client.get(path, headers=authorized(lookalike, APP, None)).status_code == 200
    assert client.get(path, headers=authorized(lookalike, set(), None)).status_code == 403
