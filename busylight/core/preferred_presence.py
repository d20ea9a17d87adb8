"""What an override says to Teams: the person's preferred presence, in Graph's words. Pure.

What Microsoft Graph takes is documented with its action setUserPreferredPresence.
"""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from busylight.core.knowledge import Knowledge, Known
from busylight.core.override import LONGEST, Mode, Override

NO_TEAMS: Final = (
    "Teams still shows Offline: a preferred presence has no effect until the person is signed in "
    "to Teams on some device"
)


@dataclass(frozen=True, slots=True)
class Preferred:
    """One of the pairs that Graph takes."""

    availability: str
    activity: str


PREFERRED: Final = {
    Mode.AVAILABLE: Preferred("Available", "Available"),
    Mode.BUSY: Preferred("Busy", "Busy"),
    Mode.DO_NOT_DISTURB: Preferred("DoNotDisturb", "DoNotDisturb"),
    Mode.AWAY: Preferred("Away", "Away"),
}
"""What each mode says to Teams. `off` and `manual` are about the light alone: they say nothing."""

WITHOUT_END: Final = LONGEST
"""Seconds that Teams keeps what has no end here: a day, as Graph itself does with Busy."""


class PreferredState(StrEnum):
    """What has become of a wish. The words stand in diagnostics."""

    NONE = "none"
    """Nothing of ours is in force."""
    WAITING = "waiting"
    """Teams has not been told yet."""
    SET = "set"
    """Teams has taken it."""
    FAILED = "failed"
    """Teams could not be told."""
    UNKNOWN = "unknown"
    """What was set before a restart, or by the other reader, may be in force."""


@dataclass(frozen=True, slots=True)
class PreferredHealth:
    """What the program says about its writing: never what anybody's presence is."""

    state: PreferredState = PreferredState.NONE
    availability: str | None = None
    """What is wanted; None: nothing."""
    since: float | None = None
    """When Teams took it."""
    error: str | None = None
    """Why it is of no effect, and what to do about it."""


def preferred(override: Override | None) -> Preferred | None:
    """What Teams is to show while this override is in force; None: whatever it finds itself."""
    return None if override is None else PREFERRED.get(override.mode)


def seen_beside(health: PreferredHealth | None, knowledge: Knowledge) -> PreferredHealth | None:
    """What became of it: Teams takes it also where it has no effect, and does not say so."""
    if (
        health is None
        or health.state is not PreferredState.SET
        or not isinstance(knowledge, Known)
        or knowledge.presence.availability != "Offline"
    ):
        return health
    return replace(health, error=NO_TEAMS)


def iso_duration(seconds: int) -> str:
    """Seconds as ISO 8601 has them, such as `PT25M`; at least one second."""
    if seconds < 1:
        raise ValueError(f"{seconds} seconds are no time")
    days, rest = divmod(seconds, 86_400)
    hours, rest = divmod(rest, 3600)
    minutes, rest = divmod(rest, 60)
    parts = ((hours, "H"), (minutes, "M"), (rest, "S"))
    time = "".join(f"{number}{unit}" for number, unit in parts if number)
    return f"P{f'{days}D' if days else ''}{f'T{time}' if time else ''}"
