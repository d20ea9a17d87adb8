"""A look-alike of Microsoft Graph and Entra on loopback HTTPS.

`busylight demo` plays a working day on it, and the tests hold the real msal and httpx against it.
"""

from busylight.demo.lookalike.certificates import AppCredential, Validity
from busylight.demo.lookalike.graph import Route
from busylight.demo.lookalike.people import (
    ADELE,
    ALEX,
    MEGAN,
    PERSONAL,
    PERSONAL_TENANT_ID,
    TENANT_ID,
    Person,
)
from busylight.demo.lookalike.server import Lookalike

__all__ = [
    "ADELE",
    "ALEX",
    "MEGAN",
    "PERSONAL",
    "PERSONAL_TENANT_ID",
    "TENANT_ID",
    "AppCredential",
    "Lookalike",
    "Person",
    "Route",
    "Validity",
]
