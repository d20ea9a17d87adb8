"""Presence from Graph, read, and the preferred one set. Blocking, for one thread at a time."""

import json
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from busylight.core.knowledge import Reading
from busylight.core.preferred_presence import Preferred, iso_duration
from busylight.sources.graph import answers
from busylight.sources.graph.api import GraphApi, Need
from busylight.sources.graph.errors import (
    ForbiddenError,
    GraphError,
    NotThereError,
    RefusedQuestionError,
)
from busylight.sources.graph.http import Answer
from busylight.sources.graph.names import Names, Remembered
from busylight.sources.graph.settings import GraphSettings, is_guid
from busylight.sources.graph.tokens import WRITE_PERMISSION, Token, Tokens

if TYPE_CHECKING:
    from busylight.sources.graph.many import ManyPeople

_LOG: Final = logging.getLogger(__name__.rpartition(".")[0])

_OK: Final = 200
_NO_CONTENT: Final = 204

_NO_SUCH_PAIR: Final = Preferred("Trial", "Trial")
"""No presence that could be set: who may set one is told that, and nothing changes."""

_TO_WRITE: Final = Need(
    WRITE_PERMISSION,
    "add it in Entra (App registrations, this app, API permissions, Microsoft Graph, delegated), "
    "then sign in again with `busylight login`",
    (_OK, _NO_CONTENT),  # both are told of
)


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
        self._remembered = remembered or Remembered(settings.users)
        self._api = GraphApi(settings, tokens, fetch)
        self._names = Names(self._api, self._remembered.ids)
        self._many = self._many_people() if settings.users else None
        self._uses_communications = False
        self._tried_other_path = False
        self._has_read = False

    def read(self) -> Reading:
        """Read once; raises a `GraphError`."""
        if self._has_read:
            self._tokens.get_ready()
        self._has_read = True
        return self._read_one() if self._many is None else self._many.read()

    def reach(self) -> Answer:
        """Ask without a token, to see whether Graph answers at all; raises `GraphError`."""
        return self._api.reach()

    def _many_people(self) -> "ManyPeople":
        from busylight.sources.graph.many import ManyPeople  # noqa: PLC0415 -- most read one

        return ManyPeople(self._api, self._tokens, self._names, self._remembered)

    # -- One person ---------------------------------------------------------------------------

    def _read_one(self) -> Reading:
        token = self._tokens.token()
        user = self._settings.user
        person = None if user is None else self._names.resolve(user)
        try:
            answer = self._api.get(self._path(token, person))
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
            answer = self._api.get(path)
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
            answer = self._api.answer(
                "POST", path, content=json.dumps(body).encode(), needs=_TO_WRITE
            )
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
        if key not in self._remembered.ids:
            self._remembered.ids[key] = next(iter(self._read_one().presences))
        return self._remembered.ids[key]
