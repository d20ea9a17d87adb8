"""The add-on's files, held against what Home Assistant's supervisor documents.

The rules are written down here from https://developers.home-assistant.io/docs/apps/configuration,
for the supervisor itself cannot be installed. They are stricter in one thing: a key that it does
not know it drops in silence, and here that is a fault.
"""

import re
import struct
import subprocess
from pathlib import Path
from typing import Any

import pytest
import voluptuous as vol
import yaml

from busylight import __version__, addon
from busylight.settings.load import load

ROOT = Path(__file__).resolve().parents[2]
ADDON = ROOT / "deploy" / "homeassistant-addon"

TYPE = vol.Match(
    r"^(bool|email|url|port|device(\(subsystem=[a-z]+\))?|(str|password)(\(\d*,\d*\))?"
    r"|int(\(-?\d*,-?\d*\))?|float(\(-?[\d.]*,-?[\d.]*\))?|match\(.+\)|list\(.+\))\??$"
)
FIELDS = vol.Schema({str: TYPE})  # nested twice at most
SCHEMA = vol.Schema({str: vol.Any(TYPE, [vol.Any(TYPE, FIELDS)], FIELDS)})
CONFIG = vol.Schema(
    {
        vol.Required("name"): str,
        vol.Required("version"): str,  # unquoted, 0.1 would be a number
        vol.Required("slug"): vol.Match(r"^[-_.A-Za-z0-9]+$"),
        vol.Required("description"): str,
        vol.Required("arch"): vol.All([vol.In(["aarch64", "amd64"])], vol.Unique()),
        "url": vol.Url(),
        "stage": vol.In(["stable", "experimental", "deprecated"]),
        "startup": vol.In(["initialize", "system", "services", "application", "once"]),
        "boot": vol.In(["auto", "manual", "manual_only"]),
        "services": [vol.Match(r"^(mqtt|mysql):(provide|want|need)$")],
        "uart": bool,
        "backup_exclude": [str],
        "options": dict,
        "schema": SCHEMA,
    }
)
TEXT = {vol.Required("name"): str, vol.Required("description"): str}
TRANSLATION = vol.Schema({vol.Required("configuration"): {str: {**TEXT, "fields": {str: TEXT}}}})
REPOSITORY = vol.Schema({vol.Required("name"): str, "url": vol.Url(), "maintainer": str})


def read(path: Path) -> Any:
    return yaml.safe_load(path.read_text("utf-8"))


@pytest.fixture
def config() -> dict[str, Any]:
    found: dict[str, Any] = CONFIG(read(ADDON / "config.yaml"))
    return found


def test_the_configuration_is_as_it_is_documented(config: dict[str, Any]) -> None:
    assert config["arch"] == ["aarch64", "amd64"]
    assert "ingress" not in config
    assert config["services"] == ["mqtt:want"]


@pytest.mark.parametrize(
    "change",
    [
        {"arch": ["armv7"]},
        {"version": 0.1},
        {"slug": "busy light"},
        {"services": ["mqtt:use"]},
        {"schema": {"port": "device(tty)"}},
        {"schema": {"level": "lst(a|b)"}},
        {"init_": False},
    ],
)
def test_a_configuration_that_is_not_so_would_be_found(
    config: dict[str, Any], change: dict[str, Any]
) -> None:
    with pytest.raises(vol.Invalid):
        CONFIG({**config, **change})


def test_the_version_is_the_programs(config: dict[str, Any]) -> None:
    assert config["version"] == __version__


def test_what_has_no_default_may_be_left_empty_and_what_has_one_is_of_its_type(
    config: dict[str, Any],
) -> None:
    """With a default the supervisor wants an answer; without it a `?` is what allows none."""
    assert config["options"].keys() <= config["schema"].keys()
    for option, kind in config["schema"].items():
        optional = isinstance(kind, str) and kind.endswith("?")
        assert optional is (option not in config["options"]), option
    load(None, addon.settings_of(config["options"]), needs_source=False, needs_outputs=False)


def test_every_option_of_the_form_is_read_and_no_other(config: dict[str, Any]) -> None:
    assert config["schema"].keys() == {*addon.SETTINGS, "outputs", "settings"}
    assert config["schema"]["settings"] == [{"name": "str", "value": "str"}]
    assert config["schema"]["serial_port"] == "device(subsystem=tty)?"
    secrets = {option for option, kind in config["schema"].items() if kind == "password?"}
    assert secrets == {"client_secret", "mqtt_password"}


@pytest.mark.parametrize("option", ["outputs", "serial_protocol", "log_level"])
def test_what_a_list_offers_is_what_the_setting_takes(config: dict[str, Any], option: str) -> None:
    kind = config["schema"][option]
    (offered,) = re.findall(r"list\((.*)\)", kind[0] if isinstance(kind, list) else kind)
    needs = [
        {"name": "MQTT_HOST", "value": "broker.example"},
        {"name": "WLED_HOST", "value": "lamp.example"},
        {"name": "WEBHOOK_URL", "value": "https://lamp.example/"},
        {"name": "SERIAL_PORT", "value": "/dev/ttyACM0"},
        {"name": "SERIAL_PIXELS", "value": "8"},
        {"name": "SERIAL_TEMPLATE", "value": "x"},
    ]
    for word in offered.split("|"):
        needed = [
            each
            for each in needs
            if not each["name"].startswith("SERIAL_")
            or (each["name"] == "SERIAL_PORT" and option == "serial_protocol")
            or (each["name"] == "SERIAL_PIXELS" and word == "adalight")
            or (each["name"] == "SERIAL_TEMPLATE" and word == "template")
        ]
        answer = [word] if option == "outputs" else word
        load(None, addon.settings_of({option: answer, "settings": needed}), needs_source=False)


@pytest.mark.parametrize("language", ["en", "de"])
def test_every_option_has_its_words(config: dict[str, Any], language: str) -> None:
    words = TRANSLATION(read(ADDON / "translations" / f"{language}.yaml"))["configuration"]
    assert words.keys() == config["schema"].keys()
    assert words["settings"]["fields"].keys() == {"name", "value"}


def test_the_documentation_names_every_setting_of_an_option() -> None:
    told = (ADDON / "DOCS.md").read_text("utf-8")
    words = read(ADDON / "translations" / "en.yaml")["configuration"]
    for option, setting in addon.SETTINGS.items():
        assert f"`BUSYLIGHT_{setting}`" in told
        if not option.startswith("mqtt_"):
            assert f"| {words[option]['name']} |" in told


def test_the_repository_is_one_of_add_ons() -> None:
    REPOSITORY(read(ROOT / "repository.yaml"))


def test_nothing_else_in_the_repository_looks_like_an_add_on() -> None:
    """The supervisor takes every such file, wherever it is, for the configuration of one."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode != 0:
        pytest.skip("this is no clone")
    found = [
        name for name in listed.stdout.split() if re.search(r"(^|/)config\.(ya?ml|json)$", name)
    ]
    assert found == ["deploy/homeassistant-addon/config.yaml"]


@pytest.mark.parametrize(("name", "size"), [("icon.png", (128, 128)), ("logo.png", (250, 100))])
def test_the_pictures_have_the_sizes_that_are_wanted(name: str, size: tuple[int, int]) -> None:
    head = (ADDON / name).read_bytes()[:24]
    assert head[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">II", head[16:24]) == size


def test_the_changelog_is_ours() -> None:
    assert (ADDON / "CHANGELOG.md").resolve() == ROOT / "CHANGELOG.md"


def test_the_image_becomes_the_user_of_the_other() -> None:
    steps = (ADDON / "Dockerfile").read_text("utf-8")
    assert "USER root" in steps, "the answers are for root alone"
    assert 'ENTRYPOINT ["python", "-m", "busylight.addon"]' in steps
    assert "BUSYLIGHT_STATE_DIR=/data/busylight" in steps
    assert f"USER {addon.USER}:{addon.USER}\n" in (ROOT / "Dockerfile").read_text("utf-8")
