"""Side by side with what people use instead: benchmarks/peers [--minutes N] [--json FILE].

The plain polling script is the floor `straight`. busylight-for-humans (with its web server, the
part of it that stays) lights lamps for others to command: it reads no presence, so not every line
applies to it. It has an environment of its own, since it installs the same package name.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Final

from benchmarks.figures import LONG, SHORT, Scale, machine
from benchmarks.place import Place, busylight, plain_environment, python
from benchmarks.process import Running, run_to_end
from benchmarks.rows.rest import Window, at_rest
from benchmarks.rows.size import FIVE, installed
from benchmarks.rows.start import first_colour
from tests.support.broker import free_port

PEER: Final = os.environ.get("PEER_PYTHON", "")
_WHO: Final = ("Busylight", "plain script", "busylight-for-humans")


def main() -> int:
    """Measure all three side by side, and print a table in Markdown."""
    parser = argparse.ArgumentParser(prog="benchmarks/peers", description=_first_line())
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--json", type=Path, metavar="FILE")
    args = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="busylight-peers-") as directory,
        Place(Path(directory)) as place,
    ):
        lines = {
            "installed size (MB)": _sizes(),
            "`--help` (CPU ms)": _help(),
            "start to the first true colour (s)": _first_colour(place),
            **_rest(place, Path(directory), args.minutes),
        }
    print(f"| | {' | '.join(_WHO)} |\n| --- | --- | --- | --- |")
    for what, values in lines.items():
        print(f"| {what} | {' | '.join('-' if x is None else f'{x:.3g}' for x in values)} |")
    if args.json is not None:
        document = {"version": 1, "machine": machine(), "who": _WHO, "lines": lines}
        args.json.write_text(json.dumps(document, indent=1) + "\n", "utf-8")
    return 0


Values = Sequence[float | None]
"""Ours, the plain script's, and the peer's; None: does not apply."""


def _sizes() -> Values:
    found = (
        installed(python(), "busylight-presence"),
        installed(python(), *FIVE),
        installed(PEER, "busylight-for-humans", "fastapi", "uvicorn"),
    )
    return [each["bytes"] / 1e6 for each in found]


def _help() -> Values:
    commands = (busylight("--help"), [str(Path(PEER).parent / "busylight"), "--help"])
    taken: list[list[float]] = [[], []]
    for _ in range(11):
        for command, times in zip(commands, taken, strict=True):
            times.append(1000 * run_to_end(command, plain_environment()).cpu)
    return [median(taken[0]), None, median(taken[1])]


def _first_colour(place: Place) -> Values:
    wall, _ = first_colour(place, LONG)
    return [median(wall.product), median(wall.floor or [0.0]), None]


def _rest(place: Place, directory: Path, minutes: float) -> dict[str, Values]:
    home = place.home("peers").with_broker(place.broker.port)
    home.settings["OUTPUTS"] += ",serial"
    home.settings["SERIAL_PORT"] = str(place.board().path)
    serve = [str(Path(PEER).parent / "busyserve"), "--host", "127.0.0.1", "--port"]
    peer = place.enter(
        Running("peer", [*serve, f"{free_port()}"], plain_environment(), directory / "peer.log")
    )
    running = {
        "ours": place.run(home),
        "script": place.run_floor("straight", SERIAL_PORT=str(place.line().path)),
        "peer": peer,
    }
    time.sleep(SHORT.settle)
    windows = at_rest(running, _scale(minutes))
    return {
        "memory at rest, RSS (MiB)": _of(windows, lambda window: window.end.rss),
        "memory at rest, PSS (MiB)": _of(windows, lambda window: window.end.pss),
        "threads": _of(windows, lambda window: window.end.threads),
        "CPU per hour at rest (s)": _of(windows, lambda window: window.cpu),
        "wake-ups per second at rest": _of(windows, lambda window: window.wakeups),
    }


def _scale(minutes: float) -> Scale:
    return replace(SHORT, window=30.0, windows=max(round(2 * minutes), 1))


def _of(windows: dict[str, list[Window]], value: Callable[[Window], float]) -> Values:
    return [median(value(window) for window in some) for some in windows.values()]


def _first_line() -> str | None:
    return __doc__.splitlines()[0] if __doc__ else None


if __name__ == "__main__":
    sys.exit(main())
