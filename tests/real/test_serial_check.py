"""`check` opens the port for real, writes nothing, and says how to mend what fails."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from busylight.outputs.serial.check import check
from busylight.outputs.serial.output import SerialOutput
from busylight.parts import OutputError
from firmware_bridge.virtual_light import VirtualLight
from tests.support.serial_lights import settings, view


@pytest.fixture
def light() -> Iterator[VirtualLight]:
    with VirtualLight() as plugged:
        yield plugged


@contextlib.contextmanager
def as_nobody() -> Iterator[None]:
    """Root may open everything: be somebody else for a while."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


async def test_a_port_that_opens_is_well_and_nothing_is_written(light: VirtualLight) -> None:
    assert await check(settings(light)) == (
        f"{light.path} opens at 115200 baud; nothing was written"
    )
    assert light.received == b""


async def test_a_port_that_another_program_holds_is_busy(light: VirtualLight) -> None:
    async with SerialOutput(settings(light)) as output:
        await output.show(view("red"))
        with pytest.raises(OutputError, match=r"is in use by .*only one program can have it"):
            await check(settings(light))
    await check(settings(light))


async def test_a_missing_port_is_named_with_what_is_there(light: VirtualLight) -> None:
    light.unplug()
    with pytest.raises(OutputError, match=r"is not there: .*`busylight devices` says more"):
        await check(settings(light))


async def test_a_file_is_no_serial_port(light: VirtualLight, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").touch()
    for path in (tmp_path / "notes.txt", tmp_path, Path("/dev/null")):
        given = settings(light).model_copy(update={"port": str(path)})
        with pytest.raises(OutputError, match=r"is no serial port"):
            await check(given)


async def test_a_forbidden_port_is_named_with_its_owner(light: VirtualLight) -> None:
    device = light.path.readlink()
    device.chmod(0o000)
    given = settings(light).model_copy(update={"port": str(device)})
    with as_nobody(), pytest.raises(OutputError, match=r"permission denied: .* udev rule"):
        await check(given)


async def test_an_unusual_rate_is_set_as_asked(light: VirtualLight) -> None:
    assert "12345 baud" in await check(settings(light, baud=12_345))
