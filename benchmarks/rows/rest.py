"""At rest: memory, CPU time, wake-ups, handshakes, and what is written to the card.

All of it runs side by side in the same minutes: floors, and the product in several settings.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from benchmarks.figures import Figure, Scale, row
from benchmarks.place import INTERVAL, Place
from benchmarks.process import Running, Usage
from tests.support.program import Home

_DAY: Final = 86_400.0
_HOUR: Final = 3600.0
_POLLING: Final = ("poll", "wake", "wake_thread", "wake_worker")
_TOKEN_SECONDS: Final = 600
"""Tokens are renewed five minutes before their end: the long form's memory has seen it."""


@dataclass(frozen=True, slots=True)
class Window:
    """What one process used in one window."""

    cpu: float
    """Seconds an hour."""
    wakeups: float
    """A second."""
    written: float
    """Bytes a day."""
    end: Usage

    @classmethod
    def between(cls, before: Usage, after: Usage) -> "Window":
        """From two looks."""
        seconds = after.at - before.at
        return cls(
            cpu=(after.cpu - before.cpu) / seconds * _HOUR,
            wakeups=after.wakeups_since(before) / seconds,
            written=(after.written - before.written) / seconds * _DAY,
            end=after,
        )


def at_rest(running: dict[str, Running], scale: Scale) -> dict[str, list[Window]]:
    """Look at all of them at once, window after window."""
    time.sleep(scale.settle)
    found: dict[str, list[Window]] = {name: [] for name in running}
    before = {name: process.usage() for name, process in running.items()}
    for _ in range(scale.windows):
        time.sleep(scale.window)
        after = {name: process.usage() for name, process in running.items()}
        for name in running:
            found[name].append(Window.between(before[name], after[name]))
        before = after
    return found


@row("at rest")
def rest(place: Place, scale: Scale) -> Iterator[Figure]:
    """Everything that idles."""
    # Some floors know one token and no other. Where memory counts tokens are renewed.
    place.lookalike.entra.access_token_seconds = int(_DAY)
    running = {name: place.run_floor(name) for name in _POLLING}
    running["mqtt"] = place.run(place.home("mqtt").with_broker(place.broker.port))
    running["board"] = place.run(_with_board(place, "board"))
    running["effect"] = place.run(_with_board(place, "effect", COLOR_AVAILABLE="green breathe"))
    place.lookalike.entra.access_token_seconds = _TOKEN_SECONDS
    running["both"] = place.run(_with_board(place, "both"))
    running["straight"] = place.run_floor("straight", SERIAL_PORT=str(place.line().path))
    running["follower"] = place.run(_follower(place, running["mqtt"].name))
    running["follow"] = place.run_floor(
        "follow",
        SERIAL_PORT=str(place.line().path),
        MQTT_SOURCE_TOPIC=f"busylight/{running['mqtt'].name}/presence",
    )
    time.sleep(scale.settle)
    handshakes = place.lookalike.handshakes
    found = at_rest(running, scale)
    handshakes = place.lookalike.handshakes - handshakes
    yield from _memory(found, scale)
    yield from _activity(found)
    readers = ("mqtt", "board", "effect")
    seconds = scale.settle + scale.window * scale.windows
    yield Figure(
        "TLS handshakes per 100 polls",
        "",
        [1 + handshakes / len(readers) * 100 / (seconds / INTERVAL)],
        1.0,
        note=f"the first one and {handshakes} more of {len(readers)} programs in {seconds:.0f} s",
        is_exact=True,
    )
    yield Figure(
        "bytes written to the card per day at rest",
        "bytes",
        [window.written for name in ("mqtt", "board", "follower") for window in found[name]],
        0.0,
        is_exact=True,
    )


def _memory(found: dict[str, list[Window]], scale: Scale) -> Iterator[Figure]:
    minutes = (2 * scale.settle + scale.window * scale.windows) / 60
    note = f"after {minutes:.0f} minutes"
    pairs = (
        ("both", "straight", 1.1, "memory of `run`, mqtt + serial", "the straight script, alive"),
        (
            "follower",
            "follow",
            1.15,
            "memory of `SOURCE=mqtt` + serial",
            "paho, pyserial, asyncio and pydantic-settings",
        ),
    )
    for product, floor, goal, what, floor_is in pairs:
        for kind in ("rss", "pss"):
            ours, theirs = (
                [getattr(window.end, kind) for window in found[name]] for name in (product, floor)
            )
            yield Figure(f"{what} ({kind.upper()})", "MiB", ours, goal, theirs, floor_is, note)


def _activity(found: dict[str, list[Window]]) -> Iterator[Figure]:
    def wakeups(name: str) -> list[float]:
        return [window.wakeups for window in found[name]]

    yield Figure(
        "CPU per hour, idle",
        "s",
        [window.cpu for window in found["mqtt"]],
        1.5,
        [window.cpu for window in found["poll"]],
        "a kept httpx connection asked at the same interval, alone",
        missed=2.5,
    )
    yield Figure(
        "the same, beside a loop that stays free",
        "s",
        [window.cpu for window in found["mqtt"]],
        1.5,
        [window.cpu for window in found["wake_worker"]],
        "the same in a thread, and paho inside asyncio",
    )
    lower = min(("wake", "wake_thread"), key=lambda name: sum(wakeups(name)))
    yield Figure(
        "wake-ups per second, idle",
        "/s",
        wakeups("mqtt"),
        1.5,
        wakeups(lower),
        "paho inside asyncio and one kept connection"
        if lower == "wake"
        else "paho's own thread and one kept connection",
        missed=5.0,  # in twenty seconds there are six of the floor's: one less is a sixth more
    )
    yield Figure(
        "the same, beside a loop that stays free",
        "/s",
        wakeups("mqtt"),
        1.5,
        wakeups("wake_worker"),
        "the same, with the request in a thread",
    )
    yield Figure(
        "the same while an effect runs on our own light",
        "/s",
        wakeups("effect"),
        1.05,
        wakeups("board"),
        "the same light without an effect",
        missed=4.0,  # a few of them in twenty seconds; a host that animates has as many each second
    )


def _with_board(place: Place, name: str, **more: str) -> Home:
    home = place.home(name).with_broker(place.broker.port)
    home.settings["OUTPUTS"] += ",serial"
    home.settings |= {"SERIAL_PORT": str(place.board().path), **more}
    return home


def _follower(place: Place, leader: str) -> Home:
    home = place.home("follower")
    for name in list(home.settings):
        if name.startswith("GRAPH_"):
            del home.settings[name]
    home.settings |= {
        "SOURCE": "mqtt",
        "OUTPUTS": "serial",
        "SERIAL_PORT": str(place.board().path),
        "MQTT_HOST": "127.0.0.1",
        "MQTT_PORT": str(place.broker.port),
        "MQTT_SOURCE_TOPIC": f"busylight/{leader}/presence",
    }
    return home
