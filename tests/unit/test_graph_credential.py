"""The app's own credential, read from settings and files."""

from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from busylight.demo.lookalike import AppCredential
from busylight.edge import log
from busylight.parts import SourceError
from busylight.sources.graph.certificate import read_certificate
from busylight.sources.graph.credential import credential
from busylight.sources.graph.settings import GraphSettings

APP = AppCredential.mint()
OTHER = AppCredential.mint()
EC_KEY = ec.generate_private_key(ec.SECP256R1()).private_bytes(
    Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
)


def settings(
    path: Path | None = None, password: str | None = None, secret: str | None = None
) -> GraphSettings:
    return GraphSettings(
        interval=5,
        token_cache=Path("unused"),
        client_id="11111111-2222-3333-4444-555555555555",
        client_secret=None if secret is None else SecretStr(secret),
        certificate_file=path,
        certificate_password=None if password is None else SecretStr(password),
    )


def test_without_one_a_person_signs_in() -> None:
    assert credential(settings()) is None


def test_a_client_secret_is_never_logged_again() -> None:
    assert credential(settings(secret="8Q~some.secret")) == "8Q~some.secret"
    assert "8Q~some.secret" not in log.redact("it is 8Q~some.secret")


@pytest.mark.parametrize("password", [None, "correct-horse"])
@pytest.mark.parametrize("form", ["pem", "pfx"])
def test_key_and_certificate_are_read_from_pem_and_pfx(
    tmp_path: Path, form: str, password: str | None
) -> None:
    path = tmp_path / "app"
    path.write_bytes(APP.pem(password) if form == "pem" else APP.pfx(password))
    found = credential(settings(path, password))
    assert isinstance(found, dict)
    assert x509.load_pem_x509_certificate(found["public_certificate"].encode()) == APP.certificate
    assert found["private_key"].startswith("-----BEGIN PRIVATE KEY-----")


def test_of_a_chain_the_certificate_of_the_key_is_taken(tmp_path: Path) -> None:
    path = tmp_path / "app.pem"
    path.write_bytes(OTHER.certificate_pem + APP.pem())
    found = read_certificate(path, None)
    assert found["public_certificate"].encode() == APP.certificate_pem


@pytest.mark.parametrize(
    ("content", "password", "problem"),
    [
        (APP.certificate_pem, None, "has no private key"),
        (APP.pem().partition(b"-----BEGIN CERT")[0], None, "has no certificate"),
        (APP.pem("x1234"), None, "is encrypted: give BUSYLIGHT_GRAPH_CERTIFICATE_PASSWORD"),
        (APP.pem("x1234"), "wrong", "is BUSYLIGHT_GRAPH_CERTIFICATE_PASSWORD right"),
        (APP.pfx("x1234"), "wrong", "is BUSYLIGHT_GRAPH_CERTIFICATE_PASSWORD right"),
        (APP.pfx("x1234"), None, "if it has a password"),
        (b"", None, "is neither PEM nor a PFX"),
        (b"-----BEGIN PRIVATE KEY-----\n-----BEGIN CERTIFICATE-----", None, "cannot be read"),
        (APP.pem().replace(b"-----BEGIN CERTIFICATE-----\nM", b"-----BEGIN CERTIFICATE-----\nA"),
         None, "certificate that cannot be read"),
        (EC_KEY + APP.certificate_pem, None, "has no RSA key"),
        (APP.pem().partition(b"-----BEGIN CERT")[0] + OTHER.certificate_pem, None, "belongs to"),
    ],
)  # fmt: skip
def test_a_file_that_is_of_no_use_is_told_by_what_is_wrong_with_it(
    tmp_path: Path, content: bytes, password: str | None, problem: str
) -> None:
    path = tmp_path / "app"
    path.write_bytes(content)
    with pytest.raises(SourceError, match=problem) as raised:
        credential(settings(path, password))
    assert str(raised.value).startswith(f"BUSYLIGHT_GRAPH_CERTIFICATE_FILE={path} ")
    assert "x1234" not in str(raised.value)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="No such file"):
        credential(settings(tmp_path / "absent"))


@given(st.binary(), st.none() | st.binary(max_size=8))
def test_any_bytes_are_a_certificate_or_say_what_is_wrong(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, password: bytes | None
) -> None:
    path = tmp_path_factory.mktemp("certificate") / "app"
    for prefix in (b"", b"-----BEGIN PRIVATE KEY-----\n-----BEGIN CERTIFICATE-----\n"):
        path.write_bytes(prefix + content)
        with pytest.raises(ValueError, match=r"^(has|is) "):
            read_certificate(path, password)
