"""`INTERVAL=auto`: how long until presence is read again. Pure: nothing here asks a clock."""

from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Final

AUTO: Final = "auto"
"""What `INTERVAL` says for it."""
OFTEN: Final = 5.0
"""The shortest of its intervals, in seconds."""
_HALF_HOUR: Final = 1800.0
_CLOCK_IS_SET_FROM: Final = 2025


@dataclass(frozen=True, slots=True)
class Adaptive:
    """Reads often where presence tends to change, and rarely where it does not; in seconds.

    Each of the three intervals is also the worst delay of a change in its time, but for the
    seconds that an answer takes.
    """

    zone: tzinfo
    """Whose nights these are."""
    often: float = OFTEN
    """After a change, and around full and half hours, when meetings begin and end."""
    usual: float = 15.0
    rarely: float = 60.0
    """At night, once nothing has changed for a while."""
    after_change: float = 120.0
    """So long after a change another one is likely."""
    before_edge: float = 60.0
    after_edge: float = 180.0
    """So long around a full or a half hour."""
    night_begins: int = 22
    night_ends: int = 6
    """Hours of the day."""
    quiet: float = 1800.0
    """So long nothing has changed before a night counts as one: some people work then."""

    def planned_interval(self, moment: datetime, quiet_for: float) -> float:
        """Seconds between two readings at `moment` (aware), when nothing changed for so long.

        A clock that was never set knows neither nights nor meetings.
        """
        if quiet_for < self.after_change:
            return self.often
        if moment.year < _CLOCK_IS_SET_FROM:
            return self.usual
        local = moment.astimezone(self.zone)
        if quiet_for >= self.quiet and not self.night_ends <= local.hour < self.night_begins:
            return self.rarely
        after = (60 * local.minute + local.second + local.microsecond / 1e6) % _HALF_HOUR
        if after < self.after_edge or after >= _HALF_HOUR - self.before_edge:
            return self.often
        return self.usual
