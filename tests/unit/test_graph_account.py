"""Whose light it is."""

import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from busylight.sources.graph import account as account_module
from busylight.sources.graph.account import Account, PinnedAccount, account_of
from busylight.sources.graph.clouds import PERSONAL_TENANT

ADELE = Account("a.tenant", "adele@contoso.example")


def test_who_is_pinned_is_known_to_the_next_process(tmp_path: Path) -> None:
    PinnedAccount(tmp_path / "token_cache.json").set(ADELE)
    assert PinnedAccount(tmp_path / "token_cache.json").get() == ADELE
    assert stat.S_IMODE((tmp_path / "token_cache.account.json").stat().st_mode) == 0o600


def test_two_caches_in_one_directory_have_a_pin_each(tmp_path: Path) -> None:
    PinnedAccount(tmp_path / "one.json").set(ADELE)
    assert PinnedAccount(tmp_path / "two.json").get() is None


def test_an_account_stays_the_same_when_its_name_changes() -> None:
    assert ADELE.is_same(Account("A.TENANT", "adele.vance@contoso.example"))
    assert not ADELE.is_same(Account("b.tenant", ADELE.username))


def test_a_personal_account_is_told_by_its_tenant() -> None:
    assert Account(f"x.{PERSONAL_TENANT}", "").is_personal
    assert not ADELE.is_personal


def test_an_account_without_a_name_is_called_by_its_id() -> None:
    assert account_of({"home_account_id": "a.b", "username": ""}).name == "a.b"
    assert account_of({"home_account_id": "a.b", "username": None}).name == "a.b"
    assert account_of({"home_account_id": "a.b", "username": "x\ny"}).name == "xy"


@given(st.binary() | st.sampled_from([b"null", b"[]", b'{"home_account_id":"","username":""}',
       b'{"home_account_id":7,"username":"x"}', b"[" * 100_000]))  # fmt: skip
def test_a_broken_pin_is_set_aside(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    directory = tmp_path_factory.mktemp("pin")
    path = directory / "token_cache.account.json"
    path.write_bytes(content)
    pinned = PinnedAccount(directory / "token_cache.json")
    assert pinned.get() is None
    assert pinned.get() is None
    assert len(list(directory.glob("*.broken-*"))) == 1


def test_without_a_writable_card_the_pin_is_kept_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(account_module, "write_private", refuse)
    monkeypatch.setattr(Path, "rename", refuse)
    pinned = PinnedAccount(tmp_path / "token_cache.json")
    pinned.set(ADELE)
    assert pinned.get() == ADELE
    assert "will be forgotten" in caplog.text
    (tmp_path / "token_cache.account.json").write_text("null")
    assert pinned.get() is None
    assert "was broken" in caplog.text


def test_a_pin_that_cannot_be_read_is_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "token_cache.account.json").mkdir()
    assert PinnedAccount(tmp_path / "token_cache.json").get() is None
    assert "cannot be read" in caplog.text
