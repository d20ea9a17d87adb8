"""Access tokens for Graph, through msal: from its cache, by refresh, or for the app itself.

Blocking, for one thread at a time. msal is asked only when the token that is held is used up, or
when another process has changed the cache.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

import busylight
from busylight.edge.clock import now
from busylight.sources.graph import reasons
from busylight.sources.graph.aadsts import NOT_CONSENTED
from busylight.sources.graph.account import Account, PinnedAccount, account_of
from busylight.sources.graph.credential import Credential
from busylight.sources.graph.entra_http import EntraHttp, Fetch
from busylight.sources.graph.errors import (
    EntraUnreachableError,
    GraphError,
    SignedOutError,
)
from busylight.sources.graph.settings import GraphSettings, is_guid
from busylight.sources.graph.stored_token import stored_token
from busylight.sources.graph.token_cache import TokenStore

REFUSED_SECONDS: Final = 900.0
"""How long a refused sign-in is not tried again: nothing but a person can mend it."""

_MARGIN: Final = 300.0  # seconds before its end from which msal calls a token expired
_SHORTEST: Final = 30.0  # seconds that a token is held before msal is asked again
_LONGEST: Final = 6 * 3600.0  # seconds; a wall clock that was set makes nonsense of the rest
_DOUBT: Final = 300.0  # seconds between two new tokens while Graph says 403

WRITE_PERMISSION: Final = "Presence.ReadWrite"

NOBODY: Final = "nobody is signed in"
SIGN_IN: Final = "run `busylight login`, or enter the code that is shown"


@dataclass(frozen=True, slots=True)
class Token:
    """What opens Graph, for whom, and how long we hold it."""

    value: str = field(repr=False)
    account: Account | None
    """None: the app itself."""
    good_until: float
    """On the clock that counts through suspend."""


class Tokens:
    """The tokens of one app registration."""

    def __init__(
        self,
        settings: GraphSettings,
        credential: Credential | None,
        store: TokenStore,
        pinned: PinnedAccount,
        fetch: Fetch,
    ) -> None:
        """Ask nobody yet."""
        self.store = store
        self.pinned = pinned
        self.sign_in_scopes = [*scopes(settings), *write_scopes(settings)]
        """What a person who signs in is asked for."""
        self._scopes = scopes(settings)
        self._writes = False
        self._settings = settings
        self._credential = credential
        self._environment = (urlsplit(settings.authority).hostname or "").lower()
        self._http = EntraHttp(fetch)
        self._http_cache: dict[str, Any] = {}
        self._app_made: Any = None
        self._held: Token | None = None
        self._refused: SignedOutError | None = None
        self._refused_until = 0.0
        self._may_renew_at = 0.0

    def want_to_write(self) -> None:
        """Take no token any more that is good for reading alone."""
        self._scopes, self._writes = self.sign_in_scopes, True

    def get_ready(self) -> None:
        """Load msal, for which a first reading does not wait.

        Not as late as when the first token ends: an upgrade may have replaced it by then. Where it
        cannot be loaded now (no file can be opened, say) the token in hand is as good as before.
        """
        with suppress(OSError, ImportError):
            import msal  # noqa: F401, PLC0415 -- what this is for

    def token(self) -> Token:
        """Return a token that should be good.

        Raises `SignedOutError`, or `EntraUnreachableError` when nobody can tell.
        """
        held = self._held
        changed = self.store.is_changed()
        if held is not None and now() < held.good_until and not changed:
            return held
        self._say_refused_again(changed=changed)
        with self.store.locked():
            return self._stored() or self._acquire()

    def token_after(self, refused: Token) -> Token:
        """Return another token than `refused`, whatever the cache and the clock say of that."""
        with self.store.locked() as changed:
            if changed:  # by another process, which may have got a new one
                token = self._acquire()
                if token.value != refused.value:
                    return token
            self._say_refused_again(changed=changed)
            self._drop_access_tokens()
            return self._acquire()

    def proven(self) -> Token:
        """Return a token that the sign-in server has just made: it still knows the person."""
        with self.store.locked():
            return self._acquire(force=True)

    def doubt(self) -> None:
        """Note that Graph says 403: a token made since then may have more permissions."""
        if self._held is not None and now() >= self._may_renew_at:
            self._may_renew_at = now() + _DOUBT
            self._held = None
            with self.store.locked():
                self._drop_access_tokens()

    def account(self) -> Account | None:
        """Who is signed in, by the cache alone: nobody is asked."""
        with self.store.locked():
            try:
                return account_of(self._entry())
            except SignedOutError:
                return None

    def is_app(self) -> bool:
        """Whether the app itself signs in."""
        return self._credential is not None

    def forget(self) -> list[str]:
        """Remove all tokens, and say whose; the pinned account stays pinned."""
        with self.store.locked():
            names = sorted(each.name for each in self.accounts())
            self.store.forget()
        self._held = self._refused = None
        if names and self.store.is_unwritten:
            raise GraphError(
                f"the tokens are still in {self.store.path}, which cannot be written",
                "make it writable and log out again, or sign out everywhere at "
                "https://myaccount.microsoft.com",
            )
        return names

    def take(self, account: Account, answer: Mapping[str, Any]) -> None:
        """Hold the token of somebody who has just signed in. Under the store's lock."""
        self._refused = None
        self.store.set_aside = None
        self._held = self._made(answer, account)

    def silent(self) -> Token | None:
        """The token of whoever is in the cache now; None if there is none. Under the lock."""
        try:
            return self._acquire()
        except SignedOutError:
            return None

    def find_tenant(self) -> None:
        """Ask the sign-in server for its addresses; raises `GraphError` where there are none."""
        with speaking():
            _ = self.app

    def is_due(self) -> bool:
        """Whether a refused sign-in may be tried again."""
        return self._refused is not None and now() >= self._refused_until

    @property
    def app(self) -> Any:
        """What msal calls an application. Making it asks the sign-in server for its addresses."""
        # msal would give the same error again for up to a minute, without asking.
        self._http_cache.clear()
        if self._app_made is None:
            import msal  # noqa: PLC0415 -- while a token is good nobody needs it

            common: dict[str, Any] = {
                "authority": self._settings.authority,
                "token_cache": self.store.cache,
                "http_client": self._http,
                "http_cache": self._http_cache,
                # The authority is a setting; nobody else has to vouch for it.
                "instance_discovery": False,
                "app_name": "busylight",
                "app_version": busylight.__version__,
            }
            client_id = self._settings.client_id
            if self._credential is None:
                self._app_made = msal.PublicClientApplication(client_id, **common)
            else:
                self._app_made = msal.ConfidentialClientApplication(
                    client_id, client_credential=self._credential, azure_region=False, **common
                )
        return self._app_made

    def _acquire(self, *, force: bool = False) -> Token:
        try:
            token = self._for_app() if self.is_app() else self._for_person(force=force)
        except SignedOutError as raised:
            self._held = None
            error = raised
            if not self._writes:
                self._drop_access_tokens()  # or another process would believe in what is left
            elif raised.aadsts in NOT_CONSENTED:  # who may not write may well read on
                error = _for_reading_only(raised.aadsts)
            self._refused, self._refused_until = error, now() + REFUSED_SECONDS
            raise error from None
        self._refused = None
        self._held = token
        return token

    def _stored(self) -> Token | None:
        """The token in the cache, if it is as msal would give it; nothing is written or asked."""
        cache, pinned = self.store.as_it_stands(), self.pinned.get()
        if cache is None or pinned is None or self.is_app():
            return None
        entry = next((each for each in self._entries() if account_of(each).is_same(pinned)), None)
        if entry is None:
            return None
        settings, account = self._settings, account_of(entry)
        found = stored_token(
            cache, settings.authority, settings.client_id, account.home_account_id, self._scopes
        )
        if found is None or found["expires_in"] <= _MARGIN + _SHORTEST:
            return None
        self._refused = None
        self._held = self._made(found, account)
        return self._held

    def _for_app(self) -> Token:
        with speaking():
            answer = self.app.acquire_token_for_client(self._scopes, http_exceptions=(GraphError,))
        return self._made(answer, None)

    def _for_person(self, *, force: bool) -> Token:
        entry = self._entry()
        account = account_of(entry)
        with speaking():
            answer = self.app.acquire_token_silent_with_error(
                self._scopes,
                {**entry, "username": account.username},
                force_refresh=force,
                # With these msal goes on with a token that is merely due for renewal.
                http_exceptions=(GraphError,),
            )
        if answer is None:
            raise SignedOutError(f"the sign-in of {account.name} is no longer there", SIGN_IN)
        if self.pinned.get() is None:
            self.pinned.set(account)
        return self._made(answer, account)

    def accounts(self) -> list[Account]:
        """Everyone who is in the cache. Under the store's lock."""
        return [account_of(each) for each in self._entries()]

    def _entries(self) -> list[dict[str, Any]]:
        return self.store.accounts(self._environment)

    def _entry(self) -> dict[str, Any]:
        """The account whose light this is, in msal's words; `SignedOutError` if it is not in."""
        entries = self._entries()
        if not entries:
            raise SignedOutError(self.store.set_aside or NOBODY, SIGN_IN)
        pinned = self.pinned.get()
        if pinned is None:
            return entries[0]
        for entry in entries:
            if account_of(entry).is_same(pinned):
                return entry
        other = account_of(entries[0]).name
        raise SignedOutError(
            f"{other} is signed in, but this is the light of {pinned.name}",
            f"sign in as {pinned.name}, or run `busylight login --switch`",
        )

    def _made(self, answer: Any, account: Account | None) -> Token:
        if not isinstance(answer, Mapping):
            raise EntraUnreachableError("the sign-in server gave no token and no reason")
        if "access_token" not in answer:
            raise reasons.refusal(answer)
        held = min(max(int(answer.get("expires_in", 0)) - _MARGIN, _SHORTEST), _LONGEST)
        return Token(answer["access_token"], account, now() + held)

    def _drop_access_tokens(self) -> None:
        for entry in list(self.store.cache.search("AccessToken")):
            self.store.cache.remove_at(entry)

    def _say_refused_again(self, *, changed: bool) -> None:
        if self._refused is None or changed or now() >= self._refused_until:
            return
        raise self._refused.with_traceback(None)


def _for_reading_only(aadsts: int | None) -> SignedOutError:
    return SignedOutError(
        f"the sign-in is for reading only, without {WRITE_PERMISSION} (AADSTS{aadsts})",
        "sign in again with `busylight login`",
        aadsts=aadsts,
    )


def scopes(settings: GraphSettings) -> list[str]:
    """The least that has to be asked for, to read."""
    cloud = settings.cloud_in_force
    if settings.is_app_permission:
        return [cloud.scope(".default")]
    people = settings.users.people or ((settings.user,) if settings.user else ())
    if not people:
        return [cloud.scope("Presence.Read")]
    wanted = [cloud.scope("Presence.Read.All")]
    if not all(is_guid(person) for person in people):
        wanted.append(cloud.scope("User.ReadBasic.All"))
    return wanted


def write_scopes(settings: GraphSettings) -> list[str]:
    """What has to be asked for besides, where the person's preferred presence is set."""
    return [settings.cloud_in_force.scope(WRITE_PERMISSION)] if settings.write else []


@contextmanager
def speaking() -> Iterator[None]:
    """Let nothing but a `GraphError` out of msal: answers of odd shapes make it raise anything."""
    try:
        yield
    except GraphError:
        raise
    except Exception as error:  # noqa: BLE001 -- KeyError, TypeError, AttributeError, …, as it comes
        raise EntraUnreachableError(
            f"the sign-in server's answer cannot be used ({type(error).__name__})"
        ) from None
