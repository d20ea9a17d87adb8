"""What goes in and out: one request, one answer, what is remembered of both."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it came; `headers` have lower-case names."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Response:
    """An answer as it goes out; Content-Length is added where it is missing."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Record:
    """One request as tests see it afterwards. It holds no token."""

    method: str
    path: str
    query: Mapping[str, str]
    status: int | None
    """None: nothing was answered, by a fault's wish."""
    at: float
    """The moment on `busylight.edge.clock.now`."""
    connection: int
    """The number of its connection, from 1."""
    authorized: bool
    """Whether it carried an Authorization header."""


def json_response(status: int, value: Any, headers: Mapping[str, str] | None = None) -> Response:
    """Answer with JSON, typed as Graph and Entra type it."""
    return Response(
        status,
        json.dumps(value).encode(),
        {"Content-Type": "application/json; charset=utf-8", **(headers or {})},
    )
