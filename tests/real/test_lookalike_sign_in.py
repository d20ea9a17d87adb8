"""The look-alike of Entra, asked by the real msal."""

from collections.abc import Iterator
from typing import Any

import msal
import pytest
import requests

from busylight.demo.lookalike import (
    ADELE,
    ALEX,
    PERSONAL,
    PERSONAL_TENANT_ID,
    TENANT_ID,
    Lookalike,
)
from busylight.demo.lookalike.entra_errors import ERRORS
from tests.support.clients import (
    PRESENCE_READ,
    PRESENCE_READ_ALL,
    bearer,
    http_client,
    msal_session,
    public_app,
    token_request,
)
from tests.support.proxy import ForwardProxy

DEFAULT = ["https://graph.microsoft.com/.default"]


@pytest.fixture
def session(lookalike: Lookalike) -> Iterator[requests.Session]:
    with msal_session(lookalike) as opened:
        yield opened


def poll_once(app: msal.PublicClientApplication, flow: dict[str, Any]) -> dict[str, Any]:
    flow.pop("latest_attempt_at", None)  # msal warns of polls sooner than the interval
    return dict(app.acquire_token_by_device_flow(flow, exit_condition=lambda _: True))


def sign_in(
    lookalike: Lookalike, app: msal.PublicClientApplication, scope: str = PRESENCE_READ
) -> dict[str, Any]:
    flow = app.initiate_device_flow([scope])
    lookalike.entra.approve(flow["user_code"])
    return poll_once(app, flow)


def refresh(app: msal.PublicClientApplication, scope: str = PRESENCE_READ) -> dict[str, Any]:
    (account,) = app.get_accounts()
    answer = app.acquire_token_silent_with_error([scope], account, force_refresh=True)
    return dict(answer)


def test_a_person_signs_in_by_device_code(lookalike: Lookalike, session: requests.Session) -> None:
    app = public_app(lookalike, session)
    flow = app.initiate_device_flow([PRESENCE_READ])
    assert flow["user_code"] in flow["message"]
    assert flow["verification_uri"] in flow["message"]
    assert poll_once(app, flow)["error"] == "authorization_pending"

    lookalike.entra.approve(flow["user_code"], ALEX)
    answer = poll_once(app, flow)

    assert answer["id_token_claims"]["oid"] == ALEX.object_id
    assert answer["id_token_claims"]["tid"] == TENANT_ID
    assert answer["id_token_claims"]["preferred_username"] == ALEX.principal_name
    assert answer["id_token_claims"]["name"] == ALEX.name
    assert PRESENCE_READ in answer["scope"].split()
    assert answer["expires_in"] == lookalike.entra.access_token_seconds
    (account,) = app.get_accounts()
    assert account["username"] == ALEX.principal_name
    assert account["home_account_id"] == f"{ALEX.object_id}.{TENANT_ID}"
    assert lookalike.entra.issued == {"device_code": 1}


def test_the_page_that_a_code_is_entered_on_says_that_it_is_a_stand_in(
    lookalike: Lookalike, session: requests.Session
) -> None:
    flow = public_app(lookalike, session).initiate_device_flow([PRESENCE_READ])
    assert "stand-in" in session.get(flow["verification_uri"], timeout=5).text


def test_a_code_is_good_for_one_sign_in_only(
    lookalike: Lookalike, session: requests.Session
) -> None:
    app = public_app(lookalike, session)
    flow = app.initiate_device_flow([PRESENCE_READ])
    lookalike.entra.approve()
    poll_once(app, flow)
    assert poll_once(app, flow)["error_codes"] == [70000]
    with pytest.raises(LookupError):
        lookalike.entra.approve(flow["user_code"])


def test_a_client_that_polls_too_fast_is_told_to_slow_down(
    lookalike: Lookalike, session: requests.Session
) -> None:
    app = public_app(lookalike, session)
    flow = app.initiate_device_flow([PRESENCE_READ])
    lookalike.entra.slow_down(times=1)
    assert poll_once(app, flow)["error"] == "slow_down"
    assert flow["interval"] == lookalike.entra.interval + 5
    assert poll_once(app, flow)["error"] == "authorization_pending"


def test_a_code_that_grew_too_old_is_refused(
    lookalike: Lookalike, session: requests.Session
) -> None:
    app = public_app(lookalike, session)
    flow = app.initiate_device_flow([PRESENCE_READ])
    lookalike.entra.expire_device_codes()
    assert poll_once(app, flow)["error"] == "expired_token"


@pytest.mark.parametrize("error", ["authorization_declined", "access_denied"])
def test_a_person_may_say_no(lookalike: Lookalike, session: requests.Session, error: str) -> None:
    app = public_app(lookalike, session)
    flow = app.initiate_device_flow([PRESENCE_READ])
    lookalike.entra.decline(error=error)
    assert poll_once(app, flow)["error"] == error


def test_codes_are_entered_by_themselves_where_the_demo_wants_it(
    lookalike: Lookalike, session: requests.Session
) -> None:
    app = public_app(lookalike, session)
    lookalike.entra.auto_approve_after = 3600
    flow = app.initiate_device_flow([PRESENCE_READ])
    assert poll_once(app, flow)["error"] == "authorization_pending"
    lookalike.entra.auto_approve_after = 0
    assert poll_once(app, flow)["id_token_claims"]["oid"] == ADELE.object_id


def test_a_callback_hears_of_every_code(lookalike: Lookalike, session: requests.Session) -> None:
    lookalike.entra.on_device_code = lambda begun: lookalike.entra.approve(begun.user_code, ALEX)
    app = public_app(lookalike, session)
    flow = app.initiate_device_flow([PRESENCE_READ])
    assert lookalike.entra.wait_sign_in().user_code == flow["user_code"]
    assert poll_once(app, flow)["id_token_claims"]["oid"] == ALEX.object_id
    with pytest.raises(TimeoutError, match="1 of 2"):
        lookalike.entra.wait_sign_in(count=2, timeout=0)


def test_codes_stay_out_of_what_is_printed(lookalike: Lookalike, session: requests.Session) -> None:
    app = public_app(lookalike, session)
    flow = app.initiate_device_flow([PRESENCE_READ])
    lookalike.entra.approve()
    token = poll_once(app, flow)["access_token"]
    printed = repr([*lookalike.entra.sign_ins, lookalike.entra.vault, *lookalike.requests])
    assert flow["device_code"] not in printed
    assert token not in printed


def test_msal_uses_its_cache_and_then_the_refresh_token(
    lookalike: Lookalike, session: requests.Session
) -> None:
    app = public_app(lookalike, session)
    first = sign_in(lookalike, app)["access_token"]
    (account,) = app.get_accounts()
    cached = app.acquire_token_silent_with_error([PRESENCE_READ], account)
    assert cached["access_token"] == first
    assert lookalike.entra.tokens_issued == 1

    fresh = refresh(app)

    assert fresh["access_token"] != first
    assert lookalike.entra.issued == {"device_code": 1, "refresh_token": 1}
    with http_client(lookalike) as graph:
        for token in (first, fresh["access_token"]):
            read = graph.get(f"{lookalike.base_url}/me/presence", headers=bearer(token))
            assert read.status_code == 200


@pytest.mark.parametrize("code", [700082, 50173, 50076, 65001, 53003, 50057, 700016, 90002])
def test_a_refresh_is_refused_as_entra_refuses_it(
    lookalike: Lookalike, session: requests.Session, code: int
) -> None:
    app = public_app(lookalike, session)
    sign_in(lookalike, app)
    lookalike.entra.refuse_with(code)
    answer = refresh(app)
    assert answer["error"] == ERRORS[code].error
    assert answer["error_codes"] == [code]
    description = answer["error_description"]
    assert description.startswith(f"AADSTS{code}: ")
    assert f"Trace ID: {answer['trace_id']}" in description
    assert f"Correlation ID: {answer['correlation_id']}" in description
    assert answer.get("suberror") == ERRORS[code].suberror
    (account,) = app.get_accounts()
    assert app.acquire_token_silent([PRESENCE_READ], account, force_refresh=True) is None

    lookalike.entra.allow()
    # A new app on the old tokens, for msal itself repeats an answer of 400 for a minute.
    again = public_app(lookalike, session, token_cache=app.token_cache)
    assert "access_token" in refresh(again)


def test_a_refusal_may_be_for_a_number_of_times_and_at_another_place(
    lookalike: Lookalike, session: requests.Session
) -> None:
    def begin() -> dict[str, Any]:
        # A new app each time, for msal itself repeats an answer of 400 for a minute.
        return dict(public_app(lookalike, session).initiate_device_flow([PRESENCE_READ]))

    lookalike.entra.refuse_with(700016, times=1)
    assert begin()["error_codes"] == [700016]
    lookalike.entra.refuse_with(50173, at=["devicecode"], times=1)
    assert begin()["error_codes"] == [50173]
    assert "user_code" in begin()


def test_conditional_access_refuses_once_the_person_has_approved(
    lookalike: Lookalike, session: requests.Session
) -> None:
    app = public_app(lookalike, session)
    lookalike.entra.refuse_with(53003)
    flow = app.initiate_device_flow([PRESENCE_READ])
    assert poll_once(app, flow)["error"] == "authorization_pending"
    lookalike.entra.approve()
    assert poll_once(app, flow)["error_codes"] == [53003]


def test_more_than_was_consented_to_is_refused(
    lookalike: Lookalike, session: requests.Session
) -> None:
    app = public_app(lookalike, session)
    lookalike.entra.consented.discard("Presence.Read.All")
    assert sign_in(lookalike, app, PRESENCE_READ_ALL)["error_codes"] == [65001]


def test_revoked_tokens_are_dead_at_graph_and_at_entra(
    lookalike: Lookalike, session: requests.Session
) -> None:
    app = public_app(lookalike, session)
    token = sign_in(lookalike, app)["access_token"]
    lookalike.entra.revoke(ALEX)
    assert "access_token" in refresh(app)

    lookalike.entra.revoke(ADELE)

    with http_client(lookalike) as graph:
        read = graph.get(f"{lookalike.base_url}/me/presence", headers=bearer(token))
    assert read.status_code == 401
    assert refresh(app)["error_codes"] == [50173]
    assert "access_token" in sign_in(lookalike, app)  # a new sign-in heals it


def test_an_access_token_may_die_early_and_be_refreshed(
    lookalike: Lookalike, session: requests.Session
) -> None:
    app = public_app(lookalike, session)
    token = sign_in(lookalike, app)["access_token"]
    lookalike.entra.expire_access_tokens()
    with http_client(lookalike) as graph:
        address = f"{lookalike.base_url}/me/presence"
        assert graph.get(address, headers=bearer(token)).status_code == 401
        token = refresh(app)["access_token"]
        assert graph.get(address, headers=bearer(token)).status_code == 200


@pytest.mark.parametrize(
    ("scope", "parts"),
    [
        (PRESENCE_READ, set()),
        ("https://graph.microsoft.com/.default", set()),
        (f"{PRESENCE_READ} openid", {"id_token"}),
        (f"{PRESENCE_READ} offline_access", {"refresh_token"}),
    ],
)
def test_an_answer_holds_what_was_asked_for(
    lookalike: Lookalike, session: requests.Session, scope: str, parts: set[str]
) -> None:
    address = f"{lookalike.authority_url}/oauth2/v2.0/devicecode"
    form = {"client_id": lookalike.client_id, "scope": scope}
    flow = session.post(address, data=form, timeout=5).json()
    lookalike.entra.approve()
    form = {
        "grant_type": "urn:ietf:params:oauth:grant-type:device_code",
        "device_code": flow["device_code"],
    }
    answer = token_request(lookalike, session, form)
    assert answer.keys() & {"id_token", "refresh_token"} == parts
    with http_client(lookalike) as graph:
        read = graph.get(
            f"{lookalike.base_url}/me/presence", headers=bearer(answer["access_token"])
        )
    assert read.status_code == 200


def test_an_unknown_refresh_token_is_refused(
    lookalike: Lookalike, session: requests.Session
) -> None:
    app = public_app(lookalike, session)
    answer = app.acquire_token_by_refresh_token("made up", [PRESENCE_READ])
    assert answer["error_codes"] == [70000]


def test_a_refresh_token_is_not_good_for_ever(
    lookalike: Lookalike, session: requests.Session
) -> None:
    app = public_app(lookalike, session)
    sign_in(lookalike, app)
    for grant in lookalike.entra.vault.refresh.values():
        grant.expires_at = 0
    assert refresh(app)["error_codes"] == [700082]


def test_a_tenant_that_does_not_exist_fails_msals_constructor(
    lookalike: Lookalike, session: requests.Session
) -> None:
    with pytest.raises(ValueError, match="Unable to get authority configuration"):
        public_app(lookalike, session, lookalike.authority("nowhere.example"))


def test_discovery_may_be_refused_on_demand(
    lookalike: Lookalike, session: requests.Session
) -> None:
    lookalike.entra.refuse_with(90002)
    with pytest.raises(ValueError, match="Unable to get authority configuration"):
        public_app(lookalike, session)


def test_an_unknown_app_is_refused(lookalike: Lookalike, session: requests.Session) -> None:
    app = msal.PublicClientApplication(
        "99999999-2222-3333-4444-555555555555",
        authority=lookalike.authority_url,
        http_client=session,
        instance_discovery=False,
    )
    assert app.initiate_device_flow([PRESENCE_READ])["error_codes"] == [700016]


def test_a_personal_account_is_turned_away_by_the_browser_of_a_company(
    lookalike: Lookalike, session: requests.Session
) -> None:
    public_app(lookalike, session).initiate_device_flow([PRESENCE_READ])
    with pytest.raises(PermissionError):
        lookalike.entra.approve(person=PERSONAL)


@pytest.mark.parametrize("tenant", ["common", "consumers"])
def test_a_personal_account_signs_in_where_everybody_may(
    lookalike: Lookalike, session: requests.Session, tenant: str
) -> None:
    app = public_app(lookalike, session, lookalike.authority(tenant))
    flow = app.initiate_device_flow([PRESENCE_READ])
    lookalike.entra.approve(person=PERSONAL)
    answer = poll_once(app, flow)
    assert answer["id_token_claims"]["tid"] == PERSONAL_TENANT_ID
    with http_client(lookalike) as graph:
        address = f"{lookalike.base_url}/me/presence"
        assert graph.get(address, headers=bearer(answer["access_token"])).status_code == 400


def test_instance_discovery_is_answered_for_those_who_ask(
    lookalike: Lookalike, session: requests.Session
) -> None:
    app = msal.PublicClientApplication(
        lookalike.client_id,
        authority=lookalike.authority_url,
        http_client=session,
        instance_discovery=f"{lookalike.origin}/common/discovery/instance",
    )
    assert "user_code" in app.initiate_device_flow([PRESENCE_READ])
    keys = session.get(f"{lookalike.authority_url}/discovery/v2.0/keys", timeout=5)
    assert keys.json() == {"keys": []}


def test_msal_accepts_the_issuer_also_as_a_plain_openid_authority(
    lookalike: Lookalike, session: requests.Session
) -> None:
    app = msal.PublicClientApplication(
        lookalike.client_id,
        oidc_authority=f"{lookalike.authority_url}/v2.0",
        http_client=session,
        instance_discovery=False,
    )
    assert "user_code" in app.initiate_device_flow([PRESENCE_READ])


def test_msal_and_httpx_alike_go_through_a_proxy(lookalike: Lookalike) -> None:
    with ForwardProxy() as proxy:
        with msal_session(lookalike, proxy.url) as session:
            token = sign_in(lookalike, public_app(lookalike, session))["access_token"]
        target = f"localhost:{lookalike.port}"
        assert set(proxy.tunnels) == {target}
        through_msal = len(proxy.tunnels)
        with http_client(lookalike, proxy=proxy.url) as graph:
            address = f"{lookalike.base_url}/me/presence"
            assert graph.get(address, headers=bearer(token)).status_code == 200
        assert proxy.tunnels[through_msal:] == [target]
