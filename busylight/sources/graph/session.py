"""Graph and its sign-in, for the event loop: every blocking call in a thread with a time limit.

`GraphSource` and the commands (`login`, `logout`, `status`, `check`) work through this.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Final, ParamSpec, Self, TypeVar

from busylight.core.knowledge import Reading, SignInPrompt, Trouble, Why
from busylight.core.preferred_presence import Preferred
from busylight.edge.clock import now
from busylight.edge.threads import NoThreadError, Worker
from busylight.parts import SourceError
from busylight.sources.graph import browser_sign_in as browser
from busylight.sources.graph import sign_in as device
from busylight.sources.graph.account import Account, PinnedAccount
from busylight.sources.graph.client import GraphClient
from busylight.sources.graph.credential import credential
from busylight.sources.graph.errors import (
    CodeEndedError,
    DeadlineError,
    GraphError,
    SignedOutError,
    SignInRefusedError,
    UnreachableError,
)
from busylight.sources.graph.http import REQUEST_SECONDS, HttpClient
from busylight.sources.graph.names import Remembered
from busylight.sources.graph.settings import GraphSettings
from busylight.sources.graph.tls import trust
from busylight.sources.graph.token_cache import TokenStore
from busylight.sources.graph.tokens import REFUSED_SECONDS, Tokens

_LOG: Final = logging.getLogger(__name__.rpartition(".")[0])

P = ParamSpec("P")
T = TypeVar("T")

_BACKSTOP: Final = 900.0  # seconds; each request has its own limit, and names may be many
_GLANCE: Final = 1.0  # seconds between two looks at a thread, and at the cache of a sign-in
_GRACE: Final = 1.0  # seconds that an aborted request has to come back
_TYPING: Final = 10.0  # seconds that a person needs at least to enter a code and sign in
_NO_CODE_PAUSE: Final = 15.0  # seconds until a code is asked for again when none was to be had


@dataclass(frozen=True, slots=True)
class SignInStep:
    """A turn of a sign-in that waits for a person."""

    prompt: SignInPrompt | None
    """What the person has to enter; None: no code is to be had now."""
    refusal: SignInRefusedError | None = None
    """Why the code before this one came to nothing."""
    problem: GraphError | None = None
    """Why there is no code."""


class _Link:
    """What belongs to one set of connections, and is thrown away with them."""

    def __init__(self, http: HttpClient, tokens: Tokens, client: GraphClient) -> None:
        self.http = http
        self.tokens = tokens
        self.client = client

    def run(self, function: "Callable[[_Link], T]") -> T:
        """Call `function`, in the thread; connections that were given up meanwhile are closed."""
        try:
            return function(self)
        finally:
            if self.http.is_abandoned:
                self.http.close()


class GraphSession:
    """Reads presence, signs in and out. An async context manager."""

    def __init__(
        self,
        settings: GraphSettings,
        *,
        deadline: float = REQUEST_SECONDS,
        writes: bool = False,
    ) -> None:
        """Touch nothing yet.

        `deadline`: seconds that a request may take, all in all. `writes`: whether a sign-in is
        of use only if it allows to set the preferred presence, too.
        """
        self._settings = settings
        self._deadline = deadline
        self._writes = writes
        self._worker = Worker("graph")
        self._store = TokenStore(settings.token_cache)
        self._pinned = PinnedAccount(settings.token_cache)
        self._make_link: Callable[[], _Link] | None = None
        self._link_made: _Link | None = None
        self._look_again = False  # somebody may have signed in elsewhere: not settled yet
        self.not_before = 0.0
        """Until when Graph, or the sign-in server, asked to be left alone."""

    async def __aenter__(self) -> Self:
        """Read certificates; raises `SourceError` where the files are of no use."""
        self._make_link = await self._worker.call(_BACKSTOP, self._prepared)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close connections, and end whatever is still being asked."""
        if self._link_made is not None:
            self._link_made.http.abandon()
            link, self._link_made = self._link_made, None
            with contextlib.suppress(TimeoutError):
                await self._worker.call(_GRACE, link.http.close)
        self._worker.close()

    @property
    def base(self) -> str:
        """Graph's address."""
        return self._settings.base

    # -- Reading ------------------------------------------------------------------------------

    async def read_once(self) -> Reading | Trouble:
        """Read presence once. Never begins a sign-in."""
        left = self.not_before - now()
        if left > 0:
            return Trouble(Why.UNREACHABLE, f"Microsoft asks to be left alone for {left:.0f} s")
        try:
            return await self.call(lambda link: link.client.read())
        except GraphError as error:
            return self._noted(error).trouble

    async def prefer(self, wanted: Preferred | None, seconds: int) -> None:
        """Set the signed-in person's preferred presence for so long; None: clear it.

        Raises `GraphError`.
        """
        await self.call(lambda link: link.client.prefer(wanted, seconds))

    async def is_signed_in(self) -> bool:
        """Whether there is somebody (or the app) to read for, by what is stored here alone."""
        if self._settings.is_app_permission:
            return True
        return await self.account() is not None

    async def account(self) -> str | None:
        """Who is signed in, by what is stored here alone."""
        try:
            found = await self.call(lambda link: link.tokens.account())
        except GraphError:
            return None
        return found.name if found is not None else None

    # -- Signing in and out -------------------------------------------------------------------

    async def proven_account(self) -> str | None:
        """Who is signed in, as the sign-in server has just confirmed; None: nobody."""
        try:
            token = await self.call(lambda link: link.tokens.proven())
        except SignedOutError:
            return None
        return token.account.name if token.account is not None else None

    async def find_tenant(self) -> None:
        """Ask the sign-in server whether there is such a tenant; raises `GraphError`."""
        await self.call(lambda link: link.tokens.find_tenant())

    async def reach(self) -> str:
        """Ask Graph for anything at all: nobody has to be signed in. Raises `GraphError`."""
        await self.call(lambda link: link.client.reach())
        return f"{self.base} answers"

    async def begin_browser_sign_in(self, redirect_uri: str) -> browser.BrowserSignIn:
        """Make the address that a browser has to open; raises `GraphError`."""
        return await self.call(lambda link: browser.begin(link.tokens, redirect_uri))

    async def finish_browser_sign_in(
        self, attempt: browser.BrowserSignIn, address: str, *, switch: bool = False
    ) -> str:
        """Sign in with the address at which the browser ended; return who. Raises `GraphError`."""
        account = await self.call(
            lambda link: browser.finish(link.tokens, attempt, address, switch=switch)
        )
        return account.name

    async def sign_in(
        self, on_prompt: Callable[[SignInPrompt], None], *, switch: bool = False
    ) -> str:
        """Wait until somebody has signed in, and return who.

        `on_prompt` is called with each code that is to be shown: a code lives for a quarter of
        an hour. Somebody who is signed in already is just named, unless `switch`. Raises
        `SignInRefusedError`, or another `GraphError` when no code is to be had.
        """
        if self._settings.is_app_permission:
            raise SignInRefusedError(
                "the app signs in by itself here",
                "nobody has to; `busylight check` tries it",
            )
        if not switch and (name := await self.proven_account()) is not None:
            return name
        async with contextlib.aclosing(self.sign_in_steps(switch=switch)) as steps:
            async for step in steps:
                if (problem := step.refusal or step.problem) is not None:
                    raise problem
                if step.prompt is not None:
                    on_prompt(step.prompt)
        name = await self.account()
        return name or "somebody"

    async def sign_in_steps(self, *, switch: bool = False) -> AsyncGenerator[SignInStep, None]:
        """Yield each code to be shown, and each reason why there is none; end when signed in.

        Whoever signs in with another process is noticed, too.
        """
        refusal: SignInRefusedError | None = None
        while True:
            try:
                code = await self.call(lambda link: device.begin(link.tokens))
            except GraphError as error:
                yield SignInStep(None, refusal, self._noted(error))
                refused = isinstance(error, SignedOutError)
                pause = REFUSED_SECONDS if refused else _NO_CODE_PAUSE
                if await self._somebody_came(max(now() + pause, self.not_before), switch=switch):
                    return
                continue
            code.look_again, self._look_again = self._look_again, False
            began = now()
            yield SignInStep(code.prompt, refusal)
            try:
                if await self._wait_for(code, switch=switch) is not None:
                    return
                refusal = None
            except SignInRefusedError as error:
                refusal = error
                if error.aadsts is not None and now() - began < _TYPING:
                    # It is the app that is refused: a new code would be, too, and at once.
                    yield SignInStep(None, refusal)
                    if await self._somebody_came(now() + REFUSED_SECONDS, switch=switch):
                        return

    async def sign_out(self) -> list[str]:
        """Forget all tokens, and return whose they were. The pinned account stays pinned."""
        return await self.call(lambda link: link.tokens.forget())

    async def _wait_for(self, code: device.DeviceCode, *, switch: bool) -> Account | None:
        """Poll until somebody has come (who is returned) or the code has ended (None)."""
        while not code.is_over:
            await self._glance_until(min(now() + code.interval, code.prompt.expires_at))
            if now() < self.not_before:
                continue
            try:
                account = await self.call(
                    lambda link: device.poll(link.tokens, code, switch=switch)
                )
            except CodeEndedError:
                return None
            except SignInRefusedError:
                raise
            except GraphError as error:
                _LOG.debug("while a sign-in waits: %s", self._noted(error))
                await asyncio.sleep(_GLANCE)  # a file that cannot be read stays a changed one
                continue
            if account is not None:
                return account
        return None

    async def _somebody_came(self, deadline: float, *, switch: bool) -> bool:
        """Wait without a code; whether somebody has signed in with another process."""
        while now() < deadline:
            await self._glance_until(deadline)
            if self._store.is_changed() and not switch:
                try:
                    await self.call(lambda link: link.tokens.token())
                except SignedOutError:
                    continue
                except GraphError:
                    self._look_again = True
                    await asyncio.sleep(_GLANCE)  # a file that cannot be read stays a changed one
                else:
                    return True
        return False

    async def _glance_until(self, deadline: float) -> None:
        """Sleep until `deadline`, or until another process has changed the cache."""
        while (left := deadline - now()) > 0 and not self._store.is_changed():  # noqa: ASYNC110 -- a file tells nobody that it changed
            await asyncio.sleep(min(left, _GLANCE))

    # -- Threads ------------------------------------------------------------------------------

    def _prepared(self) -> Callable[[], _Link]:
        context = trust(self._settings.ca_file)
        own = credential(self._settings)

        remembered = Remembered(self._settings.users)

        def make() -> _Link:
            http = HttpClient(context, self._settings.proxy, seconds=self._deadline)
            tokens = Tokens(self._settings, own, self._store, self._pinned, http.fetch)
            if self._writes:
                tokens.want_to_write()
            return _Link(http, tokens, GraphClient(self._settings, tokens, http.fetch, remembered))

        return make

    async def call(self, function: Callable[[_Link], T]) -> T:
        """Run `function` in the thread; a request in it that is overdue is aborted."""
        if self._make_link is None:
            raise SourceError("the session was not entered")
        if self._link_made is None:
            self._link_made = self._make_link()
        link = self._link_made
        loop = asyncio.get_running_loop()
        limit = asyncio.timeout(None)
        timer: asyncio.TimerHandle | None = None

        def look() -> None:
            nonlocal timer
            left = link.http.seconds_left()
            if left is None or left > 0:
                timer = loop.call_later(_until_look(left), look)
                return
            link.http.abandon()
            self._link_made = None
            # Aborted, it should come back; a thread that hangs in the name service is left behind.
            limit.reschedule(loop.time() + _GRACE)

        try:
            async with limit:
                look()
                return await self._worker.call(_BACKSTOP, link.run, function)
        except asyncio.CancelledError:
            link.http.abandon()
            self._link_made = None
            raise
        except NoThreadError as error:
            raise UnreachableError(str(error)) from None
        except TimeoutError as error:
            if limit.expired():
                raise DeadlineError(
                    f"no answer within {self._deadline:g} s",
                    "check the network and its name service (DNS)",
                ) from None
            # Too many earlier calls hang.
            raise UnreachableError(str(error), "check the network's name service (DNS)") from None
        finally:
            if timer is not None:
                timer.cancel()

    def _noted(self, error: GraphError) -> GraphError:
        if error.retry_after is not None:
            self.not_before = max(self.not_before, now() + error.retry_after)
        return error


def _until_look(left: float | None) -> float:
    return _GLANCE if left is None else max(left, 0.0) + 0.05
