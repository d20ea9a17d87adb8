"""A flood of changes into four outputs, one of which has stalled: python -m benchmarks.flood.

Prints one line of JSON: whether each output that works ended with the newest state, how many
changes came in, and how the memory went.
"""

import argparse
import asyncio
import gc
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

from benchmarks.many_people import rss
from busylight.app.hub import Hub
from busylight.app.output_runner import OutputRunner, output_maker
from busylight.core.knowledge import Reading
from busylight.core.palette import Palette
from busylight.core.presence import Presence
from busylight.core.rules import Rules
from busylight.mqtt.settings import MqttSettings
from busylight.outputs.mqtt.output import MqttOutput
from busylight.outputs.serial.output import SerialOutput
from busylight.outputs.serial.settings import Protocol, SerialSettings
from busylight.outputs.terminal.output import TerminalOutput
from busylight.outputs.terminal.settings import TerminalSettings
from firmware_bridge.virtual_light import TEMPLATE, VirtualLight
from tests.support.broker import Broker, Recorder

RATE: Final = 5000
_BATCH: Final = 25
_STATES: Final = (
    ("Available", "Available"),
    ("Busy", "InACall"),
    ("Away", "Away"),
    ("DoNotDisturb", "Presenting"),
)
_PATIENCE: Final = 30.0
_GREEN: Final = {"r": 0, "g": 255, "b": 0}


class Flood:
    """A hub, four outputs, and where it is seen what they show."""

    def __init__(self, directory: Path, broker: Broker, lights: list[VirtualLight]) -> None:
        self.hub = Hub(Rules(Palette(), stale_after=60, source="flood", version="0"))
        self.terminal = directory / "terminal"
        self._descriptor = os.open(self.terminal, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        mqtt = MqttSettings(id="flood", name="Flood", host="127.0.0.1", port=broker.port)
        self._outputs: dict[str, Callable[[], Any]] = {
            "mqtt": lambda: MqttOutput(mqtt),
            "terminal": lambda: TerminalOutput(TerminalSettings(), self._descriptor),
        }
        for number, light in enumerate(lights):
            settings = SerialSettings(
                port=str(light.path), protocol=Protocol.TEMPLATE, template=TEMPLATE
            )
            self._outputs[f"serial:{number}"] = output_maker(SerialOutput, settings)

    async def run(self, seconds: float) -> dict[str, Any]:
        """Pour so long; then say Available, and tell how it went."""
        stopping = asyncio.Event()
        tasks = [asyncio.create_task(self.hub.run())]
        for name, make in self._outputs.items():
            runner = OutputRunner(
                name, make, self.hub.slot(), self.hub.health, self.hub.command, 100, stopping
            )
            tasks.append(asyncio.create_task(runner.run()))
        try:
            await self._pour(min(seconds / 4, 5.0))
            gc.collect()
            before = rss()
            poured, took = await self._pour(seconds)
            gc.collect()
            grown = rss() - before
            self._say(0)
            return {"changes": poured, "per_second": poured / took, "grown": grown}
        finally:
            self._tasks = tasks

    async def end(self) -> None:
        """End the outputs."""
        for task in self._tasks:
            task.cancel()
        await asyncio.wait(self._tasks, timeout=10)
        os.close(self._descriptor)

    async def _pour(self, seconds: float) -> tuple[int, float]:
        """Change so often a second, for so many seconds; catch up where it was late."""
        began, poured = time.monotonic(), 0
        while (passed := time.monotonic() - began) < seconds:
            for _ in range(min(int(passed * RATE) - poured, 4 * _BATCH)):
                poured += 1
                self._say(poured % len(_STATES))
            await asyncio.sleep(_BATCH / RATE)
        return poured, time.monotonic() - began

    def _say(self, number: int) -> None:
        self.hub.heard(Reading({"somebody": Presence(*_STATES[number])}, {}))


async def flood(seconds: float) -> dict[str, Any]:
    """Pour, let the stalled light read again, and look what each shows at last."""
    with (
        ExitStack() as stack,
        tempfile.TemporaryDirectory(prefix="busylight-flood-") as name,
        Broker(Path(name) / "broker") as broker,
        VirtualLight() as well,
        VirtualLight() as stalled,
    ):
        stalled.stall()
        pouring = Flood(Path(name), broker, [well, stalled])
        found = await pouring.run(seconds)
        stalled.resume()
        # Not before: all that it hears it keeps, and it lives in this process.
        recorder = stack.enter_context(Recorder(broker))

        def last_on_broker() -> bool:
            last = recorder.last("busylight/flood/light")
            return last is not None and json.loads(last).get("color") == _GREEN

        newest: dict[str, Callable[[], bool]] = {
            "mqtt": last_on_broker,
            "terminal": lambda: (
                "Available/Available" in pouring.terminal.read_text().splitlines()[-1]
            ),
            "serial": lambda: well.last is not None and well.last.state == "available",
            "stalled serial": lambda: (
                stalled.last is not None and stalled.last.state == "available"
            ),
        }
        ends = time.monotonic() + _PATIENCE
        wrong = dict(newest)
        while wrong and time.monotonic() < ends:
            await asyncio.sleep(0.1)
            wrong = {name: is_newest for name, is_newest in wrong.items() if not is_newest()}
        # Still the newest a moment later, and not one that was overtaken.
        await asyncio.sleep(2)
        found["wrong"] = sorted(name for name, is_newest in newest.items() if not is_newest())
        await pouring.end()
        return found


def main() -> int:
    """Pour, and print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--seconds", type=float, default=60)
    args = parser.parse_args()
    os.environ["PATH"] += ":/usr/sbin:/usr/local/sbin"
    print(json.dumps(asyncio.run(flood(args.seconds))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
