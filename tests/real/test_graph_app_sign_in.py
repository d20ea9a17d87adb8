"""The app's own sign-in, by secret or certificate."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from busylight.core.knowledge import Trouble
from busylight.demo.lookalike import ALEX, AppCredential, Lookalike
from busylight.sources.graph.errors import SignInRefusedError
from busylight.sources.graph.session import GraphSession
from busylight.sources.graph.settings import GraphSettings
from tests.support.graph import (
    account_of,
    read,
    settings_for,
    shorten_refusals,
    signed_out,
    watching,
)


def of_app(lookalike: Lookalike, directory: Path, **others: Any) -> GraphSettings:
    return settings_for(lookalike, directory, user=ALEX.object_id, **others)


async def test_a_client_secret_needs_nobody(lookalike: Lookalike, tmp_path: Path) -> None:
    settings = of_app(lookalike, tmp_path, client_secret=SecretStr(lookalike.client_secret))
    async with GraphSession(settings) as session:
        assert await session.is_signed_in()
        assert account_of(await session.read_once()) is None
        with pytest.raises(SignInRefusedError, match="signs in by itself"):
            await session.sign_in(lambda _: None)
    assert account_of(await read(settings)) is None
    assert lookalike.entra.issued["client_credentials"] == 1  # the second one found it cached


@pytest.mark.parametrize("form", ["pem", "pfx"])
@pytest.mark.parametrize("password", [None, "correct-horse"])
async def test_a_certificate_needs_nobody(
    lookalike: Lookalike, tmp_path: Path, form: str, password: str | None
) -> None:
    app = AppCredential.mint()
    path = tmp_path / f"app.{form}"
    path.write_bytes(app.pem(password) if form == "pem" else app.pfx(password))
    settings = of_app(
        lookalike,
        tmp_path,
        certificate_file=path,
        certificate_password=None if password is None else SecretStr(password),
    )
    assert "AADSTS700027" in signed_out(await read(settings))
    lookalike.entra.register_certificate(app.certificate)
    assert account_of(await read(settings)) is None


async def test_a_wrong_secret_is_signed_out_with_what_to_do_and_tried_rarely(
    lookalike: Lookalike, tmp_path: Path
) -> None:
    settings = of_app(lookalike, tmp_path, client_secret=SecretStr("wr0ng~secret"))
    async with GraphSession(settings) as session:
        for _ in range(3):
            detail = signed_out(await session.read_once())
            assert "AADSTS7000215" in detail
            assert "BUSYLIGHT_GRAPH_CLIENT_SECRET" in detail
            assert "wr0ng" not in detail
    assert len([r for r in lookalike.requests if r.path.endswith("/token")]) == 1


async def test_a_source_with_an_expired_secret_shows_no_code_and_comes_back_by_itself(
    lookalike: Lookalike, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shorten_refusals(monkeypatch, 0.3)
    monkeypatch.setattr("busylight.sources.graph.source.REFUSED_SECONDS", 0.3)
    lookalike.entra.refuse_with(7000222, at=["client_credentials"])
    settings = of_app(lookalike, tmp_path, client_secret=SecretStr(lookalike.client_secret))
    async with watching(settings) as watched:
        trouble = await watched.next(Trouble)
        assert "AADSTS7000222" in trouble.detail
        assert trouble.sign_in is None
        lookalike.entra.allow()
        await watched.reading("DoNotDisturb/Presenting")
