"""The real clients, unmodified, as they trust the look-alike of Graph and Entra."""

import ssl
from typing import Any

import httpx
import msal
import requests

from busylight.demo.lookalike import ADELE, Lookalike, Person
from busylight.demo.lookalike.tokens import Grant
from busylight.edge.clock import now

PRESENCE_READ = "https://graph.microsoft.com/Presence.Read"
PRESENCE_READ_ALL = "https://graph.microsoft.com/Presence.Read.All"


def msal_session(lookalike: Lookalike, proxy: str | None = None) -> requests.Session:
    """What msal is given as its `http_client`. `trust_env` is off, for REQUESTS_CA_BUNDLE wins."""
    session = requests.Session()
    session.trust_env = False
    session.verify = str(lookalike.ca_file)
    if proxy is not None:
        session.proxies = {"https": proxy}
    return session


def public_app(
    lookalike: Lookalike,
    session: requests.Session,
    authority: str | None = None,
    token_cache: msal.TokenCache | None = None,
) -> msal.PublicClientApplication:
    """Msal for a person who signs in."""
    return msal.PublicClientApplication(
        lookalike.client_id,
        authority=authority or lookalike.authority_url,
        http_client=session,
        token_cache=token_cache,
        instance_discovery=False,
    )


def confidential_app(
    lookalike: Lookalike, session: requests.Session, credential: object
) -> msal.ConfidentialClientApplication:
    """Msal for the app itself."""
    return msal.ConfidentialClientApplication(
        lookalike.client_id,
        client_credential=credential,
        authority=lookalike.authority_url,
        http_client=session,
        instance_discovery=False,
    )


def http_client(lookalike: Lookalike, **options: Any) -> httpx.Client:
    """Httpx, which trusts the look-alike's authority alone."""
    trust = ssl.create_default_context(cafile=str(lookalike.ca_file))
    return httpx.Client(verify=trust, trust_env=False, **options)


def token_request(
    lookalike: Lookalike, session: requests.Session, form: dict[str, str]
) -> dict[str, Any]:
    """Ask Entra's token endpoint by hand, for what msal would never send."""
    address = f"{lookalike.authority_url}/oauth2/v2.0/token"
    form = {"client_id": lookalike.client_id, **form}
    answer: dict[str, Any] = session.post(address, data=form, timeout=5).json()
    return answer


def authorized(
    lookalike: Lookalike, permissions: set[str], person: Person | None = ADELE
) -> dict[str, str]:
    """The header of a person (or, None, of the app) who was granted these permissions."""
    vault = lookalike.entra.vault
    grant = Grant(lookalike.client_id, person, frozenset(permissions), now() + 60)
    return bearer(vault.keep(vault.access, grant))


def bearer(token: str) -> dict[str, str]:
    """The header that carries a token."""
    return {"Authorization": f"Bearer {token}"}
