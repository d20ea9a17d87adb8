"""The password of the page: compared by a slow hash in a thread, and asked for rarely."""

import hashlib
import hmac
import ipaddress
import secrets
from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

from busylight.core.backoff import RateLimit
from busylight.edge import clock
from busylight.edge.threads import Worker

TRIES: Final = 5
"""Wrong passwords that one address may send in `WINDOW` seconds."""
WINDOW: Final = 60.0
_ADDRESSES: Final = 1024
"""Addresses that are remembered; of more, who was wrong longest ago is forgotten."""
_WAITING: Final = 4
"""Comparisons that may wait for the thread; a hash takes a third of a second on a small Pi."""
_HASH_LIMIT: Final = 10.0
_LONGEST: Final = 1024


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a try."""

    is_right: bool
    wait: float = 0.0
    """Seconds until this address may try again; then nothing was compared."""

    @property
    def seconds(self) -> int:
        """The same in whole seconds, at least one."""
        return max(1, round(self.wait))


class Password:
    """Knows one password, and says whether a word is it."""

    def __init__(self, password: str) -> None:
        self._salt = secrets.token_bytes(16)
        self._key = secrets.token_bytes(32)
        self._password: str | None = password
        self._hash = b""
        self._accepted = b""
        self._wrong: OrderedDict[str, RateLimit] = OrderedDict()
        self._worker = Worker("password")
        self._waiting = 0

    async def is_right(self, word: str, address: str) -> Verdict:
        """Compare, unless too many wrong words came from `address`."""
        whom, now = network_of(address), clock.now()
        limit = self._wrong.setdefault(whom, RateLimit(TRIES, WINDOW))
        self._wrong.move_to_end(whom)
        while len(self._wrong) > _ADDRESSES:
            self._wrong.popitem(last=False)
        if (wait := limit.wait(now)) > 0:
            return Verdict(is_right=False, wait=wait)
        if self._waiting >= _WAITING:
            return Verdict(is_right=False, wait=1.0)
        limit.note(now)  # before it is known to be wrong: a thousand may be under way at once
        if len(word) > _LONGEST:
            return Verdict(is_right=False)
        # Who was right once (a client of the API, every few seconds) is not hashed again.
        digest = hmac.digest(self._key, word.encode("utf-8", "surrogatepass"), "sha256")
        if not hmac.compare_digest(digest, self._accepted):
            if not await self._compare(word):
                return Verdict(is_right=False)
            self._accepted = digest
        self._wrong.pop(whom, None)
        return Verdict(is_right=True)

    def close(self) -> None:
        """Let the thread end."""
        self._worker.close()

    async def _compare(self, word: str) -> bool:
        self._waiting += 1
        try:
            return await self._worker.call(_HASH_LIMIT, self._hashed_alike, word)
        except TimeoutError:
            return False
        finally:
            self._waiting -= 1

    def _hashed_alike(self, word: str) -> bool:
        if self._password is not None:
            self._hash = self._hashed(self._password)
            self._password = None
        return hmac.compare_digest(self._hashed(word), self._hash)

    def _hashed(self, word: str) -> bytes:
        # RFC 7914's cost for logging in: 16 MiB for a moment.
        return hashlib.scrypt(
            word.encode("utf-8", "surrogatepass"), salt=self._salt, n=2**14, r=8, p=1
        )


def network_of(address: str) -> str:
    """Whose tries are counted together: an IPv4 address, or the network of an IPv6 one."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(found, ipaddress.IPv6Address):
        if found.ipv4_mapped is not None:
            return str(found.ipv4_mapped)
        return str(ipaddress.ip_network((found, 64), strict=False))
    return str(found)
