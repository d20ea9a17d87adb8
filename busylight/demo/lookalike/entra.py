"""A look-alike of Microsoft Entra's sign-in: discovery, device code, browser, refresh, app."""

import secrets
import threading
from collections import Counter
from collections.abc import Callable, Collection, Iterable
from typing import Any, Final
from urllib.parse import parse_qsl

from cryptography import x509

from busylight.demo.lookalike import discovery
from busylight.demo.lookalike.browser import Browser
from busylight.demo.lookalike.entra_errors import (
    AUTHORIZATION_CODE,
    CLIENT_CREDENTIALS,
    DEVICE_AUTHORIZATION,
    DEVICE_CODE,
    DISCOVERY,
    REFRESH_TOKEN,
    Refusals,
    RefusedError,
)
from busylight.demo.lookalike.messages import Request, Response, json_response
from busylight.demo.lookalike.people import (
    ADELE,
    PERSONAL_TENANT_ID,
    TENANT_DOMAIN,
    TENANT_ID,
    Person,
)
from busylight.demo.lookalike.sign_in import DeviceSignIn, Step
from busylight.demo.lookalike.tokens import (
    OPENID_SCOPES,
    Grant,
    Vault,
    check_assertion,
    encode_part,
    id_token,
    permission,
)
from busylight.edge.clock import now

DELEGATED_PERMISSIONS: Final = frozenset(
    {"Presence.Read", "Presence.Read.All", "User.Read", "User.ReadBasic.All"}
)
CONSENTED_BY_SIGNING_IN: Final = frozenset({"Presence.ReadWrite"})
APP_PERMISSIONS: Final = frozenset({"Presence.Read.All", "User.ReadBasic.All"})
_GRANT_NAMES: Final = {
    "urn:ietf:params:oauth:grant-type:device_code": DEVICE_CODE,
    "device_code": DEVICE_CODE,
    "authorization_code": AUTHORIZATION_CODE,
    "refresh_token": REFRESH_TOKEN,
    "client_credentials": CLIENT_CREDENTIALS,
}
_ASSERTION_TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_REFRESH_TOKEN_SECONDS: Final = 90 * 86400


class Entra:
    """Signs people and the app in. Attributes may be changed at any time."""

    def __init__(
        self, *, client_id: str, client_secret: str, origin: str, changed: threading.Condition
    ) -> None:
        """Know one app, at `origin`; `changed` is told of everything that happens."""
        self.client_id = client_id
        self.client_secret = client_secret
        self.origin = origin
        self.interval = 1
        """Seconds that a client is asked to leave between polls."""
        self.device_code_seconds = 900
        """Seconds that a code lives."""
        self.access_token_seconds = 3900
        """Seconds that an access token lives."""
        self.auto_approve_after: float | None = None
        """Seconds after which `auto_approve_person` enters each code."""
        self.auto_approve_person = ADELE
        self.browser = Browser()
        """Who sits there, and where it may lead back to."""
        self.on_device_code: Callable[[DeviceSignIn], None] | None = None
        """Called with each new sign-in, in the server's thread."""
        self.consented = set(DELEGATED_PERMISSIONS)
        """What people's tokens may carry; to ask for more is refused with AADSTS65001."""
        self.consented_by_signing_in = set(CONSENTED_BY_SIGNING_IN)
        """What a person is asked to consent to by a sign-in that wants it, and does."""
        self.app_roles = set(APP_PERMISSIONS)
        """What the app's own tokens carry."""
        self.issued: Counter[str] = Counter()
        """Token answers by grant: `device_code`, `authorization_code`, `refresh_token`, …"""
        self.vault = Vault()
        self._certificates: list[x509.Certificate] = []
        self._sign_ins: list[DeviceSignIn] = []
        self._refusals = Refusals()
        self._slow_downs = 0
        self._changed = changed

    # -- What a test, or the demo, does -------------------------------------------------------

    @property
    def tokens_issued(self) -> int:
        """How many times tokens were handed out."""
        return self.issued.total()

    @property
    def sign_ins(self) -> tuple[DeviceSignIn, ...]:
        """Every sign-in by device code that was begun, oldest first."""
        with self._changed:
            return tuple(self._sign_ins)

    def approve(self, user_code: str | None = None, person: Person = ADELE) -> None:
        """Enter the code in the browser as `person`; without a code, the newest one.

        Raises LookupError where no such code waits, and PermissionError where the browser would
        turn the person away: a personal account where only a company's may sign in.
        """
        with self._changed:
            sign_in = self._pending(user_code)
            if person.is_personal and sign_in.tenant not in ("common", "consumers"):
                raise PermissionError(f"{person.principal_name} is a personal account")
            sign_in.step, sign_in.person = Step.APPROVED, person
            self._changed.notify_all()

    def decline(
        self, user_code: str | None = None, *, error: str = "authorization_declined"
    ) -> None:
        """Say no in the browser; `error` is the word that the client is told."""
        with self._changed:
            sign_in = self._pending(user_code)
            sign_in.step, sign_in.error = Step.DECLINED, error
            self._changed.notify_all()

    def wait_sign_in(self, *, count: int = 1, timeout: float = 10.0) -> DeviceSignIn:
        """Wait until `count` sign-ins were begun in all; return the newest, or TimeoutError."""
        with self._changed:
            if not self._changed.wait_for(lambda: len(self._sign_ins) >= count, timeout):
                raise TimeoutError(f"{len(self._sign_ins)} of {count} sign-ins were begun")
            return self._sign_ins[-1]

    def expire_device_codes(self) -> None:
        """Let every code that waits be too old."""
        with self._changed:
            for sign_in in self._sign_ins:
                sign_in.expires_at = min(sign_in.expires_at, now())

    def slow_down(self, times: int = 1) -> None:
        """Answer the next polls of a sign-in with `slow_down` (RFC 8628, section 3.5)."""
        with self._changed:
            self._slow_downs = times

    def refuse_with(
        self, code: int, *, times: int | None = None, at: Collection[str] | None = None
    ) -> None:
        """Refuse with AADSTS`code`, `times` times or until `allow()`.

        `at` names grants (`refresh_token`, `device_code`, `client_credentials`, …), `devicecode`
        (the begin of a sign-in), `authorize` (the browser) or `discovery`; the default is where
        Entra says this code: one that a new sign-in heals is said to refreshes only.
        """
        with self._changed:
            self._refusals.add(code, times, at)

    def allow(self) -> None:
        """End every `refuse_with` and `slow_down`."""
        with self._changed:
            self._refusals.clear()
            self._slow_downs = 0

    def revoke(self, person: Person | None = None, *, code: int = 50173) -> None:
        """Let all tokens die, or one person's: refreshes are refused with AADSTS`code`."""
        with self._changed:
            for grant in (*self.vault.access.values(), *self.vault.refresh.values()):
                if person is None or grant.person == person:
                    grant.revoked_with = code

    def expire_access_tokens(self) -> None:
        """Let Graph refuse every access token, which the clients believe to be good still."""
        with self._changed:
            for grant in self.vault.access.values():
                grant.expires_at = min(grant.expires_at, now())

    def register_certificate(self, certificate: x509.Certificate) -> None:
        """Upload a certificate to the app registration."""
        with self._changed:
            self._certificates.append(certificate)

    # -- What a client sees -------------------------------------------------------------------

    def handle(self, request: Request) -> Response | None:
        """Answer a request; None where the path is not Entra's."""
        parts = request.path.strip("/").split("/")
        with self._changed:
            try:
                match parts:
                    case ["devicelogin"]:
                        return _DEVICE_LOGIN_PAGE
                    case [_, "discovery", "instance"]:
                        return discovery.instance(self.origin)
                    case [tenant, "v2.0", ".well-known", "openid-configuration"]:
                        self._refusals.check(DISCOVERY)
                        tenant_id = _tenant_id(tenant)
                        return discovery.openid_configuration(self.origin, tenant, tenant_id)
                    case [tenant, "oauth2", "v2.0", "devicecode"]:
                        return self._begin_sign_in(tenant, _form(request))
                    case [tenant, "oauth2", "v2.0", "authorize"]:
                        return self.browser.visit(request, self.client_id, self._refusals)
                    case [tenant, "oauth2", "v2.0", "token"]:
                        return self._token(tenant, _form(request))
                    case [_, "discovery", "v2.0", "keys"]:
                        return json_response(200, {"keys": []})
            except RefusedError as refused:
                return refused.response()
        return None

    def _begin_sign_in(self, tenant: str, form: dict[str, str]) -> Response:
        _tenant_id(tenant)
        self._refusals.check(DEVICE_AUTHORIZATION)
        self._check_client(form)
        scopes = frozenset(form.get("scope", "").split())
        sign_in = DeviceSignIn.begin(tenant, scopes, self.device_code_seconds)
        self._sign_ins.append(sign_in)
        self._changed.notify_all()
        if self.on_device_code is not None:
            self.on_device_code(sign_in)
        address = f"{self.origin}/devicelogin"
        return json_response(
            200,
            {
                "user_code": sign_in.user_code,
                "device_code": sign_in.device_code,
                "verification_uri": address,
                "expires_in": self.device_code_seconds,
                "interval": self.interval,
                "message": (
                    f"To sign in, use a web browser to open the page {address} and enter the "
                    f"code {sign_in.user_code} to authenticate."
                ),
            },
        )

    def _token(self, tenant: str, form: dict[str, str]) -> Response:
        _tenant_id(tenant)
        grant = _GRANT_NAMES.get(form.get("grant_type", ""))
        if grant is None:
            raise RefusedError(90014)
        if grant != DEVICE_CODE:
            self._refusals.check(grant)
        self._check_client(form)
        if grant == DEVICE_CODE:
            return self._redeem_device_code(form)
        if grant == AUTHORIZATION_CODE:
            return self._redeem_authorization_code(form)
        if grant == REFRESH_TOKEN:
            return self._redeem_refresh_token(form)
        return self._redeem_client_credentials(tenant, form)

    def _redeem_device_code(self, form: dict[str, str]) -> Response:
        code = form.get("device_code") or form.get("code")
        sign_in = next((s for s in self._sign_ins if s.device_code == code), None)
        if sign_in is None or sign_in.step is Step.USED:
            raise RefusedError(70000)
        if self._slow_downs:
            self._slow_downs -= 1
            raise RefusedError(70016, error="slow_down")
        moment = now()
        if moment >= sign_in.expires_at:
            raise RefusedError(70020)
        delay = self.auto_approve_after
        if sign_in.is_pending and delay is not None and moment >= sign_in.started_at + delay:
            self.approve(sign_in.user_code, self.auto_approve_person)
        if sign_in.step is Step.DECLINED:
            raise RefusedError(70017, error=sign_in.error)
        if sign_in.person is None:
            raise RefusedError(70016)
        self._refusals.check(DEVICE_CODE)
        self._consent(sign_in.scopes)
        answer = self._person_tokens(sign_in.person, sign_in.scopes)
        sign_in.step = Step.USED
        self.issued[DEVICE_CODE] += 1
        return answer

    def _redeem_authorization_code(self, form: dict[str, str]) -> Response:
        grant = self.browser.redeem(form)
        self._consent(grant.scopes)
        answer = self._person_tokens(grant.person, grant.scopes, grant.nonce)
        self.issued[AUTHORIZATION_CODE] += 1
        return answer

    def _redeem_refresh_token(self, form: dict[str, str]) -> Response:
        grant = self.vault.refresh.get(form.get("refresh_token", ""))
        if grant is None or grant.person is None:
            raise RefusedError(70000)
        if grant.revoked_with is not None:
            raise RefusedError(grant.revoked_with)
        if now() >= grant.expires_at:
            raise RefusedError(700082)
        answer = self._person_tokens(grant.person, frozenset(form.get("scope", "").split()))
        self.issued[REFRESH_TOKEN] += 1
        return answer

    def _redeem_client_credentials(self, tenant: str, form: dict[str, str]) -> Response:
        if not form.get("scope", "").endswith("/.default"):
            raise RefusedError(70011)
        if "client_assertion" in form:
            if form.get("client_assertion_type") != _ASSERTION_TYPE:
                raise RefusedError(90014)
            check_assertion(
                form["client_assertion"],
                client_id=self.client_id,
                audiences=(f"{self.origin}/{tenant}/oauth2/v2.0/token",),
                certificates=self._certificates,
            )
        elif "client_secret" not in form:
            raise RefusedError(7000218)
        elif not secrets.compare_digest(
            form["client_secret"].encode(), self.client_secret.encode()
        ):
            raise RefusedError(7000215)
        self.issued[CLIENT_CREDENTIALS] += 1
        return json_response(200, self._access_token(None, self.app_roles), _NO_STORE)

    def _consent(self, scopes: frozenset[str]) -> None:
        asked = {permission(scope) for scope in scopes}
        self.consented |= asked & self.consented_by_signing_in

    def _person_tokens(
        self, person: Person, scopes: frozenset[str], nonce: str | None = None
    ) -> Response:
        asked = scopes - OPENID_SCOPES
        granted = {permission(scope) for scope in asked} - {".default"}
        if not granted:
            granted = set(self.consented)
        if granted - self.consented:
            raise RefusedError(65001)
        answer = self._access_token(person, granted)
        answer["scope"] = " ".join(sorted({*asked, "openid", "profile", "email"}))
        if "offline_access" in scopes:
            grant = Grant(
                self.client_id, person, frozenset(granted), now() + _REFRESH_TOKEN_SECONDS
            )
            answer["refresh_token"] = self.vault.keep(self.vault.refresh, grant)
        if "openid" in scopes:
            issuer = f"{self.origin}/{person.tenant_id}/v2.0"
            answer["id_token"] = id_token(
                person, self.client_id, issuer, self.access_token_seconds, nonce
            )
        info = {"uid": person.object_id, "utid": person.tenant_id}
        answer["client_info"] = encode_part(info)
        return json_response(200, answer, _NO_STORE)

    def _access_token(self, person: Person | None, permissions: Iterable[str]) -> dict[str, Any]:
        seconds = self.access_token_seconds
        grant = Grant(self.client_id, person, frozenset(permissions), now() + seconds)
        return {
            "token_type": "Bearer",
            "expires_in": seconds,
            "ext_expires_in": seconds,
            "access_token": self.vault.keep(self.vault.access, grant),
        }

    def _pending(self, user_code: str | None) -> DeviceSignIn:
        for sign_in in reversed(self._sign_ins):
            if sign_in.is_pending and user_code in (None, sign_in.user_code):
                return sign_in
        raise LookupError(f"no sign-in waits for {user_code or 'any code'}")

    def _check_client(self, form: dict[str, str]) -> None:
        if form.get("client_id", "").lower() != self.client_id.lower():
            raise RefusedError(700016)


_NO_STORE: Final = {"Cache-Control": "no-store, no-cache", "Pragma": "no-cache"}
_DEVICE_LOGIN_PAGE: Final = Response(
    200,
    b"<!doctype html><title>Sign in</title><p>A stand-in for Microsoft's sign-in page: "
    b"nothing can be entered here.",
    {"Content-Type": "text/html; charset=utf-8"},
)


def _form(request: Request) -> dict[str, str]:
    return dict(parse_qsl(request.body.decode("utf-8", "replace")))


def _tenant_id(tenant: str) -> str:
    if tenant.lower() in (TENANT_ID, TENANT_DOMAIN, "organizations", "common"):
        return TENANT_ID
    if tenant.lower() in (PERSONAL_TENANT_ID, "consumers"):
        return PERSONAL_TENANT_ID
    raise RefusedError(90002)
