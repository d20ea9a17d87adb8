"""A browser for all tests, a page of its own for each."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, ViewportSize

from busylight.demo.lookalike import Lookalike
from tests.support.browser import DESKTOP, PATIENCE_MS, Complaints, chromium
from tests.support.program import Home
from tests.support.web import free_port


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A window; whatever the browser complains of in it is a fault."""
    context = browser.new_context(viewport=ViewportSize(**DESKTOP), accept_downloads=True)
    context.set_default_timeout(PATIENCE_MS)
    opened = context.new_page()
    complaints = Complaints(opened)
    yield opened
    context.close()
    assert complaints.heard == []


@pytest.fixture
def lookalike() -> Iterator[Lookalike]:
    with Lookalike() as running:
        yield running


@pytest.fixture
def home(tmp_path: Path, lookalike: Lookalike) -> Home:
    """A program with a page, signed in as Adele."""
    place = Home(tmp_path).with_graph(lookalike)
    place.settings |= {"WEB_LISTEN": f"127.0.0.1:{free_port()}", "STALE_AFTER": "60"}
    return place
