"""A certificate authority of our own, minted at start, and the credential of an app."""

import ipaddress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    pkcs12,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID


class Validity(StrEnum):
    """What the clock says of the server's certificate."""

    VALID = "valid"
    EXPIRED = "expired"
    NOT_YET_VALID = "not_yet_valid"


_DAY: Final = timedelta(days=1)
_SPANS: Final = {
    Validity.VALID: (-_DAY, 30 * _DAY),
    Validity.EXPIRED: (-30 * _DAY, -_DAY),
    Validity.NOT_YET_VALID: (_DAY, 30 * _DAY),
}
_AUTHORITY_SPAN: Final = (-365 * _DAY, 365 * _DAY)


@dataclass(frozen=True, slots=True)
class ServerFiles:
    """What a TLS server needs, and what its clients must trust."""

    ca_file: Path
    chain_file: Path
    """The server's certificate and key, for `SSLContext.load_cert_chain`."""


def mint_server_files(directory: Path, validity: Validity) -> ServerFiles:
    """Write a new authority and a certificate for localhost and 127.0.0.1 into `directory`."""
    authority_key = ec.generate_private_key(ec.SECP256R1())
    authority_name = _name("Busylight look-alike authority")
    authority_id = x509.SubjectKeyIdentifier.from_public_key(authority_key.public_key())
    authority = (
        _builder(authority_name, authority_name, authority_key.public_key(), _AUTHORITY_SPAN)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(signs_certificates=True), critical=True)
        .add_extension(authority_id, critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    key = ec.generate_private_key(ec.SECP256R1())
    names: list[x509.GeneralName] = [
        x509.DNSName("localhost"),
        x509.IPAddress(ipaddress.ip_address("127.0.0.1")),
    ]
    certificate = (
        _builder(_name("localhost"), authority_name, key.public_key(), _SPANS[validity])
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(authority_id),
            critical=False,
        )
        .sign(authority_key, hashes.SHA256())
    )
    files = ServerFiles(directory / "ca.pem", directory / "server.pem")
    files.ca_file.write_bytes(authority.public_bytes(Encoding.PEM))
    files.chain_file.touch(mode=0o600)
    files.chain_file.write_bytes(
        certificate.public_bytes(Encoding.PEM) + _private_pem(key, NoEncryption())
    )
    return files


@dataclass(frozen=True, slots=True)
class AppCredential:
    """A certificate with its private key, as a company uploads it to an app registration."""

    certificate: x509.Certificate
    key: rsa.RSAPrivateKey = field(repr=False)

    @classmethod
    def mint(cls) -> "AppCredential":
        """Make one. RSA, for Entra takes nothing else."""
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        name = _name("busylight app")
        span = _SPANS[Validity.VALID]
        return cls(_builder(name, name, key.public_key(), span).sign(key, hashes.SHA256()), key)

    @property
    def certificate_pem(self) -> bytes:
        """The public half: what is uploaded."""
        return self.certificate.public_bytes(Encoding.PEM)

    def pem(self, password: str | None = None) -> bytes:
        """Key and certificate in one PEM file, the key under `password` if there is one."""
        return _private_pem(self.key, _encryption(password)) + self.certificate_pem

    def pfx(self, password: str | None = None) -> bytes:
        """Key and certificate as PKCS #12."""
        return pkcs12.serialize_key_and_certificates(
            b"busylight", self.key, self.certificate, None, _encryption(password)
        )


def _encryption(password: str | None) -> KeySerializationEncryption:
    return NoEncryption() if password is None else BestAvailableEncryption(password.encode())


def _private_pem(
    key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey, encryption: KeySerializationEncryption
) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePublicKey | rsa.RSAPublicKey,
    span: tuple[timedelta, timedelta],
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + span[0])
        .not_valid_after(now + span[1])
    )


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    # Python 3.13 verifies strictly (VERIFY_X509_STRICT): an authority must say that it may sign.
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )
