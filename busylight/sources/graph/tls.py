"""Whom we trust: the system's certificates, and the company's where it gives its own."""

import ssl
from pathlib import Path

import certifi

from busylight.parts import SourceError


def trust(ca_file: Path | None = None) -> ssl.SSLContext:
    """Return what every connection is checked with; raises `SourceError`.

    `ca_file` is trusted in addition to the system's store.
    """
    context = ssl.create_default_context()
    if not _system_has_store(context):
        context.load_verify_locations(certifi.where())
    if ca_file is not None:
        # Python 3.13 refuses CAs that lack a key identifier, as those of many companies do.
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        try:
            context.load_verify_locations(ca_file)
        except (OSError, ssl.SSLError) as error:
            raise SourceError(
                f"BUSYLIGHT_GRAPH_CA_FILE={ca_file} cannot be used "
                f"({error.strerror or 'no certificate in it'}): it must be a readable file of "
                "certificates in PEM form"
            ) from error
    return context


def _system_has_store(context: ssl.SSLContext) -> bool:
    if context.cert_store_stats()["x509_ca"]:
        return True
    directory = ssl.get_default_verify_paths().capath  # read only when it is needed
    return bool(directory) and any(Path(directory).iterdir())
