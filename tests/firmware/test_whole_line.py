"""From Graph's JSON to the pin of the chip, and cables that are pulled."""

import asyncio
import random
import signal
import time
from pathlib import Path
from typing import Final

import pytest

from busylight.app.output_runner import OutputRunner
from busylight.app.slot import Slot
from busylight.core.light import parse_light
from busylight.core.palette import DEFAULT_RULES
from busylight.demo.lookalike import ADELE, Lookalike
from busylight.outputs.serial.firmware_output import show_of
from busylight.outputs.serial.output import SerialOutput
from firmware_bridge import avr
from firmware_bridge.light import Light
from firmware_bridge.simulate import SimulatedLight
from tests.support import targets
from tests.support.firmware import settings_for, shows
from tests.support.program import Home
from tests.support.serial_lights import view

REPLUGS: Final = 200
_LIGHTS: Final = 8


def _duty(rule: str) -> tuple[int, int, int]:
    reference = Light(8, 400)
    reference.show(show_of(parse_light(DEFAULT_RULES[rule])))
    return reference.duty()


def test_an_answer_of_graph_is_the_palettes_colour_on_the_pin_of_the_chip(tmp_path: Path) -> None:
    program = targets.chip_program(tmp_path)
    firmware = avr.build(tmp_path)
    with (
        Lookalike() as lookalike,
        targets.chip(program, firmware.binary, tmp_path / "light") as light,
    ):
        home = Home(tmp_path / "home").with_graph(lookalike)
        home.settings |= {"OUTPUTS": "serial", "SERIAL_PORT": str(light.path)}
        with home.start() as running:
            running.shows("available")
            assert light.wait_for(lambda told: told[-1][1] == _duty("AVAILABLE"))
            for availability, activity, rule in (
                ("Busy", "Busy", "BUSY"),
                ("Away", "Away", "AWAY"),
                ("Offline", "OutOfOffice", "OUTOFOFFICE"),
            ):
                wanted = _duty(rule)
                began = time.monotonic()
                lookalike.graph.set_presence(ADELE.object_id, availability, activity)
                assert _is_painted(light, wanted)
                seconds = time.monotonic() - began
                print(f"{availability}/{activity} was #%02x%02x%02x on the pin" % wanted, end="")
                print(f" {seconds:.2f} s after the change in Graph")
                assert seconds < 1.5 + 0.5  # INTERVAL is 1 s; the machine may be busy
            assert running.ends(signal.SIGTERM)[0] == 0
        assert _is_painted(light, (0, 0, 0))
        time.sleep(1.5)
        assert light.paintings[-1][1] == (0, 0, 0)  # an end in order is no lost host
        assert light.bad_waves == light.mixed == 0


def _is_painted(light: targets.Process, duty: tuple[int, int, int]) -> bool:
    return light.wait_for(lambda told: told[-1][1] == duty)


@pytest.mark.timeout(600)
async def test_of_two_hundred_pulled_cables_each_shows_the_newest_within_three_seconds(
    tmp_path: Path,
) -> None:
    waits = await asyncio.gather(
        *(_pull(tmp_path / f"light{number}", number) for number in range(_LIGHTS))
    )
    took = [each for some in waits for each in some]
    print(f"{len(took)} replugs: the newest colour after {max(took):.2f} s at most")
    assert len(took) == REPLUGS


async def _pull(path: Path, seed: int) -> list[float]:
    """Pull the cable of one light again and again; the seconds until the newest was shown."""
    draw = random.Random(seed)
    took = []
    with SimulatedLight(path) as light:
        slot, stopping = Slot(), asyncio.Event()
        runner = OutputRunner(
            "serial",
            lambda: SerialOutput(settings_for(light)),
            slot,
            lambda *_: None,
            lambda _: None,
            100,
            stopping,
        )
        slot.put(view("red"))
        running = asyncio.create_task(runner.run())
        try:
            for number in range(REPLUGS // _LIGHTS):
                await asyncio.sleep(draw.random())
                light.unplug()
                newest = (number + 1, 255 - seed, 7)
                slot.put(view(f"#{newest[0]:02x}{newest[1]:02x}{newest[2]:02x}"))
                await asyncio.sleep(draw.random() * 2)
                light.plug()
                began = time.monotonic()
                while not shows(newest)(light):
                    assert time.monotonic() - began < 3
                    await asyncio.sleep(0.01)
                took.append(time.monotonic() - began)
                shown = len(light.paintings)
                await asyncio.sleep(0.2)
                assert all(each.look[:3] == newest for each in light.paintings[shown:])
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
    return took
