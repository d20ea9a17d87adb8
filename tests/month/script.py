"""What happens in a month: drawn at random, from a seed or by Hypothesis, which can shrink it."""

from dataclasses import dataclass
from datetime import time
from random import Random
from typing import Final
from zoneinfo import ZoneInfo

from busylight.core.knowledge import SLOWED_HOLDS
from busylight.core.light import Effect
from busylight.core.override import Command, Mode, Refresh, SetLight, SetMode
from busylight.core.presence import Presence

DAY: Final = 86_400.0

STATES: Final = {
    Presence("Available", "Available"): "available",
    Presence("AvailableIdle", "Available"): "availableidle",
    Presence("Away", "Away"): "away",
    Presence("BeRightBack", "BeRightBack"): "berightback",
    Presence("Busy", "Busy"): "busy",
    Presence("Busy", "InACall"): "inacall",
    Presence("Busy", "InAMeeting"): "busy",
    Presence("BusyIdle", "Busy"): "busyidle",
    Presence("DoNotDisturb", "Presenting"): "presenting",
    Presence("DoNotDisturb", "UrgentInterruptionsOnly"): "urgentinterruptionsonly",
    Presence("Offline", "Offline"): "offline",
    Presence("PresenceUnknown", "PresenceUnknown"): "unknown",
    Presence("Busy", "Juggling"): "busy",
    Presence("Levitating", "Levitating"): "unknown",
}
"""What people may be doing, and the rule that the contract has for it."""
PRESENCES: Final = tuple(STATES)

GRAPH: Final = (
    "unreachable", "dead", "slow", "forbidden", "throttled", "raises",
    "hangs", "cannot begin", "begins never",
)  # fmt: skip
"""How reading may fail."""
LAMP: Final = (
    "refuses", "connects never", "raises", "hangs", "slow", "lost",
    "goodbye hangs", "ends",
)  # fmt: skip
"""How a lamp may fail."""
_SHARES: Final = {
    "presence": 40,
    "graph": 18,
    "command": 15,
    "lamp": 13,
    "sign_out": 3,
    "sign_in": 4,
    "suspend": 3,
    "clock": 2,
    "restart": 2,
}
"""Of a hundred events, how many are what."""
_GRAPH_LASTS: Final = (3.0, 40.0, 40.0, 300.0, 300.0, 2000.0, 4000.0)
_LAMP_LASTS: Final = (1.0, 8.0, 40.0, 200.0)
"""Seconds that a fault lasts. A lamp is tried again every few seconds, and has shown all there is
to see after some tries."""
_GAPS: Final = (0.0, 0.5, 2.0, 7.0, 30.0, 61.0, 180.0, 900.0, 3600.0, 5 * 3600.0)


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happens `gap` seconds after the one before."""

    gap: float
    what: str
    """The name of a method of `World`, without its `on_`."""
    value: object = None


@dataclass(frozen=True, slots=True)
class Week:
    """Working hours, as they are written and as the second opinion has them."""

    text: str
    days: tuple[int, ...]
    """Monday is 0."""
    start: time
    end: time


ZONE: Final = ZoneInfo("Europe/Berlin")
"""Its summer time begins on a Sunday at 02:00, and within the simulated month."""
WEEKS: Final = (
    Week("Mon-Fri 08:00-18:00", (0, 1, 2, 3, 4), time(8), time(18)),
    Week("02:30-23:00", (0, 1, 2, 3, 4, 5, 6), time(2, 30), time(23)),
    Week("Sat-Sun 00:00-02:30", (5, 6), time(0), time(2, 30)),
)
"""Two of them begin or end at a time that the clock on the wall skips."""


@dataclass(frozen=True, slots=True)
class Setup:
    """A user's settings, as far as they matter here."""

    interval: float = 600.0
    stale_after: float = 1800.0
    people: int = 1
    releases: bool = False
    """Whether the lamp is left to others while the person is offline."""
    hours: Week | None = None
    is_adaptive: bool = False
    """Whether reading adapts: at its slowest so rarely that `stale_after` holds unchanged."""

    @property
    def slowest(self) -> float:
        """Seconds that may be planned between two readings."""
        if not self.is_adaptive:
            return self.interval
        return max(self.interval, 0.999 * self.stale_after / SLOWED_HOLDS)


def draw_setup(random: Random) -> Setup:
    """Some settings."""
    interval = random.choice((600.0, 900.0, 1800.0, 3600.0))
    return Setup(
        interval=interval,
        stale_after=interval * random.choice((2.0, 3.0, 5.5)),
        people=random.choice((1, 1, 3)),
        releases=random.random() < 0.5,
        hours=random.choice((None, *WEEKS)),
        is_adaptive=random.random() < 0.5,
    )


def draw_event(random: Random) -> Event:
    """Some event, soon or late after the last one."""
    gap = random.choice(_GAPS)
    gap += gap * random.random()
    what = random.choices(tuple(_SHARES), tuple(_SHARES.values()))[0]
    return Event(gap, what, _value(what, random))


def draw_month(random: Random, days: float = 30.0) -> list[Event]:
    """A whole month."""
    events: list[Event] = []
    moment = 0.0
    while True:
        event = draw_event(random)
        moment += event.gap
        if event.what == "suspend":
            moment += float(str(event.value))
        if moment >= days * DAY:
            return events
        events.append(event)


def _value(what: str, random: Random) -> object:
    match what:
        case "presence":
            return random.randrange(3), random.choice(PRESENCES)
        case "graph":
            return random.choice(GRAPH), random.choice(_GRAPH_LASTS)
        case "lamp":
            return random.randrange(3), random.choice(LAMP), random.choice(_LAMP_LASTS)
        case "command":
            return _command(random)
        case "sign_in":
            return random.choice((0, 0, 0, 1))
        case "suspend":
            return random.choice((20.0, 400.0, 4000.0, 9 * 3600.0))
        case "clock":
            return random.choice((-40 * DAY, -3600.0, 5.0, 3600.0, 400 * DAY))
    return None


def _command(random: Random) -> Command:
    kind = random.random()
    if kind < 0.1:
        return Refresh()
    if kind < 0.6:
        mode = random.choice((*Mode, Mode.AUTO, Mode.AUTO))
        seconds = random.choice((None, 1, 90, 1500, 86_400)) if mode is not Mode.AUTO else None
        return SetMode(mode, seconds)
    return SetLight(
        on=random.choice((None, True, False)),
        rgb=random.choice((None, (0, 0, 0), (1, 2, 3), (255, 255, 255))),
        brightness=random.choice((None, 0, 1, 255)),
        effect=random.choice((None, *Effect)),
    )
