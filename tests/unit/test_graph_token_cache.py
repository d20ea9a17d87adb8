"""The token cache: private, never half written, shared between processes, and never a crash."""

import base64
import errno
import fcntl
import json
import logging
import os
import stat
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import msal
import pytest
from hypothesis import given
from hypothesis import strategies as st

from busylight.edge import files
from busylight.sources.graph import token_cache
from busylight.sources.graph.errors import UnreachableError
from busylight.sources.graph.token_cache import TokenStore

HOST = "login.example"
KINDS = ["AccessToken", "RefreshToken", "IdToken", "Account", "AppMetadata"]


def encoded(value: dict[str, str]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode()


def add_account(store: TokenStore, name: str = "adele", refresh: str = "R-adele") -> None:
    """As msal does after a sign-in."""
    store.cache.add(
        {
            "client_id": "app",
            "scope": ["Presence.Read"],
            "token_endpoint": f"https://{HOST}/tenant/oauth2/v2.0/token",
            "environment": HOST,
            "grant_type": "urn:ietf:params:oauth:grant-type:device_code",
            "response": {
                "access_token": f"A-{name}",
                "refresh_token": refresh,
                "expires_in": 3600,
                "client_info": encoded({"uid": name, "utid": "tenant"}),
                "id_token": f"x.{encoded({'preferred_username': f'{name}@x', 'oid': name})}.",
            },
        }
    )


def names(store: TokenStore) -> list[str]:
    with store.locked():
        return sorted(entry["username"] for entry in store.accounts(HOST))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "token_cache.json"


@pytest.fixture
def signed_in(path: Path) -> TokenStore:
    store = TokenStore(path)
    with store.locked():
        add_account(store)
    return store


def test_what_is_written_is_private_and_found_by_the_next_process(
    signed_in: TokenStore, path: Path
) -> None:
    assert names(TokenStore(path)) == ["adele@x"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.with_name("token_cache.json.lock").stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert signed_in.path == path


def test_nothing_is_written_while_nothing_changes(signed_in: TokenStore, path: Path) -> None:
    def written() -> tuple[int, int, int]:
        found = path.stat()  # without the time of the last look: looking is no writing
        return found.st_mtime_ns, found.st_ino, found.st_size

    before = written()
    for store in (signed_in, TokenStore(path)):
        for _ in range(3):
            names(store)
    assert written() == before


def test_an_empty_cache_leaves_no_file(path: Path) -> None:
    assert names(TokenStore(path)) == []
    assert not path.exists()


def test_what_another_process_writes_is_read(signed_in: TokenStore, path: Path) -> None:
    assert not signed_in.is_changed()
    other = TokenStore(path)
    with other.locked():
        add_account(other, "alex")
    assert signed_in.is_changed()
    with signed_in.locked() as changed:
        assert changed
    assert names(signed_in) == ["adele@x", "alex@x"]


def test_a_file_that_is_removed_signs_out(signed_in: TokenStore, path: Path) -> None:
    path.unlink()
    assert names(signed_in) == []


def test_one_account_or_all_can_be_forgotten(signed_in: TokenStore, path: Path) -> None:
    with signed_in.locked():
        add_account(signed_in, "alex", "R-alex")
        signed_in.forget("adele.tenant")
    assert names(signed_in) == ["alex@x"]
    assert "R-adele" not in path.read_text()
    with signed_in.locked():
        signed_in.forget()
    assert json.loads(path.read_text()) == {}


def test_a_cache_cut_at_any_byte_is_set_aside_and_said(
    signed_in: TokenStore, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert not signed_in.is_changed()
    whole = path.read_bytes()
    for length in range(len(whole)):
        for old in path.parent.glob("*.broken-*"):
            old.unlink()
        path.write_bytes(whole[:length])
        caplog.clear()
        store = TokenStore(path)
        assert names(store) == []
        assert store.set_aside is not None
        assert "broken" in store.set_aside
        (aside,) = path.parent.glob("token_cache.json.broken-*")
        assert aside.read_bytes() == whole[:length]
        assert not path.exists()
        assert caplog.text.count("sign in again") == 1


def _with(kind: str, **change: Any) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "credential_type": kind,
        "home_account_id": "a.b",
        "environment": HOST,
        "client_id": "app",
        "secret": "s",
        "target": "t",
        "expires_on": "99",
        "authority_type": "MSSTS",
    }
    return {kind: {"key": {**entry, **change}}}


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("null", "no JSON object"),
        ("[]", "no JSON object"),
        ('"x"', "no JSON object"),
        ("", "empty"),
        (" \n", "empty"),
        ("{}{}", "was cut"),
        ("[" * 100_000, "was cut"),
        ("\xff", "was cut"),
        ({"AccessToken": None}, "parts are no objects"),
        ({"AccessToken": {"key": None}}, "entries are no objects"),
        ({"Surprise": {"key": 7}}, "entries are no objects"),
        (_with("AccessToken", secret=7), "more than text"),
        (_with("AccessToken", secret=None), "no secret"),
        (_with("AccessToken", expires_on=None), "no expires_on"),
        (_with("AccessToken", expires_on="soon"), "expires_on is no number"),
        (_with("AccessToken", credential_type="RefreshToken"), "what it is"),
        (_with("RefreshToken", client_id=None), "no client_id"),
        (_with("RefreshToken", last_modification_time="x"), "is no number"),
        (_with("Account", authority_type=None), "no authority_type"),
        (_with("Account", home_account_id=None), "no home_account_id"),
    ],
)
def test_a_cache_that_msal_could_not_use_is_set_aside(
    path: Path, content: Any, problem: str
) -> None:
    path.parent.mkdir()
    text = content if isinstance(content, str) else json.dumps(content)
    path.write_bytes(text.encode("latin-1"))
    store = TokenStore(path)
    assert names(store) == []
    assert problem in (store.set_aside or "")
    assert list(path.parent.glob("token_cache.json.broken-*"))


def test_a_file_that_is_far_too_large_is_not_read(path: Path) -> None:
    path.parent.mkdir()
    with path.open("wb") as file:
        file.truncate(64 * 2**20)
    store = TokenStore(path)
    assert names(store) == []
    assert "far too large" in (store.set_aside or "")


_values = st.none() | st.text(max_size=5) | st.integers() | st.sampled_from(["1", "MSSTS", HOST])
_fields = st.sampled_from(
    ["secret", "environment", "client_id", "target", "expires_on", "credential_type", "realm",
     "authority_type", "home_account_id", "last_modification_time", "refresh_on", "username"]
)  # fmt: skip
_entries = st.dictionaries(_fields, _values) | st.sampled_from(KINDS).flatmap(
    lambda kind: st.dictionaries(_fields, _values).map(
        lambda change: _with(kind, **change)[kind]["key"]
    )
)
_caches = st.dictionaries(
    st.sampled_from(KINDS), st.dictionaries(st.text(max_size=3), _entries | _values) | _values
)


@given(_caches | _values | st.binary())
def test_whatever_the_file_holds_msal_can_use_what_is_taken_from_it(
    tmp_path_factory: pytest.TempPathFactory, content: Any
) -> None:
    path = tmp_path_factory.mktemp("cache") / "token_cache.json"
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    path.chmod(0o600)
    store = TokenStore(path)
    with store.locked():
        app = msal.ClientApplication.__new__(msal.ClientApplication)
        app.token_cache, app.client_id = store.cache, "app"
        for entry in store.accounts(HOST):
            app._sign_out(entry)
        for kind in KINDS:
            list(store.cache.search(kind, target=["t"], query={"environment": HOST}))
        add_account(store)
        store.forget("a.b")
        store.forget()


def test_permissions_that_are_too_wide_are_repaired_with_a_warning(
    signed_in: TokenStore, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path.chmod(0o644)
    assert names(signed_in) == ["adele@x"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert "could be read by others" in caplog.text
    caplog.clear()
    assert names(signed_in) == ["adele@x"]
    assert not caplog.text


def test_where_permissions_cannot_be_repaired_that_is_said(
    signed_in: TokenStore,
    path: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path.chmod(0o644)

    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(Path, "chmod", refuse)
    assert names(signed_in) == ["adele@x"]
    assert "stays open to others" in caplog.text


@pytest.fixture
def read_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the card one that cannot be written: the tests may run as root, whom no mode stops."""

    def refuse(*_: object, **__: object) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(token_cache, "write_private", refuse)
    monkeypatch.setattr(files, "write_private", refuse)
    monkeypatch.setattr(Path, "rename", refuse)
    real = os.open

    def open_(name: Any, flags: int, *more: int) -> int:
        if flags & (os.O_RDWR | os.O_CREAT):
            refuse()
        return real(name, flags, *more)

    monkeypatch.setattr("busylight.sources.graph.token_cache.os.open", open_)


@pytest.mark.usefixtures("read_only")
def test_on_a_read_only_card_tokens_live_in_memory_and_it_is_said_once(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = TokenStore(path)
    for name in ("adele", "alex"):
        with store.locked():
            add_account(store, name)
    assert names(store) == ["adele@x", "alex@x"]
    assert not store.is_changed()
    assert not path.exists()
    assert caplog.text.count("kept in memory") == 1
    assert caplog.text.count("are not shared") == 1


@pytest.mark.usefixtures("read_only")
def test_a_broken_file_on_a_read_only_card_stays_and_is_said_once(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path.parent.mkdir()
    path.write_text("[]")
    store = TokenStore(path)
    for _ in range(3):
        assert names(store) == []
    assert path.read_text() == "[]"
    assert caplog.text.count("sign in again") == 1


def test_a_card_that_can_be_written_again_gets_the_next_change(
    path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    store = TokenStore(path)

    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as full:
        full.setattr(token_cache, "write_private", refuse)
        with store.locked():
            add_account(store)
    assert "No space left" in caplog.text
    with store.locked():
        add_account(store, "alex")
    assert names(TokenStore(path)) == ["adele@x", "alex@x"]


def test_a_file_that_cannot_be_read_is_said(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path.mkdir(parents=True, mode=0o700)
    assert names(TokenStore(path)) == []
    assert "cannot be read (Is a directory)" in caplog.text


@pytest.mark.parametrize("number", [errno.EIO, errno.EMFILE, errno.ENOMEM])
def test_a_card_that_stumbles_signs_nobody_out(
    signed_in: TokenStore, path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    before = path.read_bytes()
    store = TokenStore(path)

    def stumble(_path: Path) -> str:
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as stumbling:
        stumbling.setattr(token_cache, "_checked", stumble)
        for _ in range(2):
            with pytest.raises(UnreachableError, match="cannot be read now"):
                names(store)
    assert names(store) == names(signed_in) == ["adele@x"]
    assert path.read_bytes() == before


def test_a_file_that_goes_while_it_is_looked_at_is_no_file(
    signed_in: TokenStore, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = TokenStore(path)
    real = token_cache._checked

    def vanish(looked_at: Path) -> str:
        path.unlink()
        return real(looked_at)

    monkeypatch.setattr(token_cache, "_checked", vanish)
    assert names(store) == []
    assert names(signed_in) == []


def test_a_lock_that_another_process_holds_is_waited_for(signed_in: TokenStore, path: Path) -> None:
    with path.with_name("token_cache.json.lock").open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        timer = threading.Timer(0.2, fcntl.flock, (held, fcntl.LOCK_UN))
        timer.start()
        assert names(signed_in) == ["adele@x"]
        timer.join()


def test_a_lock_that_is_never_given_up_is_a_named_error(path: Path) -> None:
    path.parent.mkdir()
    with path.with_name("token_cache.json.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        store = TokenStore(path, lock_seconds=0.1)
        with pytest.raises(UnreachableError, match="another process holds"), store.locked():
            pytest.fail("two have the lock")


_WRITER = """
import sys
from pathlib import Path
from busylight.sources.graph.token_cache import TokenStore
from tests.unit.test_graph_token_cache import add_account
store = TokenStore(Path(sys.argv[1]))
for number in range(20):
    with store.locked():
        add_account(store, f"{sys.argv[2]}{number:02}")
"""


def test_two_processes_lose_nothing_of_each_others(path: Path) -> None:
    root = Path(__file__).parents[2]
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", _WRITER, str(path), name],
            env={**os.environ, "PYTHONPATH": str(root)},
        )
        for name in ("a", "b")
    ]
    assert [writer.wait(60) for writer in writers] == [0, 0]
    expected = sorted(f"{name}{number:02}@x" for name in "ab" for number in range(20))
    assert names(TokenStore(path)) == expected


def test_a_broken_cache_is_logged_by_the_graph_source(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path.parent.mkdir()
    path.write_text("null")
    with caplog.at_level(logging.WARNING, "busylight.sources.graph"):
        names(TokenStore(path))
    assert caplog.records[0].name.startswith("busylight.sources.graph")
