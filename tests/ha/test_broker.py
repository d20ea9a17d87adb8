"""Our program as a process, a real broker, and a real Home Assistant connected to it."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr
from pytest_homeassistant_custom_component.common import MockConfigEntry

from busylight.demo.lookalike import ADELE, Lookalike
from busylight.outputs.mqtt.discovery import parts
from tests.support.broker import Broker, Recorder
from tests.support.mqtt import settings_of
from tests.support.program import Home, Program

KEEPALIVE = 10
BROKER_LOOKS = 8
"""Seconds: mosquitto 2.0 looks for silent clients only every five or six."""

pytestmark = pytest.mark.usefixtures("socket_enabled", "connected")


@pytest.fixture
def broker(socket_enabled: None, tmp_path: Path) -> Iterator[Broker]:  # noqa: ARG001 -- it opens ports
    with Broker(tmp_path / "broker") as broker:
        yield broker


@pytest.fixture
def lookalike(socket_enabled: None) -> Iterator[Lookalike]:  # noqa: ARG001 -- it opens a port
    with Lookalike() as lookalike:
        yield lookalike


@pytest.fixture
def home(tmp_path: Path, lookalike: Lookalike, broker: Broker) -> Home:
    home = Home(tmp_path / "home").with_graph(lookalike).with_broker(broker.port)
    home.settings |= {"NAME": "Desk", "MQTT_KEEPALIVE": str(KEEPALIVE)}
    return home


@pytest.fixture
async def connected(
    hass: HomeAssistant,
    broker: Broker,
    mock_hass_config: None,  # noqa: ARG001 -- no configuration.yaml
) -> AsyncIterator[MockConfigEntry]:
    entry = MockConfigEntry(
        domain="mqtt",
        title="MQTT",
        version=1,
        minor_version=2,
        data={"broker": "127.0.0.1", "port": broker.port},
    )
    entry.add_to_hass(hass)
    assert await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()
    yield entry
    await hass.config_entries.async_unload(entry.entry_id)


async def within(seconds: float, condition: Callable[[], Any]) -> float:
    """The seconds until it holds; fails when it takes longer."""
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < seconds
        await asyncio.sleep(0.01)
    return time.monotonic() - began


def _is(hass: HomeAssistant, entity_id: str, state: str) -> Callable[[], bool]:
    def holds() -> bool:
        found = hass.states.get(entity_id)
        return found is not None and found.state == state

    return holds


def _all_there(hass: HomeAssistant) -> bool:
    wanted = [p for p in parts(settings_of(outputs="mqtt")) if p.key != "last_update"]
    states = hass.states.async_all()
    return len(states) == len(wanted) and not any(s.state == "unavailable" for s in states)


def _all_gone(hass: HomeAssistant) -> bool:
    states = hass.states.async_all()
    return bool(states) and all(s.state == "unavailable" for s in states)


async def _ended(program: Program) -> None:
    await asyncio.to_thread(program.ends)


async def test_from_empty_to_complete_killed_and_frozen(hass: HomeAssistant, home: Home) -> None:
    with home.start() as program:
        await within(10, lambda: program.errors or hass.states.async_all())
        await within(3, lambda: _all_there(hass))
        await within(10, _is(hass, "binary_sensor.desk_output_mqtt", "on"))
        os.kill(program.process.pid, signal.SIGKILL)
        await within(1, lambda: _all_gone(hass))
    with home.start() as program:
        await within(20, lambda: _all_there(hass))
        os.kill(program.process.pid, signal.SIGSTOP)
        await within(1.5 * KEEPALIVE + BROKER_LOOKS, lambda: _all_gone(hass))
        os.kill(program.process.pid, signal.SIGCONT)
        await within(20, lambda: _all_there(hass))
        await _ended(program)


async def test_a_command_of_home_assistants_is_shown_at_once(
    hass: HomeAssistant, home: Home, lookalike: Lookalike
) -> None:
    lookalike.graph.set_presence(ADELE.object_id, "Busy", "InACall")
    with home.start() as program:
        await within(20, _is(hass, "binary_sensor.desk_in_a_call", "on"))
        for mode in ("off", "away", "auto"):
            await hass.services.async_call(
                "select", "select_option", {"entity_id": "select.desk_mode", "option": mode}
            )
            await within(1, _is(hass, "select.desk_mode", mode))
        await within(1, _is(hass, "light.desk", "on"))
        await _ended(program)


async def test_a_broker_that_forgets_everything_is_told_all_again(
    hass: HomeAssistant, home: Home, broker: Broker, its_own: list[str]
) -> None:
    its_own.append("Disconnected from MQTT server")  # as it should say
    its_own.append("Failed to connect to MQTT server")
    its_own.append("Error returned from MQTT server: The connection was lost")
    with Recorder(broker) as recorder, home.start() as program:
        # A birth that it was about to tell when the broker goes is an error of its own.
        await within(20, lambda: recorder.last("homeassistant/status"))
        await within(20, lambda: _all_there(hass))
        await asyncio.to_thread(broker.stop)
        await within(5, lambda: _all_gone(hass))
        recorder.forget()
        await asyncio.to_thread(broker.start)
        await within(10, lambda: recorder.last("busylight/desk/availability") == b"online")
        assert recorder.last("homeassistant/device/busylight_desk/config")
        # Home Assistant itself looks for a lost broker every ten seconds.
        await within(20, lambda: _all_there(hass))
        await _ended(program)


async def test_after_a_restart_of_home_assistant_all_is_back(
    hass: HomeAssistant, connected: MockConfigEntry, home: Home
) -> None:
    with home.start() as program:
        await within(20, lambda: _all_there(hass))
        assert await hass.config_entries.async_reload(connected.entry_id)
        await within(15, lambda: _all_there(hass))
        await _ended(program)


async def test_unpublished_it_is_gone_from_the_broker_and_from_home_assistant(
    hass: HomeAssistant,
    home: Home,
    broker: Broker,
    its_own: list[str],
) -> None:
    its_own.append("No device components to cleanup for busylight_desk")  # see test_device.py
    with home.start() as program:
        await within(20, lambda: _all_there(hass))
        await _ended(program)
    done = await asyncio.to_thread(home.run, "unpublish")
    assert done.returncode == 0
    await within(5, lambda: not hass.states.async_all())
    assert dr.async_get(hass).async_get_device({("mqtt", "busylight_desk")}) is None
    with Recorder(broker) as recorder:
        recorder.publish("end", "x")
        await within(5, lambda: recorder.last("end"))
        assert [m.topic for m in recorder.heard if m.retained] == []
