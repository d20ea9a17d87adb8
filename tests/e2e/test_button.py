"""From the button on a light, through the program as a process, to the light and the broker."""

import json
import time
from functools import partial
from pathlib import Path
from typing import Any

from busylight.demo.lookalike import Lookalike
from firmware_bridge import protocol
from firmware_bridge.simulate import SimulatedLight
from tests.support.broker import Broker, Recorder, wait_until
from tests.support.firmware import DEAF, shows
from tests.support.program import Home, json_of

BASE = "busylight/desk"
GREEN, RED, OFF = (0, 255, 0), (255, 0, 0), (0, 0, 0)
DEVICE = "homeassistant/device/busylight_desk/config"


def presses(recorder: Recorder) -> list[str]:
    return [m.payload.decode() for m in recorder.heard if m.topic == f"{BASE}/button"]


def has(report: dict[str, Any], output: str, state: str) -> bool:
    return bool(report["diagnostics"]["outputs"][output]["state"] == state)


def home_with(tmp_path: Path, lookalike: Lookalike, broker: Broker, light: SimulatedLight) -> Home:
    home = Home(tmp_path / "home").with_graph(lookalike).with_broker(broker.port)
    home.settings |= {
        "OUTPUTS": "mqtt,serial",
        "SERIAL_PORT": str(light.path),
        "BUTTON_LONG": "off",
    }
    return home


def test_presses_become_overrides_on_the_light_and_events_on_the_broker(
    tmp_path: Path, lookalike: Lookalike, broker: Broker
) -> None:
    with SimulatedLight(tmp_path / "light") as light:
        home = home_with(tmp_path, lookalike, broker, light)
        with Recorder(broker) as recorder, home.start() as program:
            assert light.wait_for(shows(GREEN))
            wait_until(lambda: b"light_button" in (recorder.last(DEVICE) or b""))
            mode = f"{BASE}/mode"
            time.sleep(DEAF)
            light.press(protocol.PRESS)  # toggle do_not_disturb
            assert light.wait_for(shows(RED))
            wait_until(lambda: recorder.last(mode) == b"do_not_disturb")
            light.press(protocol.PRESS)
            assert light.wait_for(shows(GREEN))
            wait_until(lambda: recorder.last(mode) == b"auto")
            light.press(protocol.DOUBLE_PRESS)  # busy 25m
            wait_until(lambda: recorder.last(mode) == b"busy")
            override = json_of(recorder.last(f"{BASE}/override"))
            assert override["mode"] == "busy"
            assert override["ends_at"] is not None
            kept = json.loads((home.state_dir / "override.json").read_text())
            assert "busy" in json.dumps(kept)
            light.press(protocol.LONG_PRESS)  # off
            assert light.wait_for(shows(OFF))
            wait_until(lambda: recorder.last(mode) == b"off")
            told = ["press", "press", "double_press", "long_press"]
            wait_until(lambda: presses(recorder) == told)
            # An event is no state: nobody who comes later is told it.
            with Recorder(broker) as latecomer:
                wait_until(lambda: latecomer.last(mode) == b"off")
                assert presses(latecomer) == []
            assert program.ends()[0] == 0


def test_presses_while_broker_or_light_are_away_are_not_played_back(
    tmp_path: Path, lookalike: Lookalike, broker: Broker
) -> None:
    with SimulatedLight(tmp_path / "light") as light:
        home = home_with(tmp_path, lookalike, broker, light)
        with home.start() as program:
            assert light.wait_for(shows(GREEN))
            time.sleep(DEAF)
            broker.stop()
            program.reports(partial(has, output="mqtt", state="failed"))
            light.press(protocol.PRESS)
            assert light.wait_for(shows(RED))  # the light needs no broker
            broker.start()
            with Recorder(broker) as recorder:
                wait_until(lambda: recorder.last(f"{BASE}/mode") == b"do_not_disturb")
                light.unplug()
                program.reports(partial(has, output="serial", state="failed"))
                light.press(protocol.LONG_PRESS)
                time.sleep(1.2)  # as long as the light tells of it
                light.plug()
                program.reports(partial(has, output="serial", state="connected"))
                time.sleep(DEAF)
                light.press(protocol.PRESS)
                wait_until(lambda: recorder.last(f"{BASE}/mode") == b"auto")
                assert presses(recorder) == ["press"]
            program.ends()
