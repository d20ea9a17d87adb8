"""The app's own credential: a client secret, or a certificate with its private key."""

from busylight.edge import log
from busylight.parts import SourceError
from busylight.sources.graph.settings import GraphSettings

Credential = str | dict[str, str]
"""In msal's form."""


def credential(settings: GraphSettings) -> Credential | None:
    """Read what the app proves itself with; None: a person signs in. Raises `SourceError`."""
    if settings.client_secret is not None:
        secret = settings.client_secret.get_secret_value()
        log.conceal(secret)
        return secret
    if settings.certificate_file is None:
        return None
    from busylight.sources.graph.certificate import (  # noqa: PLC0415 -- cryptography is large
        read_certificate,
    )

    password = None
    if settings.certificate_password is not None:
        log.conceal(settings.certificate_password.get_secret_value())
        password = settings.certificate_password.get_secret_value().encode()
    try:
        return read_certificate(settings.certificate_file, password)
    except ValueError as error:
        raise SourceError(
            f"BUSYLIGHT_GRAPH_CERTIFICATE_FILE={settings.certificate_file} {error}"
        ) from None
