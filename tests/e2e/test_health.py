"""`busylight health`: what a container's health check asks, and how light it is."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from busylight.demo.lookalike import Lookalike
from tests.support.program import Home


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    with Lookalike() as lookalike:
        home = Home(tmp_path / "home")
        home.with_graph(lookalike)
        yield home


def test_a_daemon_is_healthy_until_it_hangs(home: Home) -> None:
    with home.start() as daemon:
        daemon.shows("available")
        well = home.run("health")
        assert (well.returncode, well.stdout) == (0, "healthy; the light shows: available\n")

        daemon.process.send_signal(signal.SIGSTOP)
        hung = home.run("health")
        assert hung.returncode == 1
        assert f"no program answers in {home.state_dir}" in hung.stderr

        daemon.process.send_signal(signal.SIGCONT)
        assert home.run("health").returncode == 0
        daemon.ends()
    assert home.run("health").returncode == 1


def test_it_looks_where_the_settings_say(home: Home) -> None:
    home.settings.clear()
    home.more_environment["STATE_DIRECTORY"] = "/srv/lights"
    named = home.directory / "kitchen.env"
    named.write_text("BUSYLIGHT_ID=kitchen\n")
    asked = home.run("health", "--env-file", str(named))
    assert asked.returncode == 1
    assert "no program answers in /srv/lights/kitchen:" in asked.stderr


def test_an_env_file_that_is_missing_is_78(home: Home) -> None:
    asked = home.run("health", "--env-file", "/no/such.env")
    assert asked.returncode == 78
    assert "/no/such.env there is no such env file" in asked.stderr


def test_it_loads_no_library(home: Home) -> None:
    code = (
        "import sys; from busylight.cli import main\n"
        "main(['health'])\n"
        "print('LOADED', *sorted(sys.modules))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=home.environment,
        cwd=home.directory,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    (loaded,) = (line for line in done.stdout.splitlines() if line.startswith("LOADED "))
    modules = {name.partition(".")[0] for name in loaded.split()[1:]}
    heavy = {"asyncio", "httpx", "msal", "paho", "pydantic", "pydantic_core", "serial"}
    assert not modules & heavy
