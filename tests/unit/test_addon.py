"""How the add-on's form becomes settings; tests/image has it run for real."""

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from busylight import addon
from busylight.addon import AddonError, Patience, broker_settings, main, settings_of, wants_broker
from busylight.settings.load import load
from tests.support.supervisor import NO_SERVICE, TOKEN, Supervisor

SOON = Patience(in_all=0.0, between=0.0, each=5.0)
GUID = "11111111-2222-3333-4444-555555555555"
MQTT = {"host": "core-mosquitto", "port": 1883, "ssl": False, "protocol": "3.1.1"}
LOGIN = {"username": "addons", "password": "it's: secret"}


def test_the_form_as_it_comes_is_the_light_in_home_assistant() -> None:
    assert settings_of({"name": "Busy light", "outputs": ["mqtt"], "settings": []}) == {
        "BUSYLIGHT_NAME": "Busy light",
        "BUSYLIGHT_OUTPUTS": "mqtt",
    }


def test_what_is_left_empty_is_not_set() -> None:
    assert settings_of({"client_id": "", "user": None, "outputs": ["wled"]}) == {
        "BUSYLIGHT_OUTPUTS": "wled"
    }


def test_whoever_chooses_a_port_has_a_light_on_it() -> None:
    chosen = settings_of({"outputs": ["mqtt"], "serial_port": "/dev/serial/by-id/usb-x"})
    assert chosen["BUSYLIGHT_OUTPUTS"] == "mqtt,serial"
    both = settings_of({"outputs": ["serial"], "serial_port": "/dev/ttyACM0"})
    assert both["BUSYLIGHT_OUTPUTS"] == "serial"


def test_more_settings_have_their_names_with_or_without_the_prefix_and_the_last_word() -> None:
    given = settings_of(
        {
            "name": "Desk",
            "settings": [
                {"name": "color_busy", "value": "red 50%"},
                {"name": " BUSYLIGHT_NAME ", "value": "Kitchen"},
            ],
        }
    )
    assert given["BUSYLIGHT_COLOR_BUSY"] == "red 50%"
    assert given["BUSYLIGHT_NAME"] == "Kitchen"


def test_every_option_is_a_setting_of_ours() -> None:
    options: dict[str, Any] = {
        "name": "Desk", "client_id": GUID, "tenant_id": GUID, "client_secret": "s",
        "user": GUID, "serial_port": "/dev/ttyACM0", "serial_protocol": "wled",
        "brightness": 40, "hours": "Mon-Fri 08:00-18:00", "mqtt_host": "broker.example",
        "mqtt_port": 8883, "mqtt_username": "u", "mqtt_password": "p", "log_level": "debug",
    }  # fmt: skip
    assert options.keys() == addon.SETTINGS.keys()
    settings = load(None, settings_of({**options, "outputs": ["mqtt", "serial"]}))
    assert (settings.name, settings.brightness, settings.outputs) == (
        "Desk",
        40,
        ("mqtt", "serial"),
    )
    assert settings.mqtt is not None
    assert (settings.mqtt.host, settings.mqtt.port) == ("broker.example", 8883)


@given(
    st.dictionaries(
        st.sampled_from([*addon.SETTINGS]),
        st.none() | st.text() | st.integers() | st.booleans(),
    )
)
def test_whatever_the_form_says_there_is_a_light_and_nothing_but_text(form: dict[str, Any]) -> None:
    given = settings_of(form)
    assert given["BUSYLIGHT_OUTPUTS"].startswith("mqtt")
    assert all(
        name.startswith("BUSYLIGHT_") and type(value) is str for name, value in given.items()
    )
    assert "" not in given.values()


@pytest.mark.parametrize(
    ("form", "wanted"),
    [
        ({"outputs": ["mqtt"]}, True),
        ({"outputs": ["wled"]}, False),
        ({"outputs": ["wled"], "settings": [{"name": "SOURCE", "value": "MQTT"}]}, True),
        ({"outputs": ["mqtt"], "mqtt_host": "broker.example"}, False),
        ({"settings": [{"name": "OUTPUTS", "value": "serial, mqtt:attic"}]}, True),
    ],
)
def test_home_assistants_broker_is_asked_for_where_one_is_needed_and_none_is_named(
    form: dict[str, Any], wanted: object
) -> None:
    assert wants_broker(settings_of(form)) is wanted


def test_the_supervisors_answer_becomes_the_brokers_settings() -> None:
    answer = {"result": "ok", "data": {**MQTT, **LOGIN, "addon": "core_mosquitto"}}
    assert broker_settings(answer) == {
        "BUSYLIGHT_MQTT_HOST": "core-mosquitto",
        "BUSYLIGHT_MQTT_PORT": "1883",
        "BUSYLIGHT_MQTT_USERNAME": "addons",
        "BUSYLIGHT_MQTT_PASSWORD": "it's: secret",
    }
    safe = broker_settings({"result": "ok", "data": {**MQTT, "ssl": True, "port": 8883}})
    assert safe["BUSYLIGHT_MQTT_TLS"] == "true"
    assert "BUSYLIGHT_MQTT_USERNAME" not in safe


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (NO_SERVICE, "Service not enabled"),
        ({"result": "ok", "data": {"host": "x"}}, "names no host and port"),
        ({"result": "ok", "data": {"host": "x", "port": "many"}}, "names no host and port"),
        ({"result": "ok", "data": []}, "an answer that is none"),
        ([], "an answer that is none"),
        (None, "an answer that is none"),
    ],
)
def test_any_other_answer_is_told(answer: Any, problem: str) -> None:
    with pytest.raises(AddonError, match=problem):
        broker_settings(answer)


def test_the_groups_of_ports_are_taken_along_and_roots_only_for_a_chosen_one(
    tmp_path: Path,
) -> None:
    (tmp_path / "ttyACM0").write_text("no device")
    assert addon.ports_of({}, tmp_path) == set()
    (tmp_path / "ttyS0").symlink_to("/dev/null")
    group = os.stat("/dev/null").st_gid  # noqa: PTH116 -- root's, as a rule
    assert addon.ports_of({}, tmp_path) == {group} - {0}
    assert addon.ports_of({"BUSYLIGHT_SERIAL_PORT": "/dev/null"}, tmp_path) == {group}
    assert addon.ports_of({"BUSYLIGHT_SERIAL_PORT": "/dev/none"}, tmp_path / "no") == set()


# -- The start ------------------------------------------------------------------------------


class Started(Exception):  # noqa: N818 -- no error: the daemon is in our place
    """What the daemon would be started with."""

    def __init__(self, words: list[str], environment: dict[str, str]) -> None:
        super().__init__()
        self.words, self.environment = words, environment


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the supervisor puts the answers; we are nobody special."""

    def execve(path: str, words: list[str], environment: dict[str, str]) -> None:
        assert path == sys.executable
        raise Started(words, environment)

    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(os, "execve", execve)
    monkeypatch.delenv("BUSYLIGHT_STATE_DIR", raising=False)
    return tmp_path


def begin(
    data: Path,
    options: object,
    monkeypatch: pytest.MonkeyPatch,
    supervisor: Supervisor,
    patience: Patience = SOON,
) -> Started:
    (data / "options.json").write_text(json.dumps(options))
    for name, value in supervisor.environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(Started) as started:
        main(data, patience)
    return started.value


def test_the_daemon_starts_with_the_brokers_login_and_without_the_token(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Supervisor(**MQTT, **LOGIN) as supervisor:
        started = begin(data, {"name": "Desk", "client_id": GUID}, monkeypatch, supervisor)
    assert started.words == [sys.executable, "-m", "busylight", "run"]
    ours = {name: started.environment[name] for name in started.environment if "LIGHT_" in name}
    assert ours == {
        "BUSYLIGHT_NAME": "Desk",
        "BUSYLIGHT_GRAPH_CLIENT_ID": GUID,
        "BUSYLIGHT_OUTPUTS": "mqtt",
        "BUSYLIGHT_MQTT_HOST": "core-mosquitto",
        "BUSYLIGHT_MQTT_PORT": "1883",
        "BUSYLIGHT_MQTT_USERNAME": "addons",
        "BUSYLIGHT_MQTT_PASSWORD": "it's: secret",
        "BUSYLIGHT_STATE_DIR": str(data / "busylight"),
    }
    assert TOKEN not in str(started.environment)
    assert (data / "busylight").stat().st_mode & 0o777 == 0o700


def test_the_state_directory_is_where_the_health_check_asks(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    more = [{"name": "STATE_DIR", "value": "/elsewhere"}]
    with Supervisor() as supervisor:
        started = begin(data, {"outputs": ["wled"], "settings": more}, monkeypatch, supervisor)
        assert supervisor.asked == [], "no broker is needed"
    assert started.environment["BUSYLIGHT_STATE_DIR"] == str(data / "busylight")


def test_without_a_broker_it_says_what_to_install(
    data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (data / "options.json").write_text("{}")
    with Supervisor() as supervisor:
        for name, value in supervisor.environment.items():
            monkeypatch.setenv(name, value)
        assert main(data, SOON) == 78
    told = capsys.readouterr().err
    assert "names no MQTT broker (Service not enabled): install the add-on Mosquitto" in told


def test_other_lights_do_not_wait_for_a_broker_for_ever(
    data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with Supervisor() as supervisor:
        started = begin(data, {"outputs": ["mqtt", "serial"]}, monkeypatch, supervisor)
    assert started.environment["BUSYLIGHT_OUTPUTS"] == "serial"
    assert "going on without" in capsys.readouterr().err


def test_a_broker_that_starts_after_us_is_waited_for(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Supervisor() as supervisor:
        monkeypatch.setattr(addon, "sleep", lambda _: supervisor.mqtt.update(MQTT))
        started = begin(data, {}, monkeypatch, supervisor, Patience(60.0, 0.0, 5.0))
        assert supervisor.asked == ["/services/mqtt"] * 2
    assert started.environment["BUSYLIGHT_MQTT_HOST"] == "core-mosquitto"


@pytest.mark.parametrize("junk", [b"<html>", b"[" * 50_000, b"\xff", b"{}"])
def test_junk_from_the_supervisor_is_told(
    data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], junk: bytes
) -> None:
    (data / "options.json").write_text("{}")
    with Supervisor(**MQTT) as supervisor:
        supervisor.junk = junk
        for name, value in supervisor.environment.items():
            monkeypatch.setenv(name, value)
        assert main(data, SOON) == 78
    assert "names no MQTT broker" in capsys.readouterr().err


@pytest.mark.parametrize("text", [None, "{", "[]"])
def test_anywhere_else_it_says_that_it_is_an_add_ons(
    data: Path, capsys: pytest.CaptureFixture[str], text: str | None
) -> None:
    if text is not None:
        (data / "options.json").write_text(text)
    assert main(data, SOON) == 78
    assert "options.json" in capsys.readouterr().err


def test_without_a_token_it_does_not_go_on_in_silence(
    data: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("SUPERVISOR_TOKEN", "HASSIO_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    (data / "options.json").write_text("{}")
    assert main(data, SOON) == 78
    assert "the supervisor has given no token" in capsys.readouterr().err
