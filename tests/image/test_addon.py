"""The add-on's image, with a stand-in for the supervisor: from its form to a light."""

import json
import os
import re
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from busylight import __version__
from busylight.demo.lookalike import Lookalike
from tests.image.conftest import ROOT, USER, Start, starting
from tests.support.broker import Broker, Recorder, wait_until
from tests.support.image import DOCKERS_CAPABILITIES, Architecture, Builder, Run
from tests.support.supervisor import TOKEN, Supervisor

PASSWORD = "it's $ecret"
STOP_LIMIT = 5.0
DIALOUT = 18
"""The number that Home Assistant's system gives the group of ports."""


@pytest.fixture(scope="module")
def addon(builder: Builder, image: str, architecture: Architecture) -> str:
    """Built as the supervisor does it, from the released image of the same version."""
    tag = f"localhost/busylight-addon:{architecture.name}"
    name = {"arm64": "aarch64"}.get(architecture.name, architecture.name)
    builder("tag", image, f"ghcr.io/busylight/busylight-presence:v{__version__}")
    arguments = [f"--build-arg=BUILD_VERSION={__version__}", f"--build-arg=BUILD_ARCH={name}"]
    builder.build(ROOT / "deploy" / "homeassistant-addon", tag, architecture, *arguments)
    return tag


@pytest.fixture
def addon_config(builder: Builder, addon: str) -> dict[str, Any]:
    return builder.config(addon)


@pytest.fixture
def start_addon(
    builder: Builder, addon: str, addon_config: dict[str, Any], tmp_path: Path
) -> Iterator[Start]:
    with builder.mounted(addon) as root:
        yield from starting(root, addon_config, tmp_path)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """What the supervisor mounts at /data: root's."""
    data = tmp_path / "data"
    data.mkdir(mode=0o700)
    return data


@pytest.fixture
def dev(tmp_path: Path) -> Path:
    dev = tmp_path / "dev"
    dev.mkdir()
    for name, numbers, group in (("null", (1, 3), 0), ("ttyACM0", (166, 0), DIALOUT)):
        os.mknod(dev / name, stat.S_IFCHR, os.makedev(*numbers))
        os.chown(dev / name, 0, group)
        (dev / name).chmod(0o660)
    (dev / "null").chmod(0o666)
    return dev


def run(supervisor: Supervisor, data: Path, dev: Path, options: dict[str, Any]) -> Run:
    """As the supervisor starts an add-on."""
    (data / "options.json").write_text(json.dumps(options))
    (data / "options.json").chmod(0o600)
    return Run(
        environment={"TZ": "Europe/Berlin", **supervisor.environment},
        volumes={"/data": data},
        read_only=False,
        capabilities=DOCKERS_CAPABILITIES,
        device_rules=["c 204:* rwm", "c 188:* rwm", "c 166:* rwm"],
        dev=dev,
    )


def test_the_form_leads_to_a_light_in_home_assistant(
    start_addon: Start, data: Path, dev: Path, tmp_path: Path, architecture: Architecture
) -> None:
    broker = Broker(tmp_path / "broker", passwords={"addons": PASSWORD})
    with (
        Lookalike() as lookalike,
        broker,
        Recorder(broker, username="addons", password=PASSWORD) as heard,
        Supervisor(
            host="127.0.0.1", port=broker.port, username="addons", password=PASSWORD, ssl=False
        ) as supervisor,
    ):
        shutil.copy(lookalike.ca_file, data / "ca.pem")
        (data / "ca.pem").chmod(0o644)
        options = {
            "name": "Desk",
            "client_id": lookalike.client_id,
            "outputs": ["mqtt"],
            "settings": [
                {"name": "INTERVAL", "value": "1"},
                {"name": "GRAPH_AUTHORITY_URL", "value": lookalike.authority_url},
                {"name": "GRAPH_BASE_URL", "value": lookalike.base_url},
                {"name": "GRAPH_CA_FILE", "value": "/data/ca.pem"},
            ],
        }
        container = start_addon(run(supervisor, data, dev, options))
        container.until(lambda: re.search("enter the code (.+) \\(good until", container.log))
        (code,) = re.findall("enter the code (.+) \\(good until", container.log)
        wait_until(lambda: code.encode() in (heard.last("busylight/busylight/sign_in") or b""))
        lookalike.entra.approve(code)
        container.until(lambda: "available" in container.exec("busylight", "health").stdout)
        container.until(lambda: container.health() == 0)
        device = json.loads(heard.last("homeassistant/device/busylight_busylight/config") or b"{}")
        assert device["device"]["name"] == "Desk"

        status = container.exec("cat", "/proc/1/status").stdout
        assert f"Uid:\t{USER}\t{USER}\t{USER}\t{USER}\n" in status
        assert re.search(rf"^Groups:\t{DIALOUT} $", status, re.MULTILINE)
        assert re.search(r"^CapEff:\t0+$", status, re.MULTILINE)
        mode = (data / "busylight").stat()
        assert (mode.st_uid, mode.st_mode & 0o777) == (USER, 0o700)
        environment = container.exec("cat", "/proc/1/environ").stdout
        assert environment == "", "root without the right to look cannot even read it"
        assert TOKEN not in container.log
        assert PASSWORD not in container.log

        container.signal("STOP")
        assert container.health() == 1
        container.signal("CONT")
        code_of_exit, seconds = container.stops()
        print(f"add-on for {architecture.name}: stopped after {seconds:.1f} s")
        assert code_of_exit == 0
        assert seconds < STOP_LIMIT
        assert heard.last("busylight/busylight/availability") == b"offline"


def test_it_may_not_read_the_answers_once_it_runs(
    start_addon: Start, data: Path, dev: Path
) -> None:
    more = [{"name": name, "value": value} for name, value in {
        "SOURCE": "mqtt", "MQTT_HOST": "127.0.0.1", "MQTT_SOURCE_TOPIC": "presence",
    }.items()]  # fmt: skip
    options = {"outputs": ["serial"], "serial_port": "/dev/ttyACM0", "settings": more}
    with Supervisor() as supervisor:
        container = start_addon(run(supervisor, data, dev, options))
        container.until(lambda: container.health() == 0)
        container.until(lambda: "/dev/ttyACM0" in container.log)
        assert supervisor.asked == [], "a broker of one's own is named"
    assert "forbids" not in container.log
    assert "ermission denied" not in container.log


def test_a_faulty_form_is_told_by_the_settings_names(
    start_addon: Start, data: Path, dev: Path
) -> None:
    with Supervisor() as supervisor:
        options = {"outputs": ["wled"], "settings": [{"name": "WLED_HOSTS", "value": "x"}]}
        container = start_addon(run(supervisor, data, dev, options))
        assert container.ends() == 78
    assert "BUSYLIGHT_WLED_HOSTS is not a setting" in container.log
    assert "BUSYLIGHT_GRAPH_CLIENT_ID is missing" in container.log
