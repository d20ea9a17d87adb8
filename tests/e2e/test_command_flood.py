"""Whatever comes in on the command topics: the program lives, and shows what it accepted."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from busylight.core.override import Mode, SetLight, SetMode
from busylight.demo.lookalike import Lookalike
from busylight.outputs.mqtt.commands import COMMANDS, CommandError
from tests.support.broker import Broker, Recorder
from tests.support.program import Home, Program, json_of
from tests.unit.test_mqtt_commands import JSON

BASE: Final = "busylight/desk"
NASTY: Final = (
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
COUNT: Final = 10_000
AT_ONCE: Final = 20
WARM_UP: Final = 1000

_LIGHTS: Final = st.fixed_dictionaries(
    {},
    optional={
        "state": st.sampled_from(["ON", "OFF", "on", 1, None]),
        "brightness": st.integers(-10, 300) | st.just(0.5),
        "color": st.fixed_dictionaries({each: st.integers(-2, 300) for each in "rgb"}),
        "color_temp": st.integers(-1, 2000),
        "effect": st.sampled_from(["solid", "pulse", "BLINK", "breathe", "rainbow"]),
    },
)
_MODES: Final = st.sampled_from(["busy", "away", "off", "available", "manual", "AUTO", "zzz"])
_TIMED: Final = st.fixed_dictionaries({"mode": _MODES}, optional={"for": st.integers(-1, 90_000)})
_JUNK: Final = (
    st.sampled_from(NASTY)
    | st.binary(max_size=64)
    | JSON.map(lambda value: json.dumps(value).encode())
)
_SENSIBLE: Final = (_LIGHTS | _TIMED).map(lambda value: json.dumps(value).encode()) | _MODES.map(
    str.encode
)
# Each that is accepted is waited for: they are few enough for ten thousand to take no minute.
PAYLOADS: Final = st.integers(0, 7).flatmap(lambda dice: _SENSIBLE if dice == 0 else _JUNK)


@pytest.fixture
def program(tmp_path: Path) -> Iterator[tuple[Program, Recorder]]:
    with Lookalike() as lookalike, Broker(tmp_path / "broker") as broker:
        home = Home(tmp_path / "home").with_graph(lookalike).with_broker(broker.port)
        home.settings["LOG_LEVEL"] = "warning"
        with Recorder(broker) as recorder, home.start() as program:
            program.reports(
                lambda report: report["diagnostics"]["outputs"]["mqtt"]["state"] == "connected"
            )
            # msal is loaded for the second reading, and is no growth by commands.
            assert lookalike.wait_for(lambda: len(lookalike.requests_to("/v1.0/me/presence")) > 1)
            yield program, recorder


def _resident_kib(program: Program) -> int:
    status = Path(f"/proc/{program.process.pid}/status").read_text()
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS")))


@pytest.mark.timeout(600)
@pytest.mark.parametrize("topic", COMMANDS)
def test_of_ten_thousand_random_commands_each_accepted_one_is_mirrored_and_nothing_grows(
    program: tuple[Program, Recorder], topic: str
) -> None:
    running, recorder = program
    sent = before = 0

    @settings(
        max_examples=COUNT // AT_ONCE,
        phases=[Phase.generate],
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.lists(PAYLOADS, min_size=AT_ONCE, max_size=AT_ONCE))
    def send(payloads: list[bytes]) -> None:
        nonlocal sent, before
        for payload in payloads:
            recorder.publish_and_go_on(f"{BASE}/{topic}", payload)
            recorder.wait_for(lambda payload=payload: _is_mirrored(recorder, topic, payload))  # type: ignore[misc]  # mypy takes the default for a parameter
        sent += len(payloads)
        if sent == WARM_UP:
            before = _resident_kib(running)

    send()
    recorder.publish(f"{BASE}/mode/set", "away")
    recorder.wait_for(lambda: recorder.last(f"{BASE}/mode") == b"away")
    assert running.process.poll() is None
    assert sent >= COUNT
    assert _resident_kib(running) - before < 5 * 1024
    assert len(running.errors.splitlines()) < 50, "a flood of junk floods the log"


def _is_mirrored(recorder: Recorder, topic: str, payload: bytes) -> bool:
    """Whether the states are what a command asks for; what is refused asks for nothing."""
    try:
        command = COMMANDS[topic](payload)
    except CommandError:
        return True
    mode, light = recorder.last(f"{BASE}/mode"), json_of(recorder.last(f"{BASE}/light"))
    if isinstance(command, SetMode):
        override = json_of(recorder.last(f"{BASE}/override"))
        is_timed = override is not None and override["ends_at"] is not None
        return mode == command.mode.encode() and is_timed == (command.seconds is not None)
    if not isinstance(command, SetLight):
        return True
    if command.on is False or command.brightness == 0:
        return mode == Mode.OFF.encode() and light["state"] == "OFF"
    shown = tuple(light["color"][each] for each in "rgb")
    return (
        mode == Mode.MANUAL.encode()
        and command.rgb in (None, shown)
        and command.brightness in (None, light["brightness"])
        and command.effect in (None, light["effect"])
        and light["state"] == ("ON" if any(shown) else "OFF")
    )
