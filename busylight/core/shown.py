"""What a light has shown last: a presence is shown for a while at least."""

from dataclasses import dataclass, replace

from busylight.core.presence import Presence, busyness


@dataclass(frozen=True, slots=True)
class Shown:
    """What the light shows of a person, and since when."""

    presence: Presence
    since: float


def shown_after(
    shown: Shown | None, presence: Presence, now: float, minimum_duration: float
) -> Shown | None:
    """What the light shows now that this is known; what is busier comes at once. None: just that.

    `shown`: what it has shown last.
    """
    if not minimum_duration:
        return None
    if shown is None:
        return Shown(presence, now)
    if presence.words == shown.presence.words:
        return replace(shown, presence=presence)
    ends = shown.since + minimum_duration
    if busyness(presence) > busyness(shown.presence):
        return Shown(presence, now)
    return Shown(presence, ends) if now >= ends else shown
