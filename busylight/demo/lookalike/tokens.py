"""The tokens that the look-alike of Entra hands out, and how an app proves who it is."""

import base64
import json
import secrets
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from busylight.demo.lookalike.entra_errors import RefusedError
from busylight.demo.lookalike.people import Person

OPENID_SCOPES: Final = frozenset({"openid", "profile", "offline_access", "email"})
_SKEW: Final = 300  # seconds that Entra forgives a clock


@dataclass(slots=True)
class Grant:
    """What one access or refresh token is good for."""

    client_id: str
    person: Person | None
    """None: the app itself."""
    permissions: frozenset[str]
    expires_at: float
    """The moment on `busylight.edge.clock.now`."""
    revoked_with: int | None = None
    """The code of the refusal, once it was revoked."""


@dataclass(slots=True)
class Vault:
    """Every token that was handed out. None of them is ever shown."""

    access: dict[str, Grant] = field(default_factory=dict, repr=False)
    refresh: dict[str, Grant] = field(default_factory=dict, repr=False)

    def keep(self, drawer: dict[str, Grant], grant: Grant) -> str:
        """Make a token that stands for `grant`."""
        token = secrets.token_urlsafe(96)
        drawer[token] = grant
        return token


def permission(scope: str) -> str:
    """The permission that a scope names: `https://graph.microsoft.com/Presence.Read`."""
    return scope.rpartition("/")[2]


def encode_part(value: Any) -> str:
    """JSON as base64url without padding, as JWTs and client_info have it."""
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def decode_part(text: str) -> bytes:
    """The reverse of `encode_part`; raises ValueError."""
    return base64.urlsafe_b64decode(text.rstrip("=") + "=" * (-len(text.rstrip("=")) % 4))


def id_token(
    person: Person, client_id: str, issuer: str, seconds: float, nonce: str | None = None
) -> str:
    """An unsigned id token: it comes straight from the token endpoint, over TLS."""
    now = int(time.time())
    claims = {
        **({"nonce": nonce} if nonce is not None else {}),
        "aud": client_id,
        "iss": issuer,
        "iat": now,
        "nbf": now,
        "exp": now + int(seconds),
        "name": person.name,
        "oid": person.object_id,
        "preferred_username": person.principal_name,
        "sub": encode_part(f"{client_id}{person.object_id}".encode()),
        "tid": person.tenant_id,
        "ver": "2.0",
    }
    return f"{encode_part({'typ': 'JWT', 'alg': 'none'})}.{encode_part(claims)}."


def check_assertion(
    assertion: str,
    *,
    client_id: str,
    audiences: Iterable[str],
    certificates: Iterable[x509.Certificate],
) -> None:
    """Verify an app's signed assertion (RFC 7523); raises `RefusedError` as Entra would."""
    try:
        signed, _, signature = assertion.rpartition(".")
        header, claims = (json.loads(decode_part(part)) for part in signed.split("."))
        raw_signature = decode_part(signature)
        thumbprint = decode_part(header.get("x5t#S256") or header["x5t"])
        lifetime = float(claims.get("nbf", 0)), float(claims["exp"])
    except (ValueError, KeyError, TypeError, AttributeError):
        raise RefusedError(700027) from None
    algorithm = hashes.SHA256() if "x5t#S256" in header else hashes.SHA1()  # noqa: S303 -- x5t is SHA-1
    for certificate in certificates:
        if certificate.fingerprint(algorithm) == thumbprint:
            _check_signature(certificate, str(header.get("alg")), signed.encode(), raw_signature)
            break
    else:
        raise RefusedError(700027)
    if claims.get("aud") not in tuple(audiences):
        raise RefusedError(700023)
    if claims.get("iss") != client_id or claims.get("sub") != client_id:
        raise RefusedError(700027)
    if not lifetime[0] - _SKEW <= time.time() <= lifetime[1] + _SKEW:
        raise RefusedError(700024)


def _check_signature(
    certificate: x509.Certificate, algorithm: str, signed: bytes, signature: bytes
) -> None:
    schemes: dict[str, padding.AsymmetricPadding] = {
        "RS256": padding.PKCS1v15(),
        "PS256": padding.PSS(padding.MGF1(hashes.SHA256()), padding.PSS.DIGEST_LENGTH),
    }
    key = certificate.public_key()
    if algorithm not in schemes or not isinstance(key, rsa.RSAPublicKey):
        raise RefusedError(700027)
    try:
        key.verify(signature, signed, schemes[algorithm], hashes.SHA256())
    except InvalidSignature:
        raise RefusedError(700027) from None
