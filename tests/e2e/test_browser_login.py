"""`busylight login --browser` in a terminal, with a browser here or on another machine."""

import os
import pty
import re
import select
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest

from busylight.demo.lookalike import ADELE, Lookalike
from tests.support.clients import http_client
from tests.support.program import PATIENCE, Home


class Terminal:
    """The command in a pseudo-terminal, and what a person sees there."""

    def __init__(self, home: Home, *words: str) -> None:
        self._near, far = pty.openpty()
        self.seen = ""
        self.process = subprocess.Popen(
            [sys.executable, "-m", "busylight", *words],
            cwd=home.directory,
            env=home.environment | {"DISPLAY": "", "WAYLAND_DISPLAY": ""},
            stdin=far,
            stdout=far,
            stderr=far,
        )
        os.close(far)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._near)

    def until(self, pattern: str) -> re.Match[str]:
        """Wait until that is on the screen."""
        deadline = time.monotonic() + PATIENCE
        while (found := re.search(pattern, self.seen)) is None:
            left = deadline - time.monotonic()
            assert left > 0, self.seen
            if select.select([self._near], [], [], left)[0]:
                try:
                    self.seen += os.read(self._near, 4096).decode().replace("\r\n", "\n")
                except OSError:  # the command has ended
                    assert re.search(pattern, self.seen), self.seen
        return found

    def type(self, line: str) -> None:
        """Paste a line."""
        os.write(self._near, f"{line}\n".encode())


@pytest.fixture
def home(lookalike: Lookalike, tmp_path: Path) -> Home:
    return Home(tmp_path / "home").with_graph(lookalike, signed_in=False)


def ended_at(lookalike: Lookalike, url: str) -> str:
    """The address at which a browser ends that is on another machine."""
    with http_client(lookalike) as browser:
        return str(browser.get(url).headers["Location"])


def test_a_browser_on_this_machine_is_all_that_it_takes(home: Home, lookalike: Lookalike) -> None:
    with Terminal(home, "login", "--browser") as terminal:
        url = terminal.until(r"https://\S+authorize\S+")[0]
        with http_client(lookalike, follow_redirects=True) as browser:
            page = browser.get(url)
        assert f"signed in as {ADELE.principal_name}" in page.text
        terminal.until(f"Signed in as {re.escape(ADELE.principal_name)}")
        assert terminal.process.wait(PATIENCE) == 0
    assert home.run("status").returncode == 0


def test_the_address_may_be_pasted_from_another_machine(home: Home, lookalike: Lookalike) -> None:
    with Terminal(home, "login", "--browser") as terminal:
        url = terminal.until(r"https://\S+authorize\S+")[0]
        terminal.type("what shall I paste?")
        terminal.until("that is not the address at which the browser ends")
        terminal.type(ended_at(lookalike, url))
        terminal.until(f"Signed in as {re.escape(ADELE.principal_name)}")
        assert terminal.process.wait(PATIENCE) == 0


def test_a_refusal_ends_the_command_and_stands_on_the_browsers_page(
    home: Home, lookalike: Lookalike
) -> None:
    lookalike.entra.browser.person = None
    with Terminal(home, "login", "--browser") as terminal:
        url = terminal.until(r"https://\S+authorize\S+")[0]
        with http_client(lookalike, follow_redirects=True) as browser:
            page = browser.get(url)
        assert page.status_code == 400
        assert "declined" in page.text
        terminal.until(r"AADSTS65004")
        assert terminal.process.wait(PATIENCE) == 1


def test_ctrl_c_ends_it_quietly(home: Home) -> None:
    with Terminal(home, "login", "--browser") as terminal:
        terminal.until(r"paste it here")
        terminal.process.send_signal(2)
        assert terminal.process.wait(PATIENCE) == 130
        assert "Traceback" not in terminal.seen


def test_without_a_terminal_the_browser_on_this_machine_still_works(
    home: Home, lookalike: Lookalike
) -> None:
    with home.start("login", "--browser") as program:
        program.says("paste it here")
        found = re.search(r"https://\S+authorize\S+", program.out)
        assert found is not None
        with http_client(lookalike, follow_redirects=True) as browser:
            browser.get(found[0])
        assert program.process.wait(PATIENCE) == 0
