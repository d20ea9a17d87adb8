"""The device in a real Home Assistant core: found, true, obedient, and gone without a trace."""

import json
from typing import Any

import pytest
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers import entity_registry as er
from pytest_homeassistant_custom_component.common import async_fire_mqtt_message

from busylight import __version__
from busylight.core.knowledge import SignInPrompt, Why
from busylight.core.override import Mode, Press, SetLight, SetMode
from busylight.core.presence import ACTIVITIES, AVAILABILITIES
from busylight.core.view import ButtonEvent, PartState
from busylight.outputs.mqtt.announcing import announced, published
from busylight.outputs.mqtt.discovery import unique_id
from busylight.outputs.mqtt.entities import parts
from busylight.outputs.mqtt.payloads import button_message
from tests.ha.conftest import Program
from tests.support.mqtt import a_view, settings_of


async def test_the_device_is_there_with_every_part_and_its_names(
    hass: HomeAssistant, mqtt_mock: Any
) -> None:
    program = Program(hass, mqtt_mock, account=True, status_message=True)
    await program.reads("Busy", "InACall", status_message="writing")
    device = dr.async_get(hass).async_get_device({("mqtt", "busylight_desk")})
    assert device is not None
    assert (device.name, device.manufacturer, device.model, device.sw_version) == (
        "Desk",
        "Busylight",
        "Presence light",
        __version__,
    )
    found = {
        entity.unique_id: entity
        for entity in er.async_entries_for_device(
            er.async_get(hass), device.id, include_disabled_entities=True
        )
    }
    wanted = {f"busylight_desk_{part.key}": part for part in parts(program.settings)}
    assert found.keys() == wanted.keys()
    for key, part in wanted.items():
        entity = found[key]
        assert entity.domain == part.platform
        assert entity.original_name == part.config["name"]
        assert entity.original_icon == part.config.get("icon")
        assert entity.entity_category == part.config.get("entity_category")
        assert entity.original_device_class == part.config.get("device_class")
        assert (entity.disabled_by is not None) == (part.key == "last_update")
    assert sorted(hass.states.async_entity_ids()) == [
        "binary_sensor.desk_busy",
        "binary_sensor.desk_in_a_call",
        "binary_sensor.desk_in_a_meeting",
        "binary_sensor.desk_output_mqtt",
        "binary_sensor.desk_output_serial",
        "binary_sensor.desk_problem",
        "binary_sensor.desk_sign_in_needed",
        "binary_sensor.desk_signed_in",
        "button.desk_refresh",
        "light.desk",
        "select.desk_mode",
        "sensor.desk_account",
        "sensor.desk_activity",
        "sensor.desk_availability",
        "sensor.desk_status_message",
    ]
    assert program.state("sensor.desk_status_message") == "writing"
    assert program.state("sensor.desk_account") == "ada@example.com"


@pytest.mark.parametrize("availability", AVAILABILITIES)
async def test_every_documented_availability_is_shown(program: Program, availability: str) -> None:
    await program.reads(availability, "Available")
    assert program.state("sensor.desk_availability") == availability
    busy = {"Busy": "on", "BusyIdle": "on", "DoNotDisturb": "on", "PresenceUnknown": "unknown"}
    assert program.state("binary_sensor.desk_busy") == busy.get(availability, "off")


@pytest.mark.parametrize("activity", ACTIVITIES)
async def test_every_documented_activity_is_shown(program: Program, activity: str) -> None:
    await program.reads("Busy", activity)
    assert program.state("sensor.desk_activity") == activity
    unknown = "unknown" if activity == "PresenceUnknown" else "off"
    call = activity in {"InACall", "InAConferenceCall", "Presenting"}
    assert program.state("binary_sensor.desk_in_a_call") == ("on" if call else unknown)
    meeting = activity == "InAMeeting"
    assert program.state("binary_sensor.desk_in_a_meeting") == ("on" if meeting else unknown)


async def test_a_word_that_is_not_documented_leaves_no_old_value_standing(
    program: Program,
) -> None:
    await program.reads("Busy", "InACall")
    await program.reads("Focusing", "InAHologram")
    for entity in (
        "sensor.desk_availability",
        "sensor.desk_activity",
        "binary_sensor.desk_in_a_call",
        "binary_sensor.desk_in_a_meeting",
        "binary_sensor.desk_busy",
    ):
        assert program.state(entity) == "unknown"


@pytest.mark.parametrize("why", [why for why in Why if why is not Why.STARTING])
async def test_what_is_not_known_is_unknown_and_a_problem_with_its_reason(
    program: Program, why: Why
) -> None:
    await program.reads("Busy", "InACall")
    assert program.state("binary_sensor.desk_problem") == "off"
    assert "reason" not in program.attributes("binary_sensor.desk_problem")
    await program.fails(why)
    for entity in ("sensor.desk_availability", "binary_sensor.desk_in_a_call"):
        assert program.state(entity) == "unknown"
    assert program.state("binary_sensor.desk_problem") == "on"
    assert program.attributes("binary_sensor.desk_problem")["reason"] == why.value
    assert program.state("light.desk") == "on"
    await program.reads("Available", "Available")
    assert program.state("binary_sensor.desk_problem") == "off"
    assert "reason" not in program.attributes("binary_sensor.desk_problem")


async def test_at_the_start_nothing_is_known_and_that_is_no_problem(program: Program) -> None:
    await program.tell()
    assert program.state("sensor.desk_availability") == "unknown"
    assert program.state("binary_sensor.desk_problem") == "off"


async def test_when_the_program_is_dead_everything_is_unavailable(
    program: Program, hass: HomeAssistant
) -> None:
    await program.reads("Busy", "InACall")
    await program.ends()
    assert {state.state for state in hass.states.async_all()} == {"unavailable"}
    await program.tell(again=True)
    assert program.state("binary_sensor.desk_in_a_call") == "on"


async def test_a_sign_in_shows_its_address_and_code_and_is_gone_afterwards(
    program: Program,
) -> None:
    prompt = SignInPrompt("https://microsoft.com/devicelogin", "ABCD1234", program.now + 900)
    await program.tell()
    assert program.state("binary_sensor.desk_sign_in_needed") == "off"
    await program.fails(Why.SIGNED_OUT, sign_in=prompt)
    assert program.state("binary_sensor.desk_sign_in_needed") == "on"
    attributes = program.attributes("binary_sensor.desk_sign_in_needed")
    assert (attributes["url"], attributes["code"]) == (prompt.url, "ABCD1234")
    assert program.state("binary_sensor.desk_signed_in") == "off"
    await program.reads("Available", "Available")
    assert program.state("binary_sensor.desk_sign_in_needed") == "off"
    assert "code" not in program.attributes("binary_sensor.desk_sign_in_needed")
    assert program.state("binary_sensor.desk_signed_in") == "on"


async def test_each_output_says_whether_it_is_connected(program: Program) -> None:
    await program.tell()
    assert program.state("binary_sensor.desk_output_serial") == "off"
    for state in (PartState.CONNECTED, PartState.RELEASED):
        await program.has("serial", state)
        assert program.state("binary_sensor.desk_output_serial") == "on"
    await program.has("serial", PartState.FAILED, "plug it in")
    assert program.state("binary_sensor.desk_output_serial") == "off"
    assert program.attributes("binary_sensor.desk_output_serial")["error"] == "plug it in"


async def test_the_last_update_is_a_date_once_it_is_enabled(
    program: Program, hass: HomeAssistant
) -> None:
    await program.tell()
    registry = er.async_get(hass)
    entity_id = registry.async_get_entity_id("sensor", "mqtt", "busylight_desk_last_update")
    assert entity_id is not None
    registry.async_update_entity(entity_id, disabled_by=None)
    await hass.async_block_till_done()
    (entry,) = hass.config_entries.async_entries("mqtt")
    await hass.config_entries.async_reload(entry.entry_id)
    await hass.async_block_till_done()
    await program.tell(again=True)
    assert program.state(entity_id) == "unknown"
    await program.reads("Busy", "Busy")
    assert program.state(entity_id) == "1970-01-01T00:16:40+00:00"


@pytest.mark.parametrize("length", [0, 1, 255, 256, 5000])
async def test_a_status_message_of_any_length_is_shown_as_far_as_home_assistant_can(
    hass: HomeAssistant, mqtt_mock: Any, length: int
) -> None:
    program = Program(hass, mqtt_mock, status_message=True)
    await program.reads("Busy", "Busy", status_message="before")
    await program.reads("Busy", "Busy", status_message="ü" * length)
    assert program.state("sensor.desk_status_message") == ("ü" * min(length, 255) or "unknown")
    await program.reads("Busy", "Busy")
    assert program.state("sensor.desk_status_message") == "unknown"


# -- Commands, there and back -----------------------------------------------------------------


@pytest.mark.parametrize("mode", list(Mode))
async def test_each_mode_can_be_chosen_and_is_shown_at_once(program: Program, mode: Mode) -> None:
    await program.reads("Busy", "InACall")
    sent = await program.call("select", "select_option", "select.desk_mode", option=mode.value)
    assert sent == [SetMode(mode)]
    assert program.state("select.desk_mode") == mode.value
    assert program.state("light.desk") == ("off" if mode is Mode.OFF else "on")
    assert program.state("sensor.desk_activity") == "InACall"


async def test_turned_off_it_is_off_until_it_is_turned_on_or_the_mode_is_auto(
    program: Program,
) -> None:
    await program.reads("Busy", "InACall")
    assert await program.call("light", "turn_off", "light.desk") == [SetLight(on=False)]
    assert (program.state("light.desk"), program.state("select.desk_mode")) == ("off", "off")
    await program.call("light", "turn_on", "light.desk")
    assert (program.state("light.desk"), program.state("select.desk_mode")) == ("on", "manual")
    assert program.attributes("light.desk")["rgb_color"] == (255, 0, 0)
    await program.call("select", "select_option", "select.desk_mode", option="auto")
    assert program.state("select.desk_mode") == "auto"


@pytest.mark.parametrize(
    ("data", "shown"),
    [
        ({"rgb_color": [0, 0, 255]}, {"rgb_color": (0, 0, 255), "brightness": 255}),
        ({"brightness": 10}, {"rgb_color": (255, 0, 0), "brightness": 10}),
        ({"brightness_pct": 50}, {"brightness": 128}),
        ({"effect": "breathe"}, {"rgb_color": (255, 0, 0), "effect": "breathe"}),
        ({"hs_color": [120, 100]}, {"rgb_color": (0, 255, 0)}),
        ({"color_name": "orange"}, {"rgb_color": (255, 165, 0)}),
        (
            {"rgb_color": [1, 2, 3], "brightness": 4, "effect": "blink"},
            {"rgb_color": (1, 2, 3), "brightness": 4, "effect": "blink"},
        ),
        ({"rgb_color": [9, 9, 9], "transition": 2}, {"rgb_color": (9, 9, 9)}),
    ],
)
async def test_a_light_command_in_any_combination_is_shown_as_it_was_given(
    program: Program, data: dict[str, Any], shown: dict[str, Any]
) -> None:
    await program.reads("Busy", "InACall")
    await program.call("light", "turn_on", "light.desk", **data)
    assert program.state("light.desk") == "on"
    attributes = program.attributes("light.desk")
    assert {key: attributes[key] for key in shown} == shown
    assert program.state("select.desk_mode") == "manual"


async def test_a_colour_temperature_becomes_a_colour(program: Program) -> None:
    await program.reads("Busy", "InACall")
    await program.call("light", "turn_on", "light.desk", color_temp_kelvin=2700)
    red, green, blue = program.attributes("light.desk")["rgb_color"]
    assert red == 255 > green > blue


async def test_brightness_zero_is_off(program: Program) -> None:
    await program.reads("Busy", "InACall")
    await program.call("light", "turn_on", "light.desk", brightness=0)
    assert (program.state("light.desk"), program.state("select.desk_mode")) == ("off", "off")


async def test_refresh_reads_now(program: Program) -> None:
    await program.tell()
    await program.call("button", "press", "button.desk_refresh")
    assert program.refreshes == 1


# -- Its whole life ---------------------------------------------------------------------------


async def test_told_again_nothing_changes_and_nothing_is_said(
    program: Program, hass: HomeAssistant
) -> None:
    await program.reads("Busy", "InACall")
    before = {state.entity_id: state.state for state in hass.states.async_all()}
    await program.tell(again=True)
    assert {state.entity_id: state.state for state in hass.states.async_all()} == before


async def test_a_part_that_was_switched_off_goes_and_the_others_stay(
    hass: HomeAssistant, mqtt_mock: Any
) -> None:
    before = Program(hass, mqtt_mock, account=True, id="life")
    await before.reads("Busy", "InACall")
    assert before.state("sensor.desk_account") == "ada@example.com"
    after = Program(hass, mqtt_mock, id="life")
    after.memory.published = before.memory.published
    await after.reads("Busy", "InACall")
    assert hass.states.get("sensor.desk_account") is None
    assert after.state("binary_sensor.desk_in_a_call") == "on"
    await after.tell(again=True)
    assert hass.states.get("sensor.desk_account") is None
    assert er.async_get(hass).async_get("sensor.desk_account") is None


async def test_a_removal_that_home_assistant_never_saw_the_part_of_is_no_matter(
    hass: HomeAssistant, mqtt_mock: Any
) -> None:
    before = settings_of(discovery=True, outputs="mqtt,serial", account=True, id="unseen")
    program = Program(hass, mqtt_mock, id="unseen")
    memory = program.memory
    memory.published = published(a_view(), before, memory, announced(a_view(), before, memory))
    await program.reads("Busy", "InACall")
    assert hass.states.get("sensor.desk_account") is None
    assert program.state("binary_sensor.desk_in_a_call") == "on"


async def test_renamed_it_keeps_its_entities(hass: HomeAssistant, mqtt_mock: Any) -> None:
    await Program(hass, mqtt_mock).reads("Busy", "InACall")
    renamed = Program(hass, mqtt_mock, name="Study")
    await renamed.reads("Busy", "InACall")
    device = dr.async_get(hass).async_get_device({("mqtt", "busylight_desk")})
    assert device is not None
    assert device.name == "Study"
    assert renamed.state("binary_sensor.desk_in_a_call") == "on"


async def test_moved_to_other_topics_it_follows(hass: HomeAssistant, mqtt_mock: Any) -> None:
    await Program(hass, mqtt_mock).reads("Busy", "InACall")
    moved = Program(hass, mqtt_mock, topic="house")
    await moved.reads("Available", "Available")
    assert moved.state("sensor.desk_activity") == "Available"
    for end in ("presence", "light", "mode", "diagnostics", "override", "availability"):
        async_fire_mqtt_message(hass, f"busylight/desk/{end}", b"")
    await hass.async_block_till_done()
    assert moved.state("sensor.desk_activity") == "Available"


async def test_a_button_on_the_light_is_an_event_for_as_long_as_there_is_one(
    program: Program, hass: HomeAssistant
) -> None:
    await program.reads("Busy", "InACall")
    assert hass.states.get("event.desk_light_button") is None
    await program.has("mqtt", PartState.CONNECTED)
    await program.has("serial", PartState.CONNECTED, has_button=True)
    assert program.state("event.desk_light_button") == "unknown"
    for press in Press:
        event = ButtonEvent(press, number=1, at=program.now)
        for topic, payload in button_message(event, program.settings).items():
            assert not payload.retain
            async_fire_mqtt_message(hass, topic, payload.content)
        await hass.async_block_till_done()
        assert program.attributes("event.desk_light_button")["event_type"] == press
    await program.has("serial", PartState.FAILED, "unplugged")
    assert program.attributes("event.desk_light_button")["event_type"] == "long_press"
    await program.has("serial", PartState.CONNECTED)
    assert hass.states.get("event.desk_light_button") is None


async def test_removed_it_leaves_nothing(
    program: Program,
    hass: HomeAssistant,
    its_own: list[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    # When a device with a disabled entity goes (Last update is one), Home Assistant clears the
    # announcement once more itself, and complains of its own message: of anybody's device.
    document = {
        "device": {"identifiers": ["foreign"], "name": "Foreign"},
        "origin": {"name": "somebody else"},
        "components": {
            "shown": {"platform": "sensor", "unique_id": "f1", "state_topic": "a"},
            "hidden": {
                "platform": "sensor",
                "unique_id": "f2",
                "state_topic": "a",
                "enabled_by_default": False,
            },
        },
    }
    for payload in (json.dumps(document), ""):
        async_fire_mqtt_message(hass, "homeassistant/device/foreign/config", payload)
        await hass.async_block_till_done()
    its_own += [record.getMessage() for record in caplog.get_records("call")]
    its_own += [words.replace("foreign", "busylight_desk") for words in its_own]
    await program.reads("Busy", "InACall")
    topic = f"homeassistant/device/{unique_id(program.settings)}/config"
    async_fire_mqtt_message(hass, topic, b"")
    await hass.async_block_till_done()
    for end in ("presence", "light", "mode", "diagnostics", "override", "availability"):
        async_fire_mqtt_message(hass, f"busylight/desk/{end}", b"")
    await hass.async_block_till_done()
    assert dr.async_get(hass).async_get_device({("mqtt", "busylight_desk")}) is None
    assert hass.states.async_all() == []
