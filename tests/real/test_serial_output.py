"""The serial output on a real pseudo-terminal with real pyserial."""

import asyncio
import contextlib
import fcntl
import itertools
import math
import os
import pty
import threading
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from serial import Serial

from busylight.app.output_runner import OutputRunner
from busylight.app.slot import Slot
from busylight.core.view import PartHealth, PartState
from busylight.edge.clock import now
from busylight.outputs.serial import line as line_module
from busylight.outputs.serial.identity import Device, Identity
from busylight.outputs.serial.line import Line, drained
from busylight.outputs.serial.one_way_output import OneWayOutput
from busylight.outputs.serial.output import SerialOutput
from busylight.outputs.serial.scene import Rhythm
from busylight.outputs.serial.settings import SerialSettings
from busylight.parts import HearingOutput, OutputError
from busylight.testing.lateness import Lateness
from firmware_bridge.virtual_light import TEMPLATE, VirtualLight
from tests.support.broker import eventually
from tests.support.serial_lights import settings, view

CALM = Rhythm(repeat=60.0, deaf=0.0)
"""Nothing is written but changes."""


@pytest.fixture
def light() -> Iterator[VirtualLight]:
    with VirtualLight() as plugged:
        yield plugged


@contextlib.asynccontextmanager
async def connected(light: VirtualLight, rhythm: Rhythm = CALM) -> AsyncIterator[SerialOutput]:
    async with SerialOutput(settings(light), rhythm) as output:
        yield output


def states(light: VirtualLight) -> list[str]:
    return [frame.state for frame in light.frames]


def is_free(light: VirtualLight) -> bool:
    """Whether nobody has the port locked."""
    descriptor = os.open(light.path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(descriptor)
    return True


async def lost(output: SerialOutput) -> str:
    """The words with which the connection ends."""
    with pytest.raises(OutputError) as caught:
        async for _ in output.events():
            pass
    return str(caught.value)


async def test_each_change_is_written_once(light: VirtualLight) -> None:
    async with connected(light) as output:
        await output.show(view("red 50%", "busy"))
        await output.show(view("red 50%", "busy", presence="Busy/Busy"))
        await output.show(view("#00ff00 pulse", "available"))
        await output.show(view("#00ff00 pulse", "available"))
        await eventually(lambda: len(light.frames) == 2)
    assert light.received == b"800000 128 solid busy\n00ff00 255 pulse available\n"


async def test_nothing_is_written_before_the_first_view_nor_by_opening(
    light: VirtualLight,
) -> None:
    async with connected(light):
        pass
    async with connected(light) as output:
        await output.show(view("red", "first"))
        await eventually(lambda: light.frames)
    assert states(light) == ["first"]


def _due_of(output: SerialOutput) -> float:
    """When the next word to the light is due."""
    assert isinstance(output._speaker, OneWayOutput)
    return output._speaker._due


async def test_the_present_state_is_said_again(light: VirtualLight) -> None:
    async with connected(light, Rhythm(repeat=0.1, deaf=0.0)) as output:
        await output.show(view("red", "one"))
        await eventually(lambda: len(light.frames) >= 4)
        await output.show(view("blue", "two"))
        written = len(light.frames)
        await eventually(lambda: len(light.frames) >= written + 3)
    assert states(light)[-2:] == ["two", "two"]
    first, second, third = (frame.at for frame in light.frames[:3])
    assert second - first > 0.05
    assert third - second > 0.05


async def test_a_board_that_was_deaf_while_it_reset_is_told_again(light: VirtualLight) -> None:
    async with connected(light, Rhythm(repeat=60.0, deaf=0.2)) as output:
        await output.show(view("red", "busy"))
        await eventually(lambda: len(light.frames) == 2)
        # Due next is the usual repeat, and not another word to the deaf.
        assert _due_of(output) - now() > 50


async def test_the_host_blinks_at_one_hertz(light: VirtualLight) -> None:
    async with connected(light) as output:
        await output.show(view("red blink 4", "presenting"))
        await eventually(lambda: len(light.frames) >= 5)
    frames = light.frames[:5]
    assert [frame.red for frame in frames] == [255, 0, 255, 0, 255]
    assert {frame.effect for frame in frames} == {"blink"}
    for before, after in itertools.pairwise(frames):
        assert after.at - before.at == pytest.approx(0.5, abs=0.25)


async def test_a_blink_ends_at_once_with_the_next_state(light: VirtualLight) -> None:
    async with connected(light, Rhythm(repeat=60.0, deaf=0.0, half_blink=0.05)) as output:
        await output.show(view("red blink", "presenting"))
        await eventually(lambda: len(light.frames) >= 3)
        await output.show(view("#00ff00", "available"))
        await eventually(lambda: states(light)[-1:] == ["available"])
        written = len(light.frames)
        await asyncio.sleep(0.2)
    assert len(light.frames) == written


async def test_a_released_light_is_switched_off_once_and_left_alone(light: VirtualLight) -> None:
    async with connected(light, Rhythm(repeat=0.05, deaf=0.2)) as output:
        await output.show(view("red", "busy"))
        await output.show(view("release", "available"))
        await output.show(view("release", "away"))
        await eventually(lambda: "available" in states(light))
        written = len(light.frames)
        await asyncio.sleep(0.4)
    assert light.last is not None
    assert (light.last.rgb, light.last.state) == ((0, 0, 0), "available")
    assert len(light.frames) == written


async def test_while_released_the_port_is_open_to_others_and_then_ours_again(
    light: VirtualLight,
) -> None:
    async with connected(light) as output:
        await output.show(view("release"))
        other = await Line.open(str(light.path), 9600)
        with pytest.raises(OutputError, match="is in use by"):
            await output.show(view("red"))
        await other.close(in_order=True)
    async with connected(light) as output:
        await output.show(view("release"))
        await output.show(view("red", "mine"))
        await eventually(lambda: states(light)[-1:] == ["mine"])
        with pytest.raises(OutputError, match="is in use by"):
            await Line.open(str(light.path), 9600)


async def test_what_the_light_says_is_not_taken_from_whom_it_was_released_to(
    light: VirtualLight,
) -> None:
    async with connected(light) as output:
        await output.show(view("release"))
        other = os.open(light.path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        try:
            light.say(b"for you")
            await asyncio.sleep(0.1)
            assert os.read(other, 100) == b"for you"
        finally:
            os.close(other)


async def test_a_light_that_chatters_is_not_blocked_by_us(light: VirtualLight) -> None:
    async with connected(light) as output:
        await output.show(view("red"))
        for _ in range(200):  # more than any buffer between us holds
            await eventually(lambda: light.say(b"debug: still here\r\n" * 50))
        await output.show(view("blue", "heard"))
        await eventually(lambda: states(light)[-1:] == ["heard"])


@pytest.mark.parametrize("shown", ["red", "release"])
async def test_a_pulled_cable_is_noticed_at_once_without_a_write(
    light: VirtualLight, shown: str
) -> None:
    async with connected(light) as output:
        assert isinstance(output, HearingOutput)
        await output.show(view(shown))
        ended = asyncio.create_task(lost(output))
        await asyncio.sleep(0.05)
        assert not ended.done()
        light.unplug()
        async with asyncio.timeout(2):
            assert "was unplugged" in await ended
        with pytest.raises(OutputError, match="was unplugged"):
            await output.show(view("blue"))


async def test_a_write_to_a_light_that_has_just_gone_says_so(light: VirtualLight) -> None:
    async with connected(light) as output:
        await output.show(view("red"))
        light.unplug()
        with pytest.raises(OutputError, match="was unplugged"):
            await output.show(view("blue"))
        with pytest.raises(OutputError, match="was unplugged"):
            await output.show(view("blue", "again"))


async def test_leaving_is_swift_while_a_write_hangs(
    light: VirtualLight, lateness: Lateness
) -> None:
    template = "x" * 200 + r"\n"
    output = SerialOutput(settings(light, template), Rhythm(repeat=0.001, deaf=0.0))
    async with output:
        await output.show(view("red"))
        light.stall()
        await asyncio.sleep(0.6)
        began = time.monotonic()
    assert time.monotonic() - began < 1.7 + lateness.since(began)
    assert is_free(light)


async def test_an_output_that_is_not_open_says_so(light: VirtualLight) -> None:
    output = SerialOutput(settings(light))
    with pytest.raises(OutputError):
        await output.show(view("red"))
    with pytest.raises(OutputError):
        output.events()
    await output.__aexit__(None, None, None)


async def test_a_light_that_stops_reading_ends_the_connection(
    light: VirtualLight, lateness: Lateness
) -> None:
    async with connected(light, Rhythm(repeat=0.001, deaf=0.0)) as output:
        light.stall()
        await output.show(view("red"))
        async with asyncio.timeout(20):
            assert "takes nothing more" in await lost(output)
        began = time.monotonic()
    # Closing does not wait for what the light never takes.
    assert time.monotonic() - began < 1.0 + lateness.since(began)


# -- with the program's own runner, which connects again


class Runner:
    """The output as the program runs it."""

    def __init__(self, given: SerialSettings, rhythm: Rhythm = CALM) -> None:
        self.slot = Slot()
        self.health: list[PartHealth] = []
        self.stopping = asyncio.Event()
        self.task = asyncio.create_task(
            OutputRunner(
                name="serial",
                make=lambda: SerialOutput(given, rhythm),
                slot=self.slot,
                told=lambda _name, health: self.health.append(health),
                heard=lambda _command: None,
                brightness=100,
                stopping=self.stopping,
            ).run()
        )

    @property
    def errors(self) -> list[str]:
        return [health.error for health in self.health if health.error is not None]

    def failed(self) -> bool:
        return any(health.state is PartState.FAILED for health in self.health)

    async def end(self) -> None:
        self.stopping.set()
        self.slot.put(view("off", "off", is_last=True))
        async with asyncio.timeout(5):
            await self.task


@contextlib.asynccontextmanager
async def running(given: SerialSettings, rhythm: Rhythm = CALM) -> AsyncIterator[Runner]:
    runner = Runner(given, rhythm)
    try:
        yield runner
    finally:
        await runner.end()


async def test_after_a_replug_under_another_name_the_newest_state_is_shown(
    light: VirtualLight,
) -> None:
    async with running(settings(light)) as runner:
        runner.slot.put(view("red", "before"))
        await eventually(lambda: "before" in states(light))
        name = light.path.readlink()
        light.unplug()
        await eventually(runner.failed)
        runner.slot.put(view("blue", "missed"))
        spare = pty.openpty()  # takes the old name, if it is free already
        runner.slot.put(view("#00ff00", "newest"))
        light.plug()
        for descriptor in spare:
            os.close(descriptor)
        await eventually(lambda: "newest" in states(light))
        assert light.path.readlink() != name
    await eventually(lambda: states(light) == ["before", "newest", "off"])


async def test_after_a_swift_replug_the_state_is_shown_again(light: VirtualLight) -> None:
    async with running(settings(light)) as runner:
        runner.slot.put(view("red", "busy"))
        await eventually(lambda: states(light) == ["busy"])
        name = light.path.readlink()
        light.replug()
        assert light.path.readlink() != name
        await eventually(lambda: states(light) == ["busy", "busy"])


async def test_after_a_stall_the_newest_state_comes_last(light: VirtualLight) -> None:
    async with running(settings(light), Rhythm(repeat=0.002, deaf=0.1)) as runner:
        runner.slot.put(view("red", "before"))
        await eventually(lambda: "before" in states(light))
        light.stall()
        await eventually(runner.failed, 30)
        assert "takes nothing more" in runner.errors[0]
        old = states(light).count("before")
        for number in range(20):
            runner.slot.put(view("blue", f"missed_{number}"))
        runner.slot.put(view("#00ff00", "newest"))
        light.resume()
        await eventually(lambda: "newest" in states(light), 30)
        first = states(light).index("newest")
    await eventually(lambda: states(light)[-1:] == ["off"])
    assert set(states(light)[first:]) == {"newest", "off"}
    assert not [state for state in states(light) if state.startswith("missed")]
    # Of some 800 frames in the line all were thrown away, but for the 4 KiB in the light's own end.
    assert states(light).count("before") - old < 400


async def test_a_light_that_is_absent_at_start_comes_in_by_itself(tmp_path: Path) -> None:
    light = VirtualLight(tmp_path / "light")
    async with running(settings(light)) as runner:
        runner.slot.put(view("red", "busy"))
        await eventually(runner.failed)
        assert "is not there: plug the light in" in runner.errors[0]
        with light:
            await eventually(lambda: "busy" in states(light))
            await runner.end()
            await eventually(lambda: states(light) == ["busy", "off"])


async def test_the_last_view_is_written_and_has_left_before_the_port_is_closed(
    light: VirtualLight,
) -> None:
    for _ in range(20):
        async with connected(light, Rhythm(repeat=0.01, deaf=0.0)) as output:
            await output.show(view("red blink", "presenting"))
            await output.show(view("off", "off", is_last=True))
        assert light.wait_for(lambda light: light.last_line == b"000000 0 solid off\n", 5)


async def test_a_frame_for_which_there_is_room_wakes_no_thread(
    light: VirtualLight, monkeypatch: pytest.MonkeyPatch
) -> None:
    def threads_of_the_line() -> list[str]:
        return [each.name for each in threading.enumerate() if each.name.startswith("serial /")]

    monkeypatch.setattr("busylight.edge.threads.IDLE", 0.02)
    async with connected(light) as output:
        await eventually(lambda: not threads_of_the_line())
        for number in range(5):
            await output.show(view(f"#0000{number:02x}", f"state{number}"))
            assert threads_of_the_line() == []
        await eventually(lambda: states(light)[-1:] == ["state4"])


@pytest.mark.parametrize("shown", ["red", "red blink"])
async def test_a_light_that_is_kept_stays_lit_when_the_program_ends(
    light: VirtualLight, shown: str
) -> None:
    async with connected(light, Rhythm(repeat=0.01, deaf=0.0, half_blink=0.1)) as output:
        await output.show(view(shown, "busy"))
        await eventually(lambda: len(light.frames) >= 2)
        await output.show(view(shown, "busy", is_last=True))
        assert _due_of(output) == math.inf  # nothing is said after the last word
    with light.path.open("wb", buffering=0) as port:
        port.write(b"the end\n")
    await eventually(lambda: light.last_line == b"the end\n")  # all before it is read, too
    assert light.last is not None
    assert light.last.rgb == (255, 0, 0)


async def test_a_released_light_that_is_kept_is_not_touched_by_the_end(
    light: VirtualLight,
) -> None:
    async with connected(light) as output:
        await output.show(view("release", "available"))
        await output.show(view("release", "available", is_last=True))
        await eventually(lambda: light.frames)
    assert states(light) == ["available"]


async def test_a_stalled_light_does_not_hold_up_the_end(light: VirtualLight) -> None:
    template = TEMPLATE + "x" * 100  # junk that fills the buffer soon
    runner = Runner(settings(light, template), Rhythm(repeat=0.001, deaf=0.0))
    runner.slot.put(view("red"))
    await eventually(lambda: light.received)
    light.stall()
    await asyncio.sleep(0.5)
    await runner.end()


async def test_an_opening_that_was_given_up_leaves_the_port_free(light: VirtualLight) -> None:
    opening = asyncio.create_task(Line.open(str(light.path), 115_200))
    await asyncio.sleep(0)
    opening.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await (await opening).close(in_order=True)
    await eventually(lambda: is_free(light))


async def test_an_opening_that_takes_too_long_is_given_up(
    light: VirtualLight, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(line_module, "OPEN_LIMIT", 0.1)
    late: list[str] = []

    def slowly(path: str) -> str:
        time.sleep(0.5)
        late.append(path)
        return path

    monkeypatch.setattr(line_module, "_device", slowly)
    with pytest.raises(OutputError, match="does not open"):
        await Line.open(str(light.path), 115_200)

    assert late == []
    await eventually(lambda: late)
    await eventually(lambda: is_free(light))


async def test_a_device_that_came_back_under_another_name_is_opened_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    uno = Identity(0x2341, 0x43, "85430353531351E0C0A1", "1-1")
    with VirtualLight() as light:
        old = str(light.path.readlink())
        given = settings(light).model_copy(update={"port": str(tmp_path / "ttyUSB0")})
        (tmp_path / "ttyUSB0").symlink_to(old)
        monkeypatch.setattr(line_module, "devices", lambda: [Device(old, uno)])
        async with SerialOutput(given, CALM) as output:
            await output.show(view("red", "before"))
        (tmp_path / "ttyUSB0").unlink()
        light.replug()
        new = str(light.path.readlink())
        monkeypatch.setattr(line_module, "devices", lambda: [Device(new, uno)])
        async with SerialOutput(given, CALM) as output:
            await output.show(view("blue", "after"))
            await eventually(lambda: states(light)[-1:] == ["after"])


def test_what_was_written_gets_a_bounded_time_to_leave() -> None:
    class Port(Serial):
        """A pseudo-terminal has no queue that could be seen to drain."""

        def __init__(self, *waiting: int) -> None:
            super().__init__()
            self._waiting = list(waiting)

        @property
        def out_waiting(self) -> int:
            return self._waiting.pop(0) if len(self._waiting) > 1 else self._waiting[0]

    assert drained(Port(30, 12, 0), 5.0)
    assert not drained(Port(30), 0.05)
