"""Faults of the machine: a full or read-only card, a cut cache, clocks, suspension, the network."""

import fcntl
import json
import os
import resource
import socket
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Final

from tests.faults.graph_rows import outage
from tests.faults.measure import (
    BASE,
    INTERVAL,
    STALE_AFTER,
    Figure,
    Place,
    Unmeasurable,
    change,
    first_frame,
    row,
    settle,
)
from tests.support.meddling import Meddling
from tests.support.program import Program

_YEAR: Final = 365 * 86_400.0
_SIOCSIFFLAGS: Final = 0x8914  # linux/sockios.h
_IFF_UP: Final = 1


@contextmanager
def _card(path: Path, size: str = "256k") -> Iterator[None]:
    """A small file system of its own at `path`."""
    if os.geteuid() != 0:
        raise Unmeasurable("only root may mount a small card")
    path.mkdir(mode=0o700, exist_ok=True)
    options = f"size={size},mode=0700"
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "card", path], check=False)
    if done.returncode != 0:
        raise Unmeasurable("this container may not mount anything")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", path], check=True)


def _fill(path: Path) -> None:
    with (path / "filler").open("wb", buffering=0) as file:
        try:
            while True:
                file.write(b"x" * 4096)
        except OSError:
            pass


@row("disk full")
def disk_full(place: Place) -> Iterator[Figure]:
    """The card takes no byte more: no crash, no lost sign-in, no lie."""
    place.enter(_card(place.home.state_dir))
    yield from _bad_card(place, "disk full", lambda: _fill(place.home.state_dir))


@row("read-only card", slow=True)
def read_only(place: Place) -> Iterator[Figure]:
    """The card was remounted read-only after an error."""
    place.enter(_card(place.home.state_dir))

    def remount() -> None:
        subprocess.run(["mount", "-o", "remount,ro", place.home.state_dir], check=True)

    yield from _bad_card(place, "read-only card", remount)


def _bad_card(place: Place, name: str, begin: Callable[[], object]) -> Iterator[Figure]:
    lookalike, light = place.lookalike(), place.light()
    program = place.start()
    settle(light, lookalike, 0)
    begin()
    begun = time.monotonic()
    lookalike.entra.expire_access_tokens()  # new tokens cannot be written now
    settle(light, lookalike, 1)
    settle(light, lookalike, 2)
    bad = sum(frame.at > begun and frame.state in ("unknown", "signin") for frame in light.frames)
    yield Figure(f"{name}: times that the light left the truth", bad, 0, "")
    code, seconds = program.ends()
    yield Figure(f"{name}: exit code at SIGTERM", code, 0, "")
    yield Figure(f"{name}: ends after", seconds, 5.0)
    started = time.monotonic()
    place.start()
    first_frame(light, "inacall", started)
    signed_out = sum(frame.at > started and frame.state == "signin" for frame in light.frames)
    yield Figure(f"{name}: sign-ins lost by a restart", signed_out, 0, "")


@row("cache cut", slow=True)
def cache_cut(place: Place) -> Iterator[Figure]:
    """The token cache was cut by a power failure, at some bytes (a unit test cuts at each)."""
    lookalike, light = place.lookalike(), place.light()
    cache = place.home.state_dir / "token_cache.json"
    whole = cache.read_bytes()
    wrong = 0
    cuts = (0, 1, len(whole) // 2, len(whole) - 1)
    for cut in cuts:
        cache.write_bytes(whole[:cut])
        started = time.monotonic()
        program = place.start()
        first_frame(light, "signin", started)
        wrong += sum(f.at > started and f.state not in ("unknown", "signin") for f in light.frames)
        place.home.sign_in(lookalike)
        first_frame(light, "available", started)
        code, _ = program.ends()
        wrong += code
    yield Figure(f"cut at {len(cuts)} bytes: crashes and lies", wrong, 0, "")


@row("clock wrong or stepped", slow=True)
def clock(place: Place) -> Iterator[Figure]:
    """It starts in 1970, and is stepped by years, forward and back."""
    lookalike, light = place.lookalike(), place.light()
    meddling = Meddling(place.home)
    meddling.set(stepped=1000.0 - time.time())
    program = place.start()
    first_frame(light, "available", 0.0)
    for turn, (name, stepped) in enumerate(
        {"1970 to now": 0.0, "30 years on": 30 * _YEAR, "20 years back": -20 * _YEAR}.items()
    ):
        settle(light, lookalike, turn)
        begun = time.monotonic()
        meddling.set(stepped=stepped)
        time.sleep(STALE_AFTER + 1)  # longer than a lie would live
        settle(light, lookalike, turn + 1)
        wrong = sum(
            frame.at > begun and frame.state in ("unknown", "signin") for frame in light.frames
        )
        yield Figure(f"{name}: times that the light left the truth", wrong, 0, "")
    code, _ = program.ends()
    yield Figure("clock: exit code", code, 0, "")


@row("suspended for hours")
def suspended(place: Place) -> Iterator[Figure]:
    """Asleep for eight hours: what was known before is not shown when it wakes."""
    lookalike, light = place.lookalike(), place.light()
    meddling = Meddling(place.home)
    place.start()
    settle(light, lookalike, 0)
    lookalike.stop()  # the network is not there yet when it wakes
    woken = time.monotonic()
    meddling.set(suspended=8 * 3600.0)
    unknown = first_frame(light, "unknown", woken)
    yield Figure("suspended: `unknown` after it woke", unknown.at - woken, STALE_AFTER + 1)
    state = change(lookalike, 1)
    lookalike.start()
    there = time.monotonic()
    shown = first_frame(light, state, there)
    yield Figure("suspended: true colour once the network is there", shown.at - there, 16.0)


@row("no descriptor left")
def no_descriptor(place: Place) -> Iterator[Figure]:
    """No file, socket or port can be opened: whatever breaks now cannot be mended."""
    program = yield from _scarce(
        place,
        "no descriptor",
        lambda program: _limit(program, 3),
        lambda program: _limit(program, _hard_limit(program)),
    )
    _limit(program, 3)
    yield from _ends(program, "no descriptor")


@row("no thread can be started")
def no_thread(place: Place) -> Iterator[Figure]:
    """The system's limit of threads is reached, by a plugin that leaks them, say."""
    meddling = Meddling(place.home)
    program = yield from _scarce(
        place,
        "no thread",
        lambda _: meddling.set(threads="none"),
        lambda _: meddling.set(threads="well"),
    )
    meddling.set(threads="none")
    yield from _ends(program, "no thread")


def _scarce(
    place: Place,
    name: str,
    begin: Callable[[Program], object],
    end: Callable[[Program], object],
) -> Generator[Figure, None, Program]:
    """Something of the system's runs out, and then everything breaks."""
    lookalike, light = place.lookalike(), place.light()
    broker = place.broker()
    recorder = place.recorder(broker)
    place.home.with_broker(broker.port).settings["MQTT_KEEPALIVE"] = "2"
    program = place.start()
    settle(light, lookalike, 0)
    begin(program)
    changed = time.monotonic()
    shown = first_frame(light, change(lookalike, 1), changed)
    yield Figure(f"{name}: a change, while nothing breaks", shown.at - changed, INTERVAL + 0.5)
    asked = time.monotonic()
    recorder.publish(f"{BASE}/mode/set", "busy")  # which the card should remember
    first_frame(light, "busy", asked)
    recorder.publish(f"{BASE}/mode/set", "auto")
    first_frame(light, "away", asked)
    lookalike.entra.expire_access_tokens()
    lookalike.stop()
    begun = time.monotonic()
    broker.restart()
    unknown = first_frame(light, "unknown", begun)
    yield Figure(f"{name}: `unknown`, beyond STALE_AFTER", unknown.at - begun - STALE_AFTER, 1.0)
    lookalike.start()
    end(program)
    well = time.monotonic()
    shown = first_frame(light, change(lookalike, 0), well)
    yield Figure(f"{name}: true colour once there is enough again", shown.at - well, 16.0)
    _connected(program)
    yield Figure(f"{name}: on the broker again", time.monotonic() - well, 15.0)
    return program


def _ends(program: Program, name: str) -> Iterator[Figure]:
    code, seconds = program.ends()
    yield Figure(f"SIGTERM, {name}: ends after", seconds, 5.0)
    yield Figure(f"SIGTERM, {name}: exit code", code, 0, "")


def _hard_limit(program: Program) -> int:
    return resource.prlimit(program.process.pid, resource.RLIMIT_NOFILE)[1]


def _limit(program: Program, descriptors: int) -> None:
    """Let it open no more than that; what is open stays so."""
    limits = (descriptors, _hard_limit(program))
    resource.prlimit(program.process.pid, resource.RLIMIT_NOFILE, limits)


@row("Wi-Fi lost")
def wifi(_place: Place) -> Iterator[Figure]:
    """The kernel drops every packet, in a network namespace of its own."""
    user = [] if os.geteuid() == 0 else ["--map-root-user"]
    done = subprocess.run(
        ["unshare", "--net", *user, sys.executable, "-m", "tests.faults.machine_rows"],
        capture_output=True,
        text=True,
        check=False,
    )
    if "unshare failed" in done.stderr or "not permitted" in done.stderr.lower():
        raise Unmeasurable("there is no right to make a network namespace")
    assert done.returncode == 0, done.stderr
    for line in done.stdout.splitlines():
        yield Figure(**json.loads(line))


def _loopback(*, up: bool) -> None:
    """Switch the one interface of the namespace on or off."""
    name = b"lo".ljust(16, b"\0")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        fcntl.ioctl(control, _SIOCSIFFLAGS, name + struct.pack("H14x", _IFF_UP if up else 0))


def _without_network(place: Place) -> Iterator[Figure]:
    _loopback(up=True)
    lookalike, light = place.lookalike(), place.light()
    broker = place.broker()
    place.home.with_broker(broker.port).settings["MQTT_KEEPALIVE"] = "2"
    program = place.start()
    first_frame(light, "available", 0.0)
    _connected(program)
    yield from outage(
        "Wi-Fi lost",
        lookalike,
        light,
        lambda: _loopback(up=False),
        lambda: _loopback(up=True),
        0,
    )
    well = time.monotonic()
    _connected(program)
    yield Figure("Wi-Fi lost: on the broker again after the colour", time.monotonic() - well, 15.0)
    _loopback(up=False)
    time.sleep(1)  # let it run into it
    code, seconds = program.ends()
    yield Figure("SIGTERM, Wi-Fi lost: ends after", seconds, 5.0)
    yield Figure("SIGTERM, Wi-Fi lost: exit code", code, 0, "")
    _loopback(up=True)  # for those who say goodbye


def _connected(program: Program) -> None:
    program.reports(
        lambda found: found["diagnostics"]["outputs"].get("mqtt", {}).get("state") == "connected"
    )


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as _directory, Place(Path(_directory)) as _inside:
        for _figure in _without_network(_inside):
            sys.stdout.write(json.dumps(asdict(_figure)) + "\n")
