"""What may be shown, by the contract alone: a second opinion that shares no code with the first.

It is given what the world said and when, keeps it all as a list, and answers by looking back
through the list. The program folds the same into a state; where the two differ one is wrong.
"""

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time
from typing import Final

from busylight.core.light import Effect, LightState, parse_light
from busylight.core.override import Command, Mode, Pressed, Refresh, SetMode, Walk
from busylight.core.presence import Presence
from tests.month.script import STATES, ZONE, Week

LIGHTS: Final[Mapping[str, LightState | None]] = {
    "available": parse_light("#00ff00"),
    "availableidle": parse_light("#00ff00 50%"),
    "away": parse_light("#ffbf00 14%"),
    "berightback": parse_light("#ffbf00 40% breathe"),
    "busy": parse_light("#ff0000"),
    "busyidle": parse_light("#ff0000 62%"),
    "donotdisturb": parse_light("#ff0000 breathe 6"),
    "offline": parse_light("off"),
    "inacall": parse_light("#ff0000 pulse"),
    "presenting": parse_light("#ff0000 blink"),
    "urgentinterruptionsonly": parse_light("#ff0000 breathe 6"),
    "unknown": parse_light("#4000ff 40% pulse 3"),
    "signin": parse_light("#ffffff 60% blink 3"),
    "outside_hours": parse_light("off"),
    "off": parse_light("off"),
}
"""The colours that docs/settings.md promises."""

_BUSIEST_LAST: Final = (
    "Levitating", "PresenceUnknown", "Offline", "Away", "BeRightBack", "AvailableIdle",
    "Available", "BusyIdle", "Busy", "DoNotDisturb",
)  # fmt: skip
_BUSIER_ACTIVITIES: Final = ("InAMeeting", "InACall", "Presenting")

_MODES: Final = {
    Mode.AVAILABLE: "available",
    Mode.BUSY: "busy",
    Mode.DO_NOT_DISTURB: "donotdisturb",
    Mode.AWAY: "away",
    Mode.OFF: "off",
}
_NEVER_SET: Final = datetime(2025, 1, 1, tzinfo=UTC).timestamp()
"""A wall clock before this has never been set, and says nothing about working hours."""
_CERTAIN: Final = ("signed_out", "forbidden", "stale")
"""Reasons that end at once what was known; a network that fails does not."""


@dataclass(frozen=True, slots=True)
class Said:
    """What the source said at a moment."""

    at: float
    presences: Mapping[str, Presence]
    """By person; empty if the source could read nothing."""
    troubles: Mapping[str, str]
    """By person, why he could not be read."""
    trouble: str | None = None
    """Why nothing could be read at all."""


@dataclass(frozen=True, slots=True)
class Expected:
    """What is to be shown."""

    state: str
    light: LightState | None
    mode: Mode
    words: str | None
    """Of the presence that is known; None: none is."""
    why: str | None
    """Why none is."""


@dataclass(frozen=True, slots=True)
class _Asked:
    mode: Mode
    light: LightState | None = None
    ends_at: float | None = None


class Oracle:
    """Knows the contract, and what the world has said so far."""

    def __init__(
        self,
        stale_after: float,
        *,
        releases: bool,
        outside_hours: Callable[[float], bool] = lambda _moment: False,
    ) -> None:
        """`releases`: `COLOR_OFFLINE=release`; `outside_hours` by the clock of the ages."""
        self._stale_after = stale_after
        self._lights = {**LIGHTS, "offline": None} if releases else LIGHTS
        self._outside_hours = outside_hours
        self._started_at = 0.0
        self._said: list[Said] = []
        self._asked: _Asked | None = None
        self._last_lit: LightState | None = None
        self._lately: deque[tuple[float, str]] = deque(maxlen=16)
        self._in_sight: tuple[tuple[str | None, tuple[str, ...]], float] = ((None, ()), 0.0)
        """Words and people, and since when."""

    # -- What happens -------------------------------------------------------------------------

    def started(self, now: float) -> None:
        """The program has started, and knows nothing but what it was asked for before."""
        self._started_at = now
        self._said.clear()
        if self._asked is not None and self.has_ended(now):
            self._asked = None
        # With `off` is kept what "on" brings back; nothing else outlives the program.
        if self._asked is None or self._asked.mode is not Mode.OFF:
            self._last_lit = None
        self.watched(now)

    def said(self, said: Said) -> None:
        """The source said something."""
        self.watched(
            said.at, is_shown=False
        )  # what was in sight until now may end at this very moment
        last = self._said[-1] if self._said else None
        if last is None or said.trouble is None or last.trouble != said.trouble:
            self._said.append(said)  # what is repeated in a long outage says nothing new

    def asked(self, command: Command, now: float) -> None:
        """Somebody asked for something."""
        if isinstance(command, Refresh | Pressed | Walk):  # the month has no button, and no page
            return
        self.watched(now)
        shown = self.expected(now).light
        if isinstance(command, SetMode):
            if command.mode is Mode.AUTO:
                self._asked = None
                return
            ends_at = None if command.seconds is None else now + command.seconds
            keeps = (shown or LIGHTS["off"]) if command.mode is Mode.MANUAL else None
            self._asked = _Asked(command.mode, keeps, ends_at)
            return
        if command.on is False or command.brightness == 0:
            self._asked = _Asked(Mode.OFF)
            return
        dark = shown is None or shown.brightness == 0 or shown.rgb == (0, 0, 0)
        light = (self._last_lit or LightState(255, 255, 255)) if dark or not shown else shown
        if command.rgb is not None:
            red, green, blue = command.rgb
            light = replace(light, red=red, green=green, blue=blue)
        if command.brightness is not None:
            light = replace(light, brightness=command.brightness)
        if command.effect not in (None, light.effect):
            usual = {Effect.BLINK: 1.0, Effect.PULSE: 1.2, Effect.BREATHE: 4.0}
            effect = command.effect or Effect.SOLID
            light = replace(light, effect=effect, period=usual.get(effect))
        self._asked = _Asked(Mode.MANUAL, light)

    def watched(self, now: float, *, is_shown: bool = True) -> tuple[Expected, float | None]:
        """Note what is shown at this moment; also since when this presence has been in sight.

        `is_shown`: whether the program has had time to show it.
        """
        expected = self.expected(now)
        self._lately.append((now, expected.state))
        light = expected.light
        if is_shown and light is not None and light.brightness and light.rgb != (0, 0, 0):
            self._last_lit = light
        last = next((said for said in reversed(self._said) if said.trouble is None), None)
        sight = (expected.words, () if last is None else tuple(last.presences))
        if sight != self._in_sight[0]:
            self._in_sight = sight, now
        return expected, None if expected.words is None else self._in_sight[1]

    def overslept(self, last_lit: LightState | None) -> None:
        """Take the program's word for the last light: what passed while it slept, nobody saw."""
        self._last_lit = last_lit

    # -- What follows -------------------------------------------------------------------------

    def expected(self, now: float) -> Expected:
        """What is to be shown at this moment."""
        words, why, state = self._known(now)
        asked = self._asked
        if asked is not None and asked.ends_at is not None and now >= asked.ends_at:
            asked = None
        if asked is not None and asked.mode is Mode.MANUAL:
            return Expected("manual", asked.light, asked.mode, words, why)
        mode = Mode.AUTO if asked is None else asked.mode
        if asked is not None:
            state = _MODES[asked.mode]
        elif self._outside_hours(now):
            state = "outside_hours"
        return Expected(state, self._lights[state], mode, words, why)

    def expected_within(self, seconds: float, now: float) -> set[str]:
        """The states that were right at some time in the last `seconds`."""
        lately = {state for moment, state in self._lately if moment >= now - seconds}
        return lately | {self.expected(now).state, self.expected(now - seconds).state}

    def has_ended(self, now: float) -> bool:
        """Whether what was asked for is over."""
        asked = self._asked
        return asked is None or (asked.ends_at is not None and now >= asked.ends_at)

    def ends_at(self, now: float) -> float | None:
        """When what was asked for ends."""
        asked = self._asked
        if asked is None or asked.ends_at is None or now >= asked.ends_at:
            return None
        return asked.ends_at

    def _known(self, now: float) -> tuple[str | None, str | None, str]:
        """The words of the busiest person who is known, or why none is; and the state."""
        last = next((said for said in reversed(self._said) if said.trouble is None), None)
        if last is None:
            why = self._never_read(now, [said.trouble for said in self._said])
            return None, why, "signin" if why == "signed_out" else "unknown"
        people = [self._person(who, now) for who in (*last.presences, *last.troubles)]
        known = [one for one in people if isinstance(one, Presence)]
        if known:
            one = max(known, key=_busyness)
            return one.words, None, STATES[one]
        reasons = [one for one in people if isinstance(one, str)]
        why = "signed_out" if "signed_out" in reasons else reasons[0]
        return None, why, "signin" if why == "signed_out" else "unknown"

    def _person(self, who: str, now: float) -> Presence | str:
        latest: str | None = None
        ended = False
        troubles: list[str | None] = []
        for said in reversed(self._said):
            presence = said.presences.get(who)
            if presence is not None:
                if not ended and now < said.at + self._stale_after:
                    return presence
                return latest or "stale"
            if said.trouble is None and who not in said.troubles:
                break
            trouble = said.trouble or said.troubles[who]
            troubles.insert(0, trouble)
            latest = latest or trouble
            ended = ended or trouble in _CERTAIN
        return self._never_read(now, troubles)

    def _never_read(self, now: float, troubles: "list[str | None]") -> str:
        if troubles and troubles[-1] in _CERTAIN:
            return str(troubles[-1])
        if now < self._started_at + self._stale_after:
            return "starting"
        return str(troubles[-1]) if troubles else "stale"


def outside(hours: Week | None, utc: float) -> bool:
    """Whether nobody works, by what a clock on the wall shows."""
    if hours is None or utc < _NEVER_SET:
        return False
    wall = datetime.fromtimestamp(utc, ZONE)
    if wall.weekday() not in hours.days:
        return True
    if wall.replace(fold=0).utcoffset() != wall.replace(fold=1).utcoffset():
        # The hour from 02:00 is shown twice: work begins with the first, and ends with the last.
        if wall.fold == 0:
            return not (hours.start <= wall.time() and hours.end > time(2))
        return not (wall.time() < hours.end and hours.start < time(3))
    return not hours.start <= wall.time() < hours.end


def _busyness(presence: Presence) -> tuple[int, int]:
    activity = presence.activity
    rank = 1 + _BUSIER_ACTIVITIES.index(activity) if activity in _BUSIER_ACTIVITIES else 0
    return _BUSIEST_LAST.index(presence.availability), rank
