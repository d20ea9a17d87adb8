"""From the command to its help, and from the start to the first true colour."""

import json
import time
from collections.abc import Iterator
from typing import Final

from benchmarks.figures import Figure, Scale, row
from benchmarks.place import Place, busylight, floor, plain_environment
from benchmarks.process import cpu_seconds, run_to_end
from tests.support.broker import Recorder

_PATIENCE: Final = 60.0
_GREEN: Final = {"r": 0, "g": 255, "b": 0}


@row("help")
def help_and_version(_: Place, scale: Scale) -> Iterator[Figure]:
    """`--help` and `--version` beside a script that prints its help."""
    commands = {
        "help": busylight("--help"),
        "version": busylight("--version"),
        "floor": [*floor("help"), "x"],
    }
    took: dict[str, list[float]] = {name: [] for name in commands}
    for _turn in range(scale.starts):
        for name, command in commands.items():
            took[name].append(1000 * run_to_end(command, plain_environment()).cpu)
    for name in ("help", "version"):
        yield Figure(
            f"`busylight --{name}`", "CPU ms", took[name], 1.3, took["floor"], "argparse alone"
        )


@row("first colour")
def first_colour(place: Place, scale: Scale) -> Iterator[Figure]:
    """From the start of the process until the broker has the true colour."""
    recorder = place.recorder()
    home = place.home("starts").with_broker(place.broker.port)
    wall: dict[str, list[float]] = {"floor": [], "product": []}
    cpu: dict[str, list[float]] = {"floor": [], "product": []}
    for _ in range(scale.starts // 2 + 1):
        for name in ("floor", "product"):
            recorder.forget()
            if name == "floor":
                process, topic = place.run_floor("straight", INTERVAL="0"), "floor/light"
            else:
                process, topic = place.run(home), f"busylight/{home.settings['ID']}/light"
            with process:
                heard_at, used = _green(recorder, topic, process.pid)
                wall[name].append(heard_at - process.began)
                cpu[name].append(used)
    what = "imports five packages, signs in from cache, gets once, publishes once"
    yield Figure(
        "first true colour after start", "s", wall["product"], 1.0, wall["floor"], what, missed=1.4
    )
    yield Figure("the same, CPU time", "CPU s", cpu["product"], 1.0, cpu["floor"], what, missed=1.4)


def _green(recorder: Recorder, topic: str, pid: int) -> tuple[float, float]:
    ends = time.monotonic() + _PATIENCE
    while time.monotonic() < ends:
        for message in recorder.heard:
            if message.topic == topic and not message.retained and _is_green(message.payload):
                return message.at, cpu_seconds(pid)
        time.sleep(0.002)
    raise TimeoutError(f"nothing green on {topic}")


def _is_green(payload: bytes) -> bool:
    if payload == b"00ff00":
        return True
    try:
        return bool(json.loads(payload).get("color") == _GREEN)
    except (ValueError, AttributeError):
        return False
