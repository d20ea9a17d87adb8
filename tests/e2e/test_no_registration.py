"""Presence without an app registration, with the settings that docs/sources.md gives."""

import re
from pathlib import Path

from tests.support.broker import Broker, Recorder
from tests.support.program import Home

SOURCES = Path(__file__).resolve().parents[2] / "docs" / "sources.md"


def documented(section: str) -> dict[str, str]:
    """The settings that a section of the page gives."""
    _, _, text = SOURCES.read_text("utf-8").partition(f"\n## {section}\n")
    settings = re.findall(r"^BUSYLIGHT_(\w+)=(.*)$", text.partition("\n## ")[0], re.MULTILINE)
    assert settings, f"docs/sources.md gives no settings for {section}"
    return dict(settings)


def home_of(tmp_path: Path, broker: Broker, section: str) -> Home:
    home = Home(tmp_path / "home")
    home.settings |= documented(section)
    home.settings |= {"MQTT_HOST": "127.0.0.1", "MQTT_PORT": str(broker.port)}
    return home


def test_teams_for_linux_is_followed_with_the_settings_of_the_page(
    tmp_path: Path, broker: Broker
) -> None:
    home = home_of(tmp_path, broker, "teams-for-linux")
    with Recorder(broker) as teams, home.start() as program:
        program.shows("unknown")
        teams.publish("teams/connected", "true", retain=True)
        for topic in ("teams/in-call", "teams/screen-sharing"):
            teams.publish(topic, "false", retain=True)
        teams.publish("teams/status", "available", retain=True)
        program.shows("available")
        teams.publish("teams/in-call", "true", retain=True)
        program.shows("inacall")
        teams.publish("teams/screen-sharing", "true", retain=True)
        program.shows("presenting")
        teams.publish("teams/connected", "false", retain=True)
        program.shows("unknown")


def test_teams_for_linux_tells_what_graph_cannot(tmp_path: Path, broker: Broker) -> None:
    home = home_of(tmp_path, broker, "teams-for-linux")
    home.settings["MQTT_SOURCE_TOPIC"] = "teams/status,teams/camera,teams/incoming-call"
    home.settings["COLOR_RINGING"] = "blue blink"
    with Recorder(broker) as teams, home.start() as program:
        teams.publish("teams/connected", "true", retain=True)
        teams.publish("teams/status", "available", retain=True)
        program.shows("available")
        teams.publish("teams/incoming-call", "true")
        program.shows("ringing")
        teams.publish("teams/incoming-call", "false")
        program.shows("available")
        teams.publish("teams/camera", "true")
        program.shows("inacall")


def test_home_assistant_is_followed_with_the_settings_of_the_page(
    tmp_path: Path, broker: Broker
) -> None:
    home = home_of(tmp_path, broker, "Home Assistant")
    presence, meeting = home.settings["MQTT_SOURCE_TOPIC"].split(",")
    with Recorder(broker) as assistant, home.start() as program:
        assistant.publish("homeassistant/status", "online", retain=True)
        assistant.publish(presence, "Away", retain=True)
        assistant.publish(meeting, "off", retain=True)
        program.shows("away")
        assistant.publish(meeting, "on", retain=True)
        program.shows("busy")
        assistant.publish("homeassistant/status", "offline", retain=True)
        program.shows("unknown")
