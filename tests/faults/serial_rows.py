"""Faults of the USB light and its line, on a pseudo-terminal."""

import fcntl
import os
import termios
import time
from collections.abc import Callable, Iterator
from typing import Any, Final

from tests.faults.measure import (
    BASE,
    INTERVAL,
    Figure,
    Place,
    change,
    eventually,
    first_frame,
    row,
)
from tests.support.program import json_of

_OTHERS: Final = INTERVAL + 0.5
_BACK: Final = 5.0
_ACTIVITIES: Final = {"inacall": "InACall", "away": "Away"}


class _Stage:
    """A program between Graph, a light that goes wrong, and a broker that must not suffer."""

    def __init__(self, place: Place) -> None:
        self.lookalike = place.lookalike()
        broker = place.broker()
        self.recorder = place.recorder(broker)
        place.home.with_broker(broker.port)
        self.light = place.light()
        self.program = place.start()
        first_frame(self.light, "available", 0.0)
        self.turn = 0
        self.state = "available"

    def change(self) -> float:
        self.turn += 1
        changed = time.monotonic()
        self.state = change(self.lookalike, self.turn)
        return changed

    def late(self) -> float:
        """Seconds from a change to the broker, while the light is in trouble."""
        changed = self.change()
        wanted = _ACTIVITIES[self.state]

        def told() -> float | None:
            return next(
                (
                    each.at
                    for each in self.recorder.heard
                    if each.at > changed
                    and each.topic == f"{BASE}/presence"
                    and json_of(each.payload)["activity"] == wanted
                ),
                None,
            )

        return eventually(told) - changed

    def reason(self) -> str:
        def error() -> str | None:
            report = self.program.report() or {"diagnostics": {"outputs": {}}}
            found: str | None = report["diagnostics"]["outputs"].get("serial", {}).get("error")
            return found

        return eventually(error)


def _outage(
    stage: _Stage, name: str, begin: Callable[[], Any], end: Callable[[], Any]
) -> Iterator[Figure]:
    begin()
    yield Figure(f"{name}: a change on the other output", stage.late(), _OTHERS)
    stage.reason()
    yield Figure(f"{name}: a change on the other output, noticed", stage.late(), _OTHERS)
    ended = time.monotonic()
    end()
    back = first_frame(stage.light, stage.state, ended)
    yield Figure(f"{name}: newest state after it was well", back.at - ended, _BACK)
    time.sleep(0.5)  # whatever older frame might follow would be there by now
    states = [frame.state for frame in stage.light.frames if frame.at >= back.at]
    yield Figure(
        f"{name}: older states shown after it", sum(s != stage.state for s in states), 0, ""
    )


@row("USB unplugged")
def unplugged(place: Place) -> Iterator[Figure]:
    """Pulled and plugged in again, also under another name."""
    stage = _Stage(place)
    yield from _outage(stage, "unplugged", stage.light.unplug, stage.light.plug)
    before = stage.light.path.resolve()
    replugged = time.monotonic()
    stage.light.replug()
    assert stage.light.path.resolve() != before
    yield Figure(
        "another name: the light again",
        first_frame(stage.light, stage.state, replugged).at - replugged,
        _BACK,
    )


@row("USB stalled")
def stalled(place: Place) -> Iterator[Figure]:
    """The light does not read: writes fill the buffer, and then block."""
    stage = _Stage(place)
    line = os.open(stage.light.path, os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY)

    def stall() -> None:
        stage.light.stall()
        # Full is what stays full: the kernel makes room for a while by moving things on.
        tried_until = time.monotonic() + 0.5
        while time.monotonic() < tried_until:
            try:
                os.write(line, b"#" * 512 + b"\n")
            except BlockingIOError:
                time.sleep(0.01)
            else:
                tried_until = time.monotonic() + 0.5

    try:
        yield from _outage(stage, "stalled", stall, stage.light.resume)
    finally:
        os.close(line)


@row("USB flapping", slow=True)
def flapping(place: Place) -> Iterator[Figure]:
    """It comes and goes: twenty times in ten seconds."""
    stage = _Stage(place)
    late = []
    for _ in range(5):
        for _ in range(2):
            stage.light.unplug()
            time.sleep(0.25)
            stage.light.plug()
            time.sleep(0.25)
        late.append(stage.late())
    yield Figure("flapping: a change on the other output", max(late), _OTHERS)
    well = time.monotonic()
    stage.change()
    shown = first_frame(stage.light, stage.state, well)
    yield Figure("flapping: newest state after it was well", shown.at - well, _BACK + INTERVAL)


@row("USB taken by another program", slow=True)
def taken(place: Place) -> Iterator[Figure]:
    """Somebody else has the port for himself."""
    stage = _Stage(place)
    others: list[int] = []

    def take() -> None:
        stage.light.replug()
        others.append(os.open(stage.light.path, os.O_RDWR | os.O_NONBLOCK | os.O_NOCTTY))
        fcntl.flock(others[0], fcntl.LOCK_EX | fcntl.LOCK_NB)
        fcntl.ioctl(others[0], termios.TIOCEXCL)

    def give() -> None:
        fcntl.ioctl(others[0], termios.TIOCNXCL)
        os.close(others[0])

    yield from _outage(stage, "taken", take, give)


@row("USB noise", slow=True)
def noise(place: Place) -> Iterator[Figure]:
    """The line says junk without end: read, and thrown away."""
    stage = _Stage(place)
    until = time.monotonic() + 3
    late = []
    while time.monotonic() < until:
        for _ in range(50):
            stage.light.say(os.urandom(512))
        late.append(stage.late())
    yield Figure("noise: a change on the other output", max(late), _OTHERS)
    changed = stage.change()
    yield Figure(
        "noise: a change on the light",
        first_frame(stage.light, stage.state, changed).at - changed,
        _OTHERS,
    )
