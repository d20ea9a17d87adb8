"""How long to wait before trying again, and how often one may ask at all."""

import random
from collections import deque
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

RETRY_AFTER_LIMIT: Final = 3600.0
"""Seconds. A server may ask for at most this much patience."""


def full_jitter(failures: int, *, base: float, cap: float, draw: float | None = None) -> float:
    """Seconds to wait after `failures` failures in a row, evenly spread from 0 to the limit.

    The limit doubles with each failure, from `base` up to `cap`, so that many programs that
    failed together do not come back together.
    """
    limit = min(cap, base * 2.0 ** min(max(failures - 1, 0), 30))
    return limit * (random.random() if draw is None else draw)


def reconnect_delay(failures: int, *, draw: float | None = None) -> float:
    """Seconds before an output connects again: 1 to 4, more failures tending to the latter."""
    shortest, longest = 1.0, min(4.0, 1.5 + 0.5 * failures)
    return shortest + (longest - shortest) * (random.random() if draw is None else draw)


def birth_delay(*, draw: float | None = None) -> float:
    """Seconds to wait before all is told again to a Home Assistant that has just started.

    Half a second to three: every device on the broker answers, and not all at once.
    """
    return 0.5 + 2.5 * (random.random() if draw is None else draw)


def retry_after(value: str | None, utc_now: datetime) -> float | None:
    """Seconds that a `Retry-After` header asks for, at most an hour; None if it says nothing.

    RFC 9110, section 10.2.3: a count of seconds or a date.
    """
    if value is None:
        return None
    text = value.strip()
    if text.isascii() and text.isdigit():
        return min(float(text[:10]), RETRY_AFTER_LIMIT)
    try:
        when = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    if when.tzinfo is None:
        when = when.replace(tzinfo=UTC)
    return min(max((when - utc_now).total_seconds(), 0.0), RETRY_AFTER_LIMIT)


class RateLimit:
    """At most `count` requests in any `seconds`; says how long the next one has to wait."""

    def __init__(self, count: int, seconds: float) -> None:
        self._count = count
        self._seconds = seconds
        self._made: deque[float] = deque(maxlen=count)

    def wait(self, now: float) -> float:
        """Seconds until the next request may be made; 0 means now."""
        if len(self._made) < self._count:
            return 0.0
        return max(0.0, self._made[0] + self._seconds - now)

    def note(self, now: float) -> None:
        """Count a request that is made now."""
        self._made.append(now)
