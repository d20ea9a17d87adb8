"""Signing in with a browser: authorization code (RFC 6749, section 4.1) with PKCE (RFC 7636)."""

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode, urlsplit

from busylight.demo.lookalike.entra_errors import AUTHORIZE, ERRORS, Refusals, RefusedError
from busylight.demo.lookalike.messages import Request, Response
from busylight.demo.lookalike.people import ADELE, Person
from busylight.demo.lookalike.tokens import encode_part
from busylight.edge.clock import now

_CODE_SECONDS: Final = 600.0
_DECLINED: Final = 65004


@dataclass(slots=True)
class CodeGrant:
    """One authorization code, as it was handed to a browser."""

    person: Person
    scopes: frozenset[str]
    redirect_uri: str
    challenge: str
    nonce: str | None
    expires_at: float
    is_used: bool = False


class Browser:
    """Entra's page in somebody's browser. Attributes may be changed at any time."""

    def __init__(self) -> None:
        """Let Adele sit there, and no page be visited yet."""
        self.person: Person | None = ADELE
        """Who signs in; None: somebody who declines to consent."""
        self.redirect_uris = frozenset({"http://localhost"})
        """What the app registration lists."""
        self._codes: dict[str, CodeGrant] = {}

    def visit(self, request: Request, client_id: str, refusals: Refusals) -> Response:
        """Answer the browser: it is sent back to the program, or sees why not."""
        query = request.query
        if (wrong := self._wrong_in(query, client_id)) is not None:
            page = f"<!doctype html><title>Sign in</title><p>AADSTS{wrong}"
            return Response(400, page.encode(), {"Content-Type": "text/html; charset=utf-8"})
        try:
            refusals.check(AUTHORIZE)
        except RefusedError as refused:
            return _refused(query, refused.code)
        if self.person is None:
            return _refused(query, _DECLINED)
        code = secrets.token_urlsafe(96)
        self._codes[code] = CodeGrant(
            self.person,
            frozenset(query.get("scope", "").split()),
            query["redirect_uri"],
            query.get("code_challenge", ""),
            query.get("nonce"),
            now() + _CODE_SECONDS,
        )
        return _back(query, code=code, session_state="0")

    def _wrong_in(self, query: Mapping[str, str], client_id: str) -> int | None:
        """Say by number what keeps the browser from being sent back."""
        if query.get("client_id", "").lower() != client_id.lower():
            return 700016
        if _without_port(query.get("redirect_uri", "")) not in self.redirect_uris:
            return 50011
        if query.get("response_type") != "code" or query.get("code_challenge_method") != "S256":
            return 90014
        return None

    def redeem(self, form: Mapping[str, str]) -> CodeGrant:
        """Take a code back, once, from whoever asked for it; raises `RefusedError`."""
        grant = self._codes.get(form.get("code", ""))
        if grant is None:
            raise RefusedError(9002313)
        if grant.is_used or now() >= grant.expires_at:
            raise RefusedError(70008)
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        if encode_part(digest) != grant.challenge:
            raise RefusedError(70000)
        if form.get("redirect_uri") != grant.redirect_uri:
            raise RefusedError(70000)
        grant.is_used = True
        return grant


def _back(query: Mapping[str, str], **answer: str) -> Response:
    words = urlencode(answer | {"state": query.get("state", "")})
    return Response(302, headers={"Location": f"{query['redirect_uri']}?{words}"})


def _refused(query: Mapping[str, str], code: int) -> Response:
    told = ERRORS[code]
    return _back(query, error=told.error, error_description=f"AADSTS{code}: {told.text}")


def _without_port(address: str) -> str:
    """Entra overlooks the port of `http://localhost`, and of no other address (RFC 8252)."""
    parts = urlsplit(address)
    return f"http://localhost{parts.path}" if parts.hostname == "localhost" else address
