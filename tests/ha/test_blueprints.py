"""The blueprints, loaded and run by Home Assistant's own code; the lamp is a second light."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from homeassistant.components import automation
from homeassistant.components.blueprint import models
from homeassistant.core import HomeAssistant
from homeassistant.helpers.template import Template
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util
from homeassistant.util import yaml
from pytest_homeassistant_custom_component.common import async_fire_time_changed

from busylight.core.knowledge import SignInPrompt, Why
from tests.ha.conftest import Program

DIRECTORY = Path(__file__).resolve().parents[2] / "deploy" / "homeassistant"


@contextmanager
def _blueprints() -> Iterator[None]:
    """Have Home Assistant find ours in the repository."""

    def load(_self: Any, path: str) -> models.Blueprint:
        return models.Blueprint(
            yaml.load_yaml(DIRECTORY / path),
            expected_domain="automation",
            path=path,
            schema=automation.config.AUTOMATION_BLUEPRINT_SCHEMA,
        )

    with patch.object(models.DomainBlueprints, "_load_blueprint", load):
        yield


async def _automate(hass: HomeAssistant, name: str, **inputs: Any) -> None:
    blueprint = {"path": f"{name}.yaml", "input": inputs}
    with _blueprints():
        assert await async_setup_component(hass, "scene", {})
        assert await async_setup_component(
            hass, "automation", {"automation": {"id": "ours", "use_blueprint": blueprint}}
        )
        await hass.async_block_till_done()
    assert hass.states.async_entity_ids("automation"), "the automation was refused"


@pytest.fixture
async def lamp(hass: HomeAssistant, mqtt_mock: Any) -> Program:
    lamp = Program(hass, mqtt_mock, id="lamp", name="Lamp")
    await lamp.tell()
    return lamp


@pytest.fixture
async def following(hass: HomeAssistant, program: Program, lamp: Program) -> Program:
    await program.reads("Available", "Available")
    await lamp.call("light", "turn_on", "light.lamp", rgb_color=[1, 2, 3], brightness=40)
    await _automate(hass, "follow_presence", presence="binary_sensor.desk_busy", lamp="light.lamp")
    return lamp


def _shown(lamp: Program) -> tuple[Any, ...]:
    attributes = lamp.attributes("light.lamp")
    return lamp.state("light.lamp"), attributes.get("rgb_color"), attributes.get("brightness")


async def test_the_lamp_is_red_while_the_person_is_busy_and_then_as_it_was(
    program: Program, following: Program
) -> None:
    await program.reads("Busy", "InACall")
    await following.obeys()
    assert _shown(following) == ("on", (255, 0, 0), 255)
    await program.reads("DoNotDisturb", "Presenting")
    assert await following.obeys() == []
    await program.reads("Available", "Available")
    await following.obeys()
    assert _shown(following) == ("on", (1, 2, 3), 40)


async def test_a_lamp_that_was_off_is_off_again(program: Program, following: Program) -> None:
    await following.call("light", "turn_off", "light.lamp")
    await program.reads("Busy", "InACall")
    await following.obeys()
    assert _shown(following)[0] == "on"
    await program.reads("Away", "Away")
    await following.obeys()
    assert _shown(following)[0] == "off"


async def test_when_nobody_knows_the_lamp_is_given_back_and_not_touched_again(
    program: Program, following: Program
) -> None:
    await program.reads("Busy", "InACall")
    await following.obeys()
    await program.fails(Why.UNREACHABLE)
    await following.obeys()
    assert _shown(following) == ("on", (1, 2, 3), 40)
    await following.call("light", "turn_on", "light.lamp", rgb_color=[9, 9, 9])
    await program.reads("Available", "Available")
    assert await following.obeys() == []


async def test_after_a_restart_in_a_call_its_own_colour_is_not_what_was_before(
    hass: HomeAssistant, program: Program, following: Program
) -> None:
    await program.reads("Busy", "InACall")
    await following.obeys()
    await hass.services.async_call(
        "scene", "delete", {"entity_id": "scene.busylight_before_lamp"}, blocking=True
    )
    hass.states.async_set("binary_sensor.desk_busy", "unavailable")
    await following.obeys()
    await following.call("light", "turn_on", "light.lamp", rgb_color=[255, 0, 0])
    hass.states.async_set("binary_sensor.desk_busy", "on")
    await following.obeys()
    assert hass.states.get("scene.busylight_before_lamp") is None
    await program.reads("Available", "Available")
    await following.obeys()
    assert _shown(following)[0] == "off"


async def test_a_meetings_start_and_end_are_announced_if_it_lasts(
    hass: HomeAssistant, program: Program
) -> None:
    await program.reads("Available", "Available")
    said: list[str] = []
    hass.bus.async_listen("said", lambda event: said.append(event.data["text"]))
    await _automate(
        hass,
        "announce_meeting",
        presence="binary_sensor.desk_in_a_meeting",
        announce=[{"event": "said", "event_data": {"text": "{{ message }}"}}],
    )
    later = dt_util.utcnow()
    for activity, expected in (
        ("InAMeeting", ["A meeting has begun."]),
        ("Available", ["A meeting has begun.", "The meeting has ended."]),
    ):
        await program.reads("Busy", activity)
        later += timedelta(seconds=10)
        async_fire_time_changed(hass, later)
        await hass.async_block_till_done()
        assert said == expected
    await program.fails(Why.UNREACHABLE)
    await program.reads("Busy", "InAMeeting")  # nobody knows when it has begun
    async_fire_time_changed(hass, later + timedelta(seconds=60))
    await hass.async_block_till_done()
    assert len(said) == 2


async def test_as_it_comes_it_announces_by_a_notification(
    hass: HomeAssistant, program: Program
) -> None:
    await program.reads("Available", "Available")
    assert await async_setup_component(hass, "persistent_notification", {})
    await _automate(hass, "announce_meeting", presence="binary_sensor.desk_in_a_meeting", settle=0)
    calls: list[Any] = []
    hass.bus.async_listen("call_service", lambda event: calls.append(event.data))
    await program.reads("Busy", "InAMeeting")
    async_fire_time_changed(hass, dt_util.utcnow() + timedelta(seconds=10))
    await hass.async_block_till_done()
    (call,) = [call for call in calls if call["domain"] == "persistent_notification"]
    assert call["service_data"]["message"] == "A meeting has begun."


async def test_the_card_names_entities_that_there_are_and_shows_the_code(
    hass: HomeAssistant, mqtt_mock: Any
) -> None:
    program = Program(hass, mqtt_mock, name="Busy light")
    prompt = SignInPrompt("https://microsoft.com/devicelogin", "ABCD1234", program.now + 900)
    await program.fails(Why.SIGNED_OUT, sign_in=prompt)
    card = yaml.load_yaml(DIRECTORY / "dashboard_card.yaml")
    light, mode, sign_in = card["cards"]
    for entity in (light["entity"], mode["entity"], sign_in["conditions"][0]["entity"]):
        assert hass.states.get(entity) is not None
    assert program.state(sign_in["conditions"][0]["entity"]) == "on"
    text = Template(sign_in["card"]["content"], hass).async_render()
    assert "ABCD1234" in text
    assert prompt.url in text
