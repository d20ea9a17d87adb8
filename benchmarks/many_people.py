"""How much many people cost.

    python -m benchmarks.many_people --people 100000 [--json]

One process reads them all from the look-alike (a process of its own, over TLS on loopback) and
publishes them to a mosquitto, if there is one; and then it goes on reading while nothing changes,
and where it publishes also while a few do, and while as many do as in a busy office. Before that
they have begun to do what they do at many moments, as in half an hour of such an office: who does
the same since the same moment is remembered once, which a benchmark in which all do would flatter.
What it prints are figures of this machine. After a rest, caches are cold (and in a virtual machine
more than caches): an `--interval` of next to nothing leaves that out.
"""

import argparse
import asyncio
import contextlib
import gc
import itertools
import json
import multiprocessing
import os
import random
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection as Pipe
from pathlib import Path
from typing import Any

from busylight.app.checked import checked_answer
from busylight.app.hub import Hub
from busylight.app.output_runner import OutputRunner
from busylight.core.knowledge import Reading, Trouble
from busylight.core.palette import Palette
from busylight.core.presence import Presence
from busylight.core.rules import Rules
from busylight.core.view import PartHealth, PartState
from busylight.demo.lookalike import Lookalike
from busylight.mqtt.connection import Connection
from busylight.mqtt.settings import MqttSettings
from busylight.outputs.mqtt.output import MqttOutput
from busylight.sources.graph.settings import GraphSettings, users_of
from busylight.sources.graph.source import GraphSource
from tests.support.broker import Broker

A_FEW = 10
"""People who change in one round."""
BUSY = 120
"""One of so many changes in one round of a busy office: each six times an hour, read every 5 s."""
MOMENTS = 360
"""Rounds of the half hour in which everybody has changed last."""
STATES = (
    ("Available", "Available"),
    ("Away", "Away"),
    ("BeRightBack", "BeRightBack"),
    ("Busy", "Busy"),
    ("Busy", "InACall"),
    ("Busy", "InAMeeting"),
    ("DoNotDisturb", "Presenting"),
    ("Offline", "Offline"),
    ("Available", "OutOfOffice"),
    ("PresenceUnknown", "PresenceUnknown"),
)
"""What they do."""


def person(number: int) -> str:
    """The object id of one of the people."""
    return f"{number:08x}-0000-4000-8000-000000000000"


def does(number: int, more: int = 0) -> tuple[str, str]:
    """What one of the people does."""
    return STATES[(number * 7919 // 1000 + more) % len(STATES)]


def half_an_hour(ids: Sequence[str]) -> Iterator[Reading]:
    """What would have been read while everybody began to do what they do."""
    chance = random.Random(20261128)
    since = [chance.randrange(MOMENTS) for _ in ids]
    kept = {state: Presence(*state) for state in STATES}
    at_last = [kept[does(number)] for number in range(len(ids))]
    away = Presence("Offline", "OffWork")
    for moment in range(MOMENTS):
        begun = (now if at <= moment else away for now, at in zip(at_last, since, strict=True))
        yield Reading(dict(zip(ids, begun, strict=True)), {})


def serve(pipe: Pipe, people: int) -> None:
    """Be the look-alike until the pipe is closed."""
    with Lookalike() as lookalike:
        for number in range(people):
            lookalike.graph.set_presence(person(number), *does(number))
        pipe.send(
            {
                "client_id": lookalike.client_id,
                "client_secret": lookalike.client_secret,
                "tenant_id": lookalike.tenant_id,
                "authority_url": lookalike.authority_url,
                "base_url": lookalike.base_url,
                "ca_file": lookalike.ca_file,
            }
        )
        with contextlib.suppress(EOFError):
            for more in itertools.count(1):
                every = max(1, people // pipe.recv())
                for number in range(0, people, every):
                    lookalike.graph.set_presence(person(number), *does(number, more))
                pipe.send(None)


@contextlib.contextmanager
def graph(people: int) -> Iterator[tuple[Pipe, dict[str, Any]]]:
    """The look-alike in a process of its own."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=serve, args=(theirs, people))
    process.start()
    theirs.close()
    try:
        yield ours, ours.recv()
    finally:
        ours.close()
        process.join(10)
        process.kill()


@contextlib.contextmanager
def broker(directory: Path) -> Iterator[int | None]:
    """A mosquitto's port; None where there is no mosquitto."""
    os.environ["PATH"] += ":/usr/sbin:/usr/local/sbin"
    if shutil.which("mosquitto") is None:
        yield None
        return
    with Broker(directory / "broker") as running:
        yield running.port


@dataclass
class Meter:
    """What is used and done since the last look."""

    published: int = 0
    """Messages about people."""
    progress: asyncio.Event = field(default_factory=asyncio.Event)
    """Set whenever an output has told how it is."""
    _cpu: float = 0.0
    _wall: float = 0.0

    def __post_init__(self) -> None:
        self.look()

    def look(self) -> tuple[float, float, int]:
        """Seconds, CPU seconds and messages since the last look."""
        wall, cpu = time.monotonic(), time.process_time()
        found = wall - self._wall, cpu - self._cpu, self.published
        self._wall, self._cpu, self.published = wall, cpu, 0
        return found


def rss() -> float:
    """MiB of memory now."""
    for line in Path("/proc/self/status").read_text("ascii").splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


class Health:
    """How the output is, on its way to the hub."""

    def __init__(self, hub: Hub, meter: "Meter") -> None:
        self._hub = hub
        self._meter = meter
        self.is_well = False

    def told(self, name: str, health: PartHealth) -> None:
        """Take in how it is."""
        self.is_well = health.state is PartState.CONNECTED
        self._meter.progress.set()
        if health.error:
            print("output:", health.error, flush=True)
        self._hub.health(name, health)


class Watched:
    """The source's answers, counted, on their way to the hub."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self.rounds = 0
        self._heard = asyncio.Event()

    async def run(self, source: GraphSource) -> None:
        """Hand on what is read, for ever."""
        async with source:
            async for answer in source.readings():
                self._take(answer)

    def _take(self, told: Reading | Trouble) -> None:
        answer = checked_answer(told)
        if isinstance(answer, Trouble):
            print("trouble:", answer.detail)
            return
        self._hub.heard(answer)
        self.rounds += 1
        self._heard.set()

    async def until(self, rounds: int) -> None:
        """Return when so many rounds have been read."""
        while self.rounds < rounds:
            self._heard.clear()
            await self._heard.wait()


async def measure(
    args: argparse.Namespace, directory: Path, port: int | None, pipe: Pipe, where: Any
) -> None:
    """Read, publish, and print what it took."""
    people: int = args.people
    meter = Meter()
    send = Connection.send

    def counted(self: Connection, topic: str, content: bytes, *, retain: bool) -> Any:
        meter.published += "/users/" in topic
        return send(self, topic, content, retain=retain)

    Connection.send = counted  # type: ignore[method-assign]  # counted for this measurement
    before = rss()
    names = directory / "people"
    names.write_text("".join(f"{person(number)}\n" for number in range(people)), "ascii")
    settings = GraphSettings(
        interval=args.interval,
        token_cache=directory / "tokens.json",
        users=users_of(names),
        **where,
    )
    hub = Hub(Rules(Palette(), stale_after=600, source="graph", version="0", many=True))
    for reading in half_an_hour(settings.users.people):
        hub.heard(reading)
    watched, tasks, stopping = Watched(hub), [], asyncio.Event()
    health = Health(hub, meter)
    tasks.append(asyncio.create_task(hub.run()))
    if port is not None:
        mqtt = MqttSettings(
            id="bench", name="Bench", host="127.0.0.1", port=port, discovery_users=0
        )
        runner = OutputRunner(
            "mqtt", lambda: MqttOutput(mqtt), hub.slot(), health.told, hub.command, 100, stopping
        )
        tasks.append(asyncio.create_task(runner.run()))
    tasks.append(asyncio.create_task(watched.run(GraphSource(settings))))
    meter.look()
    await watched.until(1)
    wall, cpu, early = meter.look()
    report("first reading", people, wall, cpu, early)
    if port is not None:
        await published(health, meter, people, early)
    gc.collect()
    memory = rss() - before
    print(f"memory: {memory:.1f} MiB, with all that one needs, too")
    await watched.until(watched.rounds + 1)
    meter.look()
    rounds: int = args.rounds
    await watched.until(watched.rounds + rounds)
    wall, cpu, sent = meter.look()
    report(f"{rounds} rounds unchanged", people, wall, cpu, sent)
    print(f"  of which a round: {cpu / rounds:.2f} CPU s")
    found = {"round_cpu": cpu / rounds, "memory": memory, "messages_unchanged": sent}
    if port is not None:
        found |= await changes(watched, meter, pipe, people)
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks, timeout=5)
    if args.json:
        print(json.dumps(found))


async def changes(watched: Watched, meter: Meter, pipe: Pipe, people: int) -> dict[str, float]:
    """What rounds cost in which some do something else."""
    found: dict[str, float] = {}
    for name, count in (("few", A_FEW), ("busy", max(1, people // BUSY))):
        meter.look()
        pipe.send(count)
        pipe.recv()
        await watched.until(watched.rounds + 1)
        await asyncio.sleep(1)
        wall, cpu, sent = meter.look()
        report(f"a round in which {count} people changed", people, wall, cpu, sent)
        found |= {f"{name}_cpu": cpu, f"messages_{name}": sent}
    return found


async def published(health: Health, meter: Meter, people: int, early: int) -> None:
    """Wait until everybody stands on the broker; `early`: messages that were counted before."""
    while not health.is_well or early + meter.published < 2 * people:
        meter.progress.clear()
        await meter.progress.wait()
    report("first publishing", people, *meter.look())


def report(what: str, people: int, wall: float, cpu: float, sent: int) -> None:
    """One line."""
    each = cpu / people * 10_000
    print(
        f"{what}: {wall:.1f} s, {cpu:.2f} CPU s ({each:.2f} for 10,000 people), "
        f"{sent} messages about people",
        flush=True,
    )


def main() -> int:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--people", type=int, default=100_000)
    parser.add_argument("--interval", type=float, default=5, help="seconds between two rounds")
    parser.add_argument("--rounds", type=int, default=3, help="rounds in which nothing changes")
    parser.add_argument("--no-broker", action="store_true", help="only read")
    parser.add_argument("--json", action="store_true", help="end with a line of JSON")
    args = parser.parse_args()
    with contextlib.ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        port = None if args.no_broker else stack.enter_context(broker(directory))
        pipe, where = stack.enter_context(graph(args.people))
        slices = -(-args.people // 650)
        print(f"{args.people} people in {slices} requests a round")
        asyncio.run(measure(args, directory, port, pipe, where))
    return 0


if __name__ == "__main__":
    sys.exit(main())
