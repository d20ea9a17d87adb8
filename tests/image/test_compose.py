"""The compose files, as docker-compose itself reads them."""

import json
import os
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import pytest
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

from busylight.settings.load import load
from tests.image.conftest import ROOT
from tests.support.broker import free_port, listens, wait_until
from tests.support.image import Builder

compose = pytest.importorskip("compose", reason="`scripts/test image` installs docker-compose")

FILES = ROOT / "deploy" / "docker"
WANTED = {
    "compose.yaml": {"MQTT_PASSWORD", "GRAPH_CLIENT_ID"},
    "compose-usb.yaml": {"GRAPH_CLIENT_ID"},
}
GUID = "11111111-2222-3333-4444-555555555555"
GIVEN = {"MQTT_PASSWORD": "it's $ecret: 100%", "GRAPH_CLIENT_ID": GUID}


def ask(name: str, **given: str) -> "subprocess.CompletedProcess[str]":
    """What docker-compose makes of a file."""
    program = Path(str(compose.__file__)).parent / "docker-compose"
    return subprocess.run(
        [program, "--file", FILES / name, "config", "--format=json"],
        env={"PATH": os.environ["PATH"], "HOME": "/nonexistent", **given},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def read(name: str) -> dict[str, Any]:
    done = ask(name, **GIVEN)
    assert (done.returncode, done.stderr) == (0, "")
    # It writes every `$` twice, so that its output can be read again.
    whole: dict[str, Any] = json.loads(done.stdout.replace("$$", "$"))
    return whole


@pytest.mark.parametrize("name", WANTED)
def test_what_has_to_be_given_is_asked_for_by_name(name: str) -> None:
    for missing in WANTED[name]:
        given = {each: GIVEN[each] for each in WANTED[name] - {missing}}
        done = ask(name, **given)
        assert done.returncode != 0
        assert f"required variable {missing} is missing a value" in done.stderr


@pytest.mark.parametrize("name", WANTED)
def test_its_settings_are_settings_of_ours(name: str) -> None:
    environment = read(name)["services"]["busylight"]["environment"]
    settings = load(None, {**environment, "STATE_DIRECTORY": "/var/lib/busylight"})
    assert settings.graph is not None
    assert settings.graph.client_id == GUID
    assert settings.outputs == (("mqtt",) if name == "compose.yaml" else ("serial",))
    if settings.mqtt is not None and settings.mqtt.password is not None:
        assert settings.mqtt.password.get_secret_value() == GIVEN["MQTT_PASSWORD"]


@pytest.mark.parametrize("name", WANTED)
def test_the_container_may_do_nothing_that_it_need_not(
    name: str, builder: Builder, image: str
) -> None:
    service = read(name)["services"]["busylight"]
    assert service["read_only"] is True
    assert service["init"] is True, "Python alone would miss a signal while it starts"
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "privileged" not in service
    assert "user" not in service, "the image has one"
    places = {volume["target"] for volume in service["volumes"]}
    assert places >= builder.config(image)["Volumes"].keys()
    assert Path(service["build"]["context"]) == ROOT


def test_a_light_on_usb_is_no_device_of_the_container() -> None:
    service = read("compose-usb.yaml")["services"]["busylight"]
    assert "devices" not in service, "that one would be gone after a replug"
    assert service["device_cgroup_rules"] == ["c 166:* rmw", "c 188:* rmw"]
    (dev,) = (each for each in service["volumes"] if each["target"] == "/dev")
    assert (dev["source"], dev["read_only"]) == ("/dev", True)


def test_the_broker_lets_in_whoever_has_the_password_and_nobody_else() -> None:
    whole = read("compose.yaml")
    service = whole["services"]["mosquitto"]
    assert "ports" not in service, "it is for these three alone"
    shell, flag, script = service["command"]
    text = whole["configs"]["mosquitto"]["content"]
    port = free_port()
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        place.chmod(0o755)
        (place / "data").mkdir()
        (place / "data").chmod(0o777)
        text = text.replace("/tmp/", f"{place}/").replace("/mosquitto/", f"{place}/")  # noqa: S108 -- the container's
        config = place / "mosquitto.conf"
        config.write_text(text.replace("listener 1883", f"listener {port} 127.0.0.1"))
        script = script.replace("/tmp/", f"{place}/")  # noqa: S108 -- likewise
        script = script.replace("/mosquitto/config/mosquitto.conf", str(config))
        process = subprocess.Popen(
            [shell, flag, script],
            env={"PATH": f"{os.environ['PATH']}:/usr/sbin", **service["environment"]},
        )
        try:
            wait_until(lambda: listens(port) or process.poll() is not None)
            password = service["environment"]["MQTT_PASSWORD"]
            assert answer(port, "busylight", password) == "Success"
            assert answer(port, "homeassistant", password) == "Success"
            assert answer(port, "busylight", "wrong") == "Not authorized"
            assert answer(port, None, None) == "Not authorized"
        finally:
            process.terminate()
            process.wait()


def answer(port: int, user: str | None, password: str | None) -> str:
    """What the broker says to somebody who would like to come in."""
    said: list[str] = []
    client = Client(CallbackAPIVersion.VERSION2)
    client.username_pw_set(user, password)
    client.on_connect = lambda _client, _data, _flags, reason, _properties: said.append(str(reason))
    client.connect("127.0.0.1", port)
    client.loop_start()
    wait_until(lambda: said)
    client.disconnect()
    client.loop_stop()
    return said[0]
