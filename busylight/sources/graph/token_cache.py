"""msal's token cache in a private file that several processes share.

The file is written in one step and only when its content changes, locked while a token is
acquired, and read again when another process has written it. What is broken is set aside; where
nothing can be written (a read-only card) tokens live in memory.
"""

import fcntl
import json
import logging
import os
import re
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from busylight.edge.clock import now
from busylight.edge.files import PRIVATE_DIR, PRIVATE_FILE, write_private
from busylight.sources.graph.errors import UnreachableError

_LOG: Final = logging.getLogger(__name__)

LOCK_SECONDS: Final = 15.0
_LOCK_STEP: Final = 0.05  # seconds between two tries to lock
_LARGEST: Final = 4 * 1024 * 1024  # bytes; a cache has some KiB
_OTHERS: Final = 0o077

Signature = tuple[int, int, int, int]
"""What changes when another file takes the place: modified (ns), inode, size, mode."""

# What msal reads without asking whether it is there, and what it reads as text or number.
_NEEDED: Final = {
    "AccessToken": ("secret", "environment", "client_id", "target", "expires_on"),
    "RefreshToken": ("secret", "environment", "client_id"),
    "IdToken": ("secret", "environment"),
    "Account": ("home_account_id", "environment", "authority_type"),
    "AppMetadata": ("environment", "client_id"),
}
_NUMBER: Final = re.compile(r"[0-9]{1,15}")
_NUMBERS: Final = ("expires_on", "extended_expires_on", "refresh_on", "last_modification_time")


class TokenStore:
    """The file, and what it holds. msal is loaded when it is first asked for `cache`."""

    def __init__(self, path: Path, *, lock_seconds: float = LOCK_SECONDS) -> None:
        """Read nothing yet."""
        self._cache: Any = None
        self.path = path
        self.set_aside: str | None = None
        """What became of a broken file, until somebody has signed in; for people to read."""
        self._lock_seconds = lock_seconds
        self._signature: Signature | None = None
        self._text = ""  # what was read or written last
        self._said: set[str] = set()
        self.is_unwritten = False
        """Whether what was changed last could not be written: the file still has what was."""

    @property
    def cache(self) -> Any:
        """msal's, to be used inside `locked` only."""
        if self._cache is None:
            import msal  # noqa: PLC0415 -- while a token is good nobody needs it

            self._cache = msal.SerializableTokenCache()
            self._take(self._text)
        return self._cache

    def as_it_stands(self) -> dict[str, Any] | None:
        """What the file holds, well-formed; None once msal has it in hand. Inside `locked`."""
        if self._cache is not None:
            return None
        content: dict[str, Any] = json.loads(self._text or "{}")
        return content

    def is_changed(self) -> bool:
        """Whether the file is another than the one that was last read or written."""
        return self._present_signature() != self._signature

    @contextmanager
    def locked(self) -> Iterator[bool]:
        """Keep other processes out; yields whether one of them had changed the cache.

        What is changed inside is written at the end. Raises `UnreachableError` when the lock is
        not to be had, or the file cannot be read now.
        """
        with self._lock():
            changed = self.is_changed()
            if changed:
                self._read()
            try:
                yield changed
            finally:
                self._write()

    def accounts(self, environment: str) -> list[dict[str, Any]]:
        """The accounts that have signed in at a sign-in server, in msal's words."""
        if (cache := self.as_it_stands()) is None:
            return list(self.cache.search("Account", query={"environment": environment}))
        entries = cache.get("Account", {}).values()
        return [entry for entry in entries if entry["environment"] == environment]

    def forget(self, home_account_id: str | None = None) -> None:
        """Remove one account and its tokens, or everything."""
        content = json.loads(self.cache.serialize() or "{}")
        kept = {
            kind: {
                key: entry
                for key, entry in entries.items()
                if home_account_id is not None and entry.get("home_account_id") != home_account_id
            }
            for kind, entries in content.items()
        }
        self.cache.deserialize(json.dumps({kind: each for kind, each in kept.items() if each}))

    def _read(self) -> None:
        self._signature = self._present_signature()
        text = ""
        if self._signature is not None:
            self._repair_mode(self._signature[3])
            try:
                text = _checked(self.path)
            except FileNotFoundError:
                self._signature = None  # gone since it was looked at
            except (PermissionError, IsADirectoryError) as error:
                self._say(f"{self.path} cannot be read ({error.strerror}): nobody is signed in")
            except OSError as error:
                # A card that stumbles, or no descriptor left: nobody has signed out by that.
                self._signature = None
                raise UnreachableError(
                    f"{self.path} cannot be read now ({error.strerror})", "is the card well?"
                ) from None
            except ValueError as error:
                self._set_aside(str(error))
        self._take(text)

    def _take(self, text: str) -> None:
        self._text = text
        if self._cache is not None:
            self._cache.deserialize(text)
            self._text = self._serialized()

    def _write(self) -> None:
        if self._cache is None:
            return  # so nobody has changed it
        text = self._serialized()
        if text == self._text:
            return
        try:
            self.path.parent.mkdir(mode=PRIVATE_DIR, parents=True, exist_ok=True)
            write_private(self.path, text.encode())
        except OSError as error:
            self.is_unwritten = True
            self._say(
                f"{self.path} cannot be written ({error.strerror}): the sign-in is kept in "
                "memory and will be lost when the program ends"
            )
        else:
            self.is_unwritten = False
            self._said.clear()
        # Kept in memory counts as written: else each look would be another try to write.
        self._text = text
        self._signature = self._present_signature()

    def _serialized(self) -> str:
        return str(self._cache.serialize())

    def _present_signature(self) -> Signature | None:
        try:
            found = self.path.stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_ino, found.st_size, found.st_mode

    def _repair_mode(self, mode: int) -> None:
        if not mode & _OTHERS or not stat.S_ISREG(mode):
            return
        _LOG.warning("%s could be read by others: it is made private", self.path)
        try:
            self.path.chmod(PRIVATE_FILE)
        except OSError as error:
            _LOG.warning("%s stays open to others (%s)", self.path, error.strerror)
        self._signature = self._present_signature()

    def _set_aside(self, problem: str) -> None:
        aside = self.path.with_name(f"{self.path.name}.broken-{datetime.now():%Y%m%dT%H%M%S}")  # noqa: DTZ005 -- a date for people
        try:
            self.path.rename(aside)
        except OSError:
            aside = self.path  # read-only: it stays, and counts as read
        self._signature = self._present_signature()
        self.set_aside = f"the token cache was broken ({problem}) and is kept as {aside}"
        _LOG.warning("%s: somebody has to sign in again", self.set_aside)

    @contextmanager
    def _lock(self) -> Iterator[None]:
        descriptor = self._open_lock()
        if descriptor is None:
            yield
            return
        try:
            self._wait_for_lock(descriptor)
            yield
        finally:
            os.close(descriptor)  # and with it the lock

    def _open_lock(self) -> int | None:
        path = self.path.with_name(f"{self.path.name}.lock")
        with suppress(OSError):
            self.path.parent.mkdir(mode=PRIVATE_DIR, parents=True, exist_ok=True)
        problem = None
        for flags in (os.O_RDWR | os.O_CREAT, os.O_RDONLY):
            try:
                return os.open(path, flags | os.O_CLOEXEC, PRIVATE_FILE)
            except OSError as error:
                problem = error.strerror
        self._say(f"{path} cannot be opened ({problem}): tokens are not shared with others")
        return None

    def _wait_for_lock(self, descriptor: int) -> None:
        ends = now() + self._lock_seconds
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if now() >= ends:
                    raise UnreachableError(
                        f"another process holds {self.path.name}.lock for more than "
                        f"{self._lock_seconds:g} s",
                        "look for a busylight that hangs, and end it",
                    ) from None
            else:
                return
            time.sleep(_LOCK_STEP)

    def _say(self, text: str) -> None:
        if text not in self._said:
            self._said.add(text)
            _LOG.warning(text)


def _checked(path: Path) -> str:
    """The text of a cache that msal can use; `ValueError` says what is wrong with another."""
    with path.open("rb") as file:
        content = file.read(_LARGEST + 1)
    if len(content) > _LARGEST:
        raise ValueError("it is far too large")
    if not content.strip():
        raise ValueError("it is empty")
    try:
        text = content.decode()
        cache = json.loads(text)
    except (ValueError, RecursionError):
        raise ValueError("it is no JSON, or was cut") from None
    if not isinstance(cache, dict):
        raise ValueError("it is no JSON object")  # noqa: TRY004 -- of the content, not of a type
    for kind, entries in cache.items():
        if not isinstance(entries, dict):
            raise ValueError("its parts are no objects")  # noqa: TRY004 -- the same
        for entry in entries.values():
            _check_entry(kind, entry)
    return text


def _check_entry(kind: str, entry: object) -> None:
    if not isinstance(entry, dict):
        raise ValueError("its entries are no objects")  # noqa: TRY004 -- of the content
    if not all(value is None or isinstance(value, str) for value in entry.values()):
        raise ValueError("its entries hold more than text")
    for name in _NEEDED.get(kind, ()):
        if not isinstance(entry.get(name), str):
            raise ValueError(f"an entry has no {name}")  # noqa: TRY004 -- of the content
    if "secret" in _NEEDED.get(kind, ()) and entry.get("credential_type") != kind:
        raise ValueError("an entry does not say what it is")
    for name in _NUMBERS:
        value = entry.get(name)
        if value is not None and not _NUMBER.fullmatch(value):
            raise ValueError(f"{name} is no number")
