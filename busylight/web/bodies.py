"""The body of a request: short, soon there, and a form or JSON."""

import asyncio
import json
from typing import Any, Final
from urllib.parse import parse_qsl

from starlette.requests import ClientDisconnect, Request

LONGEST: Final = 16 * 1024
"""Bytes."""
PATIENCE: Final = 10.0
"""Seconds until all of it has to be there."""
_FIELDS: Final = 32


class BodyError(Exception):
    """A body that is not taken; says why, and which status goes with it."""

    def __init__(self, text: str, status: int = 400) -> None:
        super().__init__(text)
        self.status = status


async def body_of(request: Request, media_type: str) -> bytes:
    """The whole body, of that type; raises `BodyError`."""
    told = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if told != media_type:
        raise BodyError(f"Send it as {media_type}.", 415)
    length = request.headers.get("content-length", "0")
    if not length.isdigit() or int(length[:12]) > LONGEST:
        raise BodyError(f"A body has at most {LONGEST} bytes here.", 413)
    body = bytearray()
    try:
        async with asyncio.timeout(PATIENCE):
            async for chunk in request.stream():
                body += chunk
                if len(body) > LONGEST:
                    raise BodyError(f"A body has at most {LONGEST} bytes here.", 413)
    except TimeoutError:
        raise BodyError("The body did not come in time.", 408) from None
    except ClientDisconnect:
        raise BodyError("The body has no end.") from None
    return bytes(body)


async def form_of(request: Request) -> dict[str, str]:
    """The fields of a form; raises `BodyError`."""
    body = await body_of(request, "application/x-www-form-urlencoded")
    try:
        fields = parse_qsl(
            body.decode("ascii"), keep_blank_values=True, max_num_fields=_FIELDS, errors="strict"
        )
    except ValueError:
        raise BodyError("The form cannot be read.") from None
    return dict(fields)


async def json_of(request: Request) -> dict[str, Any]:
    """An object of JSON; raises `BodyError`."""
    try:
        document = json.loads(await body_of(request, "application/json"))
    except (ValueError, RecursionError):
        raise BodyError("The body is no JSON.") from None
    if not isinstance(document, dict):
        raise BodyError("The body is no JSON object.")
    return document
