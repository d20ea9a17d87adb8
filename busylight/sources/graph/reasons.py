"""What an error answer of Entra means to us, in plain words.

Numbers that `aadsts` does not list are told in Microsoft's own first sentence.
"""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from busylight.sources.graph.aadsts import AGAIN, REASONS, Reason, Way
from busylight.sources.graph.errors import (
    CodeEndedError,
    EntraUnreachableError,
    GraphError,
    SignedOutError,
    SignInRefusedError,
)

_BY_ERROR: Final = MappingProxyType(
    {
        "authorization_declined": Reason("the person declined to sign in", AGAIN),
        "access_denied": Reason("the person declined to sign in", AGAIN),
        "expired_token": Reason("the code was not entered in time", AGAIN),
        "code_expired": Reason("the code was not entered in time", AGAIN),
        "bad_verification_code": Reason("the code is no longer known", AGAIN),
    }
)

_ENDED: Final = frozenset({"expired_token", "code_expired", "bad_verification_code"})
_TEMPORARY_ERRORS: Final = frozenset({"temporarily_unavailable", "server_error"})
_TEMPORARY: Final = frozenset({90006, 90012, 90020, 90033, 90055, 50196, 50200})
"""Numbers that say that Entra itself is in trouble, or busy."""

_NUMBER: Final = re.compile(r"AADSTS(\d{4,9})")
_TRACE: Final = re.compile(r"\s*(Trace ID|Correlation ID|Timestamp)\s*:.*", re.DOTALL)
_GUID_LIKE: Final = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_LONGEST: Final = 200


def number(answer: Mapping[str, Any]) -> int | None:
    """Microsoft's number of the reason, if the answer has one."""
    codes = answer.get("error_codes")
    if isinstance(codes, list) and codes and type(codes[0]) is int:
        return codes[0]
    found = _NUMBER.search(_text(answer.get("error_description")))
    return int(found[1]) if found else None


def refusal(answer: Mapping[str, Any], *, of_sign_in: bool = False) -> GraphError:
    """What an error answer of Entra means to us.

    Entra's own trouble is an `EntraUnreachableError`, everything else a `SignedOutError`, or a
    `SignInRefusedError` when it answers an attempt to sign in.
    """
    error = _text(answer.get("error"))
    aadsts = number(answer)
    if error in _TEMPORARY_ERRORS or aadsts in _TEMPORARY:
        shown = f"AADSTS{aadsts}" if aadsts else error
        return EntraUnreachableError(f"the sign-in server is in trouble itself ({shown})")
    if not error and aadsts is None:
        return EntraUnreachableError("the sign-in server gives neither an answer nor a reason")
    reason = REASONS.get(aadsts or 0) or _BY_ERROR.get(error)
    if reason is None:
        own = first_sentence(answer.get("error_description")) or error
        others = f"{AGAIN}, or {Way.APP.value}, or {Way.MQTT.value}"
        reason = Reason(f'Microsoft says "{own}"', others)
    problem = f"{reason.meaning} (AADSTS{aadsts})" if aadsts else reason.meaning
    kind = SignedOutError
    if of_sign_in:
        kind = CodeEndedError if error in _ENDED else SignInRefusedError
    return kind(problem, reason.advice, aadsts=aadsts)


def first_sentence(description: object) -> str:
    """Microsoft's own first sentence, without numbers for its support, at most 200 letters."""
    text = _TRACE.sub("", _text(description))
    text = _NUMBER.sub("", text).lstrip(" :")
    text = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    text = text.partition(". ")[0].rstrip(".")
    text = _GUID_LIKE.sub("…", text)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
