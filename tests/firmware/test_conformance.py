"""One suite for all implementations: what docs/protocol.md says holds for each of them."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from firmware_bridge import avr, protocol
from firmware_bridge.light import HOST_LOST, Light
from tests.support import targets
from tests.support.targets import Host, Process, Target

VECTORS: dict[str, Any] = json.loads(
    (Path(protocol.__file__).parent / "vectors.json").read_text("utf-8")
)
ROOT: Final = Path(__file__).resolve().parents[2]
RED: Final = protocol.Show(255, 0, 0, lifetime=120)
GREEN: Final = protocol.Show(0, 255, 0, lifetime=120)

Maker = Callable[[], Target]


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return targets.chip_program(tmp_path_factory.mktemp("chip"))


@pytest.fixture(scope="module")
def firmware(tmp_path_factory: pytest.TempPathFactory) -> avr.Firmware:
    return avr.build(tmp_path_factory.mktemp("avr"))


@pytest.fixture(scope="module")
def crowd(tmp_path_factory: pytest.TempPathFactory) -> avr.Firmware:
    """With 60 pixels, whose painting takes as long as 20 bytes do."""
    return avr.build(tmp_path_factory.mktemp("avr60"), {"PIXELS": "60", "LIMIT_MA": "3600"})


@pytest.fixture(params=["simulator", "micropython", "avr"])
def make(
    request: pytest.FixtureRequest, tmp_path: Path, program: Path, firmware: avr.Firmware
) -> Maker:
    def made() -> Target:
        if request.param == "simulator":
            return targets.Simulator(tmp_path)
        if request.param == "micropython":
            return targets.Python(tmp_path)
        return targets.chip(program, firmware.binary, tmp_path / "avr")

    return made


@pytest.fixture
def light(make: Maker) -> Iterator[Target]:
    with make() as target:
        yield target
        if isinstance(target, Process):
            assert target.is_alive
            assert target.mixed == target.bad_waves == 0


def untimed() -> list[dict[str, Any]]:
    return [d for d in VECTORS["dialogues"] if not any("pass" in step for step in d["steps"])]


@pytest.mark.parametrize("dialogue", untimed(), ids=lambda d: d["name"])
def test_dialogues_go_as_in_the_vectors(light: Target, dialogue: dict[str, Any]) -> None:
    with Host(light.path) as host:
        host.ask(protocol.HELLO, b"\1", tries=8, patience=0.25)  # it may have just been started
        host.received = b""
        for step in dialogue["steps"]:
            if "host" in step:
                host.write(bytes.fromhex(step["host"]))
                continue
            deadline = time.monotonic() + 5
            while host.received.hex() != step["light"] and time.monotonic() < deadline:
                host.read(0.01)
            assert host.received.hex() == step["light"]
            host.received = b""
            assert _until_painted(light, tuple(step["leds"]))


def _until_painted(light: Target, duty: tuple[int, int, int]) -> bool:
    return light.wait_for(lambda told: bool(told) and told[-1][1] == duty)


@pytest.mark.parametrize("vector", VECTORS["junk"], ids=lambda v: v["name"])
def test_junk_is_not_answered_and_costs_nothing(light: Target, vector: dict[str, Any]) -> None:
    with Host(light.path) as host:
        host.ask(protocol.HELLO, b"\1", tries=8, patience=0.25)
        host.write(bytes.fromhex(vector["wire"]))
        assert host.show(RED).show.look() == RED.look()
        assert host.reader.junk == 0


def test_it_says_who_it_is_also_to_a_newer_host(light: Target) -> None:
    with Host(light.path) as host:
        answer = host.ask(protocol.HELLO, b"\x09", tries=8, patience=0.25)
        identity = protocol.unpack_identity(answer.payload)
        assert identity is not None
        assert (identity.version, identity.firmware, identity.pixels) == (1, (0, 1, 0), 8)


def test_effects_are_painted_as_the_reference_says(light: Target) -> None:
    """All that is ever seen of an effect is one of its values, bright to dark."""
    with Host(light.path) as host:
        for effect in (protocol.PULSE, protocol.BREATHE, protocol.BLINK):
            show = protocol.Show(255, 128, 3, 200, effect, 1000, 120)
            reference = Light(8, 400)
            reference.show(show)
            values = []
            for _ in range(1000):
                values.append(reference.duty())
                reference.advance(1)
            host.show(show, tries=4)
            before = len(light.paintings)
            time.sleep(1.2)
            seen = [duty for _, duty in light.paintings[before:]]
            assert set(seen) <= set(values)
            assert len(set(seen)) >= (2 if effect == protocol.BLINK else 10)


def test_release_end_and_loss_are_three_different_things_on_the_pin(light: Target) -> None:
    with Host(light.path) as host:
        host.show(RED, tries=4)
        host.ask(protocol.RELEASE, (10).to_bytes(2, "little"))
        assert light.wait_for(lambda told: told[-1][1] == (0, 0, 0))
        painted = len(light.paintings)
        for _ in range(8):  # released: while pings go on nothing is painted any more
            time.sleep(0.25)
            host.ask(protocol.PING)
        assert len(light.paintings) == painted
        if isinstance(light, Process):
            assert light.lines[-1].split()[0::2] == ["drive", "0"]
        assert light.wait_for(lambda told: _is_lost(told[-1][1]), 3)
        host.show(protocol.Show(0, 255, 0))  # the end: it stays, and is painted every second
        painted = len(light.paintings)
        time.sleep(2.5)
        assert {duty for _, duty in light.paintings[painted:]} == {(0, 255, 0)}
        assert 2 <= len(light.paintings) - painted <= 3


def _is_lost(duty: tuple[int, int, int]) -> bool:
    """A pulse of the unknown colour: blue by far, never green, and dim."""
    return duty[1] == 0 and duty[0] < duty[2] <= 16


_HOST = """
import sys, time
from pathlib import Path
from firmware_bridge import protocol
from tests.support.targets import Host
host = Host(Path(sys.argv[1]))
host.show(protocol.Show(255, 0, 0, lifetime=10), tries=8)
print("shown", flush=True)
while True:
    time.sleep(0.2)
    host.ask(protocol.PING)
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
        time.sleep(1.5)
        assert light.paintings[-1][1] == (255, 0, 0)  # pings keep it
        host.send_signal(signal.SIGKILL)
        killed = time.monotonic()
        assert light.wait_for(lambda told: told[-1][1] != (255, 0, 0), 3)
        assert light.wait_for(lambda told: _is_lost(told[-1][1]), 3)
    assert HOST_LOST.look()[:3] == (0x40, 0, 0xFF)
    print(f"host lost was seen {time.monotonic() - killed:.2f} s after the kill")
    assert time.monotonic() - killed < 1.5
    with Host(light.path) as again:  # and it comes back at the next frame
        again.show(GREEN)
        assert light.wait_for(lambda told: told[-1][1] == (0, 255, 0), 1)


# -- Fuzz -------------------------------------------------------------------------------------


def _mutated(draw: random.Random) -> bytes:
    # One that goes through unspoilt would end MicroPython's firmware, as it should.
    frames = [each for each in VECTORS["frames"] if each["kind"] != protocol.REPL]
    vector = draw.choice(frames)
    wire = bytearray.fromhex(vector["wire"])
    for _ in range(draw.randint(1, 3)):
        place = draw.randrange(len(wire))
        match draw.randrange(4):
            case 0:
                wire[place] ^= 1 << draw.randrange(8)
            case 1:
                del wire[place:]
            case 2:
                wire[place:place] = draw.randbytes(draw.randint(1, 40))
            case _:
                wire[place] = draw.randrange(256)
        if not wire:
            break
    return bytes(wire)


def _fuzz(target: Target, pieces: Iterator[bytes]) -> None:
    with Host(target.path) as host:
        host.ask(protocol.HELLO, b"\1", tries=8, patience=0.25)
        for number, piece in enumerate(pieces):
            host.write(piece)
            host.sequence = 100 + number % 100  # which none of the vectors has
            wanted = (number & 255, 255, 7)
            # Effects off: the next good frame is taken within two.
            shown = host.show(protocol.Show(*wanted, lifetime=600), tries=2)
            assert shown.show.look()[:3] == wanted


@pytest.fixture(params=["simulator", "micropython", "avr"])
def fast(
    request: pytest.FixtureRequest, tmp_path: Path, program: Path, firmware: avr.Firmware
) -> Iterator[Target]:
    target: Target = targets.Simulator(tmp_path)
    if request.param == "micropython":
        target = targets.Python(tmp_path)
    elif request.param == "avr":
        target = targets.chip(program, firmware.binary, tmp_path / "avr", fast=True)
    with target:
        yield target
        if isinstance(target, Process):
            assert target.is_alive
            assert target.mixed == target.bad_waves == 0


@pytest.mark.timeout(900)
def test_a_million_random_bytes_do_no_harm(fast: Target) -> None:
    draw = random.Random(2026)
    _fuzz(fast, (draw.randbytes(10_000) for _ in range(100)))


@pytest.mark.timeout(900)
def test_a_hundred_thousand_mutated_frames_do_no_harm(fast: Target) -> None:
    draw = random.Random(11)
    _fuzz(fast, (b"".join(_mutated(draw) for _ in range(500)) for _ in range(200)))


# -- MicroPython ------------------------------------------------------------------------------


def test_a_frame_gives_the_prompt_back_and_the_start_after_that_is_a_light_again(
    tmp_path: Path,
) -> None:
    mark = tmp_path / "repl_wanted"
    with targets.Python(tmp_path) as light:
        with Host(light.path) as host:
            answer = host.ask(protocol.REPL, protocol.REPL_WORD, tries=8, patience=0.5)
            assert answer.kind == protocol.SHOWN
        light.wait_for(lambda _: "reset" in light.lines)
        assert "reset" in light.lines  # as a watchdog cannot be stopped
    assert mark.exists()
    with targets.Python(tmp_path) as light:
        light.wait_for(lambda _: not light.is_alive, 3)
        assert not mark.exists()  # this start has ended at the prompt
    with targets.Python(tmp_path) as light, Host(light.path) as host:
        host.ask(protocol.PING, tries=8, patience=0.5)


# -- The UART of an AVR -----------------------------------------------------------------------


def test_no_confirmed_frame_of_many_that_come_back_to_back_was_not_shown(
    program: Path, crowd: avr.Firmware, tmp_path: Path
) -> None:
    with targets.chip(program, crowd.binary, tmp_path / "avr") as light, Host(light.path) as host:
        host.ask(protocol.HELLO, b"\1", tries=8, patience=0.25)
        frames = [protocol.Show(1 + n % 200, 7, 1 + n // 200, lifetime=120) for n in range(1000)]
        confirmed: list[tuple[int, ...]] = []
        answers = []
        for number, show in enumerate(frames):
            answers += host.write(protocol.encode(number & 255, protocol.SHOW, show.pack()))
        while more := host.read(0.5):
            answers += more
        for answer in answers:
            shown = protocol.unpack_shown(answer.payload)
            assert shown is not None
            confirmed.append(shown.show.look()[:3])
        painted = {duty for _, duty in light.paintings}
        expected = set()
        for colour in confirmed:
            reference = Light(60, 3600)
            reference.show(protocol.Show(*colour))
            expected.add(reference.duty())
        print(f"{len(frames)} frames, {len(confirmed)} confirmed, {light.lost} bytes lost")
        assert confirmed
        assert expected <= painted
        assert light.lost > 0  # the harness loses what a real UART would
        assert light.mixed == light.bad_waves == 0


def test_a_host_that_waits_for_each_answer_loses_nothing(
    program: Path, crowd: avr.Firmware, tmp_path: Path
) -> None:
    with targets.chip(program, crowd.binary, tmp_path / "avr") as light, Host(light.path) as host:
        host.ask(protocol.HELLO, b"\1", tries=8, patience=0.25)
        lost = light.lost  # of a greeting that met the first painting
        for number in range(200):
            show = protocol.Show(number, 255 - number, 3, lifetime=120)
            assert host.show(show).show.look() == show.look()
        assert light.lost == lost
        assert host.reader.junk == 0


def test_half_of_the_chip_is_to_spare(firmware: avr.Firmware, crowd: avr.Firmware) -> None:
    print(f"ATmega328P: {firmware}; with 60 pixels: {crowd}")
    assert firmware.fits
    assert crowd.fits


def test_with_pwm_in_place_of_pixels_it_fits_as_well(tmp_path: Path) -> None:
    print(f"ATmega328P, PWM: {avr.build(tmp_path, {'PWM': '1', 'PIXELS': '1'})}")


def test_a_setting_that_is_too_large_is_refused_by_the_compiler(tmp_path: Path) -> None:
    with pytest.raises(avr.BuildError, match="PIXELS and CHANNEL_MA are 1 to 255"):
        avr.build(tmp_path, {"PIXELS": "900"})
