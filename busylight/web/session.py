"""Who is signed in to the page: a signed cookie, and a token of it in each form.

The key stands in the state directory, so that a board at the office door is still signed in after
a restart. The password is in the signature: whoever changes it signs everybody out.
"""

import hmac
import secrets
import time
from collections import OrderedDict
from pathlib import Path
from typing import Final

from busylight.edge.files import write_private

LIFETIME: Final = 30 * 86_400
"""Seconds that a session lasts."""
RENEWAL: Final = 86_400
"""Seconds after which a session that is used is begun anew."""
KEY_FILE: Final = "web_session.key"
_KEY_BYTES: Final = 32
_FUTURE: Final = 86_400  # seconds; a clock that was set back
_SIGNED_OUT: Final = 1000


def kept_key(state_dir: Path | None) -> bytes:
    """The key of the state directory, made at the first time; a passing one if it has no place."""
    fresh = secrets.token_bytes(_KEY_BYTES)
    if state_dir is None:
        return fresh
    path = state_dir / KEY_FILE
    try:
        key = path.read_bytes()
        if len(key) == _KEY_BYTES:
            return key
    except OSError:
        pass
    try:
        write_private(path, fresh)
    except OSError:
        return fresh  # a card that is read-only: a session ends with the program
    return fresh


class Sessions:
    """Issues and reads cookies."""

    def __init__(self, key: bytes, password: str) -> None:
        self._key = hmac.digest(key, password.encode("utf-8", "surrogatepass"), "sha256")
        self._signed_out: OrderedDict[str, None] = OrderedDict()

    def issue(self, *, signed_in: bool) -> str:
        """A new cookie's value."""
        kind = "in" if signed_in else "new"
        told = f"{kind}.{int(time.time()):x}.{secrets.token_urlsafe(18)}"
        return f"{told}.{self._signature('cookie', told)}"

    def is_ours(self, cookie: str) -> bool:
        """Whether we have issued it, and not too long ago."""
        return self._age(cookie) is not None

    def is_signed_in(self, cookie: str) -> bool:
        """Whether its bearer knew the password."""
        return cookie.startswith("in.") and self.is_ours(cookie)

    def is_due(self, cookie: str) -> bool:
        """Whether to issue it anew, since it is in use."""
        age = self._age(cookie)
        return age is not None and age > RENEWAL

    def sign_out(self, cookie: str) -> None:
        """Take it as nobody's from now on."""
        self._signed_out[cookie] = None
        while len(self._signed_out) > _SIGNED_OUT:
            self._signed_out.popitem(last=False)

    def form_token(self, cookie: str) -> str:
        """What each form of this session has in it: no other site can know it."""
        return self._signature("form", cookie)

    def form_token_is_right(self, cookie: str, token: str) -> bool:
        """Whether a form is one of this session's."""
        return hmac.compare_digest(
            self.form_token(cookie).encode(), token.encode("utf-8", "replace")
        )

    def _age(self, cookie: str) -> float | None:
        told, _, signature = cookie.rpartition(".")
        wanted = self._signature("cookie", told).encode()
        if not hmac.compare_digest(wanted, signature.encode("utf-8", "replace")):
            return None
        if cookie in self._signed_out:
            return None
        age = time.time() - int(told.split(".")[1], 16)
        return age if -_FUTURE < age < LIFETIME else None

    def _signature(self, use: str, told: str) -> str:
        text = f"{use}:{told}".encode("utf-8", "surrogatepass")
        return hmac.digest(self._key, text, "sha256").hex()
