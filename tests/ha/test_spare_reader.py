"""The device of a light with two readers, in a real Home Assistant: it lives while either does."""

from typing import Any

from homeassistant.core import HomeAssistant
from pytest_homeassistant_custom_component.common import async_fire_mqtt_message

from busylight.core.reader import Role
from busylight.outputs.mqtt.payloads import leader_topic, reader_topic
from tests.ha.conftest import Program


async def _says(program: Program, topic: str, word: str) -> None:
    async_fire_mqtt_message(program.hass, topic, word)
    await program.hass.async_block_till_done()


async def test_the_device_is_available_while_either_reader_lives(
    hass: HomeAssistant, mqtt_mock: Any
) -> None:
    program = Program(hass, mqtt_mock, reader=Role.PRIMARY)
    await program.reads("Busy", "InACall")
    primary, spare = (reader_topic(program.settings, role) for role in Role)
    await _says(program, leader_topic(program.settings), "primary")
    await _says(program, spare, "online")
    assert program.state("sensor.desk_activity") == "InACall"
    assert program.state("sensor.desk_reader") == "primary"
    await _says(program, primary, "offline")
    await _says(program, leader_topic(program.settings), "spare")
    assert program.state("sensor.desk_activity") == "InACall"
    assert program.state("light.desk") == "on"
    assert program.state("sensor.desk_reader") == "spare"
    await _says(program, spare, "offline")
    assert program.state("sensor.desk_activity") == "unavailable"
    assert program.state("light.desk") == "unavailable"
    await _says(program, primary, "online")
    assert program.state("sensor.desk_activity") == "InACall"


async def test_one_reader_becomes_two_and_one_again_and_the_device_stays(
    hass: HomeAssistant, mqtt_mock: Any
) -> None:
    alone = Program(hass, mqtt_mock)
    await alone.reads("Busy", "InACall")
    two = Program(hass, mqtt_mock, reader=Role.SPARE)
    two.memory = alone.memory
    await two.reads("Away", "Away")
    assert two.state("sensor.desk_activity") == "Away"
    await _says(two, leader_topic(two.settings), "spare")
    assert two.state("sensor.desk_reader") == "spare"
    again = Program(hass, mqtt_mock)
    again.memory = two.memory
    await again.reads("Busy", "InACall")
    await _says(again, reader_topic(two.settings, Role.SPARE), "offline")
    assert again.state("sensor.desk_activity") == "InACall"
    assert hass.states.get("sensor.desk_reader") is None
