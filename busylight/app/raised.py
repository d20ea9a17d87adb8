"""What a part has raised, as words and seconds: a plugin's error may be of any shape."""

import math
from typing import Final

from busylight.core.backoff import RETRY_AFTER_LIMIT
from busylight.edge.log import redact

LONGEST: Final = 1000
"""Letters that are told of a part's trouble: a broker may refuse more, and nobody would read it."""
_LONGEST_SEEN: Final = 20 * LONGEST


def words_of(error: BaseException) -> str:
    """What it says; an error that cannot even be asked says so."""
    try:
        return str(error)
    except BaseException:  # noqa: BLE001 -- somebody else's `__str__`
        return "says nothing that could be read"


def described(error: BaseException) -> str:
    """Its kind and what it says, for errors that were not meant for people."""
    return f"{type(error).__name__}: {words_of(error)}"


def seconds_of(error: BaseException, name: str) -> float | None:
    """The patience that an error asks for by its attribute `name`, at most an hour; None: none."""
    try:
        seconds = float(getattr(error, name, None))  # type: ignore[arg-type]  # it may be anything
    except BaseException:  # noqa: BLE001 -- somebody else's property
        return None
    if math.isnan(seconds) or seconds < 0:
        return None
    return min(seconds, RETRY_AFTER_LIMIT)


def told(text: str) -> str:
    """A part's words as they are logged and published: one line, not too long, no secrets."""
    text = redact(text[:_LONGEST_SEEN])
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line if len(line) <= LONGEST else f"{line[: LONGEST - 1]}…"
