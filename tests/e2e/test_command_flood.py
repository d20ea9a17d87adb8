"""Whatever comes in on the command topics: the program lives, and shows what it accepted."""

import json
import random
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from busylight.demo.lookalike import Lookalike
from tests.support.broker import Broker, Recorder, wait_until
from tests.support.program import Home, Program, json_of

BASE = "busylight/desk"
TOPICS = ("light/set", "mode/set", "refresh/set")
NASTY = (
    b"",
    b"\x00",
    b"\xff\xfe",
    b"null",
    b"[]",
    b'{"state":"ON","brightness":1e400}',
    b'{"state":"ON","brightness":NaN}',
    b'{"state":"ON","brightness":true}',
    b'{"state":"ON","color":{"r":256,"g":-1,"b":"x"}}',
    b'{"state":"ON","color":null,"effect":"explode"}',
    b'{"state":["ON"]}',
    b'{"mode":"busy","for":1e9}',
    b'{"mode":"busy","for":"5"}',
    b'{"mode":"auto","for":5}',
    b'{"state":"ON","color_temp":0}',
    b"[" * 4000,
    b'{"a":' * 600,
    b"x" * 70_000,
    "\N{ZERO WIDTH SPACE}busy".encode(),
    b'"\\ud800"',
)
COUNT = 10_000


@pytest.fixture
def program(tmp_path: Path) -> Iterator[tuple[Program, Recorder]]:
    with Lookalike() as lookalike, Broker(tmp_path / "broker") as broker:
        home = Home(tmp_path / "home").with_graph(lookalike).with_broker(broker.port)
        home.settings["LOG_LEVEL"] = "warning"
        with Recorder(broker) as recorder, home.start() as program:
            program.reports(
                lambda report: report["diagnostics"]["outputs"]["mqtt"]["state"] == "connected"
            )
            yield program, recorder


def _random_payload(dice: random.Random) -> bytes:
    kind = dice.randrange(4)
    if kind == 0:
        return dice.choice(NASTY)
    if kind == 1:
        return dice.randbytes(dice.randrange(64))
    if kind == 2:
        return dice.choice(("busy", "away", "off", "available", "manual", "AUTO", "zzz")).encode()
    command: dict[str, Any] = {"state": dice.choice(("ON", "OFF", "on", 1, None))}
    if dice.random() < 0.5:
        command["brightness"] = dice.choice((0, 1, 128, 255, 256, -1, 0.5))
    if dice.random() < 0.5:
        command["color"] = {each: dice.randrange(-10, 300) for each in "rgb"}
    if dice.random() < 0.3:
        command["effect"] = dice.choice(("solid", "pulse", "BLINK", "rainbow"))
    return json.dumps(command).encode()


def _resident_kib(program: Program) -> int:
    status = Path(f"/proc/{program.process.pid}/status").read_text()
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS")))


def _flood(recorder: Recorder, count: int, dice: random.Random) -> None:
    for _ in range(count):
        topic = f"{BASE}/{dice.choice(TOPICS)}"
        recorder.publish_and_go_on(topic, _random_payload(dice))
    recorder.publish(f"{BASE}/mode/set", "auto")


def test_ten_thousand_random_commands_leave_it_alive_and_no_larger(
    program: tuple[Program, Recorder],
) -> None:
    running, recorder = program
    dice = random.Random(20261123)
    _flood(recorder, 1000, dice)  # the warm-up
    running.reports(lambda report: report["mode"] == "auto")
    before = _resident_kib(running)
    _flood(recorder, COUNT, dice)
    recorder.publish(f"{BASE}/mode/set", "away")
    running.reports(lambda report: report["mode"] == "away")
    wait_until(lambda: recorder.last(f"{BASE}/mode") == b"away", 30)
    assert _resident_kib(running) - before < 5 * 1024
    assert running.process.poll() is None
    assert len(running.errors.splitlines()) < 50, "a flood of junk floods the log"


def _shows(recorder: Recorder, wanted: dict[str, Any]) -> bool:
    light = json_of(recorder.last(f"{BASE}/light"))
    return light is not None and all(light.get(key) == value for key, value in wanted.items())


def test_each_accepted_light_is_mirrored(program: tuple[Program, Recorder]) -> None:
    _, recorder = program
    dice = random.Random(4)
    for _ in range(100):
        wanted = {
            "state": "ON",
            "brightness": dice.randrange(1, 256),
            "color": {each: dice.randrange(1, 256) for each in "rgb"},
            "effect": dice.choice(("solid", "blink", "pulse", "breathe")),
        }
        recorder.publish(f"{BASE}/light/set", json.dumps(wanted))
        wait_until(partial(_shows, recorder, wanted))
        wait_until(lambda: recorder.last(f"{BASE}/mode") == b"manual")
