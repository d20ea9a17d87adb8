"""A look-alike of Microsoft Graph: presence, and the little of people that presence needs."""

import json
import re
import threading
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final
from urllib.parse import unquote

from busylight.demo.lookalike import preferred
from busylight.demo.lookalike.entra import Entra
from busylight.demo.lookalike.messages import Request, Response, json_response
from busylight.demo.lookalike.people import ADELE, ALEX, EVERYONE, MEGAN, Person
from busylight.demo.lookalike.preferred import Preferences, RefusedPreferenceError
from busylight.demo.lookalike.tokens import Grant
from busylight.edge.clock import now

BULK_LIMIT: Final = 650
"""Ids in one getPresencesByUserId."""

_GUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_READ: Final = frozenset({"Presence.Read", "Presence.Read.All"})
_READ_ALL: Final = frozenset({"Presence.Read.All"})
_WRITE: Final = frozenset({"Presence.ReadWrite"})
_WRITE_ALL: Final = frozenset({"Presence.ReadWrite.All"})
_READ_ME: Final = frozenset({"User.Read", "User.ReadBasic.All"})
_READ_PEOPLE: Final = frozenset({"User.ReadBasic.All"})


class Route(StrEnum):
    """The paths on which one person's presence can be asked for."""

    ME = "/me/presence"
    USER = "/users/{id}/presence"
    COMMUNICATIONS = "/communications/presences/{id}"
    BULK = "/communications/getPresencesByUserId"


class _GraphError(Exception):
    def __init__(
        self, status: int, code: str, message: str, headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(code)
        self.response = error_response(status, code, message, headers)


@dataclass(slots=True)
class _State:
    """One person's presence, and how often it was read since it was set."""

    availability: str
    activity: str
    status_message: str | None
    sequence: int
    extra: dict[str, Any] = field(default_factory=dict)
    reads: int = 0


class Graph:
    """Knows everyone's presence, and who may read it."""

    def __init__(self, entra: Entra, base_url: str, changed: threading.Condition) -> None:
        """Answer under `base_url` to the tokens of `entra`."""
        self.base_url = base_url
        self.people: list[Person] = list(EVERYONE)
        self.forbidden: set[str] = set()
        """Permissions that no token carries here, whatever Entra says."""
        self.principal_name_status = 400
        """The status of `/users/{principal name}/presence`: 400 or 404."""
        self.without_session: set[str] = set()
        """Who is signed in to Teams nowhere: Offline, whatever was set or is preferred."""
        self.preferences = Preferences()
        self._entra = entra
        self._changed = changed
        self._sequence = 0
        self._states: dict[str, _State] = {}
        self._wrapped: set[Route] = set()
        self._refused_routes: dict[Route, int] = {}
        self.set_presence(ADELE.object_id, "Available", "Available")
        self.set_presence(ALEX.object_id, "DoNotDisturb", "Presenting")
        self.set_presence(MEGAN.object_id, "Away", "BeRightBack")

    # -- What a test, or the demo, does -------------------------------------------------------

    def set_presence(
        self,
        user_id: str,
        availability: str,
        activity: str,
        status_message: str | None = None,
        **extra: Any,
    ) -> None:
        """Say what a person does from now on; `extra` fields replace those of the answer."""
        with self._changed:
            self._sequence += 1
            self._states[user_id.lower()] = _State(
                availability, activity, status_message, self._sequence, extra
            )

    def wait_read(
        self, user_id: str = ADELE.object_id, *, times: int = 1, timeout: float = 10.0
    ) -> bool:
        """Wait until what was last set for a person was read `times` times, or say False."""
        with self._changed:
            return self._changed.wait_for(
                lambda: self._states[user_id.lower()].reads >= times, timeout
            )

    def wrap(self, route: Route, *, wrapped: bool = True) -> None:
        """Answer on `route` as `{"value": […]}`, or as one object again."""
        with self._changed:
            (self._wrapped.add if wrapped else self._wrapped.discard)(route)

    def refuse_route(self, route: Route, status: int | None) -> None:
        """Answer every request on `route` with 404 or 405; None ends it."""
        with self._changed:
            if status is None:
                self._refused_routes.pop(route, None)
            else:
                self._refused_routes[route] = status

    # -- What a client sees -------------------------------------------------------------------

    def handle(self, method: str, path: str, request: Request) -> Response:
        """Answer a request for `path`, which begins after the version."""
        with self._changed:
            try:
                return self._answer(method, path, request)
            except _GraphError as error:
                return error.response

    def _answer(self, method: str, path: str, request: Request) -> Response:
        grant = self._bearer(request)
        parts = [unquote(part) for part in path.strip("/").split("/")]
        match method, parts:
            case "GET", ["me"]:
                return self._person(self._signed_in(grant), grant, _READ_ME, request)
            case "GET", ["users", user]:
                return self._person(self._find(user), grant, _READ_PEOPLE, request)
            case "GET", ["me", "presence"]:
                return self._one(Route.ME, self._signed_in(grant).object_id, grant)
            case "GET", ["users", user, "presence"]:
                return self._one(Route.USER, user, grant)
            case "GET", ["communications", "presences", user]:
                return self._one(Route.COMMUNICATIONS, user, grant)
            case "POST", ["communications", "getPresencesByUserId"]:
                return self._bulk(request, grant)
            case "POST", ["users", user, "presence", preferred.SET | preferred.CLEAR as action]:
                return self._prefer(action, user.lower(), request, grant)
        raise _GraphError(400, "BadRequest", f"Resource not found for the segment '{parts[0]}'.")

    def _one(self, route: Route, user: str, grant: Grant) -> Response:
        if (status := self._refused_routes.get(route)) is not None:
            code = "MethodNotAllowed" if status == 405 else "NotFound"  # noqa: PLR2004 -- HTTP
            raise _GraphError(status, code, "")
        if grant.person is not None and grant.person.is_personal:
            raise _GraphError(400, "BadRequest", "This API is not supported for MSA accounts")
        user_id = user.lower()
        if not _GUID.fullmatch(user_id):
            status = self.principal_name_status
            code = "BadRequest" if status == 400 else "NotFound"  # noqa: PLR2004 -- HTTP
            raise _GraphError(status, code, f"User id '{user}' is not a valid GUID.")
        own = grant.person is not None and user_id == grant.person.object_id
        self._require(grant, _READ if own else _READ_ALL, "Forbidden")
        if user_id not in self._states:
            raise _GraphError(404, "NotFound", "No presence for this user id.")
        context = {
            Route.ME: f"users('{user_id}')/presence/$entity",
            Route.USER: f"users('{user_id}')/presence/$entity",
        }.get(route, "communications/presences")
        if route in self._wrapped:
            return self._list(context.removesuffix("/$entity"), [user_id])
        context = f"{context.removesuffix('/$entity')}/$entity"
        return json_response(200, {**self._context(context), **self._read(user_id)})

    def _bulk(self, request: Request, grant: Grant) -> Response:
        if (status := self._refused_routes.get(Route.BULK)) is not None:
            raise _GraphError(status, "NotFound", "")
        self._require(grant, _READ_ALL, "Forbidden")
        try:
            ids = json.loads(request.body)["ids"]
            wanted = [user_id.lower() for user_id in ids]
        except (ValueError, KeyError, TypeError, AttributeError):
            raise _GraphError(400, "BadRequest", "The request body is malformed.") from None
        if not 1 <= len(wanted) <= BULK_LIMIT or not all(map(_GUID.fullmatch, wanted)):
            raise _GraphError(400, "BadRequest", f"Between 1 and {BULK_LIMIT} user ids expected.")
        known = [user_id for user_id in dict.fromkeys(wanted) if user_id in self._states]
        return self._list("Collection(microsoft.graph.presence)", known)

    def _prefer(self, action: str, user: str, request: Request, grant: Grant) -> Response:
        if not _GUID.fullmatch(user):
            raise _GraphError(400, "BadRequest", f"User id '{user}' is not a valid GUID.")
        if grant.person is None:
            self._require(grant, _WRITE_ALL, "Forbidden")
        else:
            self._require(grant, _WRITE, "Forbidden")
            if user != grant.person.object_id:
                raise _GraphError(403, "Forbidden", "Cannot set the presence of another user.")
        if user not in self._states:
            raise _GraphError(404, "NotFound", "No presence for this user id.")
        try:
            self.preferences.act(action, user, request.body)
        except RefusedPreferenceError as refused:
            raise _GraphError(400, "BadRequest", str(refused)) from None
        self._changed.notify_all()
        return Response(200)

    def wait_preferred(
        self, availability: str | None, user_id: str = ADELE.object_id, *, timeout: float = 10.0
    ) -> bool:
        """Wait until this is the preferred presence of a person (None: none), or say False."""

        def holds() -> bool:
            found = self.preferences.of(user_id)
            return (None if found is None else found.availability) == availability

        with self._changed:
            return self._changed.wait_for(holds, timeout)

    def _list(self, context: str, user_ids: list[str]) -> Response:
        value = [self._read(user_id) for user_id in user_ids]
        return json_response(200, {**self._context(context), "value": value})

    def _read(self, user_id: str) -> dict[str, Any]:
        state = self._states[user_id]
        state.reads += 1
        self._changed.notify_all()
        availability, activity = state.availability, state.activity
        if user_id in self.without_session:
            availability, activity = "Offline", "Offline"
        elif (chosen := self.preferences.of(user_id)) is not None:
            availability, activity = chosen.availability, chosen.activity
        message = None
        if state.status_message is not None:
            message = {
                "message": {"content": state.status_message, "contentType": "text"},
                "publishedDateTime": _utc(),
                "expiryDateTime": {"dateTime": "9999-12-30T23:00:00.0000000", "timeZone": "UTC"},
            }
        presence = {
            "id": user_id,
            "availability": availability,
            "activity": activity,
            "statusMessage": message,
            "sequenceNumber": f"20261101A{state.sequence:010d}",
            "outOfOfficeSettings": {
                "message": None,
                "isOutOfOffice": state.activity == "OutOfOffice",
            },
            "workLocation": None,
        }
        return {**presence, **state.extra}

    def _person(
        self, person: Person, grant: Grant, permissions: frozenset[str], request: Request
    ) -> Response:
        self._require(grant, permissions, "Authorization_RequestDenied")
        given, _, surname = person.name.partition(" ")
        fields: dict[str, Any] = {
            "businessPhones": [],
            "displayName": person.name,
            "givenName": given,
            "jobTitle": None,
            "mail": person.principal_name,
            "mobilePhone": None,
            "officeLocation": None,
            "preferredLanguage": None,
            "surname": surname,
            "userPrincipalName": person.principal_name,
            "id": person.object_id,
        }
        context = "users/$entity"
        if selected := request.query.get("$select"):
            context = f"users({selected})/$entity"
            fields = {name: fields[name] for name in selected.split(",") if name in fields}
        return json_response(200, {**self._context(context), **fields})

    def _find(self, user: str) -> Person:
        for person in self.people:
            if user.lower() in (person.object_id, person.principal_name.lower()):
                return person
        raise _GraphError(
            404,
            "Request_ResourceNotFound",
            f"Resource '{user}' does not exist or one of its queried reference-property objects "
            "are not present.",
        )

    def _context(self, path: str) -> dict[str, str]:
        return {"@odata.context": f"{self.base_url}/$metadata#{path}"}

    def _bearer(self, request: Request) -> Grant:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise self._unauthorized("Access token is empty.")
        grant = self._entra.vault.access.get(token)
        if grant is None:
            raise self._unauthorized("CompactToken parsing failed with error code: 80049217")
        if grant.revoked_with is not None:
            raise self._unauthorized("Continuous access evaluation resulted in a challenge.")
        if now() >= grant.expires_at:
            raise self._unauthorized("Lifetime validation failed, the token is expired.")
        return grant

    def _unauthorized(self, message: str) -> _GraphError:
        challenge = (
            'Bearer realm="", '
            f'authorization_uri="{self._entra.origin}/common/oauth2/authorize", '
            'client_id="00000003-0000-0000-c000-000000000000", error="invalid_token"'
        )
        headers = {"WWW-Authenticate": challenge}
        return _GraphError(401, "InvalidAuthenticationToken", message, headers)

    def _signed_in(self, grant: Grant) -> Person:
        if grant.person is None:
            raise _GraphError(
                400, "BadRequest", "/me request is only valid with delegated authentication flow."
            )
        return grant.person

    def _require(self, grant: Grant, any_of: frozenset[str], code: str) -> None:
        if not any_of & (grant.permissions - self.forbidden):
            text = "Insufficient privileges to complete the operation."
            raise _GraphError(403, code, "" if code == "Forbidden" else text)


def error_response(
    status: int, code: str, message: str, headers: dict[str, str] | None = None
) -> Response:
    """An error as Graph writes it."""
    request_id = str(uuid.uuid4())
    inner = {"date": _utc()[:19], "request-id": request_id, "client-request-id": request_id}
    return json_response(
        status,
        {"error": {"code": code, "message": message, "innerError": inner}},
        {"request-id": request_id, **(headers or {})},
    )


def _utc() -> str:
    return f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%fZ}"
