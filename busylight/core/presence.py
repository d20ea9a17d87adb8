"""What one person is doing, in Microsoft Graph's words.

Source of the vocabularies: the presence resource type of Microsoft Graph 1.0. Both enumerations
are evolvable: a word that is not listed here is carried as it is, never refused.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, TypeVar

AVAILABILITIES: Final = (
    "Available",
    "AvailableIdle",
    "Away",
    "BeRightBack",
    "Busy",
    "BusyIdle",
    "DoNotDisturb",
    "Offline",
    "PresenceUnknown",
)

ACTIVITIES: Final = (
    "Available",
    "Away",
    "BeRightBack",
    "Busy",
    "DoNotDisturb",
    "InACall",
    "InAConferenceCall",
    "Inactive",
    "InAMeeting",
    "Offline",
    "OffWork",
    "OutOfOffice",
    "PresenceUnknown",
    "Presenting",
    "UrgentInterruptionsOnly",
)

PRESENCE_UNKNOWN: Final = "PresenceUnknown"


@dataclass(frozen=True, slots=True)
class Presence:
    """What a source read about one person."""

    availability: str
    """The base word, one of `AVAILABILITIES` or newer."""
    activity: str
    """The supplemental word, one of `ACTIVITIES` or newer."""
    status_message: str | None = None
    """The person's own note, plain text."""
    user: str | None = None
    """The person's name or principal name, where the source knows it."""
    out_of_office: bool = False
    """Whether automatic replies are on, whatever the words say."""

    @property
    def words(self) -> str:
        """Both words as people read them: `Busy/InACall`."""
        return f"{self.availability}/{self.activity}"

    @property
    def undocumented(self) -> tuple[str, ...]:
        """The words of this presence that Graph does not document (yet)."""
        new = []
        if self.availability not in AVAILABILITIES:
            new.append(self.availability)
        if self.activity not in ACTIVITIES and self.activity not in new:
            new.append(self.activity)
        return tuple(new)


T = TypeVar("T")


def distinct(values: Iterable[T]) -> Iterable[T]:
    """Each value once, if it is the very same one: thousands of people share a presence."""
    return {id(each): each for each in values}.values()


_AVAILABILITY_RANK: Final = {
    word: rank
    for rank, word in enumerate(
        (
            "PresenceUnknown",
            "Offline",
            "Away",
            "BeRightBack",
            "AvailableIdle",
            "Available",
            "BusyIdle",
            "Busy",
            "DoNotDisturb",
        ),
        start=1,
    )
}
_ACTIVITY_RANK: Final = {
    "InAMeeting": 1,
    "InACall": 2,
    "InAConferenceCall": 2,
    "Presenting": 3,
}


def busyness(presence: Presence) -> tuple[int, int]:
    """How little a person wants to be disturbed: compares, has no unit.

    Of several people the light shows the one for whom this is greatest. An availability that is
    not documented ranks lowest: nothing may be concluded from it.
    """
    return (
        _AVAILABILITY_RANK.get(presence.availability, 0),
        _ACTIVITY_RANK.get(presence.activity, 0),
    )
