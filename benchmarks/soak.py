"""The real daemon for hours or days, with faults: benchmarks/soak [--minutes N] [--every SECONDS].

It reads from the look-alike, publishes to a mosquitto, and drives a light of our firmware. Every
so many seconds one of them fails in some way, for a while. Memory, threads, handles, wake-ups and
the time from a change to the light are looked at all the while, and drawn. With --every 600 it is
real life; less is the same, compressed. Exits with 1 if something has grown, or does not recover.
"""

import argparse
import json
import random
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any, Final

from benchmarks.curves import Curve, curves
from benchmarks.figures import machine
from benchmarks.place import Place
from benchmarks.process import Usage
from busylight.edge.daemon_socket import ask_daemon
from firmware_bridge import protocol
from tests.faults.graph_rows import ALL
from tests.support.fault_proxy import FaultProxy

RECOVERY: Final = 90.0
"""Seconds after a fault within which all has to be well again, on a busy machine, too."""
GROWTH: Final = 5.0
"""MiB that may be more at the end than after the first quarter: caches fill."""
_COLORS: Final = {
    ("Available", "Available"): (0, 255, 0),
    ("Busy", "Busy"): (255, 0, 0),
    ("Away", "Away"): (255, 191, 0),
}


@dataclass(frozen=True, slots=True)
class Look:
    """What was seen at a moment at which all was well."""

    minute: float
    rss: float
    pss: float
    threads: int
    handles: int
    wakeups: float
    """A second, since the last look, faults and all."""
    latency: float
    """Seconds from a change in Graph to the light; the interval is a second."""
    fault: str
    """What went wrong before it."""
    recovery: float
    """Seconds from the fault's end until all was well."""


class Soak:
    """A daemon and all that can fail beside it."""

    def __init__(self, place: Place, every: float, chance: random.Random) -> None:
        self.place = place
        self.every = every
        self.random = chance
        self.looks: list[Look] = []
        self.color = _COLORS["Available", "Available"]
        place.lookalike.entra.access_token_seconds = 900
        self.proxy = self.place.enter(FaultProxy(self.place.broker.port))
        self.light = self.place.board()
        home = self.place.home("soak").with_broker(self.proxy.port)
        home.settings["OUTPUTS"] += ",serial"
        home.settings |= {
            "SERIAL_PORT": str(self.light.path),
            "INTERVAL": "1",
            "STALE_AFTER": "10",
            "MQTT_KEEPALIVE": "2",
        }
        self.state_dir = home.state_dir
        self.began = time.monotonic()
        self.program = self.place.run(home)
        self.faults: dict[str, Callable[[], Any]] = {
            **{f"Graph: {name}": self._graph(name) for name in ALL},
            "Graph is gone": self.place.lookalike.stop,
            "tokens are refused": self.place.lookalike.entra.expire_access_tokens,
            "broker restarts": self.place.broker.restart,
            "broker's network swallows": lambda: setattr(self.proxy.to_client, "black_hole", True),
            "broker resets": self.proxy.reset,
            "broker half open": self.proxy.half_open,
            "light unplugged": self.light.unplug,
            "light hangs": self.light.stall,
            "light loses power": self.light.restart,
            "noise on the line": lambda: self.light.say(self.random.randbytes(4096)),
            "commands": self._command,
        }

    def run(self, seconds: float) -> None:
        """Let things go wrong until the time is over."""
        self._await_well()
        before = self.program.usage()
        ends = time.monotonic() + seconds
        while time.monotonic() < ends:
            began = time.monotonic()
            name = self.random.choice(list(self.faults))
            self.faults[name]()
            self._present()
            time.sleep(self.random.uniform(0.1, 0.5) * self.every)
            self._heal()
            recovery = self._await_well()
            latency = self._latency()
            after = self.program.usage()
            self._look(before, after, name, recovery, latency)
            before = after
            time.sleep(max(began + self.every - time.monotonic(), 0.0))

    def _look(self, before: Usage, after: Usage, fault: str, recovery: float, late: float) -> None:
        look = Look(
            minute=round((after.at - self.began) / 60, 3),
            rss=round(after.rss, 2),
            pss=round(after.pss, 2),
            threads=after.threads,
            handles=after.handles,
            wakeups=round(after.wakeups_since(before) / (after.at - before.at), 2),
            latency=round(late, 3),
            fault=fault,
            recovery=round(recovery, 2),
        )
        self.looks.append(look)
        print(look, flush=True)

    def _graph(self, name: str) -> Callable[[], None]:
        return lambda: self.place.lookalike.faults.add(ALL[name], path="/v1.0")

    def _command(self) -> None:
        recorder = self.place.recorder_once()
        for mode in ("busy", "off", "auto"):
            recorder.publish(f"busylight/{self.state_dir.parent.name}/mode/set", mode)

    def _present(self) -> tuple[int, int, int]:
        """Adele does something else than before, and than the light shows; its colour."""
        last = self.light.last
        taken = {self.color} if last is None else {self.color, last.look[:3]}
        state = self.random.choice([one for one in _COLORS if _COLORS[one] not in taken])
        self.place.present(*state)
        self.color = _COLORS[state]
        return self.color

    def _heal(self) -> None:
        self.place.lookalike.faults.clear()
        self.place.lookalike.start()
        self.proxy.heal()
        self.light.resume()
        self.light.plug()

    def _await_well(self) -> float:
        """Seconds until everything shows what is true, and new."""
        self._present()
        began = time.monotonic()
        while not self._is_well():
            if time.monotonic() - began > RECOVERY:
                raise TimeoutError(f"not well after {RECOVERY:g} s: {ask_daemon(self.state_dir)}")
            time.sleep(0.05)
        return time.monotonic() - began

    def _is_well(self) -> bool:
        report = ask_daemon(self.state_dir)
        if report is None or not report["presence"]["fresh"]:
            return False
        states = [each["state"] for each in report["diagnostics"]["outputs"].values()]
        return all(state == "connected" for state in states) and self._is_shown()

    def _is_shown(self) -> bool:
        last = self.light.last
        return last is not None and last.state == protocol.SHOWING and last.look[:3] == self.color

    def _latency(self) -> float:
        self._present()
        began = time.monotonic()
        while not self._is_shown():
            if time.monotonic() - began > RECOVERY:
                raise TimeoutError("a change is not shown")
            time.sleep(0.005)
        return time.monotonic() - began


def verdict(looks: list[Look]) -> list[str]:
    """What has grown, in words; nothing is well."""
    first = looks[len(looks) // 4 :]
    quarter = max(len(first) // 3, 1)
    problems = []
    grown = median(x.rss for x in first[-quarter:]) - median(x.rss for x in first[:quarter])
    if grown > GROWTH:
        problems.append(f"memory has grown by {grown:.1f} MiB")
    for name in ("threads", "handles"):
        begin, end = (
            median(getattr(x, name) for x in some) for some in (first[:quarter], first[-quarter:])
        )
        if end > begin + 1:
            problems.append(f"{end - begin:.0f} {name} more at the end")
    return problems


def picture(document: dict[str, Any]) -> str:
    """The soak as an SVG."""
    looks = document["looks"]
    minutes = [look["minute"] for look in looks]

    def of(name: str) -> list[float]:
        return [look[name] for look in looks]

    return curves(
        f"{len(looks)} faults in {minutes[-1]:.0f} minutes, {document['date']}, "
        f"{document['machine']['cpu']}",
        minutes,
        [
            Curve("memory (MiB): RSS, PSS", {"RSS": of("rss"), "PSS": of("pss")}),
            Curve("threads", {"threads": of("threads")}),
            Curve("file handles", {"handles": of("handles")}),
            Curve("wake-ups a second", {"wake-ups": of("wakeups")}),
            Curve(
                "from a change to the light, right after a fault (s)", {"latency": of("latency")}
            ),
        ],
    )


def main() -> int:
    """Soak, write what was seen, and say whether it is well."""
    parser = argparse.ArgumentParser(prog="benchmarks/soak", description=_first_line())
    parser.add_argument("--minutes", type=float, default=20)
    parser.add_argument("--every", type=float, default=15, help="seconds between two faults")
    parser.add_argument("--seed", type=int, default=random.randrange(10**9))
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--svg", type=Path, metavar="FILE")
    args = parser.parse_args()
    print(f"seed {args.seed}", flush=True)
    with (
        tempfile.TemporaryDirectory(prefix="busylight-soak-") as directory,
        Place(Path(directory)) as place,
    ):
        soak = Soak(place, args.every, random.Random(args.seed))
        try:
            soak.run(60 * args.minutes)
            problems = verdict(soak.looks)
        except (TimeoutError, RuntimeError) as error:
            problems = [str(error)]
    document = {
        "version": 1,
        "date": datetime.now(UTC).date().isoformat(),
        "machine": machine(),
        "seed": args.seed,
        "every": args.every,
        "problems": problems,
        "looks": [asdict(look) for look in soak.looks],
    }
    if args.json is not None:
        args.json.write_text(json.dumps(document, indent=1) + "\n", "utf-8")
    if args.svg is not None and soak.looks:
        args.svg.write_text(picture(document), "utf-8")
    print(*(problems or [f"well after {len(soak.looks)} faults"]), sep="\n")
    return 1 if problems else 0


def _first_line() -> str | None:
    return __doc__.splitlines()[0] if __doc__ else None


if __name__ == "__main__":
    sys.exit(main())
