"""Our program as a process, a real broker, and a real Home Assistant as a process of its own.

What Home Assistant complains of with a plain device of somebody else's, in the same run, is its
own affair; anything else that it says of MQTT fails the test.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest

from busylight.demo.lookalike import ADELE, ALEX, MEGAN, Lookalike, Person
from busylight.outputs.mqtt.entities import parts
from busylight.testing.lateness import Lateness
from tests.support import broker as broker_support
from tests.support.broker import Broker, Recorder
from tests.support.home_assistant import HomeAssistantProcess
from tests.support.mqtt import settings_of
from tests.support.program import Home

KEEPALIVE: Final = 10
PATIENCE: Final = 60.0
"""Seconds that something may take on a busy machine: a Home Assistant is much for it."""
BASE: Final = "busylight/desk"
DOCUMENTATION: Final = Path(__file__).resolve().parents[2] / "docs" / "home-assistant.md"

pytestmark = [pytest.mark.usefixtures("socket_enabled"), pytest.mark.timeout(900)]
wait_until = partial(broker_support.wait_until, seconds=PATIENCE)


@pytest.fixture
def broker(socket_enabled: None, tmp_path: Path) -> Iterator[Broker]:  # noqa: ARG001 -- it opens ports
    with Broker(tmp_path / "broker") as broker:
        yield broker


@pytest.fixture
def lookalike(socket_enabled: None) -> Iterator[Lookalike]:  # noqa: ARG001 -- it opens a port
    with Lookalike() as lookalike:
        lookalike.graph.set_presence(ADELE.object_id, "Busy", "InACall")
        yield lookalike


class Watched(HomeAssistantProcess):
    """It fails the test at its end if it has complained."""

    def __init__(self, directory: Path, **options: Any) -> None:
        super().__init__(directory, **options)
        self.its_own: set[str] = set()

    def learn(self, *ours: str) -> None:
        """Take what it has said of the foreign device for what it says of any, and of these."""
        self.its_own |= set(self.complaints)
        self.its_own |= {text.replace("foreign", our) for text in self.complaints for our in ours}

    def shown(self, name: str) -> dict[str, str]:
        """The states of all entities of the device with that name."""
        return {
            entity_id: state["state"]
            for entity_id, state in self.states().items()
            if entity_id.partition(".")[2].startswith(name)
        }

    def shows(self, entity_id: str, state: str) -> bool:
        """Whether an entity has that state."""
        found = self.states().get(entity_id)
        return found is not None and found["state"] == state

    def is_complete(self, name: str = "desk") -> bool:
        """Whether every part of the light is there, and available."""
        settings = settings_of(outputs="mqtt", account=True, status_message=True)
        wanted = [part for part in parts(settings) if part.key != "last_update"]
        shown = self.shown(name)
        return len(shown) == len(wanted) and "unavailable" not in shown.values()

    def is_gone(self, name: str = "desk") -> bool:
        """Whether every part of it is unavailable."""
        return set(self.shown(name).values()) == {"unavailable"}

    def device_of(self, entity_id: str) -> str | None:
        """Its device's id."""
        found = self.rendered("{{ device_id('" + entity_id + "') }}")
        return None if found == "None" else found


@pytest.fixture
def home_assistant(socket_enabled: None, tmp_path: Path, broker: Broker) -> Iterator[Watched]:  # noqa: ARG001 -- it opens ports
    with Watched(tmp_path / "home-assistant") as home_assistant:
        home_assistant.onboard()
        home_assistant.connect(broker.port)
        yield home_assistant
        said = [text for text in home_assistant.complaints if text not in home_assistant.its_own]
    assert not said


@pytest.fixture
def home(tmp_path: Path, lookalike: Lookalike, broker: Broker) -> Home:
    return _home(tmp_path / "home", lookalike, broker)


def _home(directory: Path, lookalike: Lookalike, broker: Broker) -> Home:
    home = Home(directory).with_graph(lookalike).with_broker(broker.port)
    home.settings |= {"NAME": "Desk", "MQTT_KEEPALIVE": str(KEEPALIVE)}
    home.settings |= {"MQTT_STATUS_MESSAGE": "true", "MQTT_ACCOUNT": "true"}
    return home


class Watch:
    """Takes the time until something holds in Home Assistant, by the time that itself notes."""

    def __init__(self, home_assistant: Watched, lateness: Lateness, device: str = "desk") -> None:
        self._home_assistant = home_assistant
        self._lateness = lateness
        self._device = device
        self.start()

    def start(self) -> None:
        """What is timed begins now."""
        self._began, self._began_by_date = time.monotonic(), time.time()

    @property
    def late(self) -> float:
        """For how long the program, or Home Assistant, had to wait for others on this machine."""
        return 2 * self._lateness.since(self._began)

    def within(self, seconds: float, condition: Callable[[], Any]) -> None:
        """Wait until it holds; fail if the last change for it came later."""
        wait_until(condition, seconds=seconds + PATIENCE)
        late = self.late
        changes = (
            datetime.fromisoformat(state["last_changed"]).timestamp()
            for entity_id, state in self._home_assistant.states().items()
            if entity_id.partition(".")[2].startswith(self._device)
        )
        took = max(changes) - self._began_by_date
        assert took <= seconds + late, f"the machine: {late:.2f} s"


class Foreign:
    """A device of somebody else's: as plain as can be, and made without any code of ours."""

    topic = "homeassistant/device/foreign/config"

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder

    def appear(self) -> None:
        """Be announced, with a switch, a number and a sensor that is disabled by default."""
        components: dict[str, dict[str, Any]] = {
            "one": {"platform": "sensor", "state_topic": "foreign/state"},
            "two": {"platform": "sensor", "state_topic": "foreign/state"},
            "three": {"platform": "switch", "command_topic": "foreign/set"},
            "four": {"platform": "number", "command_topic": "foreign/set"},
        }
        components["two"]["enabled_by_default"] = False
        for key, component in components.items():
            component |= {"unique_id": f"foreign_{key}", "name": key}
        document = {
            "device": {"identifiers": ["foreign"], "name": "Foreign"},
            "origin": {"name": "somebody else"},
            "components": components,
        }
        self._recorder.publish(self.topic, json.dumps(document), retain=True)
        self.tell()

    def tell(self) -> None:
        """Say its state."""
        self._recorder.publish("foreign/state", "1", retain=True)

    def go(self) -> None:
        """Be announced no more."""
        self._recorder.publish(self.topic, "", retain=True)
        self._recorder.publish("foreign/state", "", retain=True)


def _learn_removal(home_assistant: Watched, recorder: Recorder, *ours: str) -> None:
    """Have it say what it says of any device with a disabled entity that goes.

    It clears the announcement once more itself, and then complains of its own message.
    """
    foreign = Foreign(recorder)
    foreign.appear()
    wait_until(partial(home_assistant.shows, "sensor.foreign_one", "1"))
    recorder.forget()
    foreign.go()
    wait_until(lambda: not home_assistant.shown("foreign"))
    wait_until(lambda: len(recorder.payloads(foreign.topic)) > 1)  # ours, and its own
    # Whoever shows what came later has said what there was to say of that.
    later = {"state_topic": "later/state", "unique_id": "later", "name": "Later"}
    recorder.publish("homeassistant/sensor/later/config", json.dumps(later), retain=True)
    recorder.publish("later/state", "1", retain=True)
    wait_until(partial(home_assistant.shows, "sensor.later", "1"))
    for topic in ("homeassistant/sensor/later/config", "later/state"):
        recorder.publish(topic, "", retain=True)
    home_assistant.learn(*ours)


def _slowness() -> float:
    """How many times longer than its own work something takes here now, others being at work.

    Measured at what a start mostly is: loading packages. On a machine of one's own it is 1.
    """
    began = time.monotonic()
    load = [sys.executable, "-c", "import httpx, msal, paho.mqtt.client, pydantic.main"]
    process = subprocess.Popen(load)
    _, process.returncode, usage = os.wait4(process.pid, 0)
    return max(1.0, (time.monotonic() - began) / (usage.ru_utime + usage.ru_stime))


def test_from_an_empty_broker_it_is_complete_within_three_seconds_of_the_programs_start(
    home_assistant: Watched, home: Home, lateness: Lateness
) -> None:
    slowness = _slowness()
    began = time.monotonic()
    with home.start() as program:
        wait_until(home_assistant.is_complete)
        took = time.monotonic() - began
        slowness = max(slowness, _slowness())
        assert took <= 3 * slowness, f"a machine {slowness:.1f} times as slow as one's own"
        wait_until(partial(home_assistant.shows, "binary_sensor.desk_output_mqtt", "on"))
        assert home_assistant.shown("desk")["binary_sensor.desk_in_a_call"] == "on"
        watch = Watch(home_assistant, lateness)
        os.kill(program.process.pid, signal.SIGKILL)
        watch.within(1, home_assistant.is_gone)


def test_frozen_it_is_unavailable_in_time_and_thawed_all_is_back(
    home_assistant: Watched, home: Home, lateness: Lateness
) -> None:
    with home.start() as program:
        wait_until(home_assistant.is_complete)
        watch = Watch(home_assistant, lateness)
        os.kill(program.process.pid, signal.SIGSTOP)
        watch.within(1.5 * KEEPALIVE + 2, home_assistant.is_gone)
        os.kill(program.process.pid, signal.SIGCONT)
        wait_until(home_assistant.is_complete)
        program.ends()
        watch.start()
        watch.within(1, home_assistant.is_gone)


def test_a_command_of_home_assistants_is_shown_at_once(
    home_assistant: Watched, home: Home, lateness: Lateness
) -> None:
    with home.start() as program:
        wait_until(partial(home_assistant.shows, "select.desk_mode", "auto"))
        watch = Watch(home_assistant, lateness)
        for mode, light in (("off", "off"), ("away", "on"), ("auto", "on")):
            watch.start()
            home_assistant.call(
                "select", "select_option", entity_id="select.desk_mode", option=mode
            )
            watch.within(1, partial(home_assistant.shows, "select.desk_mode", mode))
            assert home_assistant.shown("desk")["light.desk"] == light
        program.ends()


def test_the_last_one_to_set_the_light_wins_whoever_it_is(
    home_assistant: Watched, home: Home, recorder: Recorder
) -> None:
    def mode_is(mode: str) -> bool:
        shown = home_assistant.shown("desk").get("select.desk_mode")
        return shown == mode and recorder.last(f"{BASE}/mode") == mode.encode()

    with home.start() as program:
        wait_until(lambda: mode_is("auto"))
        home_assistant.call("light", "turn_on", entity_id="light.desk", rgb_color=[1, 2, 3])
        wait_until(lambda: mode_is("manual"))
        assert home.run("set", "busy", "--for", "25m").returncode == 0
        wait_until(lambda: mode_is("busy"))
        home_assistant.call("select", "select_option", entity_id="select.desk_mode", option="away")
        wait_until(lambda: mode_is("away"))
        assert recorder.last(f"{BASE}/override") == b'{"mode":"away","ends_at":null}'
        home_assistant.call("light", "turn_off", entity_id="light.desk")
        wait_until(lambda: mode_is("off"))
        recorder.publish(f"{BASE}/mode/set", '{"mode":"available","for":2}')
        wait_until(lambda: mode_is("available"))
        wait_until(lambda: mode_is("auto"))
        home_assistant.call("light", "turn_off", entity_id="light.desk")
        wait_until(lambda: mode_is("off"))
        program.ends()
    with home.start() as program:
        wait_until(lambda: mode_is("off"))
        home_assistant.call("light", "turn_on", entity_id="light.desk")
        wait_until(lambda: mode_is("manual"))
        color = home_assistant.states()["light.desk"]["attributes"]["rgb_color"]
        assert color == [255, 0, 0], "not the light of before the off, and of before the restart"
        program.ends()


def test_a_broker_that_forgets_everything_is_told_all_again(
    home_assistant: Watched, home: Home, broker: Broker, recorder: Recorder, lateness: Lateness
) -> None:
    foreign = Foreign(recorder)
    foreign.appear()
    wait_until(partial(home_assistant.shows, "sensor.foreign_one", "1"))
    recorder.expect_restart()
    broker.restart()
    recorder.await_subscription()
    foreign.tell()
    wait_until(partial(home_assistant.shows, "sensor.foreign_one", "1"))
    home_assistant.learn()  # that it has lost its broker, and the like
    with home.start() as program:
        wait_until(home_assistant.is_complete)
        recorder.expect_restart()
        broker.stop()
        wait_until(home_assistant.is_gone)
        recorder.forget()
        watch, began = Watch(home_assistant, lateness), time.monotonic()
        broker.start()
        wait_until(lambda: recorder.last(f"{BASE}/availability") == b"online")
        online = next(m.at for m in recorder.heard if m.topic == f"{BASE}/availability")
        assert online - began <= 10 + watch.late
        wait_until(lambda: recorder.last("homeassistant/device/busylight_desk/config"))
        recorder.await_subscription()
        # How long Home Assistant itself stays away, the device of somebody else's shows: it tells
        # a new state all the time. Beyond that it is ours.
        number = 1

        def foreigner_is_back() -> bool:
            nonlocal number
            number += 1
            recorder.publish("foreign/state", str(number))
            shown = home_assistant.shown("foreign").get("sensor.foreign_one", "")
            return shown.isdigit() and int(shown) > 1

        wait_until(foreigner_is_back)
        back = time.monotonic() - began
        watch.within(max(10, back + 2), home_assistant.is_complete)
        program.ends()


def test_after_a_restart_of_home_assistant_all_is_back_soon_after_its_birth_message(
    home_assistant: Watched,
    home: Home,
    recorder: Recorder,
    lookalike: Lookalike,
    lateness: Lateness,
) -> None:
    with home.start() as program:
        wait_until(home_assistant.is_complete)
        before = home_assistant.device_of("light.desk")
        home_assistant.stop()
        lookalike.graph.set_presence(ADELE.object_id, "Available", "Available")
        wait_until(lambda: b'"Available"' in (recorder.last(f"{BASE}/presence") or b""))
        recorder.forget()
        home_assistant.start()
        wait_until(lambda: recorder.last("homeassistant/status") == b"online")
        Watch(home_assistant, lateness).within(15, home_assistant.is_complete)
        assert home_assistant.shown("desk")["binary_sensor.desk_in_a_call"] == "off"
        assert home_assistant.device_of("light.desk") == before
        program.ends()


def test_a_code_that_waits_is_shown_again_after_a_restart_of_home_assistant(
    home_assistant: Watched, tmp_path: Path, lookalike: Lookalike, broker: Broker
) -> None:
    def code() -> str | None:
        state = home_assistant.states().get("binary_sensor.desk_sign_in_needed")
        found: str | None = None if state is None else state["attributes"].get("code")
        return found

    home = Home(tmp_path / "home").with_graph(lookalike, signed_in=False)
    home.with_broker(broker.port).settings |= {"NAME": "Desk"}
    with home.start() as program:
        wait_until(code)
        home_assistant.stop()
        home_assistant.start()
        wait_until(code)
        home.sign_in(lookalike)
        wait_until(partial(home_assistant.shows, "binary_sensor.desk_sign_in_needed", "off"))
        assert code() is None
        program.ends()


def test_unpublished_it_is_gone_from_the_broker_and_from_home_assistant(
    home_assistant: Watched, home: Home, broker: Broker, recorder: Recorder
) -> None:
    _learn_removal(home_assistant, recorder, "busylight_desk")
    with home.start() as program:
        wait_until(home_assistant.is_complete)
        device = home_assistant.device_of("light.desk")
        assert device is not None
        program.ends()
    done = home.run("unpublish")
    assert done.returncode == 0
    wait_until(lambda: not home_assistant.shown("desk"))
    exists = "{{ device_attr('" + device + "', 'name') }}"
    wait_until(lambda: home_assistant.rendered(exists) == "None")
    with Recorder(broker) as after:
        after.publish("end", "x")
        wait_until(lambda: after.last("end"))
        assert [heard.topic for heard in after.heard if heard.retained] == []


def test_two_programs_on_one_broker_do_not_touch_each_other(
    home_assistant: Watched,
    tmp_path: Path,
    lookalike: Lookalike,
    broker: Broker,
    recorder: Recorder,
    home: Home,
) -> None:
    _learn_removal(home_assistant, recorder, "busylight_study")
    other = _home(tmp_path / "other", lookalike, broker)
    other.settings |= {"ID": "study", "NAME": "Study"}
    with home.start() as program, other.start() as second:
        wait_until(home_assistant.is_complete)
        wait_until(lambda: home_assistant.is_complete("study"))
        home_assistant.call("select", "select_option", entity_id="select.study_mode", option="away")
        wait_until(partial(home_assistant.shows, "select.study_mode", "away"))
        assert home_assistant.shown("desk")["select.desk_mode"] == "auto"
        os.kill(second.process.pid, signal.SIGKILL)
        wait_until(lambda: home_assistant.is_gone("study"))
        assert home_assistant.is_complete()
        second.process.wait()
        assert other.run("unpublish").returncode == 0
        wait_until(lambda: not home_assistant.shown("study"))
        assert home_assistant.is_complete()
        program.ends()


def test_each_of_several_people_is_a_device_by_way_of_the_light_and_goes_with_its_person(
    home_assistant: Watched,
    tmp_path: Path,
    lookalike: Lookalike,
    broker: Broker,
    recorder: Recorder,
) -> None:
    _learn_removal(home_assistant, recorder, "busylight_desk")
    home = Home(tmp_path / "home").with_graph(lookalike, signed_in=False).with_broker(broker.port)
    home.settings |= {
        "NAME": "Desk",
        "GRAPH_CLIENT_SECRET": lookalike.client_secret,
        "GRAPH_TENANT_ID": lookalike.tenant_id,
    }

    def watch(*people: Person) -> None:
        home.settings["GRAPH_USERS"] = ",".join(person.principal_name for person in people)

    def is_watched(person: Person) -> bool:
        return bool(home_assistant.shown(_slug(person)))

    watch(ADELE, MEGAN, ALEX)
    with home.start() as program:
        for person in (ADELE, MEGAN, ALEX):
            wait_until(
                partial(home_assistant.shows, f"binary_sensor.{_slug(person)}_problem", "off")
            )
            assert len(home_assistant.shown(_slug(person))) == 6
        activity = f"sensor.{_slug(ADELE)}_activity"
        wait_until(partial(home_assistant.shows, activity, "InACall"))
        via = home_assistant.rendered(
            "{{ device_attr(device_id('" + activity + "'), 'via_device_id') }}"
        )
        assert via == home_assistant.device_of("light.desk")
        program.ends()
    watch(ADELE, ALEX)
    with home.start() as program:
        wait_until(lambda: not is_watched(MEGAN))
        wait_until(partial(home_assistant.shows, activity, "InACall"))
        assert is_watched(ALEX)
        program.ends()
    home.settings["MQTT_DISCOVERY_USERS"] = "1"
    with home.start() as program:
        wait_until(lambda: is_watched(ADELE) + is_watched(ALEX) == 1)
        assert "1 become devices in Home Assistant" in program.errors
        program.ends()
    home.settings["MQTT_DISCOVERY"] = "false"
    with home.start() as program:
        wait_until(lambda: not home_assistant.shown("desk"))
        wait_until(lambda: not is_watched(ADELE) and not is_watched(ALEX))
        program.ends()


def test_without_discovery_the_lines_in_the_documentation_do(
    socket_enabled: None,  # noqa: ARG001 -- it opens ports
    tmp_path: Path,
    broker: Broker,
    home: Home,
) -> None:
    text = DOCUMENTATION.read_text("utf-8").partition("## Doing without discovery")[2]
    lines = text.partition("```yaml\n")[2].partition("```")[0]
    lines = lines.replace("busylight/busylight/", f"{BASE}/")
    home.settings["MQTT_DISCOVERY"] = "false"
    with Watched(tmp_path / "home-assistant", more_configuration=lines) as home_assistant:
        home_assistant.onboard()
        home_assistant.connect(broker.port)
        with home.start() as program:
            wait_until(partial(home_assistant.shows, "sensor.availability", "Busy"))
            wait_until(partial(home_assistant.shows, "light.busy_light", "on"))
            home_assistant.call("light", "turn_off", entity_id="light.busy_light")
            wait_until(partial(home_assistant.shows, "select.mode", "off"))
            home_assistant.call("select", "select_option", entity_id="select.mode", option="auto")
            wait_until(partial(home_assistant.shows, "light.busy_light", "on"))
            program.ends()
        wait_until(partial(home_assistant.shows, "sensor.availability", "unavailable"))
        assert home_assistant.complaints == []


def _slug(person: Person) -> str:
    return person.principal_name.replace("@", "_").replace(".", "_")


def test_the_select_tells_teams_where_that_is_asked_for(
    home_assistant: Watched, home: Home, lookalike: Lookalike
) -> None:
    home.settings["GRAPH_WRITE"] = "true"
    home.sign_in(lookalike)
    graph = lookalike.graph
    with home.start() as program:
        wait_until(partial(home_assistant.shows, "select.desk_mode", "auto"))
        for mode, availability in (("do_not_disturb", "DoNotDisturb"), ("auto", None)):
            home_assistant.call(
                "select", "select_option", entity_id="select.desk_mode", option=mode
            )
            assert graph.wait_preferred(availability)
        # What is shown as presence was read: Teams shows the preferred one no more.
        wait_until(partial(home_assistant.shows, "binary_sensor.desk_in_a_call", "on"))
        program.ends()
