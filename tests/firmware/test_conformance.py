"""One suite for all implementations: what docs/protocol.md says holds for each of them."""

import itertools
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Final

import pytest

from busylight.testing.lateness import Lateness
from firmware_bridge import protocol
from firmware_bridge.light import HOST_LOST, Light
from tests.support.targets import PATIENCE, Duty, Host, Process, Simulator, Target

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
            deadline = time.monotonic() + PATIENCE
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
            steps = 2 if effect == protocol.BLINK else 10
            assert light.wait_for(lambda told, steps=steps: _has_moved(_after_green(told), steps))  # type: ignore[misc]  # mypy takes the default for a parameter
            assert {duty for _, duty in _after_green(light.paintings)} <= set(values)


def _after_green(told: list[tuple[float, Duty]]) -> list[tuple[float, Duty]]:
    green = [place for place, (_, duty) in enumerate(told) if duty == (0, 255, 0)]
    return told[green[-1] + 1 :]


def _has_moved(told: list[tuple[float, Duty]], steps: int) -> bool:
    """Through more than one round of a second, in so many steps at least."""
    is_round = bool(told) and told[-1][0] - told[0][0] > 1.2
    return is_round and len({duty for _, duty in told}) >= steps


def test_release_end_and_loss_are_three_different_things_on_the_pin(light: Target) -> None:
    with Host(light.path) as host:
        host.greet()
        host.show(RED, tries=4)
        assert _is_painted(light, (255, 0, 0))
        host.ask(protocol.RELEASE, (30).to_bytes(2, "little"))
        assert _is_painted(light, (0, 0, 0))
        painted = len(light.paintings)
        host.ping_for(2)  # released: while pings go on nothing is painted any more
        assert len(light.paintings) == painted
        if isinstance(light, Process):
            assert light.wait_for(lambda _: not _is_driven(light))
        assert light.wait_for(lambda told: _is_lost(told[-1][1]))
        painted = len(light.paintings)
        host.show(protocol.Show(0, 255, 0), tries=4)  # the end: it stays, painted every second
        assert light.wait_for(lambda told: len(_after_loss(told[painted:])) >= 4)
        green = _after_loss(light.paintings[painted:])
        assert {duty for _, duty in green} == {(0, 255, 0)}
        waits = [later[0] - earlier[0] for earlier, later in itertools.pairwise(green)]
        if isinstance(light, Simulator):  # whose clock is the machine's, and as late as that is
            waits = [statistics.median(waits)]
        assert 0.95 < min(waits) <= max(waits) < 1.2


def _is_driven(light: Process) -> bool:
    """Whether the pin is an output, for all that was told."""
    told = [line for line in light.lines if line.startswith("drive")]
    return not told or told[-1].endswith(" 1")


def _after_loss(told: list[tuple[float, Duty]]) -> list[tuple[float, Duty]]:
    return list(itertools.dropwhile(lambda each: _is_lost(each[1]), told))


def _is_lost(duty: Duty) -> bool:
    """A pulse of the unknown colour: blue by far, never green, and dim."""
    return duty[1] == 0 and duty[0] < duty[2] <= 16


_HOST = """
import sys
import time
from pathlib import Path
from firmware_bridge import protocol
from tests.support.targets import Host
host = Host(Path(sys.argv[1]))
host.greet()
host.show(protocol.Show(255, 0, 0, lifetime=10), tries=8)
while True:
    host.ask(protocol.PING, tries=80, patience=0.25)
    time.sleep(0.05)
"""


def test_a_killed_host_is_seen_on_the_pin_within_its_lifetime_and_half_a_second(
    light: Target,
) -> None:
    """By the light's own clock, which tells each word of its host by a painting."""
    with Lateness() as lateness:
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        host = subprocess.Popen([sys.executable, "-c", _HOST, str(light.path)], env=environment)
        try:
            assert light.wait_for(lambda told: _shone(told) > 1.5)  # its words keep it
        finally:
            began = time.monotonic()
            host.kill()
            host.wait()
        assert light.wait_for(lambda told: _is_lost(told[-1][1]))
        late = lateness.since(began) if isinstance(light, Simulator) else 0.0
    assert HOST_LOST.look()[:3] == (0x40, 0, 0xFF)
    paintings = light.paintings
    word = max(at for at, duty in paintings if duty == (255, 0, 0))
    lost = next(at for at, duty in paintings if at > word and duty != (255, 0, 0))
    print(f"lifetime 1.0 s: host lost was seen {lost - word:.2f} s after the host's last word")
    assert 0.95 < lost - word < 1.5 + late
    with Host(light.path) as again:  # and it comes back at the next frame
        again.show(GREEN, tries=4)
        assert _is_painted(light, (0, 255, 0))


def _shone(told: list[tuple[float, Duty]]) -> float:
    """Seconds for which it has been red on end."""
    red = list(itertools.takewhile(lambda each: each[1] == (255, 0, 0), reversed(told)))
    return red[0][0] - red[-1][0] if red else 0.0
