"""Whose light it is: the first account that signs in is pinned, and others are refused."""

import json
import logging
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from busylight.edge.files import write_private
from busylight.sources.graph.clouds import PERSONAL_TENANT

_LOG: Final = logging.getLogger(__name__)
_LARGEST: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class Account:
    """Somebody who has signed in."""

    home_account_id: str
    """msal's id, `<object id>.<tenant id>` of the person's home."""
    username: str
    """The principal name, for people; perhaps empty."""

    @property
    def name(self) -> str:
        """What people call it."""
        return self.username or self.home_account_id

    @property
    def object_id(self) -> str:
        """The person's own id in the home organisation."""
        return self.home_account_id.partition(".")[0]

    @property
    def is_personal(self) -> bool:
        """Whether it is no account of an organisation."""
        return self.home_account_id.lower().endswith(f".{PERSONAL_TENANT}")

    def is_same(self, other: "Account") -> bool:
        """Whether both are one account, whatever its name by now."""
        return self.home_account_id.lower() == other.home_account_id.lower()


def account_of(entry: dict[str, Any]) -> Account:
    """The account in an entry of msal's cache."""
    return Account(str(entry["home_account_id"]), _printable(entry.get("username")))


class PinnedAccount:
    """The file that says whose light it is. Use it under the token cache's lock."""

    def __init__(self, token_cache: Path) -> None:
        """Stand beside the token cache."""
        self._path = token_cache.with_name(f"{token_cache.stem}.account.json")
        self._in_memory: Account | None = None

    def get(self) -> Account | None:
        """The pinned account; None before the first sign-in."""
        try:
            with self._path.open("rb") as file:
                content = file.read(_LARGEST)
        except FileNotFoundError:
            return self._in_memory
        except OSError as error:
            if self._in_memory is None:
                _LOG.warning("%s cannot be read (%s)", self._path, error.strerror)
            return self._in_memory
        account = _parsed(content)
        if account is None:
            self._set_aside()
        return account

    def set(self, account: Account) -> None:
        """Pin it in place of another."""
        self._in_memory = account
        content = json.dumps(
            {"home_account_id": account.home_account_id, "username": account.username}, indent=1
        )
        try:
            write_private(self._path, content.encode())
        except OSError as error:
            _LOG.warning(
                "%s cannot be written (%s): that this is the light of %s will be forgotten "
                "when the program ends",
                self._path,
                error.strerror,
                account.name,
            )

    def _set_aside(self) -> None:
        aside = self._path.with_name(f"{self._path.name}.broken-{datetime.now():%Y%m%dT%H%M%S}")  # noqa: DTZ005 -- a date for people
        try:
            self._path.rename(aside)
        except OSError:
            aside = self._path
        _LOG.warning("whose light this is was broken, and is kept as %s", aside)


def _parsed(content: bytes) -> Account | None:
    try:
        value = json.loads(content)
        account_id, username = value["home_account_id"], value["username"]
    except (ValueError, RecursionError, KeyError, TypeError):
        return None
    if not isinstance(account_id, str) or not account_id or not isinstance(username, str):
        return None
    return Account(account_id, _printable(username))


def _printable(name: object) -> str:
    if not isinstance(name, str):
        return ""
    return "".join(c for c in name if c.isprintable())[:256]
