"""What a message on a presence topic says. Pure; whatever comes in, it is a `Message`.

Understood are our own presence payload, an object with `availability` or `status` (and perhaps
`activity`), a bare word, and a flag such as teams-for-linux's `in-call`. Words are taken
whatever their case, spaces, underscores, hyphens and quotes. Nothing is guessed: what is no
presence says so.
"""

import json
import re
from dataclasses import dataclass
from typing import Any, Final

from busylight.core.knowledge import Trouble, Why
from busylight.core.presence import ACTIVITIES, AVAILABILITIES, Presence

LARGEST: Final = 16_384
"""Bytes that a message may have: a presence has some hundred."""
_LONGEST_TEXT: Final = 280  # letters of a name or of a status message

_SEPARATORS: Final = re.compile(r"[\s_\-'\"`]+")
_WORD: Final = re.compile(r"[A-Za-z][A-Za-z0-9]{0,63}")

_ON: Final = frozenset({"true", "on", "yes", "1", "speaking", "silent", "muted", "unmuted"})
_OFF: Final = frozenset({"false", "off", "no", "0", "notinacall", "notincall"})
_NOBODY_KNOWS: Final = frozenset({"unknown", "unavailable", "none", "null"})
"""What Home Assistant and teams-for-linux say when they do not know."""
_LIVE: Final = frozenset({"online", "true", "on", "yes", "1", "connected", "available", "alive"})

_WORDS: Final = {word.lower(): word for word in (*AVAILABILITIES, *ACTIVITIES)} | {
    # What people and other programs say for the same.
    "dnd": "DoNotDisturb",
    "brb": "BeRightBack",
    "ooo": "OutOfOffice",
    "free": "Available",
    "incall": "InACall",
    "onthephone": "InACall",
    "inmeeting": "InAMeeting",
    "appearoffline": "Offline",
}

_AVAILABILITY_OF: Final = {
    # Of the activities that are no availability, too: what Graph has with them.
    "InACall": "Busy",
    "InAConferenceCall": "Busy",
    "InAMeeting": "Busy",
    "Presenting": "DoNotDisturb",
    "UrgentInterruptionsOnly": "DoNotDisturb",
    "Inactive": "Away",
    "OutOfOffice": "Away",
    "OffWork": "Offline",
}
_ACTIVITY_OF: Final = {"AvailableIdle": "Available", "BusyIdle": "Busy"}

_FLAGS: Final = (
    # The first whose word is in the topic's name holds. A camera or a microphone is open only
    # in a call; "Ringing" is no word of Graph's: Graph does not know of it.
    ("incomingcall", Presence("Busy", "Ringing")),
    ("ringing", Presence("Busy", "Ringing")),
    ("screenshar", Presence("DoNotDisturb", "Presenting")),
    ("presenting", Presence("DoNotDisturb", "Presenting")),
    ("call", Presence("Busy", "InACall")),
    ("camera", Presence("Busy", "InACall")),
    ("microphone", Presence("Busy", "InACall")),
    ("meeting", Presence("Busy", "InAMeeting")),
)
_FLAG: Final = Presence("Busy", "Busy")


@dataclass(frozen=True, slots=True)
class Message:
    """What one message says: a presence, why there is none, or (neither) a flag that is off."""

    presence: Presence | None = None
    trouble: Trouble | None = None
    is_ours: bool = False
    """Whether it is a presence payload of Busylight's, whose publisher says `online`, too."""


def parse(topic: str, payload: bytes) -> Message:
    """Read a message on a presence topic; never fails."""
    if not payload.strip():
        return _unusable(topic, "is empty: the publisher has cleared it")
    if len(payload) > LARGEST:
        return _unusable(topic, f"has {len(payload)} bytes, which is no presence")
    try:
        text = payload.decode("utf-8")
        content: Any = json.loads(text) if text.lstrip()[:1] in ("{", "[") else text
    except (ValueError, RecursionError):
        return _unusable(topic, "is neither a word nor JSON")
    if isinstance(content, str):
        return _of_word(topic, content)
    if isinstance(content, dict):
        return _of_object(topic, {str(key).lower(): value for key, value in content.items()})
    return _unusable(topic, "is a list")


def is_live(payload: bytes) -> bool:
    """Whether a message on a liveness topic says that the publisher lives."""
    if len(payload) > LARGEST:
        return False
    text = payload.decode("utf-8", "replace")
    if text.lstrip().startswith("{"):
        try:
            content = json.loads(text)
        except (ValueError, RecursionError):
            return False
        text = str(content.get("state"))
    return _bare(text).lower() in _LIVE


def _of_word(topic: str, text: str) -> Message:
    bare = _bare(text)
    lower = bare.lower()
    if lower in _ON:
        return Message(_flag_of(topic))
    if lower in _OFF:
        return Message()
    if lower in _NOBODY_KNOWS:
        return Message(trouble=Trouble(Why.STALE, f"{topic} says that nobody knows"))
    if (presence := _presence(bare)) is None:
        return _unusable(topic, "is no word of letters and digits")
    return Message(presence)


def _of_object(topic: str, content: dict[str, Any]) -> Message:
    is_ours = "fresh" in content
    if is_ours and content["fresh"] is not True:
        return Message(trouble=_told(topic, content.get("reason")), is_ours=True)
    said = content.get("availability", content.get("status"))
    if not isinstance(said, str):
        return _unusable(topic, 'has neither "availability" nor "status" with a word in it')
    if _bare(said).lower() in _NOBODY_KNOWS:
        return Message(trouble=Trouble(Why.STALE, f"{topic} says that nobody knows"))
    activity = content.get("activity")
    if activity is not None and not isinstance(activity, str):
        return _unusable(topic, 'has an "activity" that is no word')
    presence = _presence(_bare(said), None if activity is None else _bare(activity))
    if presence is None:
        return _unusable(topic, "has a word that is not of letters and digits")
    return Message(
        Presence(
            presence.availability,
            presence.activity,
            status_message=_line(content.get("status_message")),
            out_of_office=content.get("out_of_office") is True,
            user=_line(content.get("user")),
        ),
        is_ours=is_ours,
    )


def _presence(said: str, activity: str | None = None) -> Presence | None:
    """The presence of one or two bare words; None if one of them is none."""
    if not _WORD.fullmatch(said):
        return None
    word = _WORDS.get(said.lower(), said)
    if activity is None:
        availability = _AVAILABILITY_OF.get(word, word)
        return Presence(availability, _ACTIVITY_OF.get(word, word))
    if not _WORD.fullmatch(activity):
        return None
    return Presence(_AVAILABILITY_OF.get(word, word), _WORDS.get(activity.lower(), activity))


def _told(topic: str, reason: object) -> Trouble:
    """Why a Busylight that is followed does not know: for its reason, and at once."""
    why = next((why for why in Why if why == reason), Why.STALE)
    return Trouble(why, f"{topic} says that it is not known ({why})", at_once=True)


def _unusable(topic: str, what: str) -> Message:
    problem = f"the newest message on {topic} {what}"
    return Message(trouble=Trouble(Why.STALE, f"{problem}; docs/sources.md shows what is taken"))


def _flag_of(topic: str) -> Presence:
    # Home Assistant's statestream has the name in the level before the last one.
    levels = [_bare(level).lower() for level in topic.split("/")]
    name = levels[-2] if levels[-1] == "state" and len(levels) > 1 else levels[-1]
    return next((presence for word, presence in _FLAGS if word in name), _FLAG)


def _bare(text: str) -> str:
    """The words in it, joined, without quotes and separators: `be_right_back`, `"Be right back"`.

    Words that are all lower case begin with a capital where they are joined.
    """
    parts = [part for part in _SEPARATORS.split(text) if part]
    if len(parts) > 1:
        parts = [part[:1].upper() + part[1:] for part in parts]
    return "".join(parts)


def _line(value: object) -> str | None:
    """One line of plain text, not too long; what is odd is left out: it is decoration."""
    if not isinstance(value, str):
        return None
    text = value.encode("utf-8", "replace").decode("utf-8")
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line[:_LONGEST_TEXT] or None
