"""States, lights and troubles as people read of them."""

import colorsys
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from busylight.core.knowledge import Knowledge, NotKnown, Why
from busylight.core.light import FULL, Effect, LightState
from busylight.core.override import Mode
from busylight.core.presence import PRESENCE_UNKNOWN, Presence
from busylight.core.view import PartState, View

_TITLES: Final = {
    "available": "Available",
    "availableidle": "Available, idle",
    "away": "Away",
    "berightback": "Be right back",
    "busy": "Busy",
    "busyidle": "Busy, idle",
    "donotdisturb": "Do not disturb",
    "inacall": "In a call",
    "inaconferencecall": "In a conference call",
    "inactive": "Inactive",
    "inameeting": "In a meeting",
    "manual": "Set by hand",
    "off": "Off",
    "offline": "Offline",
    "offwork": "Off work",
    "outofoffice": "Out of office",
    "outside_hours": "Outside working hours",
    "presenceunknown": "Unknown to Teams",
    "presenting": "Presenting",
    "signin": "Please sign in",
    "unknown": "Not known",
    "urgentinterruptionsonly": "Urgent interruptions only",
}
_REASONS: Final = {
    Why.STARTING: "Nothing has been read yet",
    Why.UNREACHABLE: "Presence cannot be read",
    Why.SIGNED_OUT: "Nobody is signed in",
    Why.FORBIDDEN: "This account may not read presence",
    Why.STALE: "Presence has not been heard of for too long",
}
_MODES: Final = {
    Mode.AUTO: "Follow Teams",
    Mode.AVAILABLE: "Available",
    Mode.BUSY: "Busy",
    Mode.DO_NOT_DISTURB: "Do not disturb",
    Mode.AWAY: "Away",
    Mode.OFF: "Off",
    Mode.MANUAL: "Set by hand",
}
_MOVES: Final = {Effect.BLINK: "blinks", Effect.PULSE: "pulses", Effect.BREATHE: "breathes"}
_EYE: Final = 2.2
"""A lamp's brightness is linear, a screen's is not: its opacity is corrected by this power."""


def title_of(state: str) -> str:
    """What decided the light, as people call it."""
    if state in _TITLES:
        return _TITLES[state]
    if state.startswith("message_"):
        return f"Message: {state.removeprefix('message_').replace('_', ' ')}"
    return " · ".join(_TITLES.get(word, word.capitalize()) for word in state.split("__"))


def mode_in_words(mode: Mode) -> str:
    """What was asked for."""
    return _MODES[mode]


def presence_in_words(knowledge: Knowledge) -> str:
    """`In a call`, `Busy · In a meeting`; or why it is not known."""
    if isinstance(knowledge, NotKnown):
        return _REASONS[knowledge.why]
    return _words_of(knowledge.presence)


def _words_of(presence: Presence) -> str:
    if presence.availability == PRESENCE_UNKNOWN:
        return _TITLES["presenceunknown"]
    words = [_spelled(presence.availability), _spelled(presence.activity)]
    if words[0].startswith(words[1]):
        return words[0]
    return " · ".join(words)


def _spelled(word: str) -> str:
    """A word of Graph's, a new one too."""
    known = _TITLES.get(word.lower())
    return known or re.sub(r"(?<=[a-z])(?=[A-Z])", " ", word).capitalize()


def level_of(light: LightState | None) -> float:
    """How bright a light is to look at, 0 to 1."""
    if light is None or light.is_dark:
        return 0.0
    return float(round((light.brightness / FULL) ** (1 / _EYE), 2))


_HUES: Final = (
    (15, "red"),
    (40, "orange"),
    (50, "amber"),
    (70, "yellow"),
    (160, "green"),
    (200, "cyan"),
    (245, "blue"),
    (285, "violet"),
    (325, "magenta"),
    (345, "pink"),
    (360, "red"),
)
"""Up to which hue, in degrees, a colour is called what."""
_PALE: Final = 0.15
"""Saturation below which a light is white."""


def color_in_words(light: LightState) -> str:
    """What a colour is called: `red`."""
    hue, saturation, _ = colorsys.rgb_to_hsv(*(each / FULL for each in light.rgb))
    if saturation < _PALE:
        return "white"
    return next(name for limit, name in _HUES if hue * 360 <= limit)


def light_in_words(light: LightState | None) -> str:
    """`Red at 62 %, pulses every 1.2 s`."""
    if light is None:
        return "The lamp is left to others"
    if light.is_dark:
        return "The light is off"
    percent = "" if light.brightness == FULL else f" at {light.percent} %"
    moves = "" if light.period is None else f", {_MOVES[light.effect]} every {light.period:g} s"
    return f"{color_in_words(light).capitalize()}{percent}{moves}"


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that is wrong."""

    what: str
    detail: str
    """The reason, and what to do next."""


def problems_of(view: View) -> Iterator[Problem]:
    """Everything that is wrong, the worst first."""
    knowledge, diagnostics = view.knowledge, view.diagnostics
    if isinstance(knowledge, NotKnown) and knowledge.why is not Why.STARTING:
        yield Problem(_REASONS[knowledge.why], knowledge.trouble.detail)
    elif diagnostics.last_error is not None:
        yield Problem("The last reading has failed; it is tried again", diagnostics.last_error)
    for name, health in diagnostics.outputs.items():
        if health.state is PartState.FAILED:
            yield Problem(f"The output {name} does not work", health.error or "no reason was told")
    teams = diagnostics.preferred_presence
    if teams is not None and teams.error is not None:
        yield Problem("Teams does not show what was set", teams.error)
    if diagnostics.blocked is not None:
        yield Problem("The program had to be started again", diagnostics.blocked)
    if diagnostics.credential is not None:
        yield Problem("The app's own sign-in ends soon", diagnostics.credential)
    yield from _of_people(view)


def _of_people(view: View) -> Iterator[Problem]:
    lost = [each.knowledge for each in view.people.values() if isinstance(each.knowledge, NotKnown)]
    if lost and len(lost) < len(view.people):
        first = lost[0]
        assert isinstance(first, NotKnown)  # noqa: S101 -- only those are in the list
        count = "One person is" if len(lost) == 1 else f"{len(lost)} people are"
        yield Problem(f"{count} not known", first.trouble.detail)
