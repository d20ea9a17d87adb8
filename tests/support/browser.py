"""A real browser: Debian's chromium, without a window."""

import asyncio
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright

from busylight.core.view import View
from tests.support.web import Served, served

CHROMIUM: Final = os.environ.get("CHROMIUM", "/usr/bin/chromium")
PATIENCE_MS: Final = 30_000
PHONE: Final = {"width": 390, "height": 844}
DESKTOP: Final = {"width": 1280, "height": 900}
_FLAGS: Final = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
_WCAG: Final = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@contextmanager
def chromium() -> Iterator[Browser]:
    """A running browser."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=_FLAGS)
        try:
            yield browser
        finally:
            browser.close()


class Complaints:
    """What a browser has against a page: errors, broken policies, other hosts."""

    def __init__(self, page: Page) -> None:
        self.heard: list[str] = []
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.heard.append(str(error)))
        page.on("request", self._request)
        page.on("dialog", lambda dialog: self.heard.append(f"dialog: {dialog.message}"))

    def _console(self, message: Any) -> None:
        # What a server answers, or that it is gone, is no fault of the page's.
        if message.type == "error" and "Failed to load resource" not in message.text:
            self.heard.append(message.text)

    def _request(self, request: Any) -> None:
        if not request.url.startswith(("http://127.0.0.1:", "data:")):
            self.heard.append(f"asks another host: {request.url}")


def barriers(page: Page) -> list[str]:
    """What axe-core finds that keeps people out, by WCAG 2.2 AA and its own good advice."""
    found = Axe().run(page, options={"runOnly": {"type": "tag", "values": _WCAG}})
    return [
        f"{each['id']}: {each['help']}: {[node['html'][:200] for node in each['nodes']]}"
        for each in found.response["violations"]
    ]


class Shown:
    """A page that is served by a thread, and what it is to show."""

    def __init__(self, site: Served, loop: asyncio.AbstractEventLoop) -> None:
        self._site = site
        self._loop = loop
        self.url = site.url

    def show(self, view: View) -> None:
        """Show this from now on."""
        asyncio.run_coroutine_threadsafe(self._site.show(view), self._loop).result(30)

    def do(self, function: Callable[[Served], object]) -> None:
        """Do something with the page in its own thread."""

        async def done() -> None:
            function(self._site)

        asyncio.run_coroutine_threadsafe(done(), self._loop).result(30)


@contextmanager
def page_of(view: View, **settings: Any) -> Iterator[Shown]:
    """Serve a page that shows `view`, beside the test."""
    ready, ended = threading.Event(), threading.Event()
    found: list[Shown] = []
    errors: list[BaseException] = []

    async def serve() -> None:
        async with served(view, **settings) as site:
            found.append(Shown(site, asyncio.get_running_loop()))
            ready.set()
            while not ended.is_set():
                await asyncio.sleep(0.02)

    def run() -> None:
        try:
            asyncio.run(serve())
        except BaseException as error:  # noqa: BLE001 -- told below, in the test's own thread
            errors.append(error)
            ready.set()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        assert ready.wait(30)
        if errors:
            raise errors[0]
        yield found[0]
    finally:
        ended.set()
        thread.join(30)
