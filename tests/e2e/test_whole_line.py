"""From a change in Graph to the light: the program as a process, on real parts."""

import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from busylight.demo.lookalike import ADELE, ALEX, MEGAN, Lookalike
from firmware_bridge.virtual_light import TEMPLATE, VirtualLight
from tests.support.broker import Broker, Recorder, wait_until
from tests.support.program import Home, Program, json_of

BASE = "busylight/desk"


@pytest.fixture
def light(tmp_path: Path) -> Iterator[VirtualLight]:
    with VirtualLight(tmp_path / "light") as light:
        yield light


def _shows(light: VirtualLight, state: str) -> bool:
    return _state(light) == state


def _has_activity(recorder: Recorder, topic: str, activity: str) -> bool:
    presence = json_of(recorder.last(topic))
    return presence is not None and presence["activity"] == activity


def _state(light: VirtualLight) -> str | None:
    return light.last.state if light.last is not None else None


def test_a_change_in_graph_is_on_the_broker_and_on_the_wire_within_the_interval_and_half_a_second(
    tmp_path: Path, lookalike: Lookalike, broker: Broker, light: VirtualLight
) -> None:
    home = Home(tmp_path / "home").with_graph(lookalike)
    home.with_broker(broker.port).with_light(light.path, TEMPLATE)
    with Recorder(broker) as recorder, home.start() as program:
        program.shows("available")
        wait_until(lambda: _state(light) == "available")
        late = []
        for availability, activity, state in (
            ("Busy", "InACall", "inacall"),
            ("DoNotDisturb", "Presenting", "presenting"),
            ("Away", "BeRightBack", "berightback"),
        ):
            recorder.forget()
            changed = time.monotonic()
            lookalike.graph.set_presence(ADELE.object_id, availability, activity)
            wait_until(partial(_has_activity, recorder, f"{BASE}/presence", activity))
            wait_until(partial(recorder.last, f"{BASE}/light"))
            on_broker = time.monotonic() - changed
            wait_until(partial(_shows, light, state))
            assert light.last is not None
            late.append((on_broker, light.last.at - changed))
        assert max(max(pair) for pair in late) <= 1 + 0.5, late
        assert program.ends()[0] == 0


def test_what_stands_on_the_broker_is_what_the_contract_says(
    tmp_path: Path, lookalike: Lookalike, broker: Broker
) -> None:
    home = Home(tmp_path / "home").with_graph(lookalike).with_broker(broker.port)
    lookalike.graph.set_presence(ADELE.object_id, "Busy", "InACall", status_message="secret plans")
    with Recorder(broker) as recorder, home.start() as program:
        wait_until(lambda: (json_of(recorder.last(f"{BASE}/presence")) or {}).get("fresh"))
        wait_until(lambda: recorder.last(f"{BASE}/availability") == b"online")
        presence = json_of(recorder.last(f"{BASE}/presence"))
        assert {key: presence[key] for key in ("availability", "activity", "fresh")} == {
            "availability": "Busy",
            "activity": "InACall",
            "fresh": True,
        }
        light = {
            "state": "ON",
            "brightness": 255,
            "color_mode": "rgb",
            "color": {"r": 255, "g": 0, "b": 0},
            "effect": "pulse",
        }
        wait_until(lambda: json_of(recorder.last(f"{BASE}/light")) == light)
        assert recorder.last(f"{BASE}/mode") == b"auto"
        assert json_of(recorder.last(f"{BASE}/override")) is None
        everything = b"".join(message.payload for message in recorder.heard)
        assert b"secret plans" not in everything
        assert ADELE.principal_name.encode() not in everything
        program.ends()
        wait_until(lambda: recorder.last(f"{BASE}/availability") == b"offline")
        # `offline` is the last word: what stands beside it was published before.
        assert json_of(recorder.last(f"{BASE}/presence"))["fresh"] is False
        assert json_of(recorder.last(f"{BASE}/light"))["state"] == "OFF"


@pytest.mark.parametrize(
    "order", ["graph broker light", "light broker graph", "broker light graph"]
)
def test_with_everything_absent_it_starts_and_each_part_comes_in_by_itself(
    tmp_path: Path, order: str
) -> None:
    with Lookalike() as lookalike, Broker(tmp_path / "broker") as broker:
        home = Home(tmp_path / "home").with_graph(lookalike)
        broker.stop()
        lookalike.stop()
        light = VirtualLight(tmp_path / "light")
        home.with_broker(broker.port).with_light(light.path, TEMPLATE)
        with home.start() as program, light:
            light.unplug()
            outputs = program.reports(
                lambda report: all(
                    output["state"] == "failed"
                    for output in report["diagnostics"]["outputs"].values()
                )
            )
            assert outputs["state"] == "unknown"
            come: dict[str, tuple[Callable[[], None], Callable[[], object]]] = {
                "graph": (lookalike.start, lambda: program.shows("available")),
                "broker": (broker.start, lambda: _connected(program, "mqtt")),
                "light": (light.plug, lambda: _connected(program, "serial")),
            }
            for part in order.split():
                appear, came_in = come[part]
                appear()
                came_in()
            wait_until(lambda: _state(light) == "available")
            with Recorder(broker) as recorder:
                wait_until(
                    lambda: (
                        (json_of(recorder.last(f"{BASE}/presence")) or {}).get("availability")
                        == "Available"
                    )
                )


def _connected(program: Program, output: str) -> None:
    program.reports(lambda report: report["diagnostics"]["outputs"][output]["state"] == "connected")


def test_when_graph_falls_silent_the_light_says_so_and_comes_back(
    tmp_path: Path, lookalike: Lookalike, light: VirtualLight
) -> None:
    home = Home(tmp_path / "home").with_graph(lookalike).with_light(light.path, TEMPLATE)
    with home.start() as program:
        program.shows("available")
        lookalike.stop()
        wait_until(lambda: _state(light) == "unknown")
        report = program.shows("unknown")
        assert report["presence"]["reason"] == "unreachable"
        lookalike.start()
        wait_until(lambda: _state(light) == "available")


def test_nobody_signed_in_shows_the_code_and_goes_on_when_the_person_signs_in_elsewhere(
    tmp_path: Path, lookalike: Lookalike, broker: Broker, light: VirtualLight
) -> None:
    home = Home(tmp_path / "home").with_graph(lookalike, signed_in=False)
    home.with_broker(broker.port).with_light(light.path, TEMPLATE)
    with Recorder(broker) as recorder, home.start() as program:
        code = lookalike.entra.wait_sign_in(timeout=20).user_code
        program.says(f"enter the code {code}")
        wait_until(lambda: _state(light) == "signin")
        wait_until(lambda: (json_of(recorder.last(f"{BASE}/sign_in")) or {}).get("code") == code)
        home.sign_in(lookalike)  # another process, another code
        program.shows("available")
        wait_until(lambda: json_of(recorder.last(f"{BASE}/sign_in")) is None)


def test_a_revoked_sign_in_is_told_with_its_reason_and_mended_by_login_beside_the_daemon(
    tmp_path: Path, lookalike: Lookalike
) -> None:
    home = Home(tmp_path / "home").with_graph(lookalike)
    with home.start() as program:
        program.shows("available")
        lookalike.entra.revoke()
        report = program.shows("signin")
        assert "AADSTS50173" in report["diagnostics"]["last_error"]
        lookalike.entra.auto_approve_after = 0.0
        login = home.run("login")
        assert (login.returncode, login.stderr) == (0, "")
        assert ADELE.principal_name in login.stdout
        program.shows("available")


def test_an_override_from_mqtt_wins_at_once_survives_a_restart_and_is_ended_by_auto(
    tmp_path: Path, lookalike: Lookalike, broker: Broker, light: VirtualLight
) -> None:
    home = Home(tmp_path / "home").with_graph(lookalike)
    home.with_broker(broker.port).with_light(light.path, TEMPLATE)
    with Recorder(broker) as recorder:
        with home.start() as program:
            program.reports(
                lambda report: report["diagnostics"]["outputs"]["mqtt"]["state"] == "connected"
            )
            assert home.run("set", "do-not-disturb", "--for", "25m").returncode == 0
            wait_until(lambda: _state(light) == "donotdisturb")
            override = json_of(recorder.last(f"{BASE}/override"))
            assert override["mode"] == "do_not_disturb"
            assert override["ends_at"].endswith("Z")
            assert json_of(recorder.last(f"{BASE}/presence"))["availability"] == "Available"
            program.ends()
        with home.start() as program:
            assert program.shows("donotdisturb")["override"] == override
            program.reports(
                lambda report: report["diagnostics"]["outputs"]["mqtt"]["state"] == "connected"
            )
            recorder.publish(f"{BASE}/light/set", '{"state":"ON","color":{"r":1,"g":2,"b":3}}')
            wait_until(lambda: recorder.last(f"{BASE}/mode") == b"manual")
            assert home.run("set", "auto").returncode == 0
            program.shows("available")


def test_several_people_are_published_and_the_light_shows_the_busiest(
    tmp_path: Path, lookalike: Lookalike, broker: Broker
) -> None:
    home = Home(tmp_path / "home").with_graph(lookalike, signed_in=False).with_broker(broker.port)
    home.settings |= {
        "GRAPH_USERS": f"{ADELE.object_id},{MEGAN.principal_name},{ALEX.object_id}",
        "GRAPH_CLIENT_SECRET": lookalike.client_secret,
        "GRAPH_TENANT_ID": lookalike.tenant_id,
    }
    with Recorder(broker) as recorder, home.start() as program:
        assert program.shows("presenting")
        for person, activity in (
            (ADELE, "Available"),
            (MEGAN, "BeRightBack"),
            (ALEX, "Presenting"),
        ):
            topic = f"{BASE}/users/{person.object_id}/presence"
            wait_until(partial(_has_activity, recorder, topic, activity))
