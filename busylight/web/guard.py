"""Stands before every request: by which name, from which page, by whom; and how it is answered."""

import logging
from http.cookies import CookieError, SimpleCookie
from typing import TYPE_CHECKING, Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from busylight.web.hosts import is_same_origin
from busylight.web.password import Verdict

if TYPE_CHECKING:
    from busylight.web.app import Site

_log: Final = logging.getLogger("busylight.web")

_HEADERS: Final = {
    # No script and no style but our own files; in nobody's frame; forms lead nowhere else.
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # Not no-referrer: browsers would call the origin of our own forms null, then.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}
HEAD_SIZE: Final = 16 * 1024
"""Bytes that the head of a request may have."""
_READ: Final = frozenset({"GET", "HEAD"})
_OPEN: Final = ("/login", "/static/")
_BY_TOKEN: Final = ("/api/", "/metrics")


class Guard:
    """Refuses what may not be, and lets the rest through."""

    def __init__(self, site: "Site", app: ASGIApp) -> None:
        self._site = site
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        line = scope["state"]["line"]
        line.asked()
        answer = _Answer(scope, send)
        try:
            refusal = await self._refusal(scope)
            await (refusal or self._app)(scope, receive, answer.send)
        except Exception:  # noqa: BLE001 -- whatever fails in it is told, and ends one answer
            _log.exception("the page failed at %s", scope["method"])
            if answer.began:
                line.abort()
            else:
                failed = PlainTextResponse("The page failed here; see the log.", 500)
                await failed(scope, receive, answer.send)
        finally:
            line.answered()

    async def _refusal(self, scope: Scope) -> Response | None:
        headers, site = Headers(scope=scope), self._site
        parts = (scope["raw_path"], scope["query_string"], *(b"".join(h) for h in headers.raw))
        if sum(map(len, parts)) > HEAD_SIZE:
            return PlainTextResponse("The head of a request has at most 16 KiB here.\n", 431)
        host, path = headers.get("host", ""), scope["path"]
        if not site.hosts.knows(host):
            return PlainTextResponse(
                "This page does not go by that name. Open it by its IP address, or add the name to "
                "BUSYLIGHT_WEB_HOSTS.\n",
                421,
            )
        if scope["method"] not in _READ and (problem := _foreign(headers, host)) is not None:
            return PlainTextResponse(f"{problem}\n", 403)
        if path.startswith(_BY_TOKEN):
            return await self._refusal_of_token(headers, scope)
        cookie = cookie_of(headers, site.cookie)
        state = scope["state"]
        state["is_new"] = not site.sessions.is_ours(cookie)
        if state["is_new"]:
            cookie = site.sessions.issue(signed_in=False)
        state["cookie"] = cookie
        if path.startswith(_OPEN) or not site.asks_for_password:
            return None
        if site.sessions.is_signed_in(cookie):
            return None
        if scope["method"] == "GET" and path == "/":
            return RedirectResponse("/login", 303)
        return PlainTextResponse("Sign in first: /login\n", 401)

    async def _refusal_of_token(self, headers: Headers, scope: Scope) -> Response | None:
        site = self._site
        if site.token is None:
            return None
        kind, _, word = headers.get("authorization", "").partition(" ")
        if kind.lower() != "bearer" or not word.strip():
            return PlainTextResponse(
                "Send the header Authorization: Bearer TOKEN, with BUSYLIGHT_WEB_TOKEN or, where "
                "that is not set, BUSYLIGHT_WEB_PASSWORD.\n",
                401,
                {"WWW-Authenticate": 'Bearer realm="busylight"'},
            )
        verdict = await site.token.is_right(_text(word.strip()), peer_of(scope))
        if verdict.is_right:
            return None
        if verdict.wait:
            return too_many(verdict)
        challenge = 'Bearer realm="busylight", error="invalid_token"'
        return PlainTextResponse("This token is wrong.\n", 401, {"WWW-Authenticate": challenge})


class _Answer:
    """Adds to each answer what all of them have."""

    def __init__(self, scope: Scope, send: Send) -> None:
        self._scope = scope
        self._send = send
        self.began = False

    async def send(self, message: Message) -> None:
        """Hand it on."""
        if message["type"] == "http.response.start":
            self.began = True
            headers = MutableHeaders(raw=list(message.get("headers", [])))
            for name, value in _HEADERS.items():
                headers.setdefault(name, value)
            headers.setdefault("Cache-Control", "no-store")
            headers.setdefault("Server", "busylight")
            if self._scope["method"] not in _READ and message["status"] >= 400:  # noqa: PLR2004 -- HTTP's errors
                headers["Connection"] = "close"  # whatever of the body was not read
            message = {**message, "headers": headers.raw}
        await self._send(message)


def _foreign(headers: Headers, host: str) -> str | None:
    """Why a change is not one that our own page, or a program, has sent."""
    site = headers.get("sec-fetch-site")
    if site not in (None, "same-origin", "none"):
        return "Another site has sent this; it may not change anything here."
    origin = headers.get("origin")
    if origin is not None and not is_same_origin(origin, host):
        return "Another site has sent this; it may not change anything here."
    return None


def cookie_of(headers: Headers, name: str) -> str:
    """A cookie's value; empty if it was not sent."""
    try:
        found = SimpleCookie(headers.get("cookie", "")).get(name)
    except CookieError:
        return ""
    return "" if found is None else found.value


def set_cookie(response: Response, site: "Site", value: str) -> None:
    """Have the browser keep it: for our own pages, and for no script."""
    response.set_cookie(
        site.cookie, value, max_age=30 * 86_400, path="/", httponly=True, samesite="strict"
    )


def peer_of(scope: Scope) -> str:
    """The address at the other end."""
    return str(scope["client"][0]) if scope.get("client") else ""


def too_many(verdict: Verdict) -> Response:
    """What is answered to somebody who has been wrong too often."""
    return PlainTextResponse(
        f"Too many wrong tries from your address; try again in {verdict.seconds} s.\n",
        429,
        {"Retry-After": str(verdict.seconds)},
    )


def _text(header: str) -> str:
    """A header's bytes as UTF-8, where they are."""
    try:
        return header.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return header
