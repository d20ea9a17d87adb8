"""One program reads, another follows it without an account: both as processes."""

import signal
import time
from pathlib import Path

import pytest

from busylight.demo.lookalike import ADELE, Lookalike
from firmware_bridge.simulate import SimulatedLight
from tests.support.broker import Broker, Recorder, wait_until
from tests.support.program import Home, json_of


@pytest.fixture
def leader(tmp_path: Path, lookalike: Lookalike, broker: Broker) -> Home:
    return Home(tmp_path / "leader").with_graph(lookalike).with_broker(broker.port)


@pytest.fixture
def follower(tmp_path: Path, broker: Broker) -> Home:
    home = Home(tmp_path / "follower").with_broker(broker.port)
    home.settings |= {
        "ID": "kitchen",
        "SOURCE": "mqtt",
        "MQTT_SOURCE_TOPIC": "busylight/desk/presence",
    }
    return home


def _light(recorder: Recorder, name: str) -> object:
    return json_of(recorder.last(f"busylight/{name}/light"))


def test_a_follower_without_an_account_shows_its_leaders_light_until_the_leader_is_gone(
    lookalike: Lookalike, broker: Broker, leader: Home, follower: Home
) -> None:
    with Recorder(broker) as recorder, follower.start() as kitchen:
        kitchen.shows("unknown")
        with leader.start() as desk:
            desk.shows("available")
            kitchen.shows("available")
            late = []
            for availability, activity, state in (
                ("Busy", "InACall", "inacall"),
                ("Away", "BeRightBack", "berightback"),
                ("DoNotDisturb", "Presenting", "presenting"),
            ):
                recorder.forget()
                lookalike.graph.set_presence(ADELE.object_id, availability, activity)
                wait_until(lambda: recorder.last("busylight/desk/presence"))
                led = time.monotonic()
                wait_until(lambda: recorder.last("busylight/kitchen/light"))
                late.append(time.monotonic() - led)
                assert kitchen.shows(state)
                wait_until(lambda: _light(recorder, "kitchen") == _light(recorder, "desk"))
            assert max(late) < 0.5, late
            recorder.forget()
            desk.process.kill()
            killed = time.monotonic()
            wait_until(lambda: recorder.last("busylight/kitchen/light"))
            assert time.monotonic() - killed < 1
        report = kitchen.shows("unknown")
        assert report["presence"]["reason"] == "stale"
        assert "does not say that it lives" in report["diagnostics"]["last_error"]
        with leader.start():
            kitchen.shows("presenting")
        assert kitchen.ends()[0] == 0


def test_a_leader_that_is_stopped_dead_or_that_must_sign_in_is_not_followed_into_a_lie(
    leader: Home, follower: Home
) -> None:
    leader.settings["MQTT_KEEPALIVE"] = "2"
    with follower.start() as kitchen, leader.start() as desk:
        kitchen.shows("available")
        desk.process.send_signal(signal.SIGSTOP)
        kitchen.shows("unknown")
        desk.process.send_signal(signal.SIGCONT)
        kitchen.shows("available")
        assert leader.run("logout").returncode == 0
        assert kitchen.shows("signin")["presence"]["reason"] == "signed_out"


def test_status_and_check_of_a_follower_say_what_it_hears_and_disturb_nothing(
    leader: Home, follower: Home
) -> None:
    follower.settings["OUTPUTS"] = "terminal"
    away = follower.run("status")
    assert (away.returncode, away.stdout) == (1, "")
    assert "nothing is published on busylight/desk/presence" in away.stderr
    with follower.start() as kitchen, leader.start():
        kitchen.shows("available")
        heard = kitchen.errors.count("presence:")
        found = follower.run("status")
        assert (found.returncode, found.stderr) == (0, "")
        assert "Available/Available" in found.stdout
        checked = follower.run("check")
        assert checked.returncode == 0, checked.stdout
        assert "busylight/desk/presence Available/Available" in checked.stdout
        assert kitchen.errors.count("presence:") == heard  # what was known was never lost


def test_a_follower_of_itself_is_refused(follower: Home) -> None:
    follower.settings["ID"] = "desk"
    done = follower.run("check")
    assert done.returncode == 78
    assert "BUSYLIGHT_MQTT_SOURCE_TOPIC=busylight/desk/presence names" in done.stderr
    assert "give it an ID of its own" in done.stderr


def test_a_follower_needs_no_sign_in(follower: Home) -> None:
    done = follower.run("login")
    assert done.returncode == 1
    assert "presence is read from mqtt, which needs no sign-in" in done.stderr


def _loaded(leader: Home, follower: Home) -> set[str]:
    """The packages that a follower has loaded when it ends."""
    (follower.directory / "sitecustomize.py").write_text(
        "import os, sys\n"
        "def leave(code, leave=os._exit):\n"
        "    print('LOADED', *sorted(sys.modules), flush=True)\n"
        "    leave(code)\n"
        "os._exit = leave\n"
    )
    follower.more_environment["PYTHONPATH"] = str(follower.directory)
    with leader.start(), follower.start() as kitchen:
        kitchen.shows("available")
        kitchen.ends()
        kitchen.says("LOADED")
        return {name.partition(".")[0] for name in kitchen.out.split()}


def test_a_follower_loads_nothing_of_microsofts(leader: Home, follower: Home) -> None:
    loaded = _loaded(leader, follower)
    assert "paho" in loaded
    assert not loaded & {"msal", "httpx", "requests", "cryptography", "serial"}


def test_a_follower_with_a_light_on_a_line_loads_nothing_of_microsofts_either(
    leader: Home, follower: Home
) -> None:
    with SimulatedLight(follower.directory / "light") as light:
        follower.settings |= {"OUTPUTS": "serial", "SERIAL_PORT": str(light.path)}
        loaded = _loaded(leader, follower)
    assert loaded >= {"paho", "serial"}
    assert not loaded & {"msal", "httpx", "requests", "cryptography"}
