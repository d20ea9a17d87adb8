"""Lights of other makers on a real pseudo-terminal: WLED, which confirms, and Adalight."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from time import monotonic

import pytest

from busylight.outputs.serial import wled_output
from busylight.outputs.serial.check import check
from busylight.outputs.serial.output import SerialOutput
from busylight.outputs.serial.scene import Rhythm
from busylight.outputs.serial.settings import Protocol, SerialSettings
from busylight.parts import OutputError
from busylight.testing.lateness import Lateness
from firmware_bridge.pseudo_port import PseudoPort
from tests.support.broker import eventually
from tests.support.serial_lights import view
from tests.support.wled_light import WledLight

CALM = Rhythm(repeat=60.0, deaf=0.0)


@pytest.fixture
def light() -> Iterator[WledLight]:
    with WledLight() as plugged:
        yield plugged


@pytest.fixture
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wled_output, "PATIENCE", (0.1, 0.1, 0.1))


@contextlib.asynccontextmanager
async def wled(light: WledLight, rhythm: Rhythm = CALM) -> AsyncIterator[SerialOutput]:
    settings = SerialSettings(port=str(light.path), protocol=Protocol.WLED)
    async with SerialOutput(settings, rhythm) as output:
        yield output


async def test_wled_shows_it_and_says_so(light: WledLight, lateness: Lateness) -> None:
    async with wled(light) as output:
        began = monotonic()
        await output.show(view("red 50% breathe"))
        # It was not waited for in vain.
        assert monotonic() - began < wled_output.PATIENCE[0] + lateness.since(began)
        assert (light.state["on"], light.state["bri"]) == (True, 128)
        assert light.state["seg"][0]["col"][0] == [255, 0, 0]
        assert light.state["seg"][0]["fx"] == 2
        await output.show(view("off", is_last=True))
        assert light.state["on"] is False


async def test_wled_that_is_deaf_while_it_starts_is_told_again(light: WledLight) -> None:
    light.deaf_until = monotonic() + 0.8
    async with wled(light) as output:
        await output.show(view("red"))
        assert light.state["seg"][0]["col"][0] == [255, 0, 0]


@pytest.mark.usefixtures("_quick")
async def test_wled_that_shows_something_else_is_no_success(light: WledLight) -> None:
    light.stuck = {"bri": 7}
    async with wled(light) as output:
        with pytest.raises(OutputError, match="says brightness 7, which it was not told"):
            await output.show(view("red"))


@pytest.mark.usefixtures("_quick")
async def test_wled_whose_answers_end_is_lost_but_a_mute_one_never(
    light: WledLight, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    light.is_mute = True
    async with wled(light) as output:
        await output.show(view("red"))
        assert "confirms nothing" in caplog.text
        told = len(light.told)
        await output.show(view("blue"))
        await eventually(lambda: len(light.told) == told + 1)  # once, as nobody will answer
    light.is_mute = False
    async with wled(light) as output:
        await output.show(view("red"))
        light.is_mute = True
        with pytest.raises(OutputError, match="answers no more"):
            await output.show(view("blue"))


async def test_wled_is_told_again_and_a_released_one_is_left_alone(light: WledLight) -> None:
    async with wled(light, Rhythm(repeat=0.1, deaf=0.0)) as output:
        await output.show(view("red"))
        light.state = {"on": False, "bri": 1, "seg": [{"sel": True}]}  # it lost its power
        await eventually(lambda: light.state["on"])
        await output.show(view("release"))
        told = len(light.told)
        assert light.told[-1]["on"] is False
        await asyncio.sleep(0.5)
        assert len(light.told) == told


class Strip(PseudoPort):
    """Keeps what comes."""

    def __init__(self) -> None:
        super().__init__()
        self.received = b""

    def took(self, content: bytes) -> None:
        self.received += content

    @property
    def frames(self) -> list[bytes]:
        """The colours of the first of three pixels, frame by frame."""
        found = self.received.split(b"Ada\x00\x02\x57")[1:]
        assert all(frame == frame[:3] * 3 for frame in found if len(frame) == 9)
        return [frame[:3] for frame in found if len(frame) == 9]


async def test_a_strip_is_told_each_second_and_once_at_a_release(lateness: Lateness) -> None:
    with Strip() as strip:
        settings = SerialSettings(port=str(strip.path), protocol=Protocol.ADALIGHT, pixels=3)
        async with SerialOutput(settings) as output:
            began = monotonic()
            await output.show(view("#ff0000"))
            await eventually(lambda: len(strip.frames) == 3)
            assert 1.5 < monotonic() - began < 3.5 + lateness.since(began)
            await output.show(view("release"))
            await eventually(lambda: strip.frames[-1] == bytes(3))
            told = len(strip.frames)
            await asyncio.sleep(1.3)
            assert len(strip.frames) == told
        assert set(strip.frames[:-1]) == {b"\xff\0\0"}


async def test_check_writes_nothing_to_another_makers_light(light: WledLight) -> None:
    settings = SerialSettings(port=str(light.path), protocol=Protocol.WLED)
    assert "nothing was written" in await check(settings)
    assert light.told == []
