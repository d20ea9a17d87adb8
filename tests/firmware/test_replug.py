"""Cables that are pulled at random moments: what is shown last is always the newest."""

import asyncio
import random
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from busylight.app.output_runner import OutputRunner
from busylight.app.slot import Slot
from busylight.outputs.serial.output import SerialOutput
from busylight.outputs.serial.settings import SerialSettings
from busylight.testing.lateness import Lateness
from firmware_bridge import avr, protocol
from firmware_bridge.light import Light
from tests.support import targets
from tests.support.cable import Cable
from tests.support.serial_lights import view
from tests.support.targets import Duty, Pluggable

LIMIT = 3.0  # seconds until the newest is shown
PULLS = 200
LIGHTS = {"simulator": 20, "micropython": 8, "chips": 5}
"""That are pulled at the same time: most of it is waiting."""


@pytest.mark.timeout(900)
@pytest.mark.parametrize("kind", LIGHTS)
async def test_of_two_hundred_pulled_cables_each_shows_the_newest_within_three_seconds(
    tmp_path: Path, program: Path, firmwares: dict[str, avr.Firmware], kind: str
) -> None:
    def made(number: int) -> Pluggable:
        directory = tmp_path / str(number)
        directory.mkdir()
        if kind == "simulator":
            return targets.Simulator(directory)
        if kind == "micropython":
            return Cable(directory / "cable", targets.Python(directory))
        chip = avr.CHIPS[number % len(avr.CHIPS)]
        return targets.chip(program, firmwares[chip.mcu], directory / "avr")

    lights = LIGHTS[kind]
    with Lateness() as lateness:
        waits = await asyncio.gather(
            *(_pull(made(number), number, PULLS // lights, lateness) for number in range(lights))
        )
    took = sorted(each for some in waits for each in some)
    print(
        f"{len(took)} replugs: the newest after {took[-1]:.2f} s at most, {took[100]:.2f} s mostly"
    )
    assert len(took) == PULLS


async def _pull(light: Pluggable, seed: int, pulls: int, lateness: Lateness) -> list[float]:
    """Pull the cable of one light again and again; the seconds until the newest was shown.

    Without those that others had the machine meanwhile.
    """
    draw = random.Random(seed)
    took = []
    with light:
        slot, stopping = Slot(), asyncio.Event()
        runner = OutputRunner(
            "serial",
            lambda: SerialOutput(SerialSettings(port=str(light.path))),
            slot,
            lambda *_: None,
            lambda _: None,
            100,
            stopping,
        )
        running = asyncio.create_task(runner.run())
        newest = _put(slot, 0)
        try:
            for number in range(1, pulls + 1):
                await asyncio.sleep(draw.random() / 2)
                assert number == 1 or light.paintings[-1][1] == newest  # none older came after it
                if isinstance(light, targets.Chip):
                    light.power_fails = bool(draw.randrange(2))
                _put(slot, 50 + number)  # which may be on its way as the cable is pulled
                await asyncio.sleep(draw.random() / 20)
                light.unplug()
                newest = _put(slot, number)
                await asyncio.sleep(draw.random())
                light.plug()
                began = time.monotonic()
                while not _shows(light, newest)():
                    late = lateness.since(began)
                    assert _own_seconds(light, began, late) < LIMIT, f"the machine: {late:.2f} s"
                    await asyncio.sleep(0.01)
                took.append(_own_seconds(light, began, lateness.since(began)))
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
    return took


def _own_seconds(light: Pluggable, began: float, late: float) -> float:
    """Since `began`, without those in which host or light, each a process, had to wait."""
    processes = 1 if isinstance(light, targets.Simulator) else 2
    return time.monotonic() - began - late * processes


def _put(slot: Slot, number: int) -> Duty:
    """Wish for a colour that is like no other even after gamma; what LEDs are driven with then."""
    colour = (255 - number, 60 + number, 0)
    slot.put(view("#{:02x}{:02x}{:02x}".format(*colour)))
    reference = Light(8, 400)
    reference.show(protocol.Show(*colour))
    return reference.duty()


def _shows(light: Pluggable, duty: Duty) -> Callable[[], bool]:
    return lambda: bool(light.paintings) and light.paintings[-1][1] == duty
