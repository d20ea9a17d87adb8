"""msal's way to the network: our own client, so that time limits, proxy and trust hold for it.

Answers that are no answers of Entra's are stopped here, before msal reads or logs them.
"""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

from busylight.sources.graph import reasons
from busylight.sources.graph.answers import read_object
from busylight.sources.graph.errors import AnswerError, EntraUnreachableError, HttpError
from busylight.sources.graph.http import Answer, patience

_LIMIT: Final = 128 * 1024  # bytes; a token of somebody in hundreds of groups has a few KiB
_OK: Final = 200
_BAD_REQUEST: Final = 400
_TOO_MANY: Final = 429
_SERVER_ERROR: Final = 500

_TOKENS: Final = ("access_token", "refresh_token", "id_token", "device_code")
_TEXTS: Final = (*_TOKENS, "token_type", "scope", "client_info", "foci", "user_code", "error")
_MEANINGFUL: Final = frozenset({"access_token", "user_code", "error"})
_TIMES: Final = ("expires_in", "ext_expires_in", "refresh_in", "interval")
_LONGEST_TIME: Final = 10**9  # seconds; the date of more would break the cache that is read back
_TOKEN: Final = re.compile(r"[\x21-\x7e]{1,65536}")

Fetch = Callable[..., Answer]
"""`HttpClient.fetch`."""


class EntraAnswer:
    """An answer in the shape that msal asks for."""

    def __init__(self, status_code: int, text: str, headers: Mapping[str, str]) -> None:
        self.status_code = status_code
        self.text = text
        self.headers = dict(headers)

    def raise_for_status(self) -> None:
        """Raise for an error that msal cannot read."""
        if self.status_code >= _BAD_REQUEST:
            raise EntraUnreachableError(
                f"the sign-in server answered with status {self.status_code}"
            )


class EntraHttp:
    """What msal calls an `http_client`."""

    def __init__(self, fetch: Fetch) -> None:
        self._fetch = fetch

    def get(
        self,
        url: str,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str | None] | None = None,
        **_others: Any,
    ) -> EntraAnswer:
        """Ask for a document: the endpoints of a tenant."""
        answer = self._ask("GET", _with(url, params), headers)
        if answer.status_code >= _BAD_REQUEST:
            # msal would throw the reason away.
            raise reasons.refusal(json.loads(answer.text))
        return answer

    def post(
        self,
        url: str,
        params: Mapping[str, str] | None = None,
        data: Mapping[str, Any] | str | None = None,
        headers: Mapping[str, str | None] | None = None,
        **_others: Any,
    ) -> EntraAnswer:
        """Ask for a token or a device code."""
        body = data if isinstance(data, str) else urlencode(
            {name: value for name, value in (data or {}).items() if value is not None}
        )  # fmt: skip
        form = {"Content-Type": "application/x-www-form-urlencoded", **(headers or {})}
        answer = self._ask("POST", _with(url, params), form, body.encode())
        if not json.loads(answer.text).keys() & _MEANINGFUL:
            raise EntraUnreachableError(
                "the sign-in server gives neither what was asked for nor a reason"
            )  # msal would take an empty object for an empty cache
        return answer

    def close(self) -> None:
        """Leave the connections open: they are not msal's."""

    def _ask(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str | None] | None,
        content: bytes | None = None,
    ) -> EntraAnswer:
        address = urlsplit(url)
        if address.scheme != "https":
            raise EntraUnreachableError("the sign-in server names an address without TLS")
        own = {name: value for name, value in (headers or {}).items() if value is not None}
        try:
            answer = self._fetch(method, url, headers=own, content=content, limit=_LIMIT)
        except HttpError as error:
            raise EntraUnreachableError(error.problem, error.remedy) from None
        status, host = answer.status, address.hostname
        if status == _TOO_MANY or status >= _SERVER_ERROR:
            raise EntraUnreachableError(
                f"the sign-in server {host} is busy or in trouble (status {status})",
                retry_after=patience(answer),
            )
        if status != _OK and status < _BAD_REQUEST:
            raise EntraUnreachableError(
                f"the sign-in server {host} sends us elsewhere (status {status})",
                "somebody else answers: a captive portal?",
            )
        try:
            _check(read_object(answer.content_type, answer.body))
        except AnswerError as error:
            raise EntraUnreachableError(
                f"the sign-in server {host}: {error.problem}", error.remedy
            ) from None
        return EntraAnswer(status, answer.body.decode("utf-8-sig"), answer.headers)


def _check(answer: Mapping[str, Any]) -> None:
    """Refuse what msal would store in its cache without looking at it."""
    for name in _TEXTS:
        if name in answer and not isinstance(answer[name], str):
            raise AnswerError(f'"{name}" is no text')
    for name in _TIMES:
        try:
            sane = 0 <= int(answer.get(name, 0)) <= _LONGEST_TIME
        except (ValueError, TypeError, OverflowError):
            sane = False
        if not sane:
            raise AnswerError(f'"{name}" is no number of seconds')
    for name in _TOKENS:
        if name in answer and not _TOKEN.fullmatch(answer[name]):
            raise AnswerError(f'"{name}" is no token')


def _with(url: str, params: Mapping[str, str] | None) -> str:
    if not params:
        return url
    return f"{url}{'&' if '?' in url else '?'}{urlencode(params)}"
