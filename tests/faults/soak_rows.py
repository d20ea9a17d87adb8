"""Faults at random, one after the other: what grows, and how much is logged.

With one fault in ten minutes 48 hours have 288 of them. Here each takes a second or two, and the
program does for each what it does for one that lasts.
"""

import random
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from busylight.demo.lookalike import ADELE
from tests.faults.graph_rows import ALL
from tests.faults.measure import Figure, Place, eventually, first_frame, row
from tests.faults.part_rows import RAISED
from tests.support.fault_proxy import FaultProxy
from tests.support.plugins import FaultyPlugin

DAYS_OF_FAULTS: Final = 288
_EACH_CHECK: Final = 16
"""Faults between two looks at what the program holds."""
_WARM_UP: Final = 2
"""Looks until it has loaded and cached what it ever will."""
_PRESENCES: Final = (
    ("Available", "Available"),
    ("Busy", "InACall"),
    ("Away", "Away"),
    ("DoNotDisturb", "Presenting"),
)
_LINE: Final = re.compile(r"^(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d),(\d{3}) ", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class _Look:
    rss: float
    threads: int
    descriptors: int


class Soak:
    """A program with all its parts, each of which fails at random."""

    def __init__(self, place: Place, seed: int) -> None:
        self._random = random.Random(seed)
        self._plugin = FaultyPlugin(place.home)
        self._lookalike = place.lookalike()
        self._light = place.light()
        self._broker = place.broker()
        self._proxy = place.enter(FaultProxy(self._broker.port))
        place.home.with_broker(self._proxy.port).settings["MQTT_KEEPALIVE"] = "2"
        place.home.settings["OUTPUTS"] += ",faulty"
        self.program = place.start()
        first_frame(self._light, "available", 0.0)
        self.looks: list[_Look] = []
        self.lies = 0

    def run(self, faults: int) -> None:
        """Let so many things go wrong, and look now and then."""
        for number in range(faults):
            self._one_fault()
            if (number + 1) % _EACH_CHECK == 0:
                self._heal()
                self._look()

    def _one_fault(self) -> None:
        begin = self._random.choice(
            [
                self._graph,
                self._graph,
                self._graph_gone,
                self._graph_token,
                self._broker_way,
                self._broker_hangs,
                self._broker_restarts,
                self._proxy.reset,
                self._proxy.half_open,
                self._light.unplug,
                self._light.replug,
                self._light.stall,
                self._noise,
                self._plugin_fails,
                self._plugin_fails,
            ]
        )
        begin()
        self._present()
        time.sleep(self._random.uniform(0.1, 2.0))
        if self._random.random() < 0.7:  # else the next one comes on top of it
            self._heal()

    def _present(self) -> None:
        availability, activity = self._random.choice(_PRESENCES)
        self._lookalike.graph.set_presence(ADELE.object_id, availability, activity)
        self._state = activity.lower()

    def _graph(self) -> None:
        fault = self._random.choice(list(ALL.values()))
        self._lookalike.faults.add(fault, path=self._random.choice(["/v1.0", ""]))

    def _graph_gone(self) -> None:
        self._lookalike.stop()

    def _graph_token(self) -> None:
        self._lookalike.entra.expire_access_tokens()

    def _broker_way(self) -> None:
        way = self._random.choice([self._proxy.to_client, self._proxy.to_server])
        what = self._random.choice(["black_hole", "stalled", "bytes_per_second", "cut_at"])
        setattr(way, what, {"bytes_per_second": 100.0, "cut_at": 300}.get(what, True))

    def _broker_hangs(self) -> None:
        self._proxy.hanging = True
        self._proxy.cut()

    def _broker_restarts(self) -> None:
        self._broker.restart()

    def _noise(self) -> None:
        self._light.say(self._random.randbytes(4096))

    def _plugin_fails(self) -> None:
        self._plugin.be(self._random.choice([*RAISED, "hang", "leak"]))

    def _heal(self) -> None:
        self._lookalike.faults.clear()
        self._lookalike.start()
        self._proxy.heal()
        self._light.resume()
        self._light.plug()
        self._plugin.be("well")

    def _look(self) -> None:
        """Wait until all is well again, and count what the program holds."""
        self._present()
        eventually(self._is_well, 60.0)
        status = Path(f"/proc/{self.program.process.pid}/status").read_text()
        rss = re.search(r"VmRSS:\s+(\d+) kB", status)
        assert rss is not None
        held = list(Path(f"/proc/{self.program.process.pid}/fd").iterdir())
        threads = int(re.search(r"Threads:\s+(\d+)", status)[1])  # type: ignore[index]  # always there
        self.looks.append(_Look(int(rss[1]) / 1024, threads, len(held)))

    def _is_well(self) -> bool:
        report = self.program.report()
        if report is None or report["state"] != self._state:
            return False
        outputs = report["diagnostics"]["outputs"].values()
        last = self._light.last
        return (
            all(output["state"] == "connected" for output in outputs)
            and last is not None
            and last.state == self._state
        )


def figures(soak: Soak) -> Iterator[Figure]:
    """What has grown since the warm-up, and the busiest minute of the log."""
    looks = soak.looks[min(_WARM_UP, len(soak.looks) - 2) :]
    yield Figure("random: memory grown", max(x.rss for x in looks) - looks[0].rss, 5.0, "MiB")
    threads = [look.threads for look in looks]
    yield Figure("random: threads more than after the warm-up", max(threads) - threads[0], 1, "")
    yield Figure("random: threads more at the end", threads[-1] - threads[0], 1, "")
    descriptors = [look.descriptors for look in looks]
    yield Figure("random: file handles more at the end", descriptors[-1] - descriptors[0], 1, "")
    yield Figure("random: log lines in the busiest minute", busiest(soak.program.errors), 12, "")
    report = soak.program.reports(lambda found: found["diagnostics"].get("faults"))
    counted = sum(report["diagnostics"]["faults"].values())
    yield Figure("random: faults that diagnostics counted", counted, 1, "", at_least=True)
    code, seconds = soak.program.ends()
    yield Figure("random: ends after", seconds, 5.0)
    yield Figure("random: exit code", code, 0, "")


def busiest(log: str) -> int:
    """The most lines that were written in any minute."""
    moments = [
        datetime.strptime(stamp, "%Y-%m-%d %H:%M:%S").timestamp() + int(more) / 1000  # noqa: DTZ007 -- only differences count
        for stamp, more in _LINE.findall(log)
    ]
    return max((sum(at <= x < at + 60 for x in moments) for at in moments), default=0)


@row("faults at random")
def short(place: Place) -> Iterator[Figure]:
    """A fast sample of what follows."""
    soak = Soak(place, seed=1)
    soak.run(3 * _EACH_CHECK)
    yield from figures(soak)


@row("48 hours of faults at random", slow=True)
def two_days(place: Place) -> Iterator[Figure]:
    """As many faults as in 48 hours with one in ten minutes."""
    soak = Soak(place, seed=random.randrange(10**9))
    soak.run(DAYS_OF_FAULTS)
    yield from figures(soak)
