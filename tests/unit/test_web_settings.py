"""Where the page listens, and for whom."""

from pathlib import Path

import pytest

from busylight.settings.faults import SettingsError
from busylight.settings.load import load
from busylight.settings.tree import secrets_of
from busylight.web.settings import Address, address_of
from tests.support.web import PASSWORD

BASE = {
    "BUSYLIGHT_SOURCE": "graph",
    "BUSYLIGHT_GRAPH_CLIENT_ID": "1b0e0f53-6e1b-4f5e-8a51-000000000001",
}


def _load(**web: str) -> object:
    given = {f"BUSYLIGHT_WEB_{name.upper()}": value for name, value in web.items()}
    return load(None, BASE | given).web


@pytest.mark.parametrize(
    ("text", "address", "loopback"),
    [
        ("127.0.0.1:8765", Address("127.0.0.1", 8765), True),
        ("localhost:80", Address("127.0.0.1", 80), True),
        ("127.1.2.3:80", Address("127.1.2.3", 80), True),
        ("[::1]:8765", Address("::1", 8765), True),
        ("0.0.0.0:8765", Address("0.0.0.0", 8765), False),  # noqa: S104 -- it is read
        ("[::]:8765", Address("::", 8765), False),
        ("192.168.1.7:8765", Address("192.168.1.7", 8765), False),
    ],
)
def test_an_address_and_a_port_are_read(text: str, address: Address, loopback: bool) -> None:  # noqa: FBT001 -- a case
    assert (address_of(text), address_of(text).is_loopback) == (address, loopback)


@pytest.mark.parametrize(
    "text",
    ["8765", ":8765", "127.0.0.1", "::1:8765", "pi.local:8765", "*:8765", "127.0.0.1:0", "1.2.3:4"],
)
def test_what_is_no_address_is_refused_with_a_good_one(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SettingsError, match=r"BUSYLIGHT_WEB_LISTEN=127\.0\.0\.1:8765"):
        _load(listen=text)


@pytest.mark.parametrize("listen", ["0.0.0.0:8765", "[::]:8765", "192.168.1.7:8765"])
def test_beyond_this_machine_there_is_no_page_without_a_password(
    listen: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SettingsError, match="BUSYLIGHT_WEB_PASSWORD is missing"):
        _load(listen=listen)
    assert _load(listen=listen, password=PASSWORD)
    assert _load(listen="127.0.0.1:8765")


@pytest.mark.parametrize(
    "bad",
    [
        {"password": "short"},
        {"token": "short"},
        {"token": "with spaces in it all"},
        {"hosts": "a:1"},
    ],
)
def test_what_is_too_weak_or_no_name_is_refused_without_being_shown(
    bad: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SettingsError) as refused:
        _load(listen="127.0.0.1:8765", **bad)
    if "hosts" not in bad:
        assert next(iter(bad.values())) not in str(refused.value)


def test_its_secrets_are_secrets_and_may_stand_in_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "token").write_text("a-token-of-sixteen\n")
    given = {
        "BUSYLIGHT_WEB_PASSWORD": PASSWORD,
        "BUSYLIGHT_WEB_TOKEN_FILE": str(tmp_path / "token"),
    }
    settings = load(None, BASE | given)
    assert {PASSWORD, "a-token-of-sixteen"} <= set(secrets_of(settings))
    assert PASSWORD not in repr(settings)
