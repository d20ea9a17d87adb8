"""Every request to Graph: with which token, how often, and what each status means.

Blocking, for one thread at a time; the answers' shape is read in `answers`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

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
from busylight.sources.graph.settings import GraphSettings
from busylight.sources.graph.tokens import Token, Tokens

_NO_FORCE_SECONDS: Final = 60.0  # between two new tokens while Graph refuses each

_OK: Final = 200
_UNAUTHORIZED: Final = 401
_FORBIDDEN: Final = 403
_NOT_THERE: Final = (404, 405)
_TOO_MANY: Final = 429
_SERVER_ERROR: Final = 500

CONSENT: Final = (
    "add it in Entra (App registrations, this app, API permissions, Microsoft Graph) and let an "
    'administrator of your Microsoft 365 press "Grant admin consent"'
)
"""What to do about a permission that the app does not have."""


@dataclass(frozen=True, slots=True)
class Need:
    """What a request needs, and gets."""

    permission: str
    remedy: str = CONSENT
    good: tuple[int, ...] = (_OK,)
    """The statuses of a good answer."""


class GraphApi:
    """Asks Graph, for those whom the settings name."""

    def __init__(
        self, settings: GraphSettings, tokens: Tokens, fetch: Callable[..., Answer]
    ) -> None:
        """Ask nothing yet."""
        self._settings = settings
        self._tokens = tokens
        self._fetch = fetch
        self._host = urlsplit(settings.base).hostname or settings.base
        self._no_force_until = 0.0

    def reach(self) -> Answer:
        """Ask without a token, to see whether Graph answers at all; raises `GraphError`."""
        answer = self._fetch("GET", f"{self._settings.base}/me/presence")
        if answers.error_code(answer.content_type, answer.body) is None:
            raise _somebody_else(self._host, f"status {answer.status}")
        return answer

    def get(self, path: str, needs: Need | None = None) -> dict[str, Any]:
        """Ask once, and return the JSON object of a good answer; raises a `GraphError`."""
        answer = self.answer("GET", path, needs=needs)
        return answers.read_object(answer.content_type, answer.body)

    def answer(
        self,
        method: str,
        path: str,
        *,
        content: bytes | None = None,
        limit: int = ONE_PERSON,
        needs: Need | None = None,
    ) -> Answer:
        """Make one request with a token, and return a good answer; raises a `GraphError`."""
        token = self._tokens.token()
        answer = self._send(method, path, token, content, limit)
        if answer.status == _UNAUTHORIZED and now() >= self._no_force_until:
            token = self._tokens.token_after(token)
            answer = self._send(method, path, token, content, limit)
            if answer.status == _UNAUTHORIZED:
                self._no_force_until = now() + _NO_FORCE_SECONDS
        needs = needs or Need(self._permission())
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

    def _refusal(self, answer: Answer, code: str | None, needs: Need) -> GraphError:
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


def _somebody_else(host: str, said: str) -> AnswerError:
    return AnswerError(
        f"{host} gives an answer that is none of Graph's ({said})",
        "somebody else answers: a captive portal, a proxy, or a wrong address?",
    )
