"""Working hours: when the light follows the presence, and when it rests.

Pure: a moment is an aware `datetime`; nothing here asks a clock or reads a file.
"""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import lru_cache
from typing import Final

HOURS_EXAMPLE: Final = "Mon-Fri 08:00-18:00"

_DAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_EVERY_DAY: Final = tuple(range(7))
_TIME: Final = re.compile(r"([0-9]{1,2})(?:[:.]([0-5][0-9]))?")
_RANGE: Final = re.compile(r"(?P<start>[0-9][0-9:.]*)-(?P<end>[0-9][0-9:.]*)")
_SHORTEST_NAME: Final = 2  # letters: Mo
_DAY: Final = 24 * 60
_WEEK: Final = timedelta(days=7)
_WEEKS: Final = 53
_CLOCK_IS_SET_FROM: Final = datetime(2025, 1, 1, tzinfo=UTC)
_1970: Final = datetime(1970, 1, 1, tzinfo=UTC)


def date_of(seconds: float) -> datetime:
    """The moment so many seconds after 1970 began."""
    return _1970 + timedelta(seconds=seconds)


def seconds_of(moment: datetime) -> float:
    """How many seconds after 1970 began that moment is."""
    return (moment - _1970).total_seconds()


class HoursSyntaxError(ValueError):
    """What was written as hours is none; the text ends a sentence."""


@dataclass(frozen=True, slots=True, order=True)
class Opening:
    """One stretch of working time, each week."""

    day: int
    """The weekday on which it begins; Monday is 0."""
    start: int
    """Minutes after that day's midnight."""
    end: int
    """The same; more than 1440 is on the next day."""


def parse_hours(text: str) -> tuple[Opening, ...]:
    """Read `Mon-Fri 08:00-12:00,13:00-17:00; Sat 10-14`. Raises `HoursSyntaxError`.

    Ranges are parted by `,` or `;`. One without days has those of the one before it, or every
    day. An end that is not after its start is on the next day.
    """
    openings: set[Opening] = set()
    days: tuple[int, ...] = _EVERY_DAY
    named: tuple[int, ...] = ()
    plain = re.sub(
        r"\s*[-\u2013]\s*", "-", text.strip()
    )  # a dash is what word processors make of it
    for piece in re.split(r"[,;]", plain):
        if not piece.strip():
            continue
        *words, last = piece.split()
        found = _RANGE.fullmatch(last)
        for word in words if found else [*words, last]:
            named += _days(word)
        if found is None:
            continue
        days, named = named or days, ()
        start, end = _minutes(found["start"]), _minutes(found["end"])
        if start in (end, _DAY):
            raise HoursSyntaxError(f"has {last}, which is no time at all")
        openings |= {Opening(day, start, end if end > start else end + _DAY) for day in days}
    if named or not openings:
        raise HoursSyntaxError("lacks the times after the days")
    return tuple(sorted(openings))


def _days(word: str) -> tuple[int, ...]:
    first, _, last = word.lower().partition("-")
    begin = _day(first)
    return tuple((begin + n) % 7 for n in range((_day(last or first) - begin) % 7 + 1))


def _day(name: str) -> int:
    matches = [number for number, day in enumerate(_DAYS) if day.startswith(name)]
    if len(name) < _SHORTEST_NAME or len(matches) != 1:
        raise HoursSyntaxError(f"has {name!r}, which is no day (Mon Tue Wed Thu Fri Sat Sun)")
    return matches[0]


def _minutes(text: str) -> int:
    if found := _TIME.fullmatch(text):
        minutes = int(found[1]) * 60 + int(found[2] or 0)
        if minutes <= _DAY:
            return minutes
    raise HoursSyntaxError(f"has {text!r}, which is no time (00:00 to 24:00)")


@dataclass(frozen=True, slots=True)
class Closure:
    """A stretch in which nobody works though it be working time: a holiday."""

    start: datetime
    end: datetime


@dataclass(frozen=True)
class Hours:
    """The working hours of a place."""

    openings: tuple[Opening, ...]
    zone: tzinfo
    closures: tuple[Closure, ...] = ()

    def outside(self, moment: datetime) -> bool:
        """Whether nobody works at `moment`. A clock that was never set tells nothing: false."""
        if moment < _CLOCK_IS_SET_FROM:
            return False
        if any(closure.start <= moment < closure.end for closure in self.closures):
            return True
        return not any(start <= moment < end for start, end in self._stretches(moment))

    def next_change(self, moment: datetime) -> datetime | None:
        """When `outside` changes after `moment`; None: not within a year."""
        state, begin = self.outside(moment), moment
        for _ in range(_WEEKS):
            for edge in self._edges(begin, begin + _WEEK):
                if self.outside(edge) is not state:
                    return edge
            begin += _WEEK
        return None

    def _edges(self, after: datetime, until: datetime) -> list[datetime]:
        """When something begins or ends in that time, in order."""
        edges = {edge for stretch in self._stretches(after) for edge in stretch}
        edges |= {edge for one in self.closures for edge in (one.start, one.end)}
        return sorted(edge for edge in (*edges, _CLOCK_IS_SET_FROM) if after < edge <= until)

    def _stretches(self, moment: datetime) -> tuple[tuple[datetime, datetime], ...]:
        return _stretches(self.openings, self.zone, moment.astimezone(self.zone).date())


@lru_cache(maxsize=128)
def _stretches(
    openings: tuple[Opening, ...], zone: tzinfo, today: date
) -> tuple[tuple[datetime, datetime], ...]:
    """Working time from the day before yesterday until a week ahead; a day is asked for often."""
    days = [today + timedelta(days=ahead) for ahead in range(-2, 9)]
    return tuple(
        (
            _instant(day, opening.start, zone, fold=0),
            _instant(day, opening.end, zone, fold=1),
        )
        for day in days
        for opening in openings
        if opening.day == day.weekday()
    )


def _instant(day: date, minutes: int, zone: tzinfo, *, fold: int) -> datetime:
    """The moment at which a clock on the wall shows so many minutes after the day's midnight.

    Of a time that it shows twice (daylight saving ends), the first with `fold` 0 and the second
    with 1; a time that it skips (daylight saving begins) is the moment at which it does.
    """
    wall = datetime.combine(day, time()) + timedelta(minutes=minutes)
    moment = wall.replace(tzinfo=zone, fold=fold).astimezone(UTC)
    if moment.astimezone(zone).replace(tzinfo=None) == wall:
        return moment
    early = wall.replace(tzinfo=zone, fold=1).astimezone(UTC)
    late = wall.replace(tzinfo=zone, fold=0).astimezone(UTC)
    offset = early.astimezone(zone).utcoffset()
    while late - early > timedelta(seconds=1):
        middle = early + (late - early) // 2
        if middle.astimezone(zone).utcoffset() == offset:
            early = middle
        else:
            late = middle
    return late.replace(microsecond=0)
