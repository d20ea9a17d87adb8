"""Microsoft's reasons for refusing a sign-in (AADSTS numbers), in plain words.

Source: "Microsoft Entra authentication and authorization error codes", and what people meet.
Numbers that are not listed are told in Microsoft's own first sentence.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from busylight.sources.graph.errors import (
    CodeEndedError,
    EntraUnreachableError,
    GraphError,
    SignedOutError,
    SignInRefusedError,
)


@dataclass(frozen=True, slots=True)
class Reason:
    """One of Microsoft's reasons."""

    meaning: str
    remedy: str


OTHER_WAYS: Final = (
    "or read by app permission instead (BUSYLIGHT_GRAPH_CLIENT_SECRET or _CERTIFICATE_FILE), "
    "which needs no sign-in, or from MQTT (BUSYLIGHT_SOURCE=mqtt), which asks Microsoft nothing"
)
_BROWSER: Final = "sign in with a browser instead (`busylight login --browser`)"
_AGAIN: Final = "sign in again"
_ADMIN: Final = "ask an administrator of your Microsoft 365"
_POLICY: Final = f"{_ADMIN} to allow this app, {OTHER_WAYS}"
_REPLY_ADDRESS: Final = (
    'add "http://localhost" in Entra (App registrations, this app, Authentication, Add a platform, '
    "Mobile and desktop applications)"
)
_CONSENT: Final = (
    f"{_ADMIN} to grant consent in Entra (App registrations, this app, API permissions, "
    '"Grant admin consent")'
)
_BY_A_NEW_ONE: Final = (
    "make a new one in Entra (App registrations, this app, Certificates & secrets) and copy its "
    "Value, not its Secret ID, into BUSYLIGHT_GRAPH_CLIENT_SECRET"
)
_REGISTRATION: Final = (
    "check BUSYLIGHT_GRAPH_CLIENT_ID and BUSYLIGHT_GRAPH_TENANT_ID against the app registration"
)
_CERTIFICATE: Final = (
    "upload the certificate of BUSYLIGHT_GRAPH_CERTIFICATE_FILE to the app registration "
    "(Certificates & secrets), or correct that setting"
)

REASONS: Final[Mapping[int, Reason]] = MappingProxyType(
    {
        # The sign-in has ended.
        700082: Reason("the sign-in was not used for so long that it has expired", _AGAIN),
        70008: Reason("the sign-in has expired", _AGAIN),
        70043: Reason("the company asks for a new sign-in now and then, and it is due", _AGAIN),
        70044: Reason("the company asks for a new sign-in now and then, and it is due", _AGAIN),
        700084: Reason("the sign-in has expired", _AGAIN),
        50173: Reason("the sign-in was revoked, or the password was changed", _AGAIN),
        50132: Reason("the session was revoked, or the password was changed", _AGAIN),
        50133: Reason("the session has ended because the password expired or was changed", _AGAIN),
        54005: Reason("the sign-in has been used up already", _AGAIN),
        # More is asked of the person.
        50072: Reason("multi-factor sign-in has to be set up first", _AGAIN),
        50074: Reason("multi-factor sign-in is asked for", _AGAIN),
        50076: Reason("multi-factor sign-in is asked for", _AGAIN),
        50078: Reason("the multi-factor sign-in has expired", _AGAIN),
        50079: Reason("multi-factor sign-in has to be set up first", _AGAIN),
        50158: Reason("the company's own security check is asked for", _AGAIN),
        50055: Reason("the password has expired", "set a new one in a browser, then sign in again"),
        50135: Reason(
            "the password must be changed because the account looks at risk",
            "change it in a browser, then sign in again",
        ),
        # The account.
        50034: Reason(
            "this account does not exist in the organisation",
            "sign in with an account of the organisation, or correct BUSYLIGHT_GRAPH_TENANT_ID",
        ),
        50020: Reason(
            "this account does not belong to the organisation",
            "sign in with an account of the organisation, or correct BUSYLIGHT_GRAPH_TENANT_ID",
        ),
        500341: Reason("the account was deleted", f"sign in with another account, or {_ADMIN}"),
        50053: Reason("the account is locked after too many attempts", f"wait, or {_ADMIN}"),
        50057: Reason("the account is disabled", f"{_ADMIN} to enable it"),
        50058: Reason("nobody is signed in in that browser", _AGAIN),
        50126: Reason("user name or password is wrong", _AGAIN),
        50105: Reason(
            "the account is not assigned to this app",
            f"{_ADMIN} to assign it (Enterprise applications, this app, Users and groups)",
        ),
        # The company's policy.
        53000: Reason("the company allows managed devices only", _POLICY),
        53001: Reason("the company allows devices of its own domain only", _POLICY),
        53002: Reason("the company allows approved apps only", _POLICY),
        53003: Reason(
            "the company's Conditional Access blocks this sign-in (many block device codes)",
            f"{_BROWSER}, {_POLICY}",
        ),
        53011: Reason("the account is blocked because it looks at risk", _ADMIN),
        50097: Reason("the company asks for a sign-in from a registered device", _POLICY),
        530003: Reason("the company allows managed devices only", _POLICY),
        530032: Reason("the company's security policy blocks this sign-in", _POLICY),
        530034: Reason("the company's security policy blocks this sign-in", _POLICY),
        50199: Reason("the sign-in was not confirmed in the browser", _AGAIN),
        # Consent.
        65001: Reason("nobody has consented to what this app asks for", f"{_AGAIN}, or {_CONSENT}"),
        65004: Reason("the person declined to consent", f"{_AGAIN} and consent"),
        90094: Reason("an administrator has to consent to what this app asks for", _CONSENT),
        90095: Reason("an administrator has to consent to what this app asks for", _CONSENT),
        900971: Reason("the app registration has no reply address", _REPLY_ADDRESS),
        500113: Reason("the app registration has no reply address", _REPLY_ADDRESS),
        # The app registration.
        700016: Reason("this organisation does not know the app", _REGISTRATION),
        90002: Reason("there is no such tenant", "correct BUSYLIGHT_GRAPH_TENANT_ID"),
        900023: Reason("that is no tenant", "correct BUSYLIGHT_GRAPH_TENANT_ID"),
        50059: Reason("the tenant is not named", "set BUSYLIGHT_GRAPH_TENANT_ID"),
        50194: Reason(
            "the app is registered for one organisation only",
            "set BUSYLIGHT_GRAPH_TENANT_ID to that organisation's directory (tenant) id",
        ),
        50011: Reason("the app registration's reply address does not fit", _REPLY_ADDRESS),
        900144: Reason("something is missing in what the program asked", _REGISTRATION),
        9002313: Reason("Microsoft does not know that code", _AGAIN),
        500011: Reason("this organisation does not know Graph by that name", "check GRAPH_CLOUD"),
        650052: Reason("this organisation has no licence for what is asked for", _ADMIN),
        650057: Reason(
            "the app registration does not list the permission",
            "add it in Entra (App registrations, this app, API permissions)",
        ),
        70001: Reason("the app is not known or disabled", _REGISTRATION),
        7000112: Reason("the app is disabled", f"{_ADMIN} to enable it"),
        7000218: Reason(
            "the app registration does not allow device codes",
            'set "Allow public client flows" to Yes in Entra (App registrations, this app, '
            f"Authentication), or {_BROWSER}, {OTHER_WAYS}",
        ),
        70002: Reason("the app's credential is refused", _REGISTRATION),
        # The app's own credential.
        7000215: Reason("the client secret is wrong", _BY_A_NEW_ONE),
        7000222: Reason("the client secret has expired", _BY_A_NEW_ONE),
        700027: Reason("Entra does not know the certificate", _CERTIFICATE),
        700030: Reason("the certificate does not fit the app registration", _CERTIFICATE),
        700024: Reason(
            "the proof made with the certificate is not valid now",
            "this machine's clock looks wrong: see that it is set by NTP",
        ),
        5000229: Reason("the certificate has expired", _CERTIFICATE),
    }
)  # fmt: skip

NOT_CONSENTED: Final = frozenset({65001, 65004, 90094, 90095, 650057})
"""Numbers that say that a sign-in is good, but not for what is asked for."""

_BY_ERROR: Final = MappingProxyType(
    {
        "authorization_declined": Reason("the person declined to sign in", _AGAIN),
        "access_denied": Reason("the person declined to sign in", _AGAIN),
        "expired_token": Reason("the code was not entered in time", _AGAIN),
        "code_expired": Reason("the code was not entered in time", _AGAIN),
        "bad_verification_code": Reason("the code is no longer known", _AGAIN),
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
        reason = Reason(f'Microsoft says "{own}"', f"{_AGAIN}, {OTHER_WAYS}")
    problem = f"{reason.meaning} (AADSTS{aadsts})" if aadsts else reason.meaning
    kind = SignedOutError
    if of_sign_in:
        kind = CodeEndedError if error in _ENDED else SignInRefusedError
    return kind(problem, reason.remedy, aadsts=aadsts)


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
