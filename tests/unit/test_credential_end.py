"""A secret or certificate that ends is told 30 days before, by whatever a person looks at."""

import asyncio
import logging
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID
from pydantic import SecretStr

from busylight.app import credential_watch
from busylight.app.hub import Hub
from busylight.core.documents import diagnostics_document
from busylight.core.palette import Palette
from busylight.core.rules import Rules
from busylight.sources.graph.credential_end import last_day, warning
from busylight.sources.graph.settings import GraphSettings
from tests.support.broker import eventually

TODAY = date(2026, 11, 24)


def certificate_file(directory: Path, end: date) -> Path:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "busylight")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(datetime(2020, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(end.year, end.month, end.day, 12, tzinfo=UTC))
        .sign(key, hashes.SHA256())
    )
    path = directory / "app.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    return path


def settings(*, certificate: Path | None = None, ends: date | None = None) -> GraphSettings:
    return GraphSettings(
        interval=5,
        token_cache=Path("unused"),
        client_id="11111111-2222-3333-4444-555555555555",
        client_secret=None if certificate else SecretStr("8Q~some.secret"),
        client_secret_ends=ends,
        certificate_file=certificate,
    )


@pytest.mark.parametrize(
    ("days", "words"),
    [
        (31, None),
        (30, "the app's client secret ends on 2026-12-24 (in 30 days)"),
        (1, "ends on 2026-11-25 (in 1 day)"),
        (0, "ends today (2026-11-24)"),
        (-1, "has ended on 2026-11-23"),
    ],
)
def test_people_are_told_from_thirty_days_before_the_end_on(days: int, words: str | None) -> None:
    told = warning(settings(ends=TODAY + timedelta(days=days)), TODAY)
    assert (told is None) if words is None else (told is not None and words in told)


def test_a_certificate_says_itself_when_it_ends(tmp_path: Path) -> None:
    end = TODAY + timedelta(days=29)
    found = settings(certificate=certificate_file(tmp_path, end))
    assert last_day(found) == end
    assert "certificate ends on 2026-12-23" in (warning(found, TODAY) or "")
    assert warning(found, TODAY - timedelta(days=2)) is None


def test_of_a_secret_whose_end_nobody_has_said_nothing_is_guessed() -> None:
    assert warning(settings(), TODAY) is None


async def test_the_daemon_logs_it_once_and_shows_it_in_diagnostics(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(credential_watch, "_LOOK", 0.01)
    monkeypatch.setattr(credential_watch, "_today", lambda: TODAY)
    hub = Hub(Rules(Palette(), 60, "graph", "0"))
    looks: list[str | None] = []

    def told(words: str | None) -> None:
        looks.append(words)
        hub.credential(words)

    with caplog.at_level(logging.WARNING):
        task = asyncio.create_task(
            credential_watch.watch(settings(ends=TODAY + timedelta(days=3)), told)
        )
        await eventually(lambda: len(looks) > 3)
        task.cancel()
    assert [record.message for record in caplog.records if "client secret" in record.message] == [
        looks[0]
    ]
    document = diagnostics_document(hub.view.diagnostics, lambda _: None, account=False)
    assert "in 3 days" in document["credential"]
