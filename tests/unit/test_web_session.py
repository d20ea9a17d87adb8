"""Cookies of the page, and the token in its forms."""

import stat
import time
from pathlib import Path

import pytest

from busylight.web.session import KEY_FILE, LIFETIME, RENEWAL, Sessions, kept_key

KEY = bytes(32)


def test_a_cookie_says_whether_its_bearer_knew_the_password() -> None:
    sessions = Sessions(KEY, "secret")
    assert sessions.is_signed_in(sessions.issue(signed_in=True))
    visitor = sessions.issue(signed_in=False)
    assert sessions.is_ours(visitor)
    assert not sessions.is_signed_in(visitor)


def test_nobody_can_make_one_up() -> None:
    sessions = Sessions(KEY, "secret")
    cookie = sessions.issue(signed_in=False)
    kind, issued, nonce, signature = cookie.split(".")
    for forged in (
        f"in.{issued}.{nonce}.{signature}",
        f"{kind}.{issued}.{nonce}.{'0' * 64}",
        cookie[:-1],
        "",
        "in",
        "in.x.y.z",
        "....",
        "\udcff.1.2.3",
    ):
        assert not sessions.is_ours(forged)
        assert not sessions.is_signed_in(forged)


def test_another_password_or_another_key_ends_every_session() -> None:
    cookie = Sessions(KEY, "secret").issue(signed_in=True)
    assert Sessions(KEY, "secret").is_signed_in(cookie)
    assert not Sessions(KEY, "changed").is_signed_in(cookie)
    assert not Sessions(bytes([1] * 32), "secret").is_signed_in(cookie)


def test_a_session_ends_after_a_month_and_is_renewed_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sessions, began = Sessions(KEY, ""), time.time()
    cookie = sessions.issue(signed_in=True)
    assert not sessions.is_due(cookie)
    monkeypatch.setattr(time, "time", lambda: began + RENEWAL + 5)
    assert sessions.is_due(cookie)
    monkeypatch.setattr(time, "time", lambda: began + LIFETIME + 5)
    assert not sessions.is_signed_in(cookie)


def test_who_has_signed_out_is_out() -> None:
    sessions = Sessions(KEY, "")
    one, other = sessions.issue(signed_in=True), sessions.issue(signed_in=True)
    sessions.sign_out(one)
    assert (sessions.is_signed_in(one), sessions.is_signed_in(other)) == (False, True)


def test_a_form_belongs_to_one_session() -> None:
    sessions = Sessions(KEY, "")
    one, other = sessions.issue(signed_in=True), sessions.issue(signed_in=True)
    token = sessions.form_token(one)
    assert sessions.form_token_is_right(one, token)
    assert not sessions.form_token_is_right(other, token)
    assert not sessions.form_token_is_right(one, "")
    assert not sessions.form_token_is_right(one, "\udcff")


def test_the_key_is_kept_and_private(tmp_path: Path) -> None:
    key = kept_key(tmp_path)
    assert kept_key(tmp_path) == key
    assert stat.S_IMODE((tmp_path / KEY_FILE).stat().st_mode) == 0o600
    (tmp_path / KEY_FILE).write_bytes(b"short")
    assert len(kept_key(tmp_path)) == 32
    assert kept_key(tmp_path / "nowhere") != kept_key(tmp_path / "nowhere")
    assert kept_key(None) != kept_key(None)
