"""The implementations, each built once."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from firmware_bridge import avr
from tests.support import targets
from tests.support.targets import Process, Target

Maker = Callable[[], Target]
IMPLEMENTATIONS = ["simulator", "micropython", "atmega328p", "atmega32u4"]


@pytest.fixture(scope="session")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The emulator."""
    return targets.chip_program(tmp_path_factory.mktemp("chip"))


@pytest.fixture(scope="session")
def firmwares(tmp_path_factory: pytest.TempPathFactory) -> dict[str, avr.Firmware]:
    """As it is delivered, for each chip."""
    return {chip.mcu: avr.build(tmp_path_factory.mktemp(chip.mcu), chip=chip) for chip in avr.CHIPS}


@pytest.fixture
def firmware(firmwares: dict[str, avr.Firmware]) -> avr.Firmware:
    return firmwares["atmega328p"]


@pytest.fixture(scope="session")
def crowd(tmp_path_factory: pytest.TempPathFactory) -> avr.Firmware:
    """With 60 pixels, whose painting takes as long as 20 bytes do."""
    return avr.build(tmp_path_factory.mktemp("avr60"), {"PIXELS": "60", "LIMIT_MA": "3600"})


@contextmanager
def unharmed(target: Target, resets: int = 0) -> Iterator[Target]:
    """Run it, and see that nothing was wrong with it or with its pin, and no start was hidden."""
    with target:
        yield target
        if isinstance(target, Process):
            assert target.is_alive
            assert target.mixed == target.bad_waves == 0
            assert len([line for line in target.lines if line.startswith("reset")]) == resets


@pytest.fixture(params=IMPLEMENTATIONS)
def light(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    program: Path,
    firmwares: dict[str, avr.Firmware],
) -> Iterator[Target]:
    """Each implementation, in real time."""
    with unharmed(_made(request.param, tmp_path, program, firmwares, fast=False)) as target:
        yield target


@pytest.fixture(params=IMPLEMENTATIONS)
def fast(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    program: Path,
    firmwares: dict[str, avr.Firmware],
) -> Iterator[Target]:
    """Each implementation, the chips as fast as the machine can."""
    with unharmed(_made(request.param, tmp_path, program, firmwares, fast=True)) as target:
        yield target


def _made(
    name: str,
    directory: Path,
    program: Path,
    firmwares: dict[str, avr.Firmware],
    *,
    fast: bool,
) -> Target:
    if name == "simulator":
        return targets.Simulator(directory)
    if name == "micropython":
        return targets.Python(directory)
    return targets.chip(program, firmwares[name], directory / "avr", fast=fast)
