"""The settings `BUSYLIGHT_WEBHOOK_…`."""

import json
import re
from collections.abc import Iterable
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr

from busylight.outputs.webhook.template import DEFAULT, check_json, check_url
from busylight.parts import Branch, Fault

_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
"""A header's name, as RFC 9110 has it."""


class Method(StrEnum):
    """How it is said."""

    POST = "POST"
    PUT = "PUT"
    PATCH = "PATCH"
    GET = "GET"


def _url(value: SecretStr) -> SecretStr:
    text = value.get_secret_value()
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname or not text.isprintable():
        raise ValueError("is not an address that begins with http:// or https:// and a host")
    check_url(text)
    return value


def _headers(value: SecretStr) -> SecretStr:
    try:
        headers: Any = json.loads(value.get_secret_value())
    except ValueError:
        headers = None
    if not isinstance(headers, dict) or not all(isinstance(t, str) for t in headers.values()):
        raise ValueError("is no JSON object of names and texts")
    if not all(_NAME.fullmatch(name) for name in headers):
        raise ValueError("has a name that a header cannot have")
    for text in headers.values():
        _header_text(text)
    return value


def _header_text(text: str) -> None:
    if not (text.isprintable() and text.isascii()):
        raise ValueError("has a character that a header cannot have")
    if text != text.strip():
        raise ValueError("has a blank at an end, where a header cannot have one")


def _token(value: SecretStr) -> SecretStr:
    _header_text(value.get_secret_value())
    return value


def _upper(value: object) -> object:
    return value.upper() if isinstance(value, str) else value


class WebhookSettings(Branch):
    """Whom to tell, and how."""

    url: Annotated[SecretStr, AfterValidator(_url)] = Field(
        description="The address; fields as in WEBHOOK_TEMPLATE may stand in it. It is kept out "
        "of the log: often it is a secret itself",
        examples=["https://example.org/light"],
    )
    method: Annotated[Method, BeforeValidator(_upper)] = Field(
        default=Method.POST,
        description="POST, PUT, PATCH, or GET, which has no body",
        examples=["PUT"],
    )
    template: Annotated[str, AfterValidator(check_json)] = Field(
        default=DEFAULT,
        description="The body: JSON with fields in its strings, {state} {on} {released} {hex} {r} "
        "{g} {b} {brightness} {effect} {period} {availability} {activity} {mode} {last}; a string "
        "that is one field gets the field's own type; {{ }}",
        examples=['{"text":"I am {activity}","color":"#{hex}"}'],
    )
    headers: Annotated[SecretStr, AfterValidator(_headers)] | None = Field(
        default=None,
        description="More headers, as JSON",
        examples=['{"X-Api-Key":"correct-horse"}'],
    )
    token: Annotated[SecretStr, AfterValidator(_token)] | None = Field(
        default=None,
        description="Sent as Authorization: Bearer",
        examples=["correct-horse"],
    )
    ca_file: Path | None = Field(
        default=None,
        description="Trust the certificates in this PEM file instead of the system's",
        examples=["/etc/busylight/ca.pem"],
    )
    repeat: float = Field(
        default=0.0,
        ge=0,
        le=86_400,
        allow_inf_nan=False,
        description="Say the same again every so many seconds, so that whoever listens knows that "
        "we live; 0: only what changes",
        examples=["60"],
    )

    def faults(self) -> Iterable[Fault]:
        """Say what does not go together."""
        if self.token is not None and self.headers is not None:
            names = json.loads(self.headers.get_secret_value())
            if any(name.lower() == "authorization" for name in names):
                yield Fault("token", "is given together with an Authorization in WEBHOOK_HEADERS")
        if self.ca_file is not None and not self.ca_file.is_file():
            yield Fault("ca_file", "names no file that can be found")
