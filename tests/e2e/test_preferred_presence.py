"""From a button, Home Assistant's topics or `busylight set` to Teams: program, broker, Graph."""

import json
import time
from pathlib import Path
from typing import Any

import pytest

from busylight.demo.lookalike import ADELE, ALEX, Lookalike, faults
from firmware_bridge import protocol
from firmware_bridge.simulate import SimulatedLight
from tests.security.evidence import Evidence
from tests.support.broker import Broker, Recorder
from tests.support.firmware import DEAF, shows
from tests.support.program import PATIENCE, Home, Program

BASE = "busylight/desk"
GREEN, RED = (0, 255, 0), (255, 0, 0)
SET_PATH = f"/v1.0/users/{ADELE.object_id}/presence/setUserPreferredPresence"
WRITING = "/v1.0/users/"


@pytest.fixture
def home(tmp_path: Path, lookalike: Lookalike, broker: Broker) -> Home:
    home = Home(tmp_path / "home").with_broker(broker.port)
    home.settings["GRAPH_WRITE"] = "true"
    return home.with_graph(lookalike)


def teams_of(report: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = report["diagnostics"]["preferred_presence"]
    return found


def teams_is(program: Program, state: str) -> dict[str, Any]:
    """Wait for what has become of what Teams was to be told."""
    return teams_of(program.reports(lambda report: teams_of(report)["state"] == state))


def is_read(program: Program, availability: str) -> None:
    program.reports(lambda report: report["presence"]["availability"] == availability)


def actions(lookalike: Lookalike) -> list[tuple[str, str | None, str | None]]:
    return [
        (
            action.name.removesuffix("UserPreferredPresence"),
            action.body.get("availability"),
            action.body.get("expirationDuration"),
        )
        for action in lookalike.graph.preferences.actions
    ]


def is_preferred(lookalike: Lookalike, availability: str | None) -> None:
    assert lookalike.graph.wait_preferred(availability, timeout=PATIENCE)


def test_the_selects_mode_is_told_to_teams_read_back_and_cleared_by_auto(
    lookalike: Lookalike, home: Home, recorder: Recorder
) -> None:
    with home.start() as program:
        program.shows("available")
        assert teams_of(program.report() or {})["state"] == "none"
        recorder.publish(f"{BASE}/mode/set", "busy")  # as Home Assistant's select does
        is_preferred(lookalike, "Busy")
        teams_is(program, "set")
        is_read(program, "Busy")
        recorder.publish(f"{BASE}/mode/set", '{"mode":"do_not_disturb","for":1500}')
        is_preferred(lookalike, "DoNotDisturb")
        is_read(program, "DoNotDisturb")
        recorder.publish(f"{BASE}/mode/set", "auto")
        is_preferred(lookalike, None)
        program.shows("available")
        assert actions(lookalike) == [
            ("set", "Busy", "P1D"),
            ("set", "DoNotDisturb", "PT25M"),
            ("clear", None, None),
        ]
        assert program.ends()[0] == 0


def test_the_end_of_an_override_ends_it_in_teams(
    lookalike: Lookalike, home: Home, recorder: Recorder
) -> None:
    with home.start() as program:
        program.shows("available")
        recorder.publish(f"{BASE}/mode/set", '{"mode":"away","for":3}')
        is_preferred(lookalike, "Away")
        program.reports(lambda report: report["mode"] == "auto")
        teams_is(program, "none")
        is_preferred(lookalike, None)
        is_read(program, "Available")
        program.ends()


def test_set_teams_waits_until_teams_was_told(lookalike: Lookalike, home: Home) -> None:
    with home.start() as program:
        program.shows("available")
        done = home.run("set", "--teams", "busy", "--for", "25m")
        assert (done.returncode, done.stderr) == (0, "")
        assert actions(lookalike) == [("set", "Busy", "PT25M")]
        again = home.run("set", "--teams", "busy", "--for", "25m")
        assert (again.returncode, again.stderr) == (0, "")
        assert len(actions(lookalike)) == 2
        cleared = home.run("set", "auto", "--teams")
        assert (cleared.returncode, cleared.stderr) == (0, "")
        assert actions(lookalike)[-1] == ("clear", None, None)
        nothing = home.run("set", "auto", "--teams")
        assert (nothing.returncode, nothing.stderr) == (0, "")
        lookalike.faults.add(faults.status(403), path=WRITING)
        refused = home.run("set", "busy", "--teams")
        assert refused.returncode == 1
        assert "the light shows busy, but Teams was not told" in refused.stderr
        assert "Presence.ReadWrite" in refused.stderr
        program.shows("busy")
        wrong = home.run("set", "off", "--teams")
        assert wrong.returncode == 2
        assert "about the light alone" in wrong.stderr
        program.ends()


def test_set_teams_is_refused_where_the_daemon_does_not_write(
    lookalike: Lookalike, home: Home
) -> None:
    del home.settings["GRAPH_WRITE"]
    with home.start() as program:
        program.shows("available")
        refused = home.run("set", "busy", "--teams")
        assert refused.returncode == 1
        assert "BUSYLIGHT_GRAPH_WRITE=true" in refused.stderr
        assert home.run("set", "busy").returncode == 0
        report = program.shows("busy")
        assert "preferred_presence" not in report["diagnostics"]
        program.ends()
    assert actions(lookalike) == []
    assert not [each for each in lookalike.requests if each.path.startswith(WRITING)]


def test_the_lights_button_tells_teams_and_needs_no_broker(
    tmp_path: Path, lookalike: Lookalike
) -> None:
    with SimulatedLight(tmp_path / "light") as light:
        home = Home(tmp_path / "home")
        home.settings |= {
            "GRAPH_WRITE": "true",
            "OUTPUTS": "serial",
            "SERIAL_PORT": str(light.path),
        }
        home.with_graph(lookalike)
        with home.start() as program:
            assert light.wait_for(shows(GREEN))
            time.sleep(DEAF)
            light.press(protocol.PRESS)  # toggle do_not_disturb
            is_preferred(lookalike, "DoNotDisturb")
            assert light.wait_for(shows(RED))
            light.press(protocol.PRESS)
            is_preferred(lookalike, None)
            assert light.wait_for(shows(GREEN))
            light.press(protocol.DOUBLE_PRESS)  # busy 25m
            is_preferred(lookalike, "Busy")
            assert actions(lookalike)[-1] == ("set", "Busy", "PT25M")
            light.press(protocol.LONG_PRESS)  # auto
            is_preferred(lookalike, None)
            program.ends()


def test_an_old_sign_in_lights_the_light_and_login_mends_the_rest(
    tmp_path: Path, lookalike: Lookalike, broker: Broker
) -> None:
    home = Home(tmp_path / "home").with_broker(broker.port).with_graph(lookalike)
    home.settings["GRAPH_WRITE"] = "true"
    checked = home.run("check")
    assert checked.returncode == 77
    assert "for reading only" in checked.stdout
    assert "busylight login" in checked.stdout
    with home.start() as program, Recorder(broker) as recorder:
        program.shows("available")
        recorder.publish(f"{BASE}/mode/set", '{"mode":"busy","for":600}')
        told = teams_is(program, "failed")
        assert "sign in again with `busylight login`" in told["error"]
        assert "sign in again with `busylight login`" in program.errors
        lookalike.graph.set_presence(ADELE.object_id, "DoNotDisturb", "Presenting")
        is_read(program, "DoNotDisturb")
        assert (program.report() or {})["diagnostics"]["last_error"] is None
        lookalike.entra.auto_approve_after = 0.0
        login = home.run("login")
        assert (login.returncode, login.stderr) == (0, "")
        is_preferred(lookalike, "Busy")
        teams_is(program, "set")
        program.ends()
    checked = home.run("check")
    assert "writing" in checked.stdout
    assert "nothing was changed" in checked.stdout
    assert checked.returncode == 0


def test_a_wish_outlives_faults_and_only_the_newest_is_told(
    lookalike: Lookalike, home: Home, recorder: Recorder
) -> None:
    with home.start() as program:
        program.shows("available")
        lookalike.faults.add(faults.SERVER_ERROR, path=WRITING)
        for mode in ("busy", "away", "available", "do_not_disturb"):
            recorder.publish(f"{BASE}/mode/set", mode)
        told = teams_is(program, "failed")
        assert "status 500" in told["error"]
        program.shows("donotdisturb")
        is_read(program, "Available")  # Teams was not told, and nobody claims that it was
        recorder.publish(f"{BASE}/mode/set", "away")
        lookalike.faults.clear()
        is_preferred(lookalike, "Away")
        assert actions(lookalike) == [("set", "Away", "P1D")]
        assert program.errors.count("the preferred presence is not set") <= 3
        program.ends()


def test_a_person_without_teams_is_told_so_and_the_light_shows_what_was_asked(
    lookalike: Lookalike, home: Home, recorder: Recorder
) -> None:
    lookalike.graph.without_session.add(ADELE.object_id)
    with home.start() as program:
        program.shows("offline")
        recorder.publish(f"{BASE}/mode/set", "busy")
        told = program.reports(lambda report: teams_of(report).get("error"))
        assert "signed in to Teams" in teams_of(told)["error"]
        assert told["presence"]["availability"] == "Offline"
        assert told["state"] == "busy"
        program.ends()


def test_a_restart_leaves_to_teams_what_it_was_told(
    lookalike: Lookalike, home: Home, recorder: Recorder
) -> None:
    with home.start() as program:
        program.shows("available")
        recorder.publish(f"{BASE}/mode/set", '{"mode":"busy","for":600}')
        is_preferred(lookalike, "Busy")
        teams_is(program, "set")
        program.ends()
    is_preferred(lookalike, "Busy")
    recorder.expect_restart()
    with home.start() as program:
        is_read(program, "Busy")
        assert teams_is(program, "unknown")["availability"] == "Busy"
        recorder.publish(f"{BASE}/mode/set", "auto")
        is_preferred(lookalike, None)
        is_read(program, "Available")
        assert actions(lookalike) == [("set", "Busy", "PT10M"), ("clear", None, None)]
        program.ends()


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"GRAPH_USER": ALEX.object_id}, "GRAPH_USER"),
        ({"GRAPH_USERS": ALEX.object_id}, "GRAPH_USERS"),
        ({"SOURCE": "mqtt", "MQTT_SOURCE_TOPIC": "a/b"}, "SOURCE=mqtt"),
        ({"GRAPH_USER": ALEX.object_id, "GRAPH_CLIENT_SECRET": "s"}, "GRAPH_CLIENT_SECRET"),
    ],
)
def test_other_peoples_presence_is_refused_at_the_start(
    home: Home, given: dict[str, str], words: str
) -> None:
    home.settings |= given
    refused = home.run("run")
    assert refused.returncode == 78
    assert f"BUSYLIGHT_GRAPH_WRITE=true is refused with {words}" in refused.stderr
    assert "signed in" in refused.stderr or "sign in" in refused.stderr


def test_no_token_is_in_anything_that_is_written(
    lookalike: Lookalike, home: Home, recorder: Recorder
) -> None:
    home.settings["LOG_LEVEL"] = "debug"
    evidence = Evidence()
    with home.start() as program:
        program.shows("available")
        for number, fault in enumerate((faults.status(401), faults.HUGE, faults.RESET)):
            lookalike.faults.add(fault, path=WRITING)
            mode = ("busy", "away")[number % 2]
            recorder.publish(f"{BASE}/mode/set", json.dumps({"mode": mode, "for": 60 + number}))
            teams_is(program, "failed")
            lookalike.faults.clear()
            is_preferred(lookalike, mode.capitalize())
            teams_is(program, "set")
        evidence.of_daemon(program)
        program.ends()
    evidence.of_broker(recorder)
    evidence.of_run(home, "check")
    evidence.secrets_of(lookalike)
    assert lookalike.entra.vault.access
    assert evidence.leaks() == set()
