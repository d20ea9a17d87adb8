"""The Graph source held against the look-alike, without needless waiting."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from busylight.core.knowledge import Reading, SignInPrompt, Trouble, Why
from busylight.demo.lookalike import ADELE, Lookalike, Person
from busylight.sources.graph import session as session_module
from busylight.sources.graph import sign_in
from busylight.sources.graph import tokens as tokens_module
from busylight.sources.graph.account import PinnedAccount
from busylight.sources.graph.http import HttpClient
from busylight.sources.graph.session import GraphSession
from busylight.sources.graph.settings import GraphSettings
from busylight.sources.graph.source import GraphSource
from busylight.sources.graph.tls import trust
from busylight.sources.graph.token_cache import TokenStore
from busylight.sources.graph.tokens import Tokens

PATIENCE = 10.0
"""Seconds after which a test gives up waiting."""


def settings_for(lookalike: Lookalike, directory: Path, **others: Any) -> GraphSettings:
    """Settings of a light that reads from the look-alike."""
    given: dict[str, Any] = {
        "interval": 0.05,
        "token_cache": directory / "token_cache.json",
        "client_id": lookalike.client_id,
        "tenant_id": lookalike.tenant_id,
        "authority_url": lookalike.authority_url,
        "base_url": lookalike.base_url,
        "ca_file": lookalike.ca_file,
    }
    return GraphSettings(**(given | others))


def sign_in_now(lookalike: Lookalike, settings: GraphSettings, person: Person = ADELE) -> None:
    """Let `person` sign in as another process would, at once."""
    http = HttpClient(trust(settings.ca_file), settings.proxy)
    store = TokenStore(settings.token_cache)
    tokens = Tokens(settings, None, store, PinnedAccount(settings.token_cache), http.fetch)
    if settings.write:
        tokens.want_to_write()
    try:
        code = sign_in.begin(tokens)
        lookalike.entra.approve(code.prompt.code, person)
        assert sign_in.poll(tokens, code) is not None
    finally:
        http.close()


def lose_access_tokens(settings: GraphSettings) -> None:
    """Keep the sign-in, but no token that Graph would take: as in the morning."""
    store = TokenStore(settings.token_cache)
    with store.locked():
        for entry in list(store.cache.search("AccessToken")):
            store.cache.remove_at(entry)


async def read(settings: GraphSettings, *, deadline: float = 5.0) -> Reading | Trouble:
    """Read once, with connections of its own."""
    async with GraphSession(settings, deadline=deadline) as session:
        return await session.read_once()


class Watched:
    """A running `GraphSource`, and what it has yielded so far."""

    def __init__(self, source: GraphSource) -> None:
        self.source = source
        self.seen: list[Reading | Trouble] = []
        self._more = asyncio.Event()

    async def follow(self) -> None:
        """Take what comes, for ever."""
        async for result in self.source.readings():
            self.seen.append(result)
            self._more.set()

    async def next(self, kind: type[Reading] | type[Trouble], after: int = 0) -> Any:
        """The first of `kind` from position `after` on; waits for it."""
        async with asyncio.timeout(PATIENCE):
            while True:
                for result in self.seen[after:]:
                    if isinstance(result, kind):
                        return result
                self._more.clear()
                await self._more.wait()

    async def reading(self, words: str) -> Reading:
        """Wait until one person's presence is read as `words`."""
        after = 0
        while True:
            result: Reading = await self.next(Reading, after)
            if [presence.words for presence in result.presences.values()] == [words]:
                return result
            after = self.seen.index(result, after) + 1


@asynccontextmanager
async def watching(settings: GraphSettings, *, deadline: float = 5.0) -> AsyncIterator[Watched]:
    """A source that runs meanwhile."""
    async with GraphSource(settings, deadline=deadline) as source:
        watched = Watched(source)
        task = asyncio.create_task(watched.follow())
        try:
            yield watched
        finally:
            task.cancel()
            done, _ = await asyncio.wait({task}, timeout=PATIENCE)
            assert done, "the source did not end when it was cancelled"
            if not task.cancelled() and (error := task.exception()) is not None:
                raise error


def account_of(result: Reading | Trouble) -> str | None:
    assert isinstance(result, Reading), result
    return result.account


def signed_out(result: Reading | Trouble) -> str:
    assert isinstance(result, Trouble), result
    assert result.why is Why.SIGNED_OUT
    return result.detail


def prompt_of(trouble: Trouble) -> SignInPrompt:
    assert trouble.why is Why.SIGNED_OUT
    assert trouble.sign_in is not None
    return trouble.sign_in


async def nth_code(watched: Any, number: int) -> Trouble:
    """The trouble that shows the `number`th code."""
    async with asyncio.timeout(PATIENCE):
        while True:
            shown = [each for each in watched.seen if isinstance(each, Trouble) and each.sign_in]
            if len(shown) >= number:
                trouble: Trouble = shown[number - 1]
                return trouble
            await asyncio.sleep(0.01)


def shorten_refusals(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    monkeypatch.setattr(tokens_module, "REFUSED_SECONDS", seconds)
    monkeypatch.setattr(session_module, "REFUSED_SECONDS", seconds)
