"""What people who look at the page cost the light.

    python -m benchmarks.viewers --viewers 200

The program (`busylight run`, a process of its own) follows presence on a mosquitto, drives a light
on a pseudo-terminal, and serves its page. Presence changes once a second: first while nobody looks
on, then while so many do (in another process), and so on in turn. Printed is how long after the
change the light had it, and the viewers, and how much memory the program took. What it prints are
figures of this machine; the other things that it does at the same time are in them.
"""

import argparse
import asyncio
import json
import multiprocessing
import os
import select
import statistics
import tempfile
import threading
import time
import tty
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection as Pipe
from pathlib import Path
from typing import Any, Final

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from tests.support.broker import Broker, wait_until
from tests.support.program import Home, Program
from tests.support.web import free_port

TOPIC: Final = "bench/presence"
STATES: Final = ("Available", "Busy")
PATIENCE: Final = 20.0


class Line:
    """The far end of a serial line: when each state was written on it."""

    def __init__(self) -> None:
        self._ours, theirs = os.openpty()
        tty.setraw(theirs)
        self.path = Path(os.ttyname(theirs))
        self._theirs = theirs
        self.seen: list[tuple[float, str]] = []
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        rest = b""
        while True:
            select.select([self._ours], [], [])
            rest += os.read(self._ours, 4096)
            moment = time.monotonic()
            *lines, rest = rest.split(b"\n")
            self.seen += [(moment, line.decode()) for line in lines]

    def seconds_until(self, state: str, began: float) -> float:
        """How long after `began` the state was there; waits for it."""
        ends = time.monotonic() + PATIENCE
        while time.monotonic() < ends:
            for moment, seen in reversed(self.seen):
                if moment < began:
                    break
                if seen == state:
                    return moment - began
            time.sleep(0.002)
        raise TimeoutError(f"the light never showed {state}")


def look_on(pipe: Pipe, port: int, count: int) -> None:
    """Be so many viewers until the pipe says so; then say when each of them saw what."""
    pipe.send(asyncio.run(_look_on(pipe, port, count)))


async def _look_on(pipe: Pipe, port: int, count: int) -> list[list[tuple[float, str]]]:
    seen: list[list[tuple[float, str]]] = [[] for _ in range(count)]
    tasks = [asyncio.create_task(_viewer(port, each)) for each in seen]
    while not all(seen):
        await asyncio.sleep(0.05)
        for task in tasks:
            if task.done():
                task.result()
    pipe.send("all there")
    while not pipe.poll():  # noqa: ASYNC110 -- a pipe sets no event
        await asyncio.sleep(0.05)
    for task in tasks:
        task.cancel()
    return seen


async def _viewer(port: int, seen: list[tuple[float, str]]) -> None:
    """One browser, as far as the program can tell: the page itself, and then what changes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET /live HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode())
    while line := await reader.readline():
        moment = time.monotonic()
        if line.startswith(b"data: ") and b"<h1>" in line:
            html = json.loads(line[6:])["light"]
            seen.append((moment, html.partition("<h1>")[2].partition("</h1>")[0]))


@contextmanager
def viewers(port: int, count: int) -> Iterator[list[list[tuple[float, str]]]]:
    """So many viewers in a process of their own; what they saw is there afterwards."""
    found: list[list[tuple[float, str]]] = []
    if not count:
        yield found
        return
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(
        target=look_on, args=(theirs, port, count)
    )
    process.start()
    theirs.close()
    assert ours.recv() == "all there"  # noqa: S101 -- a benchmark stops where it is wrong
    yield found
    ours.send("enough")
    found += ours.recv()
    process.join()


def memory(pid: int) -> float:
    """MiB that the process has in memory."""
    for line in Path(f"/proc/{pid}/status").read_text("utf-8").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return 0.0


class Bench:
    """The program, its light, and whoever changes presence."""

    def __init__(self, program: Program, line: Line, client: mqtt.Client, port: int) -> None:
        self._program = program
        self._line = line
        self._client = client
        self._port = port
        self._number = 0

    def phase(self, count: int, changes: int, pause: float) -> dict[str, Any]:
        """So many changes while so many look on."""
        with viewers(self._port, count) as seen:
            before = memory(self._program.process.pid)
            lights, told = [], []
            for _ in range(changes):
                self._number += 1
                state = STATES[self._number % 2]
                began = time.monotonic()
                self._client.publish(TOPIC, state, qos=0, retain=True)
                lights.append(self._line.seconds_until(state.lower(), began))
                told.append((began, state))
                time.sleep(max(0.0, began + pause - time.monotonic()))
            after = memory(self._program.process.pid)
        late = [_seconds(each, began, state) for each in seen for began, state in told]
        return {"lights": lights, "viewers": late, "memory": (before, after)}


def _seconds(seen: list[tuple[float, str]], began: float, state: str) -> float:
    """How long after the change one viewer saw it."""
    return next((moment - began for moment, s in seen if moment >= began and s == state), 1e9)


def percentile(values: list[float], percent: float) -> float:
    """The value below which so many percent of them lie."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]


def words(values: list[float]) -> str:
    """Median, 99th percentile and worst, in milliseconds."""
    figures = (statistics.median(values), percentile(values, 99), max(values))
    return "median {:.1f}, p99 {:.1f}, worst {:.1f} ms".format(*(1000 * each for each in figures))


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description="What viewers of the page cost the light.")
    parser.add_argument("--viewers", type=int, default=200)
    parser.add_argument("--changes", type=int, default=100, help="in each phase")
    parser.add_argument("--rounds", type=int, default=3, help="of both phases")
    parser.add_argument("--pause", type=float, default=1.0, help="seconds between changes")
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as name,
        Broker(Path(name) / "broker") as broker,
    ):
        line, port = Line(), free_port()
        home = Home(Path(name) / "home")
        home.settings |= {
            "SOURCE": "mqtt",
            "MQTT_HOST": "127.0.0.1",
            "MQTT_PORT": str(broker.port),
            "MQTT_SOURCE_TOPIC": TOPIC,
            "WEB_LISTEN": f"127.0.0.1:{port}",
            "LOG_LEVEL": "warning",
        }
        home.with_light(line.path, "{state}\\n")
        client = mqtt.Client(CallbackAPIVersion.VERSION2)
        client.connect("127.0.0.1", broker.port)
        client.loop_start()
        with home.start() as program:
            wait_until(lambda: _is_up(program), PATIENCE)
            measure(Bench(program, line, client, port), options)
        client.loop_stop()


def _is_up(program: Program) -> bool:
    outputs = (program.report() or {}).get("diagnostics", {}).get("outputs", {})
    return all(outputs.get(name, {}).get("state") == "connected" for name in ("serial", "web"))


def measure(bench: Bench, options: argparse.Namespace) -> None:
    """Run the phases in turn, and print what they came to."""
    alone: list[float] = []
    with_them: list[float] = []
    late: list[float] = []
    memories: list[float] = []
    bench.phase(0, 5, 0.2)  # everything has been loaded, then
    bench.phase(options.viewers, 5, 0.2)
    for number in range(1, options.rounds + 1):
        first = bench.phase(0, options.changes, options.pause)
        second = bench.phase(options.viewers, options.changes, options.pause)
        alone += first["lights"]
        with_them += second["lights"]
        late += second["viewers"]
        memories += second["memory"]
        print(f"round {number}: the light alone: {words(first['lights'])}")
        print(f"round {number}: with {options.viewers} viewers: {words(second['lights'])}")
        print(f"round {number}: memory {second['memory'][0]:.1f} to {second['memory'][1]:.1f} MiB")
    ratio = percentile(with_them, 99) / percentile(alone, 99)
    print(f"the light, nobody looking on: {words(alone)}")
    print(f"the light, {options.viewers} looking on: {words(with_them)}; p99 x {ratio:.2f}")
    print(f"the viewers: {words(late)}")
    missed = sum(each > 1 for each in late)
    print(f"of {len(late)} tellings {missed} came later than a second, or not at all")
    print(f"memory: {min(memories):.1f} to {max(memories):.1f} MiB, {memories[-1]:.1f} at the end")


if __name__ == "__main__":
    main()
