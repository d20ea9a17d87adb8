"""The API and the metrics: as they are described, and for whom."""

import json
from dataclasses import replace
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import validate
from prometheus_client.parser import text_string_to_metric_families

from busylight.core.knowledge import NotKnown, SignInPrompt, Trouble, Why
from busylight.core.override import Mode, Override, SetMode
from busylight.core.preferred_presence import PreferredHealth, PreferredState
from busylight.core.reader import Role
from busylight.core.view import Standing, View
from busylight.edge import clock
from busylight.edge.tally import GRAPH_REQUESTS
from busylight.web.api import description
from busylight.web.app import Site, routes_of
from tests.support.web import PASSWORD, many, served, view_of

TOKEN = "3q2_7zJmXW8nHc5vTtQk"
DESCRIPTION: dict[str, Any] = json.loads(description())


def _complies(document: Any, schema: str) -> None:
    """Hold a document against a schema of the description."""
    whole = {**DESCRIPTION, "$ref": f"#/components/schemas/{schema}"}
    Draft202012Validator(whole).validate(document)


def _views() -> dict[str, View]:
    now = clock.now()
    return {
        "known": view_of(),
        "released": view_of(light="release"),
        "not known": view_of(knowledge=NotKnown(Trouble(Why.UNREACHABLE, "no answer"), now)),
        "signing in": view_of(
            knowledge=NotKnown(Trouble(Why.SIGNED_OUT, "sign in"), now),
            sign_in=SignInPrompt("https://microsoft.com/devicelogin", "ABCD", now + 60),
        ),
        "overridden": view_of(override=Override(Mode.BUSY, ends_at=now + 60)),
        "walking": view_of(walk_ends_at=now + 30),
        "many": view_of(people=many(3)),
        "one of two": _with(reader=Standing(Role.SPARE, leads=True, reads=True, peers=None)),
        "told to Teams": _with(
            preferred_presence=PreferredHealth(PreferredState.FAILED, "Busy", now, "not allowed")
        ),
        "faulty": _with(faults={"serial": 3}, blocked="it", credential="soon", last_error="no"),
    }


def _with(**diagnostics: Any) -> View:
    view = view_of()
    return replace(view, diagnostics=replace(view.diagnostics, **diagnostics))


def test_the_description_is_one_of_openapi() -> None:
    validate(DESCRIPTION)


async def test_every_path_of_the_api_is_described_and_no_other() -> None:
    async with served() as site:
        handled = {
            (route.path, method.lower())
            for route in routes_of(_site(site.output))
            for method in (route.methods or set()) - {"HEAD"}
            if route.path.startswith(("/api/", "/metrics"))
        }
    described = {(path, method) for path, found in DESCRIPTION["paths"].items() for method in found}
    assert handled == described


def _site(output: Any) -> Site:
    site: Site = output._server._site
    return site


@pytest.mark.parametrize("name", list(_views()))
async def test_the_state_is_as_described(name: str) -> None:
    async with served(_views()[name]) as site, site.client() as program:
        state = (await program.get("/api/v1/state")).json()
        _complies(state, "State")
        assert (await program.get("/api/v1/openapi.json")).json() == DESCRIPTION


async def test_changes_come_as_events_with_the_whole_state() -> None:
    async with (
        served() as site,
        site.client() as program,
        program.stream("GET", "/api/v1/events") as events,
    ):
        assert events.headers["content-type"].startswith("text/event-stream")
        lines = events.aiter_lines()
        assert await anext(lines) == "event: state"
        assert json.loads((await anext(lines))[6:])["state"] == "inacall"
        await site.show(view_of("Away", "Away", "#ffbf00 14%"))
        told = [line async for line in _until_data(lines)]
        state = json.loads(told[-1][6:])
        assert state["state"] == "away"
        _complies(state, "State")


async def _until_data(lines: Any) -> Any:
    async for line in lines:
        yield line
        if line.startswith("data: "):
            return


@pytest.mark.parametrize(
    ("body", "command"),
    [
        ({"mode": "busy", "for": 1500}, SetMode(Mode.BUSY, 1500)),
        ({"mode": "off"}, SetMode(Mode.OFF)),
        ({"mode": "auto"}, SetMode(Mode.AUTO)),
        ({"mode": "manual", "for": None}, SetMode(Mode.MANUAL)),
    ],
)
async def test_the_mode_can_be_set(body: dict[str, Any], command: SetMode) -> None:
    async with served() as site, site.client() as program:
        answer = await program.post("/api/v1/mode", json=body)
        assert answer.status_code == 202
        assert await site.until_heard() == [command]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{}", 400),
        (b"[]", 400),
        (b"null", 400),
        (b"\xff", 400),
        (b"[" * 9000, 400),
        (b'{"mode":"nothing"}', 400),
        (b'{"mode":["busy"]}', 400),
        (b'{"mode":"busy","for":0}', 400),
        (b'{"mode":"busy","for":86401}', 400),
        (b'{"mode":"busy","for":true}', 400),
        (b'{"mode":"busy","for":1.5}', 400),
        (b'{"mode":"busy","for":"25m"}', 400),
        (b'{"mode":"auto","for":60}', 400),
        (b'{"mode":"busy","what":1}', 400),
        (b'{"mode":"busy"' + b" " * 20_000 + b"}", 413),
    ],
)
async def test_what_makes_no_sense_is_refused_with_the_reason(body: bytes, status: int) -> None:
    async with served() as site, site.client() as program:
        answer = await program.post(
            "/api/v1/mode", content=body, headers={"Content-Type": "application/json"}
        )
        assert answer.status_code == status
        _complies(answer.json(), "Error")
        assert site.commands == []


@pytest.mark.parametrize(
    ("settings", "right"),
    [
        ({"password": PASSWORD, "token": TOKEN}, TOKEN),
        ({"password": PASSWORD}, PASSWORD),
        ({"token": TOKEN}, TOKEN),
    ],
)
async def test_the_api_asks_for_its_token(settings: dict[str, Any], right: str) -> None:
    async with served(**settings) as site, site.client() as program:
        for path in ("/api/v1/state", "/metrics", "/api/v1/nowhere", "/api/v1/openapi.json"):
            refused = await program.get(path)
            assert refused.status_code == 401
            assert refused.headers["www-authenticate"].startswith("Bearer")
        wrong = {"Authorization": "Bearer wrong-wrong-wrong-wrong"}
        assert (await program.get("/api/v1/state", headers=wrong)).status_code == 401
        basic = {"Authorization": f"Basic {right}"}
        assert (await program.get("/api/v1/state", headers=basic)).status_code == 401
        bearer = {"Authorization": f"Bearer {right}"}
        assert (await program.get("/api/v1/state", headers=bearer)).status_code == 200
        assert (await program.get("/metrics", headers=bearer)).status_code == 200
        answer = await program.post("/api/v1/mode", json={"mode": "off"}, headers=bearer)
        assert answer.status_code == 202


async def test_a_signed_in_browser_is_no_program() -> None:
    async with served(password=PASSWORD) as site, site.client() as visitor:
        await site.signed_in(visitor)
        assert (await visitor.post("/api/v1/mode", json={"mode": "off"})).status_code == 401


async def test_metrics_are_such_as_prometheus_reads() -> None:
    GRAPH_REQUESTS.note("2xx")
    GRAPH_REQUESTS.note("throttled")
    async with served(view_of(people=many(4))) as site, site.client() as program:
        answer = await program.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    found = {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }
    assert 4 < found["busylight_presence_age_seconds",] < 60
    assert found["busylight_presence_known",] == 1
    assert found["busylight_output_connected", "serial"] == 1
    assert found["busylight_people",] == 4
    counts = GRAPH_REQUESTS.counts
    assert found["busylight_graph_requests_total", "throttled"] == counts["throttled"]
    errors = sum(count for result, count in counts.items() if result != "2xx")
    assert found["busylight_graph_errors_total",] == errors
    assert found["process_resident_memory_bytes",] > 0
