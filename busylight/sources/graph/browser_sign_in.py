"""Signing in with a browser: authorization code with PKCE, through msal.

The other way in where the company blocks device codes. The browser may be on any machine: it ends
at an address on `http://localhost`, which the program hears itself (`loopback`) or is told.
"""

import warnings
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

from busylight.sources.graph import reasons
from busylight.sources.graph.account import Account
from busylight.sources.graph.errors import EntraUnreachableError, GraphError
from busylight.sources.graph.sign_in import accept
from busylight.sources.graph.tokens import Tokens, speaking

_LONGEST: Final = 32 * 1024  # letters of an address; Entra's have some 2,000


class NotTheAnswerError(GraphError):
    """An address that does not end this sign-in: somebody should look again."""


@dataclass(frozen=True, slots=True)
class BrowserSignIn:
    """A sign-in that waits for a browser."""

    url: str
    """Where the person goes."""
    redirect_uri: str
    flow: dict[str, Any] = field(repr=False)
    """msal's, with the verifier that only we know."""


def begin(tokens: Tokens, redirect_uri: str) -> BrowserSignIn:
    """Make the address to go to; raises `SignedOutError` and `EntraUnreachableError`."""
    with speaking(), warnings.catch_warnings():
        # msal would rather have form_post, which leaves no address behind that could be pasted.
        warnings.filterwarnings("ignore", "response_mode=")
        flow = tokens.app.initiate_auth_code_flow(tokens.sign_in_scopes, redirect_uri=redirect_uri)
    url = flow["auth_uri"]
    if not isinstance(url, str) or not url.isprintable() or urlsplit(url).scheme != "https":
        raise EntraUnreachableError("the sign-in server gave no address that could be opened")
    return BrowserSignIn(url, redirect_uri, flow)


def finish(
    tokens: Tokens, attempt: BrowserSignIn, address: str, *, switch: bool = False
) -> Account:
    """Sign in with the address at which the browser ended, and return who.

    With `switch` whoever signed in is accepted, and pinned in place of another. Raises
    `NotTheAnswerError` where it is another address, `SignInRefusedError` where the answer is no.
    """
    answer = answer_in(address)
    if answer.get("state") != attempt.flow["state"]:
        raise NotTheAnswerError(
            "that address belongs to another sign-in, or was copied in part",
            "copy the whole address at which the browser ended",
        )
    with tokens.store.locked():
        with speaking():
            told = tokens.app.acquire_token_by_auth_code_flow(dict(attempt.flow), answer)
        if "access_token" not in told:
            raise reasons.refusal(told, of_sign_in=True)
        return accept(tokens, told, switch=switch)


def answer_in(address: str) -> dict[str, str]:
    """What Entra put into the address at which the browser ended.

    Raises `NotTheAnswerError` where there is neither a code nor a refusal in it.
    """
    text = "".join(address.split())  # a terminal may have broken it into lines
    query = text.partition("?")[2].partition("#")[0]
    if len(text) <= _LONGEST and query:
        answer = dict(parse_qsl(query, max_num_fields=32))
        if answer.keys() & {"code", "error"}:
            return answer
    raise NotTheAnswerError(
        "that is not the address at which the browser ends",
        'it begins with "http://localhost" and has "code=" in it',
    )
