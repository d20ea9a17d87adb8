"""Entra's refusals. Source: "Microsoft Entra authentication and authorization error codes"."""

import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, Final

from busylight.demo.lookalike.messages import Response, json_response

DISCOVERY: Final = "discovery"
DEVICE_AUTHORIZATION: Final = "devicecode"
"""The request that begins a device sign-in."""
DEVICE_CODE: Final = "device_code"
"""The grant; a refusal comes once the person has approved, as it does from Entra."""
REFRESH_TOKEN: Final = "refresh_token"  # noqa: S105 -- the name of a grant
CLIENT_CREDENTIALS: Final = "client_credentials"
AUTHORIZE: Final = "authorize"
"""The page in a browser; a refusal comes back in the address that it leads to."""
AUTHORIZATION_CODE: Final = "authorization_code"

_PEOPLE: Final = frozenset({DEVICE_CODE, AUTHORIZATION_CODE, REFRESH_TOKEN})
_REFRESH: Final = frozenset({REFRESH_TOKEN})
_APP: Final = frozenset({CLIENT_CREDENTIALS})
_TOKENS: Final = frozenset(
    {DEVICE_AUTHORIZATION, DEVICE_CODE, AUTHORIZATION_CODE, REFRESH_TOKEN, CLIENT_CREDENTIALS}
)
_EVERYWHERE: Final = _TOKENS | {DISCOVERY}


@dataclass(frozen=True, slots=True)
class EntraError:
    """One row of the table."""

    error: str
    text: str
    status: int = 400
    suberror: str | None = None
    places: frozenset[str] = _REFRESH
    """Where Entra says it, unless a test asks for other places."""


ERRORS: Final = MappingProxyType(
    {
        9002313: EntraError("invalid_request", "Invalid request. Request is malformed or invalid."),
        16000: EntraError("interaction_required", "Select another account to sign in."),
        50011: EntraError(
            "invalid_request",
            "The redirect URI specified in the request does not match the redirect URIs "
            "configured for the application.",
        ),
        50034: EntraError(
            "invalid_grant", "The user account does not exist in the directory.", places=_PEOPLE
        ),
        50053: EntraError(
            "invalid_grant", "The account is locked: too many attempts.", places=_PEOPLE
        ),
        50055: EntraError("invalid_grant", "The password is expired."),
        50057: EntraError("invalid_grant", "The user account is disabled.", places=_PEOPLE),
        50076: EntraError(
            "invalid_grant",
            "Due to a configuration change made by your administrator, or because you moved to "
            "a new location, you must use multi-factor authentication to access the resource.",
            suberror="basic_action",
        ),
        50079: EntraError(
            "invalid_grant",
            "You must enroll in multi-factor authentication to access the resource.",
            suberror="basic_action",
        ),
        50105: EntraError(
            "invalid_grant",
            "Your administrator has configured the application to block users unless they are "
            "specifically granted access.",
            places=_PEOPLE,
        ),
        50126: EntraError("invalid_grant", "Error validating credentials."),
        50173: EntraError(
            "invalid_grant",
            "The provided grant has expired due to it being revoked, a fresh auth token is "
            "needed. The user might have changed or reset their password.",
            suberror="bad_token",
        ),
        53000: EntraError(
            "interaction_required",
            "Your device is required to be managed to access this resource.",
            suberror="message_only",
            places=_PEOPLE,
        ),
        53003: EntraError(
            "invalid_grant",
            "Access has been blocked by Conditional Access policies. The access policy does not "
            "allow token issuance.",
            suberror="message_only",
            places=_PEOPLE,
        ),
        65001: EntraError(
            "invalid_grant",
            "The user or administrator has not consented to use the application.",
            suberror="consent_required",
        ),
        65004: EntraError("access_denied", "User declined to consent to access the app."),
        70000: EntraError("invalid_grant", "Provided grant is invalid or malformed."),
        70008: EntraError(
            "invalid_grant", "The provided authorization code is expired.", places=_REFRESH
        ),
        70011: EntraError("invalid_scope", "The provided value for the scope is not valid."),
        70016: EntraError(
            "authorization_pending",
            "OAuth 2.0 device flow error. Authorization is pending. Continue polling.",
        ),
        70017: EntraError("authorization_declined", "The end user denied the request."),
        70020: EntraError("expired_token", "The provided device code has expired."),
        70043: EntraError(
            "invalid_grant",
            "The refresh token has expired or is invalid due to sign-in frequency checks by "
            "Conditional Access.",
            suberror="token_expired",
        ),
        90002: EntraError(
            "invalid_request", "Tenant not found. Check that it is right.", places=_EVERYWHERE
        ),
        90014: EntraError("invalid_request", "A required field is missing from the request."),
        90033: EntraError(
            "temporarily_unavailable",
            "A transient error has occurred. Please try again.",
            status=503,
            places=_TOKENS,
        ),
        700003: EntraError("invalid_grant", "Device object was not found in the tenant."),
        700016: EntraError(
            "unauthorized_client",
            "Application was not found in the directory. It may not have been installed by the "
            "administrator of the tenant.",
            places=_TOKENS,
        ),
        700023: EntraError(
            "invalid_client",
            "Client assertion audience claim does not match Realm issuer.",
            status=401,
            places=_APP,
        ),
        700024: EntraError(
            "invalid_client",
            "Client assertion is not within its valid time range.",
            status=401,
            places=_APP,
        ),
        700027: EntraError(
            "invalid_client",
            "The certificate used to sign the client assertion is not registered on the "
            "application, or its signature is wrong.",
            status=401,
            places=_APP,
        ),
        700082: EntraError(
            "invalid_grant",
            "The refresh token has expired due to inactivity.",
            suberror="token_expired",
        ),
        7000112: EntraError("unauthorized_client", "The application is disabled.", places=_TOKENS),
        7000215: EntraError(
            "invalid_client",
            "Invalid client secret provided. Ensure the secret being sent in the request is the "
            "client secret value, not the client secret ID.",
            status=401,
            places=_APP,
        ),
        7000218: EntraError(
            "invalid_client",
            "The request body must contain the following parameter: 'client_assertion' or "
            "'client_secret'.",
            status=401,
            places=frozenset({DEVICE_CODE}),
        ),
        7000222: EntraError(
            "invalid_client",
            "The provided client secret keys are expired. Create new keys for your app.",
            status=401,
            places=_APP,
        ),
    }
)


class RefusedError(Exception):
    """A request that Entra refuses, by its code in `ERRORS`."""

    def __init__(self, code: int, *, error: str | None = None) -> None:
        """Refuse with `code`; `error` replaces the usual OAuth word."""
        super().__init__(code)
        self.code = code
        self.error = error

    def response(self) -> Response:
        """The refusal as Entra writes it."""
        return refusal(self.code, error=self.error)


@dataclass(slots=True)
class _Armed:
    code: int
    places: frozenset[str]
    left: int | None


class Refusals:
    """The refusals that were asked for; the first one that fits a place is taken."""

    def __init__(self) -> None:
        """Refuse nothing."""
        self._armed: list[_Armed] = []

    def add(self, code: int, times: int | None, at: Collection[str] | None) -> None:
        """Refuse with `code` in the places `at`, or where Entra does; None: without end."""
        places = ERRORS[code].places if at is None else frozenset(at)
        self._armed.append(_Armed(code, places, times))

    def clear(self) -> None:
        """Refuse nothing any more."""
        self._armed.clear()

    def check(self, place: str) -> None:
        """Raise `RefusedError` if a refusal waits here."""
        for armed in self._armed:
            if place in armed.places and armed.left != 0:
                if armed.left is not None:
                    armed.left -= 1
                raise RefusedError(armed.code)


def refusal(code: int, *, error: str | None = None) -> Response:
    """Write the refusal `code` as Entra does."""
    row = ERRORS[code]
    trace_id, correlation_id = str(uuid.uuid4()), str(uuid.uuid4())
    timestamp = f"{datetime.now(UTC):%Y-%m-%d %H:%M:%SZ}"
    body: dict[str, Any] = {
        "error": error or row.error,
        "error_description": (
            f"AADSTS{code}: {row.text} Trace ID: {trace_id} "
            f"Correlation ID: {correlation_id} Timestamp: {timestamp}"
        ),
        "error_codes": [code],
        "timestamp": timestamp,
        "trace_id": trace_id,
        "correlation_id": correlation_id,
        "error_uri": f"https://login.microsoftonline.com/error?code={code}",
    }
    if row.suberror is not None:
        body["suberror"] = row.suberror
    return json_response(row.status, body, {"Cache-Control": "no-store, no-cache"})
