"""A real Home Assistant core, and our program's own code to talk to it."""

import json
import logging
from collections.abc import Iterator
from typing import Any, Final

import pytest
from homeassistant.core import HomeAssistant
from pytest_homeassistant_custom_component.common import async_fire_mqtt_message

from busylight.core.knowledge import Reading, Trouble, Why
from busylight.core.override import Refresh, SetLight, SetMode
from busylight.core.palette import Palette
from busylight.core.presence import Presence
from busylight.core.rules import Rules
from busylight.core.situation import Situation
from busylight.core.view import PartHealth, PartState, View
from busylight.mqtt.settings import MqttSettings
from busylight.outputs.mqtt.announcing import announced, published
from busylight.outputs.mqtt.commands import COMMANDS
from busylight.outputs.mqtt.memory import Memory
from busylight.outputs.mqtt.payloads import Payload, messages
from tests.support.fixtures import recorder  # noqa: F401 -- a fixture of these tests, too
from tests.support.home_assistant import SLOWNESS
from tests.support.mqtt import settings_of
from tests.unit.test_mqtt_payloads import rfc3339

STALE_AFTER: Final = 60.0
PLATFORMS: Final[dict[str, dict[str, Any]]] = {
    "binary_sensor": {},
    "button": {},
    "event": {"event_types": ["a"]},
    "light": {},
    "select": {"options": ["a"]},
    "sensor": {},
}
"""Those that our parts need, with what each of them insists on."""


@pytest.fixture
def expected_lingering_timers() -> bool:
    return True


@pytest.fixture(autouse=True)
def its_own(caplog: pytest.LogCaptureFixture) -> Iterator[list[str]]:
    """Fail a test in which Home Assistant warns of anything that has to do with MQTT.

    But for what it has said in the same test of somebody else's device, and is laid down here.
    """
    caplog.set_level(logging.WARNING)
    its_own: list[str] = []
    yield its_own
    said = [
        f"{record.name}: {record.getMessage()}"
        for record in (*caplog.get_records("setup"), *caplog.get_records("call"))
        if record.levelno >= logging.WARNING
        and record.name != "asyncio"  # says that the test's machine was slow, as others do
        and not SLOWNESS.search(record.getMessage())
        and "mqtt" in f"{record.name} {record.getMessage()} {record.exc_text}".lower()
        and record.getMessage() not in its_own
    ]
    assert not said


@pytest.fixture
async def mqtt_mock(hass: HomeAssistant, mqtt_mock: Any) -> Any:
    """MQTT whose platforms are loaded already, one after the other.

    Within a test's loop 2025.4 complains of itself ("calls async_forward_entry_setups") when the
    first device needs several of them at once: it looks at a lock that another has let go of. As
    a process of its own it does not: test_process.py lets it say nothing, and loads nothing.
    """
    for platform, more in PLATFORMS.items():
        topic = f"homeassistant/{platform}/first/config"
        config = {"state_topic": "a", "command_topic": "b", **more}
        for payload in (json.dumps(config), ""):
            async_fire_mqtt_message(hass, topic, payload)
            await hass.async_block_till_done()
    assert hass.states.async_all() == []
    return mqtt_mock


class Program:
    """Our program without its broker: what it would publish, Home Assistant gets at once."""

    def __init__(self, hass: HomeAssistant, mqtt: Any, **fields: Any) -> None:
        self.hass = hass
        self.mqtt = mqtt
        self.memory = Memory()
        self.settings: MqttSettings = settings_of(discovery=True, outputs="mqtt,serial", **fields)
        rules = Rules(Palette(), STALE_AFTER, "graph", "1.2.3")
        self.now = 1000.0
        self.situation = Situation(rules, started_at=self.now)
        self.refreshes = 0
        self._obeyed = 0
        self._told: dict[str, bytes] = {}

    @property
    def view(self) -> View:
        return self.situation.view(self.now)

    async def tell(self, *, again: bool = False) -> None:
        """Publish what has changed, or everything.

        Whoever is announced anew is told all states, as by a broker that has retained them.
        """
        devices = announced(self.view, self.settings, self.memory)
        again = await self._tell(devices, again=again) or again
        payloads = devices | messages(self.view, self.settings, rfc3339)
        await self._tell(
            {topic: payload for topic, payload in payloads.items() if topic not in devices},
            again=again,
        )
        self.memory.published = published(self.view, self.settings, self.memory, payloads)

    async def _tell(self, payloads: dict[str, Payload], *, again: bool) -> bool:
        told = False
        for topic, payload in payloads.items():
            if again or self._told.get(topic) != payload.content:
                self._told[topic] = payload.content
                async_fire_mqtt_message(self.hass, topic, payload.content)
                await self.hass.async_block_till_done()
                told = True
        return told

    async def reads(self, availability: str, activity: str, **more: Any) -> None:
        """Graph answers."""
        presence = Presence(availability, activity, **more)
        self.situation = self.situation.after_reading(
            Reading({"me": presence}, {}, account="ada@example.com"), self.now
        )
        await self.tell()

    async def fails(self, why: Why, **more: Any) -> None:
        """Graph does not answer, until nothing is known any more."""
        self.situation = self.situation.after_trouble(Trouble(why, "do this", **more), self.now)
        self.now += STALE_AFTER
        await self.tell()

    async def has(
        self,
        output: str,
        state: PartState,
        error: str | None = None,
        *,
        has_button: bool = False,
    ) -> None:
        """An output says how it is."""
        health = PartHealth(state, error, has_button)
        self.situation = self.situation.after_health(output, health)
        await self.tell()

    async def ends(self) -> None:
        """It is killed: the broker publishes the will."""
        async_fire_mqtt_message(self.hass, f"{self.settings.base}/availability", b"offline")
        await self.hass.async_block_till_done()

    async def call(self, domain: str, service: str, entity_id: str, **data: Any) -> list[Any]:
        """A person does something in Home Assistant; the program does what it is told then."""
        await self.hass.services.async_call(
            domain, service, {"entity_id": entity_id, **data}, blocking=True
        )
        return await self.obeys()

    async def obeys(self) -> list[Any]:
        """Do what Home Assistant has asked for since the last time, and return it."""
        await self.hass.async_block_till_done()
        commands: list[Any] = []
        calls = self.mqtt.async_publish.mock_calls
        for call in calls[self._obeyed :]:
            topic, payload = call.args[:2]
            read = COMMANDS.get(topic.removeprefix(f"{self.settings.base}/"))
            if read is None:
                continue
            assert call.args[3] is False, "a command is retained"
            command = read(payload.encode() if isinstance(payload, str) else payload)
            commands.append(command)
            if isinstance(command, Refresh):
                self.refreshes += 1
            elif isinstance(command, SetLight | SetMode):
                self.situation = self.situation.after_command(command, self.now)
        self._obeyed = len(calls)
        await self.tell()
        return commands

    def state(self, entity_id: str) -> str:
        """What Home Assistant shows."""
        state = self.hass.states.get(entity_id)
        assert state is not None, (entity_id, sorted(self.hass.states.async_entity_ids()))
        return str(state.state)

    def attributes(self, entity_id: str) -> dict[str, Any]:
        """What Home Assistant shows besides the state."""
        state = self.hass.states.get(entity_id)
        assert state is not None, entity_id
        return dict(state.attributes)


@pytest.fixture
def program(hass: HomeAssistant, mqtt_mock: Any) -> Program:
    return Program(hass, mqtt_mock)
