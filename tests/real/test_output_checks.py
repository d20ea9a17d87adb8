"""Our own checks of an output, on every output of ours, with a real part behind each."""

import json
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path

import gpiozero
import pytest
from gpiozero.pins.mock import MockFactory, MockPWMPin

from busylight.core.light import FULL
from busylight.outputs.gpio.output import GpioOutput
from busylight.outputs.mqtt.output import MqttOutput
from busylight.outputs.serial.output import SerialOutput
from busylight.outputs.terminal.output import TerminalOutput
from busylight.outputs.terminal.settings import TerminalSettings
from busylight.outputs.usb.output import UsbOutput
from busylight.outputs.webhook.output import WebhookOutput
from busylight.outputs.wled.output import WledOutput
from busylight.testing import CHECKS, Check, Trial, check_output
from firmware_bridge.simulate import SimulatedLight
from firmware_bridge.virtual_light import TEMPLATE, VirtualLight
from tests.support.broker import Broker, Recorder
from tests.support.hid_lights import FakeHid, HidLight
from tests.support.http_lights import Listener, WledLookalike

Stage = Callable[[Path], AbstractContextManager[Trial]]


@contextmanager
def template(directory: Path) -> Iterator[Trial]:
    with VirtualLight(directory / "light") as light:
        yield Trial(
            SerialOutput,
            {"port": str(light.path), "protocol": "template", "template": TEMPLATE},
            shown=lambda: None if light.last is None else light.last.rgb,
            break_it=light.unplug,
            mend_it=light.plug,
            notices_by_itself=True,
        )


@contextmanager
def firmware(directory: Path) -> Iterator[Trial]:
    with SimulatedLight(directory / "light") as light:

        def shown() -> tuple[int, int, int] | None:
            if (painting := light.last) is None:
                return None
            *color, brightness, _effect, _period = painting.look
            red, green, blue = (round(channel * brightness / FULL) for channel in color)
            return red, green, blue

        yield Trial(
            SerialOutput,
            {"port": str(light.path)},
            shown=shown,
            break_it=light.unplug,
            mend_it=light.plug,
            notices_by_itself=True,
        )


@contextmanager
def mqtt(directory: Path) -> Iterator[Trial]:
    with Broker(directory / "broker") as broker, Recorder(broker) as recorder:

        def shown() -> tuple[int, int, int] | None:
            payload = recorder.last("busylight/check/light")
            if not payload:
                return None
            light = json.loads(payload)
            if light["state"] == "OFF":
                return 0, 0, 0
            color, factor = light["color"], light["brightness"] / FULL
            return (
                round(color["r"] * factor),
                round(color["g"] * factor),
                round(color["b"] * factor),
            )

        yield Trial(
            MqttOutput,
            {"host": "127.0.0.1", "port": broker.port},
            shown=shown,
            break_it=broker.stop,
            mend_it=broker.start,
            notices_by_itself=True,
        )


@contextmanager
def terminal(_directory: Path) -> Iterator[Trial]:
    near, far = os.pipe()

    def read() -> None:
        with open(near, "rb") as reader:  # noqa: PTH123 -- a descriptor
            while reader.read1(4096):
                pass

    reading = threading.Thread(target=read, daemon=True)
    reading.start()

    class OnPipe(TerminalOutput):
        def __init__(self, settings: TerminalSettings) -> None:
            super().__init__(settings, far)

    yield Trial(OnPipe)
    os.close(far)
    reading.join(5)


@contextmanager
def webhook(_directory: Path) -> Iterator[Trial]:
    with Listener() as listener:

        def shown() -> tuple[int, int, int] | None:
            if not listener.told:
                return None
            red, green, blue = bytes.fromhex(listener.last["color"][1:])
            return red, green, blue

        yield Trial(
            WebhookOutput,
            {"url": f"http://127.0.0.1:{listener.port}/light", "token": "hush", "repeat": "0.1"},
            shown=shown,
            break_it=listener.stop,
            mend_it=listener.start,
            notices_by_itself=True,
        )


@contextmanager
def wled(_directory: Path, mode: str = "realtime") -> Iterator[Trial]:
    with WledLookalike() as light:
        yield Trial(
            WledOutput,
            {
                "host": "127.0.0.1",
                "port": light.port,
                "realtime_port": light.udp_port,
                "mode": mode,
            },
            shown=lambda: light.rgb,
            break_it=light.stop,
            mend_it=light.start,
            notices_by_itself=mode == "realtime",
        )


@contextmanager
def usb(_directory: Path) -> Iterator[Trial]:
    hid = FakeHid()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("busylight_core.hid.hid", hid)
        patch.setattr("busylight_core.hardware.list_ports.comports", list)
        light = HidLight(hid, "flag", b"1")
        yield Trial(
            UsbOutput,
            shown=lambda: light.rgb,
            break_it=light.unplug,
            mend_it=light.plug,
            notices_by_itself=True,
        )
        assert hid.opened == 0


@contextmanager
def gpio(_directory: Path) -> Iterator[Trial]:
    factory = MockFactory(pin_class=MockPWMPin)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gpiozero.Device, "pin_factory", factory)
        yield Trial(GpioOutput, {"red": "17", "green": "27", "blue": "22"})
        factory.reset()


STAGES: dict[str, Stage] = {
    "gpio": gpio,
    "mqtt": mqtt,
    "serial-busylight": firmware,
    "serial-template": template,
    "terminal": terminal,
    "usb": usb,
    "webhook": webhook,
    "wled-json": partial(wled, mode="json"),
    "wled-realtime": wled,
}


@pytest.mark.parametrize("stage", STAGES.values(), ids=STAGES.keys())
@pytest.mark.parametrize("check", CHECKS, ids=str)
async def test_every_output_of_ours_keeps_what_an_output_promises(
    check: Check, stage: Stage, tmp_path: Path
) -> None:
    with stage(tmp_path) as trial:
        await check(trial)


async def test_all_checks_at_once_are_one_call(tmp_path: Path) -> None:
    with terminal(tmp_path) as trial:
        await check_output(trial)
