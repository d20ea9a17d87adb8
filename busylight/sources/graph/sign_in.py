"""Signing in by device code: one blocking step at a time, each under the cache's lock.

So a `login` beside a running daemon works: between two steps the other process has its turn, and
whoever signs in at one is found by the other.
"""

from dataclasses import dataclass, field
from typing import Any, Final

from busylight.core.knowledge import SignInPrompt
from busylight.edge.clock import now
from busylight.sources.graph import reasons
from busylight.sources.graph.account import Account
from busylight.sources.graph.answers import read_client_info
from busylight.sources.graph.errors import EntraUnreachableError, SignInRefusedError
from busylight.sources.graph.tokens import Tokens, speaking

_PENDING: Final = "authorization_pending"
_SLOW_DOWN: Final = "slow_down"
_SLOWER: Final = 5.0  # seconds more between two polls: RFC 8628, section 3.5
_LONGEST_INTERVAL: Final = 60.0
_LONGEST_LIFE: Final = 3600.0


@dataclass(slots=True)
class DeviceCode:
    """A sign-in that waits for a person."""

    prompt: SignInPrompt
    interval: float
    """Seconds between two polls."""
    flow: dict[str, Any] = field(repr=False)
    """msal's."""
    look_again: bool = False
    """Whether the cache has changed, and it is not known yet what that means for us."""

    @property
    def is_over(self) -> bool:
        """Whether the code has ended, by a clock that never jumps."""
        return now() >= self.prompt.expires_at


def begin(tokens: Tokens) -> DeviceCode:
    """Ask for a code; raises `SignInRefusedError` and `EntraUnreachableError`."""
    with speaking():
        flow = tokens.app.initiate_device_flow(tokens.sign_in_scopes)
    if "user_code" not in flow:
        raise reasons.refusal(flow, of_sign_in=True)
    began = now()
    url, code = flow.get("verification_uri"), flow["user_code"]
    for each in (url, code, flow.get("device_code")):
        if not isinstance(each, str) or not each.isprintable() or not each:
            raise EntraUnreachableError("the sign-in server gave no code that could be entered")
    return DeviceCode(
        SignInPrompt(url, code, began + min(max(flow["expires_in"], 1), _LONGEST_LIFE)),
        float(min(max(flow["interval"], 1), _LONGEST_INTERVAL)),
        flow,
    )


def poll(tokens: Tokens, code: DeviceCode, *, switch: bool = False) -> Account | None:
    """Look once whether somebody has signed in, here or in another process; None: not yet.

    With `switch` whoever enters the code is accepted, and pinned in place of another. Raises
    `SignInRefusedError` when this code is of no more use, `EntraUnreachableError` otherwise.
    """
    with tokens.store.locked() as changed:
        code.look_again = code.look_again or changed or tokens.is_due()
        if code.look_again and not switch:
            token = tokens.silent()
            code.look_again = False
            if token is not None:
                return token.account
        # msal compares it with the wall clock, which may have been set since.
        code.flow.pop("latest_attempt_at", None)
        with speaking():
            answer = tokens.app.acquire_token_by_device_flow(
                code.flow, exit_condition=lambda _flow: True
            )
            error = answer.get("error")
        if error == _SLOW_DOWN:
            code.interval = min(code.interval + _SLOWER, _LONGEST_INTERVAL)
        if error in (_PENDING, _SLOW_DOWN):
            return None
        if "access_token" not in answer:
            raise reasons.refusal(answer, of_sign_in=True)
        return accept(tokens, answer, switch=switch)


def accept(tokens: Tokens, answer: dict[str, Any], *, switch: bool) -> Account:
    """Keep who has just signed in, if it is who may."""
    account_id = read_client_info(answer.get("client_info"))
    account = next((each for each in tokens.accounts() if each.home_account_id == account_id), None)
    if account is None:
        raise EntraUnreachableError("the sign-in server does not say who has signed in")
    pinned = tokens.pinned.get()
    if account.is_personal:
        tokens.store.forget(account.home_account_id)
        raise SignInRefusedError(
            f"{account.name} is a personal account, and Microsoft offers no presence for those",
            "sign in with an account of a company or a school",
        )
    if not switch and pinned is not None and not account.is_same(pinned):
        tokens.store.forget(account.home_account_id)
        raise SignInRefusedError(
            f"{account.name} has signed in, but this is the light of {pinned.name}",
            f"sign in as {pinned.name}, or run `busylight login --switch`",
        )
    for other in tokens.accounts():
        if not other.is_same(account):
            tokens.store.forget(other.home_account_id)
    if pinned != account:
        tokens.pinned.set(account)
    tokens.take(account, answer)
    return account
