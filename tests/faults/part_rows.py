"""Faults of code: a plugin that goes wrong or blocks; the program killed, or told to end."""

import signal
import socket
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

from busylight.demo.lookalike import faults
from firmware_bridge import protocol
from firmware_bridge.simulate import SimulatedLight
from tests.faults.measure import (
    BASE,
    INTERVAL,
    STALE_AFTER,
    Figure,
    Place,
    change,
    eventually,
    first_frame,
    row,
    settle,
)
from tests.support.fault_proxy import FaultProxy
from tests.support.plugins import FaultyPlugin
from tests.support.program import PATIENCE, Program, json_of

_OTHERS: Final = INTERVAL + 0.5
_END: Final = 5.0
RAISED: Final = (
    "raise",
    "exit",
    "cancel",
    "unsayable",
    "own exit",
    "exit in a task",
    "endless words",
)


@row("an output goes wrong", slow=True)
def output(place: Place) -> Iterator[Figure]:
    """A plugin's output raises anything, hangs in an await or in a thread, or leaks tasks."""
    plugin = FaultyPlugin(place.home)
    lookalike, light = place.lookalike(), place.light()
    place.home.settings["OUTPUTS"] += ",faulty"
    program = place.start()
    first_frame(light, "available", 0.0)
    eventually(lambda: plugin.did("shows available"))
    for turn, mode in enumerate((*RAISED, "leak", "hang", "swallow", "thread")):
        plugin.be(mode)
        changed = time.monotonic()
        state = change(lookalike, turn)
        shown = first_frame(light, state, changed)
        yield Figure(f"output {mode}: a change on the other output", shown.at - changed, _OTHERS)
        eventually(lambda: _health(program, "faulty").get("state") == "failed")
        count = _faults(program, "faulty")
        assert count > turn
        well = plugin.forget()
        plugin.be("well")
        back = eventually(lambda: plugin.did(f"shows {state}", well))  # noqa: B023 -- called at once
        yield Figure(f"output {mode}: works again after it was well", back - well, 15.0)
    yield Figure("outputs: threads of the program at the end", _threads(program), 12, "")


@row("a source goes wrong", slow=True)
def source(place: Place) -> Iterator[Figure]:
    """A plugin's source raises anything, or hangs and is begun anew when it has been silent."""
    plugin = FaultyPlugin(place.home)
    light = place.light()
    place.home.settings |= {"SOURCE": "faultysource"}
    program = place.start()
    first_frame(light, "inacall", 0.0)
    for mode in RAISED:
        begun = time.monotonic()
        plugin.be(mode)
        unknown = first_frame(light, "unknown", begun)
        yield Figure(
            f"source {mode}: `unknown`, beyond STALE_AFTER", unknown.at - begun - STALE_AFTER, 1.0
        )
        program.reports(lambda found: found["diagnostics"]["last_error"])
        well = time.monotonic()
        plugin.be("well")
        back = first_frame(light, "inacall", well)
        yield Figure(f"source {mode}: true colour after it was well", back.at - well, 16.0)
    assert _faults(program, "source") >= len(RAISED)


@row("a source hangs", slow=True)
def source_hangs(place: Place) -> Iterator[Figure]:
    """A plugin's source hangs: after a minute of silence more than allowed it is begun anew."""
    plugin = FaultyPlugin(place.home)
    light = place.light()
    place.home.settings |= {"SOURCE": "faultysource"}
    place.start()
    first_frame(light, "inacall", 0.0)
    begun = time.monotonic()
    plugin.be("hang")
    unknown = first_frame(light, "unknown", begun)
    yield Figure(
        "source hang: `unknown`, beyond STALE_AFTER", unknown.at - begun - STALE_AFTER, 1.0
    )
    plugin.be("well")
    back = eventually(lambda: plugin.did("made", begun), 120.0)
    yield Figure("source hang: begun anew", back - begun, STALE_AFTER + 60 + 5)
    first_frame(light, "inacall", begun)


@row("a plugin blocks the loop")
def blocks(place: Place) -> Iterator[Figure]:
    """An output holds up everything: the program is ended, and that part starts last."""
    plugin = FaultyPlugin(place.home)
    lookalike, light = place.lookalike(), place.light()
    place.home.settings["OUTPUTS"] = "faulty," + place.home.settings["OUTPUTS"]
    program = place.start()
    first_frame(light, "available", 0.0)
    eventually(lambda: plugin.did("shows available"))
    plugin.be("block")
    change(lookalike, 0)
    blocked = eventually(lambda: plugin.did("blocks"))
    program.process.wait(60)
    seconds = time.monotonic() - blocked
    yield Figure("blocked: ended after", seconds, 30.0)
    yield Figure("blocked: exit code", program.process.returncode, 1, "", at_least=True)
    assert "output faulty has blocked everything" in program.errors
    assert "time.sleep(3600)" in program.errors
    plugin.be("well")
    restarted = time.monotonic()
    again = place.start()
    made = eventually(lambda: plugin.did("made", restarted))
    yield Figure(
        "blocked: seconds by which the other light was first",
        made - first_frame(light, "unknown", restarted).at,
        0.0,
        at_least=True,
    )
    report = again.reports(lambda found: found["diagnostics"].get("blocked"))
    assert "output faulty has blocked the whole program" in report["diagnostics"]["blocked"]
    states = [frame.state for frame in light.frames if frame.at > restarted]
    assert states[0] == "unknown"


@row("killed", slow=True)
def killed(place: Place) -> Iterator[Figure]:
    """The program is killed: the will, and our own light that notices."""
    place.lookalike()
    broker = place.broker()
    recorder = place.recorder(broker)
    own = place.enter(SimulatedLight(place.directory / "own"))
    place.home.with_broker(broker.port)
    place.home.settings["OUTPUTS"] += ",serial"
    place.home.settings["SERIAL_PORT"] = str(own.path)
    program = place.start()
    eventually(lambda: recorder.last(f"{BASE}/availability") == b"online")
    eventually(lambda: own.last is not None and own.last.state == protocol.SHOWING)
    dead = time.monotonic()
    program.process.kill()

    def said_offline() -> float | None:
        told = (each for each in recorder.heard if each.at > dead and each.payload == b"offline")
        return next((each.at for each in told), None)

    def said_lost() -> float | None:
        painted = (each for each in own.paintings if each.at > dead)
        return next((each.at for each in painted if each.state == protocol.LOST), None)

    yield Figure("killed: MQTT says offline", eventually(said_offline) - dead, 1.0)
    yield Figure("killed: our own light says host lost", eventually(said_lost) - dead, 12.5)


@row("killed, and a lamp that cannot know")
def killed_lamp(place: Place) -> Iterator[Figure]:
    """What ExecStopPost does for it, and that a start shows `unknown` first."""
    lookalike, lamp = place.lookalike(), place.light()
    broker = place.broker()
    recorder = place.recorder(broker)
    place.home.with_broker(broker.port)
    program = place.start()
    settle(lamp, lookalike, 0)
    dead = time.monotonic()
    program.process.kill()
    program.process.wait(PATIENCE)
    left = place.home.run("test-light", "--leave", "unknown")
    assert left.returncode == 0, left.stderr
    unknown = first_frame(lamp, "unknown", dead)
    yield Figure("killed: a lamp that cannot know shows `unknown`", unknown.at - dead, 10.0)
    assert json_of(recorder.last(f"{BASE}/light"))["effect"] == "pulse"
    restarted = time.monotonic()
    place.start()
    first_frame(lamp, "inacall", restarted)
    first = next(frame for frame in lamp.frames if frame.at > restarted)
    old = float(first.state != "unknown")
    yield Figure("started: an old colour was shown before `unknown`", old, 0, "")


@row("systemd")
def systemd(place: Place) -> Iterator[Figure]:
    """READY=1 though nothing else is well; WATCHDOG=1 in time; STOPPING=1 at the end."""
    place.home.with_broker(1)
    place.home.with_light(place.directory / "nowhere", "{hex}")
    place.home.settings |= {
        "GRAPH_CLIENT_ID": "11111111-2222-3333-4444-555555555555",
        "GRAPH_BASE_URL": "https://127.0.0.1:1/v1.0",
        "GRAPH_AUTHORITY_URL": "https://127.0.0.1:1/contoso",
    }
    path = place.directory / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(path))
        manager.settimeout(PATIENCE)
        patience = 4.0
        place.home.more_environment |= {
            "NOTIFY_SOCKET": str(path),
            "WATCHDOG_USEC": f"{patience * 1e6:.0f}",
        }
        started = time.monotonic()
        program = place.start()
        assert manager.recv(100) == b"READY=1"
        yield Figure("systemd: READY=1 after the start", time.monotonic() - started, 5.0)
        fed = [_fed(manager) for _ in range(6)]
        gaps = [after - before for before, after in pairwise(fed)]
        yield Figure("systemd: longest time between two WATCHDOG=1", max(gaps), patience / 2)
        program.process.send_signal(signal.SIGSTOP)
        program.process.send_signal(signal.SIGCONT)
        program.process.send_signal(signal.SIGTERM)
        heard = b""
        while heard != b"STOPPING=1":
            heard = manager.recv(100)
        assert program.process.wait(PATIENCE) == 0


def _fed(manager: socket.socket) -> float:
    assert manager.recv(100) == b"WATCHDOG=1"
    return time.monotonic()


@row("SIGTERM in any state", slow=True)
def sigterm(place: Place) -> Iterator[Figure]:
    """Told to end while something is wrong."""
    lookalike, light = place.lookalike(), place.light()
    broker = place.broker()
    proxy = place.enter(FaultProxy(broker.port))
    place.home.with_broker(proxy.port)
    plugin = FaultyPlugin(place.home)
    place.home.settings["OUTPUTS"] += ",faulty"

    def black_hole() -> None:
        proxy.to_client.black_hole = proxy.to_server.black_hole = True

    def freeze_graph() -> None:
        lookalike.faults.add(faults.SILENCE, path="/v1.0")
        seen = len(lookalike.requests)
        assert lookalike.wait_for(lambda: len(lookalike.requests) > seen)

    def sign_out() -> None:
        lookalike.entra.revoke()
        lookalike.entra.expire_access_tokens()

    def misbehave(mode: str) -> Callable[[], None]:
        def begin() -> None:
            plugin.be(mode)
            change(lookalike, 0)
            if mode == "block":
                eventually(lambda: plugin.did("blocks"))

        return begin

    states: dict[str, Callable[[], object]] = {
        "all well": lambda: None,
        "Graph silent": freeze_graph,
        "signed out": sign_out,
        "broker black-holed": black_hole,
        "light unplugged": light.unplug,
        "light stalled": light.stall,
        "output hangs": misbehave("hang"),
        "output swallows its cancellation": misbehave("swallow"),
        "output hangs in a thread": misbehave("thread"),
        "loop blocked": misbehave("block"),
    }
    for name, begin in states.items():
        (place.home.state_dir / "token_cache.json").unlink()  # what was revoked is of no use
        place.home.sign_in(lookalike)
        lookalike.graph.set_presence(
            "fa8bf3dc-eca7-46b7-bad1-db199b62afc3", "Available", "Available"
        )
        started = time.monotonic()
        program = place.start()
        first_frame(light, "available", started)
        begin()
        time.sleep(0.5)  # let it run into it
        code, seconds = program.ends()
        yield Figure(f"SIGTERM, {name}: ends after", seconds, _END)
        yield Figure(f"SIGTERM, {name}: exit code", code, 0, "")
        lookalike.faults.clear()
        proxy.heal()
        plugin.be("well")
        light.resume()
        light.plug()


def _report(program: Program) -> dict[str, Any]:
    return program.report() or {"diagnostics": {"outputs": {}}}


def _health(program: Program, name: str) -> dict[str, Any]:
    found: dict[str, Any] = _report(program)["diagnostics"]["outputs"].get(name, {})
    return found


def _faults(program: Program, name: str) -> int:
    return int(_report(program)["diagnostics"].get("faults", {}).get(name, 0))


def _threads(program: Program) -> int:
    return len(list(Path(f"/proc/{program.process.pid}/task").iterdir()))
