"""The app's certificate with its private key, from PEM or PFX."""

from datetime import date
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import pkcs12

_LARGEST: Final = 256 * 1024  # bytes
_PEM: Final = b"-----BEGIN "


def read_certificate(path: Path, password: bytes | None) -> dict[str, str]:
    """Read a file into msal's form; `ValueError` with the rest of the sentence."""
    key, certificate = _pair(path, password)
    return {
        "private_key": key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ).decode(),
        "public_certificate": certificate.public_bytes(serialization.Encoding.PEM).decode(),
    }


def last_day(path: Path, password: bytes | None) -> date:
    """The last day of the certificate (UTC); `ValueError` as above."""
    return _pair(path, password)[1].not_valid_after_utc.date()


def _pair(path: Path, password: bytes | None) -> tuple[rsa.RSAPrivateKey, x509.Certificate]:
    """The private key, and the certificate that belongs to it."""
    try:
        with path.open("rb") as file:
            content = file.read(_LARGEST)
    except OSError as error:
        raise ValueError(f"cannot be read ({error.strerror})") from None
    read = _from_pem if _PEM in content else _from_pfx
    key, certificates = read(content, password)
    if not isinstance(key, rsa.RSAPrivateKey):
        raise ValueError("has no RSA key, and Entra takes no other")  # noqa: TRY004 -- of the content
    numbers = key.public_key().public_numbers()
    for certificate in certificates:
        public = certificate.public_key()
        if isinstance(public, rsa.RSAPublicKey) and public.public_numbers() == numbers:
            return key, certificate
    raise ValueError("has no certificate that belongs to its private key")


def _from_pem(
    content: bytes, password: bytes | None
) -> tuple[PrivateKeyTypes, list[x509.Certificate]]:
    if b"PRIVATE KEY-----" not in content:
        raise ValueError("has no private key: put key and certificate into one file")
    if b"-----BEGIN CERTIFICATE-----" not in content:
        raise ValueError("has no certificate: put key and certificate into one file")
    is_encrypted = b"ENCRYPTED" in content
    if is_encrypted and password is None:
        raise ValueError("is encrypted: give BUSYLIGHT_GRAPH_CERTIFICATE_PASSWORD")
    try:
        key = serialization.load_pem_private_key(content, password if is_encrypted else None)
    except Exception:  # noqa: BLE001 -- ValueError, TypeError, UnsupportedAlgorithm, as it comes
        raise ValueError(f"has a private key that cannot be read{_hint(password)}") from None
    try:
        return key, x509.load_pem_x509_certificates(content)
    except ValueError:
        raise ValueError("has a certificate that cannot be read") from None


def _from_pfx(
    content: bytes, password: bytes | None
) -> tuple[PrivateKeyTypes, list[x509.Certificate]]:
    try:
        key, certificate, others = pkcs12.load_key_and_certificates(content, password)
    except Exception:  # noqa: BLE001 -- as above
        raise ValueError(f"is neither PEM nor a PFX that can be read{_hint(password)}") from None
    if key is None:
        raise ValueError("has no private key")
    return key, [each for each in (certificate, *others) if each is not None]


def _hint(password: bytes | None) -> str:
    if password is None:
        return "; if it has a password, give BUSYLIGHT_GRAPH_CERTIFICATE_PASSWORD"
    return "; is BUSYLIGHT_GRAPH_CERTIFICATE_PASSWORD right?"
