"""The rules that turn presence into light, and which of them wins.

One table: a user's rule replaces the default of the same key. A key is an availability, an
activity, or both (`BUSY__INAMEETING`); both beats activity beats availability.
"""

import re
import unicodedata
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from busylight.core.light import LightState, parse_light
from busylight.core.presence import ACTIVITIES, AVAILABILITIES, PRESENCE_UNKNOWN, Presence

UNKNOWN: Final = "UNKNOWN"
SIGNIN: Final = "SIGNIN"
OUTSIDE_HOURS: Final = "OUTSIDE_HOURS"
OUT_OF_OFFICE: Final = "OUTOFOFFICE"
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

_BLUE: Final = "#0040ff"
_ORANGE: Final = "#ff8000"
_RED: Final = "#ff0000"

PALETTES: Final[Mapping[str, Mapping[str, str]]] = MappingProxyType(
    {
        "default": DEFAULT_RULES,
        # Blue and orange stay apart in each of the common forms of colour blindness, and here,
        # too, no two lights lean on hue alone.
        "colour-blind": MappingProxyType(
            {
                **DEFAULT_RULES,
                "AVAILABLE": _BLUE,
                "AVAILABLEIDLE": f"{_BLUE} 30%",
                "AWAY": "#ffffff 7%",
                "BERIGHTBACK": "#ffffff 40% breathe",
                "BUSY": _ORANGE,
                "BUSYIDLE": f"{_ORANGE} 62%",
                "DONOTDISTURB": f"{_ORANGE} breathe 6",
                "INACALL": f"{_ORANGE} pulse",
                "INACONFERENCECALL": f"{_ORANGE} pulse",
                "PRESENTING": f"{_ORANGE} blink",
                "URGENTINTERRUPTIONSONLY": f"{_ORANGE} breathe 6",
                "OUTOFOFFICE": "#ffffff 40% breathe 8",
                UNKNOWN: "#ff00ff 40% pulse 3",
            }
        ),
        # Red or off: may somebody come in? What is not known is no "off": it moves, dimly.
        "minimal": MappingProxyType(
            {
                **dict.fromkeys(DEFAULT_RULES, "off"),
                "BUSY": _RED,
                "BUSYIDLE": _RED,
                "DONOTDISTURB": _RED,
                "INACALL": _RED,
                "INACONFERENCECALL": _RED,
                "PRESENTING": _RED,
                "URGENTINTERRUPTIONSONLY": _RED,
                UNKNOWN: f"{_RED} 20% pulse 3",
                SIGNIN: f"{_RED} 20% blink 3",
            }
        ),
    }
)
"""The palettes that are shipped, by name; each has a rule for every key of the default's."""

_AVAILABILITY_KEYS: Final = {word.upper() for word in AVAILABILITIES}
_ACTIVITY_KEYS: Final = {word.upper() for word in ACTIVITIES}
KNOWN_KEYS: Final = tuple(
    dict.fromkeys([*(w.upper() for w in (*AVAILABILITIES, *ACTIVITIES)), *CONDITIONS])
)
"""Every key that needs no second thought; pairs aside."""

_WORD: Final = re.compile(r"[A-Z][A-Z0-9]{0,63}")
_MESSAGE: Final = "MESSAGE_"
_MESSAGE_KEY: Final = re.compile(r"MESSAGE(_[A-Z0-9]{1,64}){1,8}")
_OFFLINE: Final = "Offline"
_AT_WORK: Final = frozenset({"AVAILABLE", "BUSY", "BUSYIDLE", "DONOTDISTURB"})
"""Availabilities of somebody who is there, automatic replies or not."""
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

    def __init__(
        self, settings: Mapping[str, LightState | None] | None = None, name: str = "default"
    ) -> None:
        """Take the user's rules, by key, over those of the shipped palette of that name."""
        self.name: Final = name
        self._rules = {
            key: Rule(key, parse_light(text), is_default=True)
            for key, text in PALETTES[name].items()
        }
        for key, light in (settings or {}).items():
            self._rules[key] = Rule(key, light, is_default=False)
        # The longest first: who wrote "deep work" means more than "work".
        messages = sorted(filter(is_message_key, self._rules), key=lambda key: (-len(key), key))
        self._messages = tuple((key, _words(key.removeprefix(_MESSAGE))) for key in messages)

    def with_rules(self, lights: Mapping[str, LightState | None]) -> "Palette":
        """The same table with these rules over its own, as for one of several outputs."""
        own = {rule.key: rule.light for rule in self.values() if not rule.is_default}
        return Palette({**own, **lights}, self.name)

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
        by_activity = self._rules.get(activity)
        if by_activity is not None and activity not in _AVAILABILITY_KEYS:
            return by_activity
        if presence.out_of_office and availability not in _AT_WORK:
            return self._rules[OUT_OF_OFFICE]
        if (by_message := self._rule_for_message(presence)) is not None:
            return by_message
        if availability == f"{activity}IDLE":
            return by_availability  # BusyIdle/Busy: the activity says less than the availability
        return by_activity or by_availability

    def _rule_for_message(self, presence: Presence) -> Rule | None:
        if not self._messages or presence.status_message is None:
            return None
        if presence.availability in (_OFFLINE, PRESENCE_UNKNOWN):
            return None  # a message stays for days: it says nothing of somebody who is not there
        said = f" {_words(presence.status_message)} "
        return next(
            (self._rules[key] for key, words in self._messages if f" {words} " in said), None
        )


@dataclass(frozen=True, slots=True)
class KeyVerdict:
    """What is to be thought of a rule's key."""

    known: bool
    meant: str | None = None
    """The documented key that was surely meant: the given one is a mistake."""


def judge_key(key: str) -> KeyVerdict:
    """Tell a documented key from a slip of the pen and from a word that may be newer than us."""
    if key in KNOWN_KEYS or is_message_key(key):
        return KeyVerdict(known=True)
    availability, pair, activity = key.partition("__")
    if not pair:
        return KeyVerdict(known=False, meant=_nearest(key, KNOWN_KEYS))
    # The nearest to a word that is known is the word itself.
    halves = _nearest(availability, _AVAILABILITY_KEYS), _nearest(activity, _ACTIVITY_KEYS)
    if halves == (availability, activity):
        return KeyVerdict(known=True)
    meant = f"{halves[0] or availability}__{halves[1] or activity}"
    return KeyVerdict(known=False, meant=None if meant == key else meant)


def is_key(key: str) -> bool:
    """Whether this could be a rule's key at all: one word, or two joined by `__`."""
    if key in CONDITIONS or is_message_key(key):
        return True
    words = key.split("__")
    return (
        key != "MESSAGE" and len(words) in (1, 2) and all(_WORD.fullmatch(word) for word in words)
    )


def is_message_key(key: str) -> bool:
    """Whether it is a rule for words in the status message, such as `MESSAGE_DEEP_WORK`."""
    return _MESSAGE_KEY.fullmatch(key) is not None


def _words(text: str) -> str:
    """The words of a text in capitals, without accents, parted by one space each."""
    decomposed = unicodedata.normalize("NFKD", text)
    plain = "".join(c for c in decomposed if not unicodedata.combining(c))
    # Folding makes SS of each sharp s; capitals have one I, where Turkish has an i without a dot.
    return " ".join(re.findall(r"[^\W_]+", plain.casefold().upper()))


def _nearest(word: str, known: Collection[str]) -> str | None:
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
