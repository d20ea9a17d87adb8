"""The settings `BUSYLIGHT_WEB_…`."""

import ipaddress
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Final, NamedTuple

from pydantic import AfterValidator, Field, SecretStr

from busylight.parts import INHERITED, Branch, CommaList, Fault

SHORTEST_PASSWORD: Final = 8
SHORTEST_TOKEN: Final = 16
_LONGEST: Final = 256
_LISTEN: Final = re.compile(
    r"(?:\[(?P<six>[0-9A-Fa-f:.]+)\]|(?P<host>[^:\[\]]+)):(?P<port>[0-9]{1,5})"
)
_NAME: Final = re.compile(
    r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)*"
)


class Address(NamedTuple):
    """Where the page listens."""

    host: str
    """An IP address."""
    port: int

    @property
    def is_loopback(self) -> bool:
        """Whether nobody but this machine can reach it."""
        return ipaddress.ip_address(self.host).is_loopback

    @property
    def url(self) -> str:
        """Where to open it on this machine."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)  # noqa: S104 -- every address is one to open by loopback
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}"


def address_of(text: str) -> Address:
    """Read `127.0.0.1:8765`, `[::1]:8765` or `localhost:8765`; raises ValueError."""
    found = _LISTEN.fullmatch(text)
    if found is None:
        raise ValueError("is not ADDRESS:PORT")
    host = found["six"] or ("127.0.0.1" if found["host"].lower() == "localhost" else found["host"])
    try:
        ipaddress.ip_address(host)
    except ValueError:
        raise ValueError(
            "names no IP address of this machine before the colon: 127.0.0.1 is for this machine "
            "alone, 0.0.0.0 for everybody who can reach it"
        ) from None
    if not 1 <= int(found["port"]) <= 65535:  # noqa: PLR2004 -- TCP's ports
        raise ValueError("has a port that is not 1 to 65535")
    return Address(host, int(found["port"]))


def _listen(value: str) -> str:
    address_of(value)
    return value


def _password(value: SecretStr) -> SecretStr:
    if not SHORTEST_PASSWORD <= len(value.get_secret_value()) <= _LONGEST:
        raise ValueError(f"has not {SHORTEST_PASSWORD} to {_LONGEST} characters")
    return value


def _token(value: SecretStr) -> SecretStr:
    if not re.fullmatch(rf"[!-~]{{{SHORTEST_TOKEN},{_LONGEST}}}", value.get_secret_value()):
        raise ValueError(
            f"has not {SHORTEST_TOKEN} to {_LONGEST} characters of ASCII without spaces"
        )
    return value


def _names(value: tuple[str, ...]) -> tuple[str, ...]:
    for name in value:
        if not _NAME.fullmatch(name):
            raise ValueError(f"has {name[:80]!r}, which is no host name; ports are not told")
    return value


class WebSettings(Branch):
    """Whether there is a page, where, and for whom."""

    listen: Annotated[str, AfterValidator(_listen)] | None = Field(
        default=None,
        description="Address and port of the page: 127.0.0.1:8765 for this machine alone, "
        "0.0.0.0:8765 for everybody who can reach it. Empty: no page",
        examples=["127.0.0.1:8765"],
    )
    password: Annotated[SecretStr, AfterValidator(_password)] | None = Field(
        default=None,
        description="What one has to know to see the page; must be set beyond 127.0.0.1",
        examples=["correct-horse-battery"],
    )
    token: Annotated[SecretStr, AfterValidator(_token)] | None = Field(
        default=None,
        description="Bearer token of the page's API and metrics; default: the password",
        examples=["3q2_7zJmXW8nHc5vTtQk"],
    )
    hosts: Annotated[CommaList, AfterValidator(_names)] = Field(
        default=(),
        description="Comma list of more names by which the page is opened; IP addresses, "
        "localhost, this machine's name and NAME.local are known",
        examples=["busylight.example.com"],
    )

    name: Annotated[str, INHERITED] = "Busy light"
    outputs: Annotated[tuple[str, ...], INHERITED] = ()
    state_dir: Annotated[Path | None, INHERITED] = None

    def faults(self) -> Iterable[Fault]:
        """A page that others can reach needs a password."""
        address = self.address
        if address is not None and not address.is_loopback and self.password is None:
            yield Fault(
                "password",
                f"is missing: WEB_LISTEN={self.listen} lets other machines see the page and set "
                "the light",
            )

    @property
    def address(self) -> Address | None:
        """Where the page listens; None: there is none."""
        return None if self.listen is None else address_of(self.listen)
