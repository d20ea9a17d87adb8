"""Working hours of the settings: the time zone and the holidays come from files."""

import os
import zoneinfo
from datetime import UTC, date, datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any, Final

from busylight.core.hours import Closure

_LOCALTIME: Final = Path("/etc/localtime")
_YEARS: Final = 3
"""Years ahead of which the holidays are known without a restart."""
_LARGEST: Final = 8 * 1024 * 1024
_MOST: Final = 10_000


def zone_of(name: str | None) -> tzinfo:
    """The time zone of that name, or this machine's. Raises ValueError."""
    if name is None:
        return _own_zone()
    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        known = zoneinfo.available_timezones()
    if not known:
        raise ValueError(
            "cannot be looked up: this machine has no time zones; install tzdata (apt install "
            "tzdata, or pip install tzdata)"
        )
    import difflib  # noqa: PLC0415 -- only for a mistake

    near = difflib.get_close_matches(name, sorted(known), n=1)
    raise ValueError(f"is no time zone{f'; did you mean {near[0]}?' if near else ''}")


def _own_zone() -> tzinfo:
    name = os.environ.get("TZ", "").removeprefix(":")
    if name:
        try:
            return zoneinfo.ZoneInfo(name)
        except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
            pass  # a rule such as CET-1CEST: what this machine makes of it is not known
    try:
        with _LOCALTIME.open("rb") as file:
            return zoneinfo.ZoneInfo.from_file(file)
    except (OSError, ValueError):
        return UTC


def holidays_of(path: Path, zone: tzinfo, today: date) -> tuple[Closure, ...]:
    """What stands in an iCalendar file, recurring events too. Raises ValueError.

    An event of whole days is closed from midnight to midnight in `zone`.
    """
    try:
        import icalendar  # noqa: PLC0415 -- only where there is a file
        import recurring_ical_events  # noqa: PLC0415 -- the same
    except ImportError:
        raise ValueError(
            "needs two more packages: pip install 'busylight-presence[holidays]'"
        ) from None
    try:
        if path.stat().st_size > _LARGEST:
            raise ValueError("names a file that is too large for a calendar")
        content = path.read_bytes()
    except OSError as error:
        raise ValueError(f"names a file that cannot be read: {error.strerror}") from error
    begin = datetime.combine(today, datetime.min.time(), zone) - timedelta(days=1)
    try:
        calendar = icalendar.Calendar.from_ical(content)
        events = recurring_ical_events.of(calendar).between(
            begin, begin + timedelta(days=366 * _YEARS)
        )
        closures = [_closure(event, zone) for event in events if not _is_cancelled(event)]
    except Exception:  # noqa: BLE001 -- the libraries raise many kinds at what is no calendar
        # What they say quotes the file, which may be a secret's that was named by mistake.
        raise ValueError("names no iCalendar file (.ics) that can be read") from None
    if len(closures) > _MOST:
        raise ValueError(f"names a calendar with more than {_MOST} events in {_YEARS} years")
    return tuple(sorted(set(closures), key=lambda closure: closure.start))


def _closure(event: Any, zone: tzinfo) -> Closure:
    start, end = (_moment(event[edge].dt, zone) for edge in ("DTSTART", "DTEND"))
    return Closure(start, end)


def _moment(value: date, zone: tzinfo) -> datetime:
    if not isinstance(value, datetime):
        value = datetime.combine(value, datetime.min.time())
    return (value if value.tzinfo is not None else value.replace(tzinfo=zone)).astimezone(UTC)


def _is_cancelled(event: Any) -> bool:
    return str(event.get("STATUS", "")).upper() == "CANCELLED"
