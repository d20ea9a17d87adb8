"""An app signs in as itself to the look-alike of Entra, by the real msal."""

import time
from collections.abc import Iterator

import msal
import pytest
import requests
from cryptography.hazmat.primitives.hashes import SHA1

from busylight.demo.lookalike import (
    ALEX,
    AppCredential,
    Lookalike,
)
from busylight.demo.lookalike.tokens import encode_part
from tests.support.clients import (
    PRESENCE_READ_ALL,
    bearer,
    confidential_app,
    http_client,
    msal_session,
    token_request,
)

DEFAULT = ["https://graph.microsoft.com/.default"]


@pytest.fixture
def session(lookalike: Lookalike) -> Iterator[requests.Session]:
    with msal_session(lookalike) as opened:
        yield opened


@pytest.fixture(scope="session")
def credential() -> AppCredential:
    return AppCredential.mint()


def msal_credential(credential: AppCredential, by: str = "certificate") -> dict[str, str]:
    key = credential.pem().decode()
    if by == "certificate":
        return {"private_key": key, "public_certificate": credential.certificate_pem.decode()}
    thumbprint = credential.certificate.fingerprint(SHA1()).hex()  # noqa: S303 -- x5t is SHA-1
    return {"private_key": key, "thumbprint": thumbprint}


def test_an_app_proves_itself_with_its_secret(
    lookalike: Lookalike, session: requests.Session
) -> None:
    app = confidential_app(lookalike, session, lookalike.client_secret)
    token = app.acquire_token_for_client(DEFAULT)["access_token"]
    address = f"{lookalike.base_url}/users/{ALEX.object_id}/presence"
    with http_client(lookalike) as graph:
        assert graph.get(address, headers=bearer(token)).json()["activity"] == "Presenting"


def test_a_wrong_secret_is_refused(lookalike: Lookalike, session: requests.Session) -> None:
    app = confidential_app(lookalike, session, "wrong")
    answer = app.acquire_token_for_client(DEFAULT)
    assert answer["error"] == "invalid_client"
    assert answer["error_codes"] == [7000215]
    assert lookalike.requests[-1].status == 401


def test_an_expired_secret_is_refused(lookalike: Lookalike, session: requests.Session) -> None:
    lookalike.entra.refuse_with(7000222)
    app = confidential_app(lookalike, session, lookalike.client_secret)
    assert app.acquire_token_for_client(DEFAULT)["error_codes"] == [7000222]


def test_an_app_has_one_scope_only(lookalike: Lookalike, session: requests.Session) -> None:
    app = confidential_app(lookalike, session, lookalike.client_secret)
    assert app.acquire_token_for_client([PRESENCE_READ_ALL])["error_codes"] == [70011]


@pytest.mark.parametrize("by", ["certificate", "thumbprint"])
def test_an_app_proves_itself_with_its_certificate(
    lookalike: Lookalike, session: requests.Session, credential: AppCredential, by: str
) -> None:
    lookalike.entra.register_certificate(AppCredential.mint().certificate)  # an older one
    lookalike.entra.register_certificate(credential.certificate)
    app = confidential_app(lookalike, session, msal_credential(credential, by))
    assert "access_token" in app.acquire_token_for_client(DEFAULT)


def test_a_certificate_in_a_pfx_file_works_too(
    lookalike: Lookalike,
    session: requests.Session,
    credential: AppCredential,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    path = tmp_path_factory.mktemp("pfx") / "app.pfx"
    path.write_bytes(credential.pfx("correct-horse"))
    lookalike.entra.register_certificate(credential.certificate)
    pfx = {"private_key_pfx_path": str(path), "passphrase": "correct-horse"}
    app = confidential_app(lookalike, session, pfx)
    assert "access_token" in app.acquire_token_for_client(DEFAULT)


def test_a_certificate_that_is_not_registered_is_refused(
    lookalike: Lookalike, session: requests.Session, credential: AppCredential
) -> None:
    app = confidential_app(lookalike, session, msal_credential(credential))
    assert app.acquire_token_for_client(DEFAULT)["error_codes"] == [700027]


def test_a_signature_by_another_key_is_refused(
    lookalike: Lookalike, session: requests.Session, credential: AppCredential
) -> None:
    lookalike.entra.register_certificate(credential.certificate)
    thief = {**msal_credential(credential), "private_key": AppCredential.mint().pem().decode()}
    app = confidential_app(lookalike, session, thief)
    assert app.acquire_token_for_client(DEFAULT)["error_codes"] == [700027]


def test_an_assertion_signed_in_a_way_that_entra_does_not_take_is_refused(
    lookalike: Lookalike, session: requests.Session, credential: AppCredential
) -> None:
    lookalike.entra.register_certificate(credential.certificate)
    header = {"alg": "none", "x5t": encode_part(credential.certificate.fingerprint(SHA1()))}  # noqa: S303 -- x5t is SHA-1
    claims = {
        "aud": f"{lookalike.authority_url}/oauth2/v2.0/token",
        "iss": lookalike.client_id,
        "sub": lookalike.client_id,
        "exp": time.time() + 60,
    }
    form = {
        "grant_type": "client_credentials",
        "scope": DEFAULT[0],
        "client_assertion": f"{encode_part(header)}.{encode_part(claims)}.",
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
    }
    assert token_request(lookalike, session, form)["error_codes"] == [700027]


@pytest.mark.parametrize(
    ("claims", "code"),
    [
        ({"aud": "https://elsewhere.example/token"}, 700023),
        ({"sub": "another app"}, 700027),
        ({"exp": time.time() - 4000}, 700024),
        ({"nbf": time.time() + 4000}, 700024),
        ({"exp": "soon"}, 700027),
        ({"aud": ["https://elsewhere.example/token"]}, 700023),
    ],
)
def test_an_assertion_must_be_for_us_from_the_app_and_in_time(
    lookalike: Lookalike,
    session: requests.Session,
    credential: AppCredential,
    claims: dict[str, object],
    code: int,
) -> None:
    lookalike.entra.register_certificate(credential.certificate)
    app = msal.ConfidentialClientApplication(
        lookalike.client_id,
        client_credential=msal_credential(credential),
        authority=lookalike.authority_url,
        http_client=session,
        instance_discovery=False,
        client_claims=claims,
    )
    assert app.acquire_token_for_client(DEFAULT)["error_codes"] == [code]


@pytest.mark.parametrize("assertion", ["", "junk", "a.b.c", "e30.e30.e30", "W10.W10.W10"])
def test_an_assertion_that_is_none_is_refused(
    lookalike: Lookalike, session: requests.Session, assertion: str
) -> None:
    form = {
        "grant_type": "client_credentials",
        "scope": DEFAULT[0],
        "client_assertion": assertion,
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
    }
    answer = token_request(lookalike, session, form)
    assert answer["error_codes"] == [700027 if assertion else 7000218]
    form["client_assertion_type"] = "another"
    if assertion:
        assert token_request(lookalike, session, form)["error_codes"] == [90014]


def test_an_app_without_a_proof_or_a_grant_is_refused(
    lookalike: Lookalike, session: requests.Session
) -> None:
    form = {
        "grant_type": "client_credentials",
        "scope": DEFAULT[0],
    }
    assert token_request(lookalike, session, form)["error_codes"] == [7000218]
    form["grant_type"] = "password"
    assert token_request(lookalike, session, form)["error_codes"] == [90014]
