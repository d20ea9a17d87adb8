"""By which names the page may be opened.

A page elsewhere can have its own name lead to our address (DNS rebinding), and its visitor's
browser would then take us for it. It cannot have the browser send us another name than its own.
"""

import ipaddress
import re
import socket
from collections.abc import Iterable
from typing import Final
from urllib.parse import urlsplit

_HOST: Final = re.compile(r"(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_.-]+)(:[0-9]{1,5})?")


class Hosts:
    """The names that are ours."""

    def __init__(self, more: Iterable[str] = (), machine: str | None = None) -> None:
        """`more` as `WEB_HOSTS` has them; `machine` is this machine's name."""
        name = (machine or socket.gethostname()).lower().rstrip(".")
        short = name.partition(".")[0]
        self._names = {"localhost", name, short, f"{short}.local", *(each.lower() for each in more)}

    def knows(self, host: str) -> bool:
        """Whether a `Host` header is one of ours: a name, or any IP address."""
        found = _HOST.fullmatch(host)
        if found is None:
            return False
        name = found["host"].lower().rstrip(".")
        if name in self._names:
            return True
        try:
            ipaddress.ip_address(name.strip("[]"))
        except ValueError:
            return False
        return True


def is_same_origin(origin: str, host: str) -> bool:
    """Whether an `Origin` header names the very host that was asked."""
    parts = urlsplit(origin)
    return parts.scheme in ("http", "https") and parts.netloc.lower() == host.lower()
