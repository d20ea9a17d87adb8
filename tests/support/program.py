"""The program as a process: started, watched and ended as a supervisor would."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from busylight.demo.lookalike import ADELE, Lookalike, Person
from busylight.edge.daemon_socket import ask_daemon
from busylight.sources.graph.settings import GraphSettings
from tests.support.broker import wait_until
from tests.support.graph import sign_in_now

PATIENCE: Final = 20.0
"""Seconds that something may take on a busy machine before a test fails."""


class Home:
    """A user's place: working directory, environment, settings."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.directory = directory
        self.state_dir = directory / "state"
        self.more_environment: dict[str, str] = {}
        self.settings: dict[str, str] = {"STATE_DIR": str(self.state_dir), "ID": "desk"}

    def with_graph(self, lookalike: Lookalike, *, signed_in: bool = True) -> Self:
        """Read from the look-alike, signed in as Adele or not yet."""
        self.settings |= {
            "GRAPH_CLIENT_ID": lookalike.client_id,
            "GRAPH_AUTHORITY_URL": lookalike.authority_url,
            "GRAPH_BASE_URL": lookalike.base_url,
            "GRAPH_CA_FILE": str(lookalike.ca_file),
            "INTERVAL": "1",
            "STALE_AFTER": "3",
        }
        if signed_in:
            self.sign_in(lookalike)
        return self

    def sign_in(self, lookalike: Lookalike, person: Person = ADELE) -> None:
        """Sign in as another process would."""
        self.state_dir.mkdir(mode=0o700, exist_ok=True)
        sign_in_now(lookalike, self.graph_settings(lookalike), person)

    def graph_settings(self, lookalike: Lookalike) -> GraphSettings:
        """The settings of Graph, as the program has them."""
        return GraphSettings(
            interval=1,
            token_cache=self.state_dir / "token_cache.json",
            client_id=lookalike.client_id,
            authority_url=lookalike.authority_url,
            base_url=lookalike.base_url,
            ca_file=lookalike.ca_file,
            write=self.settings.get("GRAPH_WRITE") == "true",
        )

    def with_broker(self, port: int) -> Self:
        """Publish at the broker on that port."""
        self._add_output("mqtt")
        self.settings |= {"MQTT_HOST": "127.0.0.1", "MQTT_PORT": str(port)}
        return self

    def with_light(self, path: Path, template: str) -> Self:
        """Drive the light on that port."""
        self._add_output("serial")
        self.settings |= {
            "SERIAL_PORT": str(path),
            "SERIAL_PROTOCOL": "template",
            "SERIAL_TEMPLATE": template,
        }
        return self

    def _add_output(self, name: str) -> None:
        outputs = [each for each in self.settings.get("OUTPUTS", "").split(",") if each]
        self.settings["OUTPUTS"] = ",".join([*outputs, name])

    @property
    def environment(self) -> dict[str, str]:
        """What the process gets: nothing of ours from outside, and coverage where it measures."""
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith("BUSYLIGHT_") and "PROXY" not in name.upper()
        }
        ours = {f"BUSYLIGHT_{name}": value for name, value in self.settings.items()}
        return kept | ours | self.more_environment

    def run(self, *words: str, **options: Any) -> "subprocess.CompletedProcess[str]":
        """Run a command to its end."""
        return subprocess.run(
            [sys.executable, "-m", "busylight", *words],
            cwd=self.directory,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=60,
            stdin=subprocess.DEVNULL,
            check=False,
            **options,
        )

    def start(self, *words: str) -> "Program":
        """Start a command that stays."""
        return Program(self, words or ("run",))


class Program:
    """A running command; a context manager that kills what is left."""

    def __init__(self, home: Home, words: tuple[str, ...]) -> None:
        self._home = home
        self._out = (home.directory / "out").open("w+b")
        self._errors = (home.directory / "err").open("w+b")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "busylight", *words],
            cwd=home.directory,
            env=home.environment,
            stdout=self._out,
            stderr=self._errors,
            stdin=subprocess.DEVNULL,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(PATIENCE)
        if error is not None:
            sys.stderr.write(f"--- stdout\n{self.out}\n--- stderr\n{self.errors}\n")
        self._out.close()
        self._errors.close()

    @property
    def out(self) -> str:
        """What it printed so far."""
        return (self._home.directory / "out").read_text("utf-8", "replace")

    @property
    def errors(self) -> str:
        """What it said on stderr so far."""
        return (self._home.directory / "err").read_text("utf-8", "replace")

    def says(self, text: str) -> None:
        """Wait until it has printed `text`."""
        wait_until(lambda: text in self.out or self.process.poll() is not None, PATIENCE)
        assert text in self.out

    def report(self) -> dict[str, Any] | None:
        """What it answers on its socket."""
        return ask_daemon(self._home.state_dir)

    def reports(self, condition: Callable[[dict[str, Any]], Any]) -> dict[str, Any]:
        """Wait until what it answers fulfils `condition`."""
        found: list[dict[str, Any]] = []

        def holds() -> bool:
            report = self.report()
            if report is not None and condition(report):
                found.append(report)
            return bool(found)

        wait_until(holds, PATIENCE)
        return found[-1]

    def shows(self, state: str) -> dict[str, Any]:
        """Wait until the light shows `state`."""
        return self.reports(lambda report: report["state"] == state)

    def ends(self, number: int = signal.SIGTERM) -> tuple[int, float]:
        """Signal it; its exit code, and the seconds that it took."""
        began = time.monotonic()
        self.process.send_signal(number)
        code = self.process.wait(PATIENCE)
        return code, time.monotonic() - began


def json_of(payload: bytes | None) -> Any:
    """A payload's JSON; None if there is no payload."""
    return None if payload is None else json.loads(payload)


def in_background(function: Callable[[], Any]) -> threading.Thread:
    """Run something beside the test."""
    thread = threading.Thread(target=function, daemon=True)
    thread.start()
    return thread
