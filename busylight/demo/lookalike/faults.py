"""What can go wrong between a client and Graph, on demand.

A fault is data: another answer than the true one, or another manner of giving it. Where a fault
has no answer of its own, the true one is worked out and then given in the fault's manner.
"""

import gzip
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from enum import StrEnum
from functools import cache
from typing import Final

from busylight.demo.lookalike.graph import error_response
from busylight.demo.lookalike.messages import Response


class Manner(StrEnum):
    """How an answer is given."""

    PLAIN = "plain"
    CUT = "cut"
    """Half of the body, then the end of the connection."""
    DRIBBLE_HEADERS = "dribble headers"
    DRIBBLE_BODY = "dribble body"
    SILENCE = "silence"
    """The request is read, and nothing ever answered."""
    RESET = "reset"
    """The connection is reset (RST) in place of an answer."""
    CLOSE = "close"
    """The connection is closed in place of an answer."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that goes wrong."""

    name: str
    answer: Response | None = None
    """None: the true answer."""
    manner: Manner = Manner.PLAIN
    pause: float = 0.0
    """Seconds: before the answer, or between two bytes of one that is dribbled."""
    suffix: bytes = field(default=b"", repr=False)
    """What follows the body, and is counted in its length."""


@dataclass(slots=True)
class _Armed:
    fault: Fault
    prefix: str
    left: int | None


@dataclass(slots=True)
class Faults:
    """The faults that wait for requests; the first one that fits is taken."""

    mute: bool = False
    """While true, connections are accepted and their TLS handshake is never answered."""
    _armed: list[_Armed] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, fault: Fault, *, path: str = "", times: int | None = None) -> None:
        """Let `fault` happen to requests whose path begins so, `times` times or until `clear()`.

        Paths are whole: `/v1.0/me`, or `/<tenant>/oauth2`.
        """
        with self._lock:
            self._armed.append(_Armed(fault, path, times))

    def clear(self) -> None:
        """Let all be well again."""
        with self._lock:
            self._armed.clear()
            self.mute = False

    def take(self, path: str) -> Fault | None:
        """The fault that a request for `path` meets."""
        with self._lock:
            for armed in self._armed:
                if path.startswith(armed.prefix) and armed.left != 0:
                    if armed.left is not None:
                        armed.left -= 1
                    return armed.fault
        return None


_JSON: Final = {"Content-Type": "application/json; charset=utf-8"}


def status(code: int, headers: dict[str, str] | None = None) -> Fault:
    """Answer with a status and an error of Graph's shape."""
    return Fault(f"status {code}", error_response(code, "UnknownError", "", headers))


def throttled(retry_after: int | datetime | None = None, *, code: int = 429) -> Fault:
    """Answer 429 (or 503) with Retry-After in seconds, as a date, or without."""
    if isinstance(retry_after, datetime):
        retry_after_text = format_datetime(retry_after.astimezone(UTC), usegmt=True)
    else:
        retry_after_text = str(retry_after)
    headers = {} if retry_after is None else {"Retry-After": retry_after_text}
    return Fault("throttled", error_response(code, "TooManyRequests", "", headers))


def throttled_until(seconds: float) -> Fault:
    """Answer 429 with the date that lies `seconds` ahead."""
    return throttled(datetime.now(UTC) + timedelta(seconds=seconds))


def redirect(location: str, code: int = 302) -> Fault:
    """Send the client elsewhere."""
    return Fault("redirect", Response(code, b"", {"Location": location}))


def body(raw: bytes, *, name: str = "body", content_type: str = _JSON["Content-Type"]) -> Fault:
    """Answer 200 with this body."""
    return Fault(name, Response(200, raw, {"Content-Type": content_type}))


CAPTIVE_PORTAL: Final = body(
    b"<!DOCTYPE html><html><head><title>Welcome to our Wi-Fi</title></head>"
    b"<body>Please accept the terms of use.</body></html>",
    name="captive portal",
    content_type="text/html; charset=utf-8",
)
WRONG_CONTENT_TYPE: Final = body(
    b'{"id":"fa8bf3dc-eca7-46b7-bad1-db199b62afc3","availability":"Available",'
    b'"activity":"Available"}',
    name="wrong content type",
    content_type="text/plain",
)
EMPTY_LIST: Final = body(b"[]", name="empty list")
EMPTY_OBJECT: Final = body(b"{}", name="empty object")
EMPTY_VALUE: Final = body(b'{"value":[]}', name="empty value")
NULL: Final = body(b"null", name="null")
INVALID_JSON: Final = body(b'{"id": "fa8b', name="invalid JSON")
BAD_UTF8: Final = body(b'{"availability":"\xff\xfe","activity":"Busy"}', name="bad UTF-8")
DEEP_JSON: Final = body(b'{"value":' + b"[" * 20_000 + b"]" * 20_000 + b"}", name="deep JSON")
HUGE: Final = body(
    b'{"availability":"Busy","activity":"Busy","padding":"' + b"x" * 70_000 + b'"}',
    name="over 64 KiB",
)
WRONG_TYPES: Final = body(
    b'{"id":"fa8bf3dc-eca7-46b7-bad1-db199b62afc3","availability":7,"activity":"Busy"}',
    name="wrong types",
)
WITHOUT_ACTIVITY: Final = body(
    b'{"id":"fa8bf3dc-eca7-46b7-bad1-db199b62afc3","availability":"Busy"}',
    name="without activity",
)
NO_CONTENT: Final = Fault("no content", Response(204))
SERVER_ERROR: Final = status(500)
UNAVAILABLE: Final = status(503)
CUT_BODY: Final = Fault("cut body", manner=Manner.CUT)
SILENCE: Final = Fault("silence", manner=Manner.SILENCE)
RESET: Final = Fault("reset", manner=Manner.RESET)
CLOSE: Final = Fault("close", manner=Manner.CLOSE)
JUNK_AFTER_JSON: Final = Fault("junk after JSON", suffix=b"<!-- a proxy was here -->")


@cache
def gzip_bomb(size: int = 64 * 2**20) -> Fault:
    """Answer with JSON of `size` bytes packed with gzip, whatever the client asked for."""
    packed = gzip.compress(b'{"availability":"' + b" " * size + b'"}', compresslevel=9)
    return Fault("gzip bomb", Response(200, packed, {**_JSON, "Content-Encoding": "gzip"}))


def delayed(seconds: float) -> Fault:
    """Give the true answer, late."""
    return Fault("delayed", pause=seconds)


def dribbled_body(pause: float = 1.0) -> Fault:
    """Give the true answer's body a byte at a time."""
    return Fault("dribbled body", manner=Manner.DRIBBLE_BODY, pause=pause)


def dribbled_headers(pause: float = 1.0) -> Fault:
    """Give the true answer a byte at a time from its first line on."""
    return Fault("dribbled headers", manner=Manner.DRIBBLE_HEADERS, pause=pause)
