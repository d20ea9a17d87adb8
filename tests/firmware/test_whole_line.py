"""From Graph's JSON to the pin of the chip."""

import signal
import time
from pathlib import Path

import pytest

from busylight.core.light import parse_light
from busylight.core.palette import DEFAULT_RULES
from busylight.demo.lookalike import ADELE, Lookalike
from busylight.outputs.serial.firmware_output import LIFETIME, show_of
from firmware_bridge import avr
from firmware_bridge.light import Light
from tests.support import targets
from tests.support.program import Home


def _duty(rule: str) -> tuple[int, int, int]:
    reference = Light(8, 400)
    reference.show(show_of(parse_light(DEFAULT_RULES[rule])))
    return reference.duty()


@pytest.mark.parametrize("chip", avr.CHIPS, ids=lambda chip: chip.mcu)
def test_an_answer_of_graph_is_the_palettes_colour_on_the_pin_of_the_chip(
    tmp_path: Path, program: Path, firmwares: dict[str, avr.Firmware], chip: avr.Chip
) -> None:
    with (
        Lookalike() as lookalike,
        targets.chip(program, firmwares[chip.mcu], tmp_path / "light") as light,
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
                print(f" {seconds:.2f} s after the change in Graph, which is read each second")
            assert running.ends(signal.SIGTERM)[0] == 0
        assert _is_painted(light, (0, 0, 0))
        ended = light.paintings[-1][0]
        light.command("f")
        # An end in order is no lost host: longer than any lifetime that the daemon gives.
        assert light.wait_for(lambda told: told[-1][0] > ended + LIFETIME + 2, timeout=80)
        assert {duty for at, duty in light.paintings if at >= ended} == {(0, 0, 0)}
        assert light.bad_waves == light.mixed == 0


def _is_painted(light: targets.Process, duty: tuple[int, int, int]) -> bool:
    return light.wait_for(lambda told: told[-1][1] == duty)
