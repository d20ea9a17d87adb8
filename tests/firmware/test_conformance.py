"""One suite for all implementations: what docs/protocol.md says holds for each of them."""

import itertools
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Final

import pytest

from firmware_bridge import protocol
from firmware_bridge.light import HOST_LOST, Light
from tests.support.targets import Duty, Host, Process, Target

VECTORS: dict[str, Any] = json.loads(
    (Path(protocol.__file__).parent / "vectors.json").read_text("utf-8")
)
ROOT: Final = Path(__file__).resolve().parents[2]
RED: Final = protocol.Show(255, 0, 0, lifetime=120)
GREEN: Final = protocol.Show(0, 255, 0, lifetime=120)


def untimed() -> list[dict[str, Any]]:
    return [d for d in VECTORS["dialogues"] if not any("pass" in step for step in d["steps"])]


@pytest.mark.parametrize("dialogue", untimed(), ids=lambda d: d["name"])
def test_dialogues_go_as_in_the_vectors(light: Target, dialogue: dict[str, Any]) -> None:
    with Host(light.path) as host:
        host.greet()
        host.received = b""
        for step in dialogue["steps"]:
            if "host" in step:
                host.write(bytes.fromhex(step["host"]))
                continue
            deadline = time.monotonic() + 5
            while host.received.hex() != step["light"] and time.monotonic() < deadline:
                host.read(0.1)
            assert host.received.hex() == step["light"]
            host.received = b""
            assert _is_painted(light, tuple(step["leds"]))


def _is_painted(light: Target, duty: Duty, timeout: float = 20) -> bool:
    return light.wait_for(lambda told: bool(told) and told[-1][1] == duty, timeout)


@pytest.mark.parametrize("vector", VECTORS["junk"], ids=lambda v: v["name"])
def test_junk_is_not_answered_and_costs_nothing(light: Target, vector: dict[str, Any]) -> None:
    with Host(light.path) as host:
        host.greet()
        host.write(bytes.fromhex(vector["wire"]))
        assert host.show(RED).show.look() == RED.look()
        assert host.reader.junk == 0


def solid() -> list[dict[str, Any]]:
    """An effect's moment nobody can choose from outside."""
    return [d for d in VECTORS["duties"] if protocol.Show(*d["show"]).effect == protocol.SOLID]


@pytest.mark.parametrize("vector", solid(), ids=lambda v: str(v["show"]))
def test_a_colour_is_driven_as_in_the_vectors(light: Target, vector: dict[str, Any]) -> None:
    """Gamma, and the limit of current where the vector's light is one like that under test."""
    show = protocol.Show(*vector["show"])
    show.lifetime = 120
    reference = Light(8, 400)
    reference.show(show)
    if (vector["pixels"], vector["limit"], vector["channel"]) == (8, 400, 20):
        assert list(reference.duty()) == vector["duty"]
    with Host(light.path) as host:
        host.greet()
        shown = host.show(show)
        assert _is_painted(light, reference.duty())
        assert sum(reference.duty()) * 8 * 20 <= 400 * 255
        assert bool(shown.flags & protocol.LIMITED) == bool(
            reference.shown().flags & protocol.LIMITED
        )


def test_it_says_who_it_is_also_to_a_newer_host(light: Target) -> None:
    with Host(light.path) as host:
        for newest in (1, 2, 9, 255):
            identity = host.greet(newest)
            assert (identity.version, identity.firmware, identity.pixels) == (1, (0, 1, 0), 8)


def test_a_newer_host_that_forgets_itself_is_told_and_changes_nothing(light: Target) -> None:
    with Host(light.path) as host:
        host.greet()
        host.show(RED)
        refused = host.ask(protocol.SHOW, GREEN.pack(), version=2)
        newer = bytes((protocol.NEWER_VERSION, protocol.SHOW, protocol.VERSION))
        assert (refused.kind, refused.payload) == (protocol.ERROR, newer)
        unknown = host.ask(0x3F)
        assert unknown.payload == bytes((protocol.UNKNOWN_KIND, 0x3F, protocol.VERSION))
        assert host.show(RED).show.look() == RED.look()


def test_what_a_newer_host_adds_to_the_end_of_a_payload_is_passed_over(light: Target) -> None:
    with Host(light.path) as host:
        host.greet()
        answer = host.ask(protocol.SHOW, GREEN.pack() + b"\x05\x06\x07")
        shown = protocol.unpack_shown(answer.payload)
        assert shown is not None
        assert shown.show.look() == GREEN.look()


def test_effects_are_painted_as_the_reference_says(light: Target) -> None:
    """All that is ever seen of an effect is one of its values, bright to dark."""
    with Host(light.path) as host:
        host.greet()
        for effect in (protocol.PULSE, protocol.BREATHE, protocol.BLINK):
            show = protocol.Show(255, 128, 3, 200, effect, 1000, 120)
            reference = Light(8, 400)
            reference.show(show)
            values = []
            for _ in range(1000):
                values.append(reference.duty())
                reference.advance(1)
            # What was painted before is told for a while yet: green stands between.
            host.show(GREEN, tries=4)
            assert _is_painted(light, (0, 255, 0))
            host.show(show, tries=4)
            assert light.wait_for(lambda told: _seconds(_after_green(told)) > 1.2)
            seen = [duty for _, duty in _after_green(light.paintings)]
            assert set(seen) <= set(values)
            assert len(set(seen)) >= (2 if effect == protocol.BLINK else 10)


def _after_green(told: list[tuple[float, Duty]]) -> list[tuple[float, Duty]]:
    green = [place for place, (_, duty) in enumerate(told) if duty == (0, 255, 0)]
    return told[green[-1] + 1 :]


def _seconds(told: list[tuple[float, Duty]]) -> float:
    return told[-1][0] - told[0][0] if told else 0.0


def test_release_end_and_loss_are_three_different_things_on_the_pin(light: Target) -> None:
    with Host(light.path) as host:
        host.greet()
        host.show(RED, tries=4)
        host.ask(protocol.RELEASE, (10).to_bytes(2, "little"))
        assert _is_painted(light, (0, 0, 0))
        painted = len(light.paintings)
        host.ping_for(2)  # released: while pings go on nothing is painted any more
        assert len(light.paintings) == painted
        if isinstance(light, Process):
            assert [line for line in light.lines if line.startswith("drive")][-1].endswith(" 0")
        assert light.wait_for(lambda told: _is_lost(told[-1][1]), 3)
        painted = len(light.paintings)
        host.show(protocol.Show(0, 255, 0))  # the end: it stays, and is painted every second
        assert light.wait_for(
            lambda told: [duty for _, duty in told[painted:]].count((0, 255, 0)) == 4
        )
        green = [each for each in light.paintings if each[1] == (0, 255, 0)]
        assert light.paintings[-4:] == green
        for earlier, later in itertools.pairwise(green):
            assert 0.95 < later[0] - earlier[0] < 1.2


def _is_lost(duty: Duty) -> bool:
    """A pulse of the unknown colour: blue by far, never green, and dim."""
    return duty[1] == 0 and duty[0] < duty[2] <= 16


_HOST = """
import sys
from pathlib import Path
from firmware_bridge import protocol
from tests.support.targets import Host
host = Host(Path(sys.argv[1]))
host.greet()
host.show(protocol.Show(255, 0, 0, lifetime=10), tries=8)
print("shown", flush=True)
host.ping_for(600)
"""


def test_a_killed_host_is_seen_on_the_pin_within_its_lifetime_and_half_a_second(
    light: Target,
) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        [sys.executable, "-c", _HOST, str(light.path)], env=environment, stdout=subprocess.PIPE
    ) as host:
        assert host.stdout is not None
        assert host.stdout.readline() == b"shown\n"
        red = next(at for at, duty in light.paintings if duty == (255, 0, 0))
        assert light.wait_for(lambda told: told[-1][0] > red + 1.5)
        assert {duty for at, duty in light.paintings if at > red} == {(255, 0, 0)}  # pings keep it
        host.send_signal(signal.SIGKILL)
        killed = time.monotonic()
        assert light.wait_for(lambda told: told[-1][1] != (255, 0, 0), 3)
        assert light.wait_for(lambda told: _is_lost(told[-1][1]), 3)
        seconds = time.monotonic() - killed
    assert HOST_LOST.look()[:3] == (0x40, 0, 0xFF)
    print(f"lifetime 1.0 s: host lost was seen {seconds:.2f} s after the kill")
    assert seconds < 1.5
    with Host(light.path) as again:  # and it comes back at the next frame
        again.show(GREEN)
        assert _is_painted(light, (0, 255, 0), 1)
