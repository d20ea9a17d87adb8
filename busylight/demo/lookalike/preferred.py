"""The preferred presence that a person, or an app for them, has set: Graph's two actions."""

import json
import re
from dataclasses import dataclass, field
from typing import Any, Final

from busylight.edge.clock import now

SET: Final = "setUserPreferredPresence"
CLEAR: Final = "clearUserPreferredPresence"

PAIRS: Final = frozenset(
    {
        ("Available", "Available"),
        ("Busy", "Busy"),
        ("DoNotDisturb", "DoNotDisturb"),
        ("BeRightBack", "BeRightBack"),
        ("Away", "Away"),
        ("Offline", "OffWork"),
    }
)
"""The combinations that Graph documents as supported."""

_DAY: Final = 86_400.0
_DURATION: Final = re.compile(
    r"P(?=[0-9T])(?:([0-9]+)D)?(?:T(?=[0-9])(?:([0-9]+)H)?(?:([0-9]+)M)?(?:([0-9]+)S)?)?"
)


class RefusedPreferenceError(Exception):
    """The body is none that Graph takes; says why."""


@dataclass(frozen=True, slots=True)
class PreferredPresence:
    """What was set, until when."""

    availability: str
    activity: str
    ends_at: float
    """The moment on `busylight.edge.clock.now`."""

    @property
    def is_over(self) -> bool:
        """Whether it has ended by itself."""
        return now() >= self.ends_at


@dataclass(frozen=True, slots=True)
class Action:
    """One request that set or cleared something."""

    name: str
    user_id: str
    body: dict[str, Any]
    at: float


@dataclass(slots=True)
class Preferences:
    """Everybody's."""

    actions: list[Action] = field(default_factory=list)
    """What was taken, oldest first."""
    _by_user: dict[str, PreferredPresence] = field(default_factory=dict)

    def of(self, user_id: str) -> PreferredPresence | None:
        """What is in force."""
        found = self._by_user.get(user_id.lower())
        return None if found is None or found.is_over else found

    def act(self, name: str, user_id: str, raw: bytes) -> None:
        """Set or clear; raises `RefusedPreferenceError`."""
        body = _object(raw)
        if name == SET:
            self._by_user[user_id] = _preferred(body)
        else:
            self._by_user.pop(user_id, None)
        self.actions.append(Action(name, user_id, body, now()))

    def choose(self, user_id: str, availability: str, activity: str) -> None:
        """The person picks a status by hand, in Teams itself."""
        self._by_user[user_id.lower()] = PreferredPresence(availability, activity, now() + _DAY)


def _object(raw: bytes) -> dict[str, Any]:
    try:
        body = json.loads(raw) if raw.strip() else {}
    except ValueError:
        raise RefusedPreferenceError("The request body is malformed.") from None
    if not isinstance(body, dict):
        raise RefusedPreferenceError("The request body is no object.")
    return body


def _preferred(body: dict[str, Any]) -> PreferredPresence:
    if unknown := body.keys() - {"availability", "activity", "expirationDuration"}:
        raise RefusedPreferenceError(f"The parameter '{min(unknown)}' is not known.")
    pair = (body.get("availability"), body.get("activity"))
    if pair not in PAIRS:
        raise RefusedPreferenceError("The combination of availability and activity is invalid.")
    default = _DAY if pair[0] in ("Busy", "DoNotDisturb") else 7 * _DAY
    seconds = default
    if (given := body.get("expirationDuration")) is not None:
        seconds = _seconds(given)
    return PreferredPresence(str(pair[0]), str(pair[1]), now() + seconds)


def _seconds(duration: object) -> float:
    found = _DURATION.fullmatch(duration) if isinstance(duration, str) else None
    if found is None:
        raise RefusedPreferenceError("The expirationDuration is no duration of ISO 8601.")
    days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
    total = days * _DAY + hours * 3600 + minutes * 60 + seconds
    if total <= 0:
        raise RefusedPreferenceError("The expirationDuration must be positive.")
    return total
