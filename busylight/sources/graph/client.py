"""Asking Graph for presence. Blocking, for one thread at a time.

Which path is asked, how often, and what each status means; the answers' shape is read in
`answers`.
"""

import hashlib
import json
import logging
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import quote, urlsplit

from busylight.core.knowledge import Reading, Trouble, Why
from busylight.core.preferred_presence import Preferred, iso_duration
from busylight.core.presence import Presence
from busylight.edge.clock import now
from busylight.sources.graph import answers
from busylight.sources.graph.errors import (
    AnswerError,
    ForbiddenError,
    GraphError,
    NotThereError,
    RefusedQuestionError,
    UnreachableError,
)
from busylight.sources.graph.http import ONE_PERSON, Answer, patience
from busylight.sources.graph.settings import GraphSettings, Users, is_guid
from busylight.sources.graph.tokens import WRITE_PERMISSION, Token, Tokens

_LOG: Final = logging.getLogger(__name__.rpartition(".")[0])

SLICE: Final = 650
"""People in one request: Graph's own limit."""

NAMES_A_ROUND: Final = 200
"""Principal names that are looked up in one reading: the others are read meanwhile."""
_SAME_LIMIT: Final = 1000  # presences that are kept once for all who have them
_A_PERSON: Final = 4096  # bytes that each person's entry in a bulk answer may have
_UNRESOLVED_SECONDS: Final = 900.0  # until a name that Graph does not know is asked for again
_NO_FORCE_SECONDS: Final = 60.0  # between two new tokens while Graph refuses each

_OK: Final = 200
_NO_CONTENT: Final = 204
_UNAUTHORIZED: Final = 401
_FORBIDDEN: Final = 403
_NOT_THERE: Final = (404, 405)
_TOO_MANY: Final = 429
_SERVER_ERROR: Final = 500

_NO_SUCH_PAIR: Final = Preferred("Trial", "Trial")
"""No presence that could be set: who may set one is told that, and nothing changes."""

_CONSENT: Final = (
    "add it in Entra (App registrations, this app, API permissions, Microsoft Graph) and let an "
    'administrator of your Microsoft 365 press "Grant admin consent"'
)


@dataclass(frozen=True, slots=True)
class _Need:
    """What a request needs, and gets."""

    permission: str
    remedy: str = _CONSENT
    good: tuple[int, ...] = (_OK,)
    """The statuses of a good answer."""


_TO_WRITE: Final = _Need(
    WRITE_PERMISSION,
    "add it in Entra (App registrations, this app, API permissions, Microsoft Graph, delegated), "
    "then sign in again with `busylight login`",
    (_OK, _NO_CONTENT),  # both are told of
)


@dataclass(slots=True)
class _Unresolved:
    """A principal name whose object id is not to be had, and until when that is believed."""

    error: GraphError
    until: float


@dataclass(slots=True)
class Remembered:
    """What outlives a client, which goes with its connections."""

    users: Users
    """Whom a file of people has named last."""
    ids: dict[str, str] = field(default_factory=dict)
    """The object ids of names that were looked up."""
    said: str = ""
    """What was last said to be wrong with the file."""


@dataclass(frozen=True, slots=True)
class _Whom:
    """Whom to ask for many people."""

    users: Users
    people: Sequence[str]
    """Their object ids."""
    names: Mapping[str, str]
    """By object id, of those whom the settings name so."""
    troubles: Mapping[str, Trouble]
    """Of those whose object id is not known."""
    until: float
    """When a name has to be looked up next."""


@dataclass(frozen=True, slots=True)
class _Slice:
    """An answer about some of many people, as far as it is remembered."""

    digest: bytes
    faults: Mapping[str, Trouble]


@dataclass(frozen=True, slots=True)
class _Round:
    """The last answers about all of many people, and what they came to."""

    whom: _Whom
    slices: Sequence[_Slice]
    presences: Mapping[str, Presence]


class GraphClient:
    """Reads the presence of those whom the settings name."""

    def __init__(
        self,
        settings: GraphSettings,
        tokens: Tokens,
        fetch: Callable[..., Answer],
        remembered: Remembered | None = None,
    ) -> None:
        """Ask nothing yet; `remembered` is what a client of before has found out."""
        self._settings = settings
        self._tokens = tokens
        self._fetch = fetch
        self._host = urlsplit(settings.base).hostname or settings.base
        self._remembered = remembered or Remembered(settings.users)
        self._ids = self._remembered.ids
        self._unresolved: dict[str, _Unresolved] = {}
        self._asked_names = 0
        self._whom_before: _Whom | None = None
        self._round: _Round | None = None
        self._same: dict[Presence, Presence] = {}
        self._uses_communications = False
        self._tried_other_path = False
        self._no_force_until = 0.0
        self._has_read = False

    def read(self) -> Reading:
        """Read once; raises a `GraphError`."""
        if self._has_read:
            self._tokens.get_ready()
        self._has_read = True
        if self._settings.users:
            return self._read_many()
        return self._read_one()

    def reach(self) -> Answer:
        """Ask without a token, to see whether Graph answers at all; raises `GraphError`."""
        answer = self._fetch("GET", f"{self._settings.base}/me/presence")
        if answers.error_code(answer.content_type, answer.body) is None:
            raise _somebody_else(self._host, f"status {answer.status}")
        return answer

    # -- One person ---------------------------------------------------------------------------

    def _read_one(self) -> Reading:
        token = self._tokens.token()
        user = self._settings.user
        person = None if user is None else self._resolve(user)
        try:
            answer = self._get(self._path(token, person))
        except NotThereError as error:
            answer = self._get_elsewhere(token, person, error)
        name = token.account.name if person is None and token.account else None
        if user is not None and not is_guid(user):
            name = user
        found, presence = answers.one_presence(answer, person, name)
        self._tried_other_path = False
        account = token.account
        own = account.object_id if account else ""
        return Reading({found or person or own: presence}, {}, account.name if account else None)

    def _path(self, token: Token, person: str | None) -> str:
        if self._uses_communications:
            own = token.account.object_id if token.account else None
            return f"/communications/presences/{quote(person or own or '')}"
        return "/me/presence" if person is None else f"/users/{quote(person)}/presence"

    def _get_elsewhere(
        self, token: Token, person: str | None, error: NotThereError
    ) -> dict[str, Any]:
        """Try the other path, once, and stay with it when it is the right one."""
        if self._tried_other_path:
            raise error
        self._uses_communications = not self._uses_communications
        path = self._path(token, person)
        try:
            answer = self._get(path)
        except GraphError as other:
            self._uses_communications = not self._uses_communications
            # Only an answer of Graph's settles it; a network that failed does not.
            self._tried_other_path = isinstance(other, NotThereError | ForbiddenError)
            if self._tried_other_path:
                raise error from None
            raise
        _LOG.info("Graph tells presence on %s here", path.partition("/presence")[0])
        return answer

    # -- The preferred presence ---------------------------------------------------------------

    def prefer(self, wanted: Preferred | None, seconds: int) -> None:
        """Set the signed-in person's preferred presence for so long; None: clear it.

        Raises a `GraphError`.
        """
        if wanted is None:
            self._act("clearUserPreferredPresence", {})
            return
        self._act(
            "setUserPreferredPresence",
            {
                "availability": wanted.availability,
                "activity": wanted.activity,
                "expirationDuration": iso_duration(seconds),
            },
        )

    def may_prefer(self) -> None:
        """Ask whether a preferred presence could be set, and change nothing: else `GraphError`."""
        try:
            self.prefer(_NO_SUCH_PAIR, 1)
        except RefusedQuestionError:
            return

    def _act(self, action: str, body: dict[str, str]) -> None:
        # By object id: on /me, where it is not documented, Graph has been seen to say 404.
        path = f"/users/{quote(self._own_id())}/presence/{action}"
        try:
            answer = self._answer("POST", path, content=json.dumps(body).encode(), needs=_TO_WRITE)
        except NotThereError as error:
            raise NotThereError(
                error.problem, "is the person signed in to Teams, on any device?"
            ) from None
        if answer.body.strip():  # nothing is documented; a captive portal would say something
            answers.read_object(answer.content_type, answer.body)

    def _own_id(self) -> str:
        """The object id of whoever is signed in, in the organisation that is asked."""
        account = self._tokens.token().account
        key = account.home_account_id if account else ""
        if key not in self._ids:
            self._ids[key] = next(iter(self._read_one().presences))
        return self._ids[key]

    # -- Many ---------------------------------------------------------------------------------

    def _read_many(self) -> Reading:
        token = self._tokens.token()
        whom = self._whom()
        last = self._round if self._round is not None and self._round.whom is whom else None
        before: Mapping[str, Presence] = {} if last is None else last.presences
        asked = [whom.people[at : at + SLICE] for at in range(0, len(whom.people), SLICE)]
        slices: list[_Slice] = []
        news: dict[int, dict[str, Presence]] = {}
        for number, some in enumerate(asked):
            answer = self._post_ids(some)
            digest = _digest(answer)
            if last is not None and last.slices[number].digest == digest:
                slices.append(last.slices[number])
                continue
            document = answers.read_object(answer.content_type, answer.body)
            found, faults = answers.many_presences(document, some, whom.names, before, self._same)
            news[number] = found
            slices.append(_Slice(digest, {who: error.trouble for who, error in faults.items()}))
        if news or last is None:
            if len(self._same) > _SAME_LIMIT:
                self._same = {}
            presences: dict[str, Presence] = {}
            for number, some in enumerate(asked):
                if number in news:
                    presences.update(news[number])
                else:
                    presences.update((who, before[who]) for who in some if who in before)
            self._round = last = _Round(whom, slices, MappingProxyType(presences))
        troubles = dict(whom.troubles)
        for each in slices:
            troubles.update(each.faults)
        return Reading(last.presences, troubles, token.account.name if token.account else None)

    def _whom(self) -> _Whom:
        """Whom to ask for; the very same as before while no name has to be looked up."""
        users, before = self._people(), self._whom_before
        if before is not None and before.users is users and now() < before.until:
            return before
        names: dict[str, str] = {}
        troubles: dict[str, Trouble] = {}
        found: dict[str, None] = {}
        until = math.inf
        asked_before = self._asked_names
        for user in users.people:
            if self._asked_names - asked_before >= NAMES_A_ROUND and not self._is_settled(user):
                troubles[user] = Trouble(Why.STARTING, "the name has not been looked up yet")
                until = 0.0
                continue
            try:
                person = self._resolve(user)
            except (NotThereError, ForbiddenError, AnswerError) as error:
                if error.retry_after is not None:
                    raise
                troubles[user] = error.trouble  # the others are read all the same
                unresolved = self._unresolved.get(user)
                until = min(until, 0.0 if unresolved is None else unresolved.until)
                continue
            found[person] = None
            if not is_guid(user):
                names[person] = user
        self._whom_before = whom = _Whom(users, list(found), names, troubles, until)
        return whom

    def _post_ids(self, people: Sequence[str]) -> Answer:
        ids = '","'.join(people)  # of object ids nothing has to be quoted
        return self._answer(
            "POST",
            "/communications/getPresencesByUserId",
            content=f'{{"ids":["{ids}"]}}'.encode(),
            limit=ONE_PERSON + _A_PERSON * len(people),
        )

    def _people(self) -> Users:
        """Whom to read now: a file of people is read again when it has changed."""
        remembered = self._remembered
        try:
            remembered.users = remembered.users.again()
        except ValueError as error:
            if remembered.said != str(error):
                remembered.said = str(error)
                _LOG.warning("BUSYLIGHT_GRAPH_USERS %s; the people of before are read on", error)
        return remembered.users

    # -- Names --------------------------------------------------------------------------------

    def _resolve(self, user: str) -> str:
        """The object id of a person; a principal name is asked for once."""
        if is_guid(user):
            return user if user.islower() else user.lower()
        if (known := self._ids.get(user)) is not None:
            return known
        before = self._unresolved.get(user)
        if before is not None and now() < before.until:
            raise before.error.with_traceback(None)
        self._asked_names += 1
        try:
            answer = self._get(
                f"/users/{quote(user, safe='@')}?$select=id",
                _Need(
                    "User.ReadBasic.All",
                    f"{_CONSENT}, or give the object id (GUID) of {user} in place of the name",
                ),
            )
            person = answers.person_id(answer)
        except NotThereError:
            error: GraphError = NotThereError(
                f"Graph knows nobody called {user}", "check the name, or give the object id (GUID)"
            )
        except ForbiddenError as forbidden:
            error = forbidden
        else:
            self._ids[user] = person
            self._unresolved.pop(user, None)
            return person
        self._unresolved[user] = _Unresolved(error, now() + _UNRESOLVED_SECONDS)
        raise error

    def _is_settled(self, user: str) -> bool:
        """Whether nothing has to be asked to know who it is, or that nobody is."""
        if is_guid(user) or user in self._ids:
            return True
        before = self._unresolved.get(user)
        return before is not None and now() < before.until

    # -- Every request ------------------------------------------------------------------------

    def _get(self, path: str, needs: _Need | None = None) -> dict[str, Any]:
        """Ask once, and return the JSON object of a good answer."""
        answer = self._answer("GET", path, needs=needs)
        return answers.read_object(answer.content_type, answer.body)

    def _answer(
        self,
        method: str,
        path: str,
        *,
        content: bytes | None = None,
        limit: int = ONE_PERSON,
        needs: "_Need | None" = None,
    ) -> Answer:
        """Make one request with a token, and return a good answer."""
        token = self._tokens.token()
        answer = self._send(method, path, token, content, limit)
        if answer.status == _UNAUTHORIZED and now() >= self._no_force_until:
            token = self._tokens.token_after(token)
            answer = self._send(method, path, token, content, limit)
            if answer.status == _UNAUTHORIZED:
                self._no_force_until = now() + _NO_FORCE_SECONDS
        needs = needs or _Need(self._permission())
        if answer.status in needs.good:
            self._no_force_until = 0.0
            return answer
        code = answers.error_code(answer.content_type, answer.body)
        raise self._refusal(answer, code, needs)

    def _send(
        self, method: str, path: str, token: Token, content: bytes | None, limit: int
    ) -> Answer:
        headers = {"Authorization": f"Bearer {token.value}"}
        if content is not None:
            headers["Content-Type"] = "application/json"
        return self._fetch(
            method, self._settings.base + path, headers=headers, content=content, limit=limit
        )

    def _refusal(self, answer: Answer, code: str | None, needs: "_Need") -> GraphError:
        status = answer.status
        said = f"status {status}, {code}" if code else f"status {status}"
        if status == _TOO_MANY or status >= _SERVER_ERROR:
            wait = patience(answer)
            asks = "" if wait is None else f", and asks to be left alone for {wait:.0f} s"
            return AnswerError(f"Graph is busy or in trouble ({said}){asks}", retry_after=wait)
        if code is None and status != _UNAUTHORIZED:
            return _somebody_else(self._host, said)
        if status == _FORBIDDEN:
            self._tokens.doubt()
            kind = "application" if self._tokens.is_app() else "delegated"
            problem = f"the {kind} permission {needs.permission} is missing ({said})"
            return ForbiddenError(problem, needs.remedy)
        if status == _UNAUTHORIZED:
            return UnreachableError(
                f"Graph refuses a new token, too ({said})",
                "check BUSYLIGHT_GRAPH_CLOUD and this machine's clock",
            )
        if status in _NOT_THERE:
            who = "BUSYLIGHT_GRAPH_USER" if self._settings.user else "who is signed in"
            return NotThereError(
                f"Graph knows no presence of that person ({said})",
                f"check {who}, and that the person has a licence for Teams",
            )
        return RefusedQuestionError(f"Graph does not take our question ({said})")

    def _permission(self) -> str:
        if self._tokens.is_app() or self._settings.user or self._settings.users:
            return "Presence.Read.All"
        return "Presence.Read"


def _digest(answer: Answer) -> bytes:
    """What tells one answer from another."""
    digest = hashlib.blake2b(answer.content_type.encode(), digest_size=32)
    digest.update(b"\n")
    digest.update(answer.body)
    return digest.digest()


def _somebody_else(host: str, said: str) -> AnswerError:
    return AnswerError(
        f"{host} gives an answer that is none of Graph's ({said})",
        "somebody else answers: a captive portal, a proxy, or a wrong address?",
    )
