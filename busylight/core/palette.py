"""The rules that turn presence into light, and which of them wins.

One table: a user's rule replaces the default of the same key. A key is an availability, an
activity, or both (`BUSY__INAMEETING`); both beats activity beats availability.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from busylight.core.light import LightState, parse_light
from busylight.core.presence import ACTIVITIES, AVAILABILITIES, PRESENCE_UNKNOWN, Presence

UNKNOWN: Final = "UNKNOWN"
SIGNIN: Final = "SIGNIN"
OUTSIDE_HOURS: Final = "OUTSIDE_HOURS"
CONDITIONS: Final = (UNKNOWN, SIGNIN, OUTSIDE_HOURS)
"""Keys that are no word of Graph's."""

DEFAULT_RULES: Final[Mapping[str, str]] = MappingProxyType(
    {
        # No two of these lean on hue alone: they differ in effect, or in luminance by half as
        # much again (tests/unit/test_palette.py holds them to it).
        "AVAILABLE": "#00ff00",
        "AVAILABLEIDLE": "#00ff00 50%",
        "AWAY": "#ffbf00 14%",
        "BERIGHTBACK": "#ffbf00 40% breathe",
        "BUSY": "#ff0000",
        "BUSYIDLE": "#ff0000 62%",
        "DONOTDISTURB": "#ff0000 breathe 6",
        "OFFLINE": "off",
        "INACALL": "#ff0000 pulse",
        "INACONFERENCECALL": "#ff0000 pulse",
        "PRESENTING": "#ff0000 blink",
        "URGENTINTERRUPTIONSONLY": "#ff0000 breathe 6",
        "OUTOFOFFICE": "#ff00ff 15%",
        UNKNOWN: "#4000ff 40% pulse 3",
        SIGNIN: "#ffffff 60% blink 3",
        OUTSIDE_HOURS: "off",
    }
)

_AVAILABILITY_KEYS: Final = {word.upper() for word in AVAILABILITIES}
_ACTIVITY_KEYS: Final = {word.upper() for word in ACTIVITIES}
KNOWN_KEYS: Final = tuple(
    dict.fromkeys([*(w.upper() for w in (*AVAILABILITIES, *ACTIVITIES)), *CONDITIONS])
)
"""Every key that needs no second thought; pairs aside."""

_WORD: Final = re.compile(r"[A-Z][A-Z0-9]{0,63}")
_MISTAKE: Final = 2  # letters between what was written and a word that was surely meant


@dataclass(frozen=True, slots=True)
class Rule:
    """One line of the table."""

    key: str
    light: LightState | None
    """None: release."""
    is_default: bool


class Palette(Mapping[str, Rule]):
    """The whole table in force; `palette.rule_for(presence)` looks a person up."""

    def __init__(self, settings: Mapping[str, LightState | None] | None = None) -> None:
        """Take the user's rules, by key, over the defaults."""
        self._rules = {
            key: Rule(key, parse_light(text), is_default=True)
            for key, text in DEFAULT_RULES.items()
        }
        for key, light in (settings or {}).items():
            self._rules[key] = Rule(key, light, is_default=False)

    def with_rules(self, lights: Mapping[str, LightState | None]) -> "Palette":
        """The same table with these rules over its own, as for one of several outputs."""
        other = Palette()
        other._rules = {
            **self._rules,
            **{key: Rule(key, light, is_default=False) for key, light in lights.items()},
        }
        return other

    def __getitem__(self, key: str) -> Rule:
        return self._rules[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._rules)

    def __len__(self) -> int:
        return len(self._rules)

    def __repr__(self) -> str:
        own = ", ".join(rule.key for rule in self.values() if not rule.is_default)
        return f"<Palette with rules of the user's for: {own or 'nothing'}>"

    def rule_for(self, presence: Presence) -> Rule:
        """The rule that a reading falls under; never fails, whatever Graph comes up with."""
        availability, activity = presence.availability.upper(), presence.activity.upper()
        if (both := self._rules.get(f"{availability}__{activity}")) is not None:
            return both
        by_availability = self._rules.get(availability)
        if by_availability is None:
            if presence.availability != PRESENCE_UNKNOWN:
                return self._rules[UNKNOWN]  # a word nobody documented: nothing may be concluded
            by_availability = self._rules[UNKNOWN]
        if availability == f"{activity}IDLE":
            return by_availability  # BusyIdle/Busy: the activity says less than the availability
        return self._rules.get(activity, by_availability)


@dataclass(frozen=True, slots=True)
class KeyVerdict:
    """What is to be thought of a rule's key."""

    known: bool
    meant: str | None = None
    """The documented key that was surely meant: the given one is a mistake."""


def judge_key(key: str) -> KeyVerdict:
    """Tell a documented key from a slip of the pen and from a word that may be newer than us."""
    if key in KNOWN_KEYS:
        return KeyVerdict(known=True)
    availability, pair, activity = key.partition("__")
    if not pair:
        return KeyVerdict(known=False, meant=_nearest(key, KNOWN_KEYS))
    halves = (
        availability if availability in _AVAILABILITY_KEYS
        else _nearest(availability, sorted(_AVAILABILITY_KEYS)),
        activity if activity in _ACTIVITY_KEYS else _nearest(activity, sorted(_ACTIVITY_KEYS)),
    )  # fmt: skip
    if halves == (availability, activity):
        return KeyVerdict(known=True)
    if halves[0] is None and halves[1] is None:
        return KeyVerdict(known=False)
    meant = f"{halves[0] or availability}__{halves[1] or activity}"
    return KeyVerdict(known=False, meant=None if meant == key else meant)


def is_key(key: str) -> bool:
    """Whether this could be a rule's key at all: one word, or two joined by `__`."""
    if key in CONDITIONS:
        return True
    words = key.split("__")
    return len(words) in (1, 2) and all(_WORD.fullmatch(word) for word in words)


def _nearest(word: str, known: tuple[str, ...] | list[str]) -> str | None:
    distance, nearest = min((_edits(word, candidate), candidate) for candidate in known)
    return nearest if distance <= _MISTAKE else None


def _edits(one: str, other: str) -> int:
    """Levenshtein's distance."""
    row = list(range(len(other) + 1))
    for i, a in enumerate(one, start=1):
        diagonal, row[0] = row[0], i
        for j, b in enumerate(other, start=1):
            diagonal, row[j] = row[j], min(diagonal + (a != b), row[j] + 1, row[j - 1] + 1)
    return row[-1]
