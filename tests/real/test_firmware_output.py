"""The serial output with our own protocol: confirmed, repeated, pinged, and known when gone."""

import asyncio
import contextlib
import random
import time
from collections.abc import AsyncIterator, Iterator

import pytest

from busylight.app.output_runner import OutputRunner
from busylight.app.slot import Slot
from busylight.core.light import Effect, LightState
from busylight.core.override import Command, Press, Pressed
from busylight.core.view import PartHealth, PartState
from busylight.outputs.serial.check import check
from busylight.outputs.serial.conversation import Conversation
from busylight.outputs.serial.firmware_output import Care, FirmwareOutput, show_of
from busylight.outputs.serial.output import SerialOutput
from busylight.outputs.serial.settings import Protocol, SerialSettings
from busylight.parts import OutputError
from busylight.testing.lateness import Lateness
from firmware_bridge import protocol
from firmware_bridge.simulate import SimulatedLight
from firmware_bridge.virtual_light import VirtualLight
from tests.support.broker import eventually
from tests.support.firmware import LossyLight, settings_for, shows
from tests.support.serial_lights import view

RED, GREEN, BLUE, DARK = (255, 0, 0), (0, 255, 0), (0, 0, 255), (0, 0, 0)


@pytest.fixture
def light() -> Iterator[LossyLight]:
    with LossyLight() as plugged:
        yield plugged


@contextlib.asynccontextmanager
async def connected(
    light: SimulatedLight, lifetime: float = 12.0, ping_every: float = 4.0
) -> AsyncIterator[FirmwareOutput]:
    async with FirmwareOutput(settings_for(light), Care(lifetime, ping_every)) as output:
        yield output


async def lost(output: FirmwareOutput) -> str:
    with pytest.raises(OutputError) as caught:
        async for _ in output.events():
            pass
    return str(caught.value)


async def test_what_is_shown_is_confirmed(light: LossyLight) -> None:
    async with SerialOutput(settings_for(light)) as output:
        await output.show(view("red 50% pulse 3"))
        last = light.last
        assert last is not None
        assert last.look == (255, 0, 0, 128, protocol.PULSE, 3000)
        await output.show(view("#00ff00"))
        assert shows(GREEN)(light)


@pytest.mark.parametrize("fault", ["deaf", "mute"])
async def test_a_frame_or_an_answer_that_is_lost_is_sent_again(
    light: LossyLight, fault: str
) -> None:
    async with connected(light) as output:
        setattr(light, fault, 2)
        await output.show(view("red"))
        assert shows(RED)(light)


async def test_a_light_that_answers_no_more_is_given_up(light: LossyLight) -> None:
    async with connected(light) as output:
        light.deaf = 1000
        with pytest.raises(OutputError, match="answers no more"):
            await output.show(view("red"))
        assert "answers no more" in await lost(output)


async def test_a_device_that_is_no_light_of_ours_is_said(
    light: LossyLight, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("busylight.outputs.serial.conversation.GREETING", (0.05,) * 3)
    with VirtualLight() as other, pytest.raises(OutputError, match="does not answer as our light"):
        await Conversation(str(other.path), 115_200).begin()
    # One that answers, but not who it is.
    monkeypatch.setattr(light.board.identity, "pack", lambda: b"\1")
    with pytest.raises(OutputError, match="does not answer as our light"):
        await Conversation(str(light.path), 115_200).begin()


async def test_a_light_that_refuses_is_said(
    light: LossyLight, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with connected(light) as output:
        monkeypatch.setattr(light.board, "_obey", lambda _: protocol.UNKNOWN_KIND)
        with pytest.raises(OutputError, match="refuses what it is told"):
            await output.show(view("red"))


async def test_pings_keep_a_light_from_taking_us_for_gone(light: LossyLight) -> None:
    async with connected(light, lifetime=2.0, ping_every=0.1) as output:
        await output.show(view("red"))
        await asyncio.sleep(3.0)
        assert all(each.state != protocol.LOST for each in light.paintings)
        assert shows(RED)(light)


async def test_a_light_that_lost_its_power_is_told_again(light: LossyLight) -> None:
    async with connected(light, ping_every=0.1) as output:
        await output.show(view("red"))
        painted = len(light.paintings)
        light.restart()

        def has_begun_anew(light: SimulatedLight) -> bool:
            return any(each.state == protocol.IDLE for each in light.paintings[painted:])

        assert await asyncio.to_thread(light.wait_for, has_begun_anew)
        assert await asyncio.to_thread(light.wait_for, shows(RED))


async def test_release_end_and_loss_are_three_different_things(light: LossyLight) -> None:
    async with connected(light, lifetime=2.0, ping_every=0.1) as output:
        await output.show(view("release"))
        assert shows(DARK, protocol.RELEASED)(light)
        painted = len(light.paintings)
        await asyncio.sleep(3.0)
        assert len(light.paintings) == painted  # the pins are left alone
        await output.show(view("red", is_last=True))
    await asyncio.sleep(1.0)
    assert shows(RED)(light)  # what is shown at the end stays
    async with connected(light, lifetime=0.6, ping_every=0.1) as output:
        await output.show(view("#00ff00"))
    assert await asyncio.to_thread(light.wait_for, shows((0x40, 0, 255), protocol.LOST))


async def test_the_same_light_at_the_end_is_told_to_stay(light: LossyLight) -> None:
    async with connected(light, lifetime=0.5) as output:
        await output.show(view("red"))
        await output.show(view("red", is_last=True))
    await asyncio.sleep(0.8)
    assert shows(RED)(light)


async def test_an_older_firmware_that_shows_something_else_is_no_failure(
    light: LossyLight, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with connected(light) as output:
        solid = protocol.Show(255, 0, 0)
        monkeypatch.setattr(light.board.light, "look", lambda: solid)
        await output.show(view("red breathe"))
    assert "its firmware is older" in caplog.text


@contextlib.asynccontextmanager
async def pressed(output: FirmwareOutput) -> AsyncIterator[list[Command]]:
    """The commands that come from a light while the context lives."""
    heard: list[Command] = []

    async def hear() -> None:
        async for command in output.events():
            heard.append(command)  # noqa: PERF401 -- looked at while it grows

    hearing = asyncio.create_task(hear())
    try:
        yield heard
    finally:
        hearing.cancel()


@pytest.fixture
def _hears_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("busylight.outputs.serial.conversation._SAID_AGAIN", 0.4)


async def after_the_deaf_time() -> None:
    await asyncio.sleep(0.5)


@pytest.mark.usefixtures("_hears_at_once")
async def test_a_press_is_heard_once_however_often_it_is_told(light: LossyLight) -> None:
    async with connected(light) as output, pressed(output) as heard:
        assert output.has_button
        await output.show(view("red"))
        await after_the_deaf_time()
        light.press(protocol.DOUBLE_PRESS)
        await eventually(lambda: bool(heard))
        await eventually(lambda: not light.board._event)  # it knows that it was heard
        light.say(protocol.encode(1, protocol.BUTTON, bytes((protocol.DOUBLE_PRESS, 1))))
        light.say(protocol.encode(2, protocol.BUTTON, b""))
        light.say(protocol.encode(3, protocol.BUTTON, bytes((77, 9))))  # of a newer light
        light.press(protocol.LONG_PRESS)
        await eventually(lambda: len(heard) == 2)
        await output.show(view("#00ff00"))
    assert heard == [Pressed(Press.DOUBLE), Pressed(Press.LONG)]


@pytest.mark.usefixtures("_hears_at_once")
async def test_a_press_of_a_light_that_began_anew_counts_though_its_number_is_an_old_one(
    light: LossyLight,
) -> None:
    async with connected(light) as output, pressed(output) as heard:
        await after_the_deaf_time()
        light.press()
        await eventually(lambda: len(heard) == 1)
        await after_the_deaf_time()
        light.restart()
        light.press()
        await eventually(lambda: len(heard) == 2)


async def test_what_was_pressed_while_nobody_listened_is_not_played_back(
    light: LossyLight,
) -> None:
    light.press()
    await asyncio.sleep(0.1)
    async with connected(light) as output, pressed(output) as heard:
        # The same event is told five times within a second.
        await eventually(lambda: not light.board._event)
        assert heard == []
        await asyncio.sleep(1.6)
        light.press(protocol.LONG_PRESS)
        await eventually(lambda: bool(heard))
        assert heard == [Pressed(Press.LONG)]


async def test_an_output_that_is_not_open_says_so(light: LossyLight) -> None:
    output = FirmwareOutput(settings_for(light))
    with pytest.raises(OutputError, match="is not connected"):
        await output.show(view("red"))
    with pytest.raises(OutputError, match="is not connected"):
        await Conversation(str(light.path), 115_200).ask(protocol.PING)


async def test_check_asks_who_is_there_and_changes_nothing(light: LossyLight) -> None:
    async with connected(light) as output:
        await output.show(view("red", is_last=True))
    said = await check(settings_for(light))
    assert "has our light: simulator, firmware 0.1.0, 8 pixels, serial number" in said
    assert shows(RED)(light)


def test_a_light_without_a_path_is_looked_for_by_its_names_alone() -> None:
    assert SerialSettings().protocol is Protocol.BUSYLIGHT
    assert SerialSettings().port == "auto"


@pytest.mark.parametrize(
    ("effect", "period", "wire"),
    [
        (Effect.SOLID, None, (protocol.SOLID, 0)),
        (Effect.BLINK, 1.0, (protocol.BLINK, 1000)),
        (Effect.PULSE, 1.5, (protocol.PULSE, 1500)),
        (Effect.BREATHE, 2.5, (protocol.BREATHE, 2500)),
    ],
)
def test_a_light_in_the_words_of_the_wire(
    effect: Effect, period: float | None, wire: tuple[int, int]
) -> None:
    show = show_of(LightState(1, 2, 3, 4, effect, period), 12)
    assert show.look() == (1, 2, 3, 4, *wire)
    assert show.lifetime == 120


async def test_whatever_happens_to_the_cable_the_newest_colour_is_shown_within_three_seconds(
    light: LossyLight,
) -> None:
    draw = random.Random(5)
    slot, stopping = Slot(), asyncio.Event()
    health: list[PartHealth] = []
    runner = OutputRunner(
        "serial",
        lambda: SerialOutput(settings_for(light)),
        slot,
        lambda _, told: health.append(told),
        lambda _: None,
        100,
        stopping,
    )
    slot.put(view("red"))
    running = asyncio.create_task(runner.run())
    try:
        assert await asyncio.to_thread(light.wait_for, shows(RED))
        for number in range(5):
            await asyncio.sleep(draw.random() * 0.2)
            light.unplug()
            newest = (number + 1, 255 - number, 7)
            slot.put(view(f"#{newest[0]:02x}{newest[1]:02x}{newest[2]:02x}"))
            await asyncio.sleep(draw.random() * 0.5)
            with Lateness() as lateness:
                light.plug()
                began = time.monotonic()
                assert await asyncio.to_thread(light.wait_for, shows(newest))
                assert time.monotonic() - began < 3.0 + lateness.since(began)
            before = len(light.paintings)
            await asyncio.sleep(0.1)
            assert all(each.look[:3] == newest for each in light.paintings[before:])
        assert health[-1] == PartHealth(PartState.CONNECTED, has_button=True)
        stopping.set()
        slot.put(view("off", is_last=True))
        await asyncio.wait_for(running, 5)
        assert shows(DARK)(light)
    finally:
        running.cancel()
