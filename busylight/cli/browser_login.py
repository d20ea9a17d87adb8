"""`busylight login --browser`: between a person, their browser, and Entra."""

import asyncio
import contextlib
import os
import sys
import webbrowser
from collections.abc import Iterator
from typing import Final

from busylight.edge.threads import Worker
from busylight.sources.graph.browser_sign_in import BrowserSignIn, NotTheAnswerError
from busylight.sources.graph.errors import EntraUnreachableError, GraphError, SignInRefusedError
from busylight.sources.graph.loopback import Loopback
from busylight.sources.graph.session import GraphSession

SECONDS: Final = 900.0
"""How long a sign-in waits for its browser: as long as a device code lives."""

_OPENING_SECONDS: Final = 5.0
_LONGEST_LINE: Final = 64 * 1024  # bytes
_STDIN: Final = 0
_INSTRUCTIONS: Final = """\
Sign in: open this address in a browser, on any device:

{url}

If the browser is on this machine, it will say when you are signed in. On another one it ends at
a page that cannot be shown: copy its address, which begins with
{redirect_uri} , and paste it here."""


async def sign_in_by_browser(session: GraphSession, *, switch: bool) -> str:
    """Lead a person through, and return who has signed in; raises `GraphError`.

    Somebody who is signed in already is just named, unless `switch`.
    """
    if not switch and (name := await session.proven_account()) is not None:
        return name
    conversation = _Conversation(session, switch=switch)
    async with Loopback(conversation.heard) as loopback:
        attempt = await session.begin_browser_sign_in(loopback.address)
        conversation.attempt = attempt
        print(_INSTRUCTIONS.format(url=attempt.url, redirect_uri=attempt.redirect_uri), flush=True)
        with conversation.listening():
            await _open_on_this_screen(attempt.url)
            return await conversation.outcome()


class _Conversation:
    """One sign-in, until it has come to something."""

    def __init__(self, session: GraphSession, *, switch: bool) -> None:
        self.attempt: BrowserSignIn | None = None
        self._session = session
        self._switch = switch
        self._outcome: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._typed = b""
        self._tasks: set[asyncio.Task[None]] = set()

    async def outcome(self) -> str:
        """Wait for it."""
        try:
            async with asyncio.timeout(SECONDS):
                return await self._outcome
        except TimeoutError:
            raise SignInRefusedError(
                f"nobody has signed in within {SECONDS / 60:.0f} minutes", "try again"
            ) from None

    async def heard(self, address: str) -> tuple[bool, str]:
        """Take the address at which a browser ended: whether it was good, and what to tell."""
        if self.attempt is None or self._outcome.done():
            return False, "This sign-in is over."
        try:
            name = await self._session.finish_browser_sign_in(
                self.attempt, address, switch=self._switch
            )
        except (NotTheAnswerError, EntraUnreachableError) as error:
            return False, f"This did not work: {error}."
        except GraphError as error:
            self._settle(error)
            return False, f"You are not signed in: {error}."
        self._settle(name)
        return True, f"You are signed in as {name}. You can close this page."

    def _settle(self, outcome: str | GraphError) -> None:
        if self._outcome.done():
            return
        if isinstance(outcome, GraphError):
            self._outcome.set_exception(outcome)
        else:
            self._outcome.set_result(outcome)

    @contextlib.contextmanager
    def listening(self) -> Iterator[None]:
        """Take what is pasted into the terminal meanwhile."""
        loop = asyncio.get_running_loop()
        try:
            loop.add_reader(_STDIN, self._read)
        except (OSError, ValueError):  # no terminal and no pipe: nobody can paste
            yield
            return
        try:
            yield
        finally:
            loop.remove_reader(_STDIN)

    def _read(self) -> None:
        try:
            read = os.read(_STDIN, _LONGEST_LINE)
        except OSError:
            read = b""
        if not read:
            asyncio.get_running_loop().remove_reader(_STDIN)
            return
        *lines, self._typed = (self._typed + read)[-_LONGEST_LINE:].split(b"\n")
        for line in lines:
            if address := line.decode(errors="replace").strip():
                task = asyncio.create_task(self._pasted(address))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

    async def _pasted(self, address: str) -> None:
        is_good, text = await self.heard(address)
        if not is_good and not self._outcome.done():
            print(text, file=sys.stderr, flush=True)


async def _open_on_this_screen(url: str) -> None:
    """Open the page where this machine has a screen: never a browser made of text."""
    if not sys.stdout.isatty() or not (os.environ.keys() & {"DISPLAY", "WAYLAND_DISPLAY"}):
        return
    worker = Worker("browser")
    with contextlib.suppress(TimeoutError, webbrowser.Error, OSError):
        await worker.call(_OPENING_SECONDS, webbrowser.open, url)
    worker.close()
