"""A real Home Assistant as a process of its own, set up and asked over its own HTTP API."""

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import httpx

from tests.support.broker import free_port, listens

START_LIMIT: Final = 300.0
"""Seconds that a start may take on a busy machine, the first one above all."""
SLOWNESS: Final = re.compile(
    r"took [0-9.]+ seconds|is taking over [0-9]+ seconds|No ACK from MQTT server"
)
"""What it says of a machine, or of a test's clock, that does not give it the time it wants."""
_COMPLAINT: Final = re.compile(r" (WARNING|ERROR|CRITICAL) \(\w+\) (?P<text>.*)")
_CONFIGURATION: Final = """\
homeassistant:
  name: Home
  time_zone: UTC
  country: NL
http:
  server_host: 127.0.0.1
  server_port: {port}
api:
config:
onboarding:
logger:
  default: warning
{more}
"""


class HomeAssistantProcess:
    """Home Assistant with a configuration directory of its own, which a restart keeps."""

    def __init__(
        self, directory: Path, *, python: str | None = None, more_configuration: str = ""
    ) -> None:
        """Start nothing yet.

        `python` is one that has a Home Assistant installed; HOME_ASSISTANT_PYTHON may name it,
        so that another version than that of the tests is tried.
        """
        directory.mkdir(parents=True, exist_ok=True)
        self.directory = directory
        self._python = python or os.environ.get("HOME_ASSISTANT_PYTHON") or sys.executable
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        text = _CONFIGURATION.format(port=self.port, more=more_configuration)
        (directory / "configuration.yaml").write_text(text)
        self._api = httpx.Client(base_url=self.url, timeout=30, trust_env=False)
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()
        self._api.close()

    @property
    def log(self) -> str:
        """What it has said since its first start, warnings and errors."""
        return (self.directory / "said").read_text("utf-8", "replace")

    @property
    def complaints(self) -> list[str]:
        """Its warnings and errors that have to do with MQTT, without their time."""
        return [
            found["text"]
            for line in self.log.splitlines()
            if (found := _COMPLAINT.search(line))
            and "mqtt" in line.lower()
            and not SLOWNESS.search(line)
        ]

    def start(self) -> None:
        """Start, and return when it answers."""
        with (self.directory / "said").open("ab") as said:
            self._process = subprocess.Popen(
                [self._python, "-m", "homeassistant", "--config", self.directory, "--skip-pip"],
                stdout=said,
                stderr=said,
                stdin=subprocess.DEVNULL,
            )
        deadline = time.monotonic() + START_LIMIT
        try:
            while not listens(self.port):
                assert self._process.poll() is None, self.log
                assert "Activating recovery mode" not in self.log, self.log
                assert time.monotonic() < deadline, self.log
                time.sleep(0.1)
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End it in order."""
        process, self._process = self._process, None
        if process is not None and process.poll() is None:
            process.send_signal(signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(60)
            if process.poll() is None:
                process.kill()
                process.wait()

    def onboard(self) -> dict[str, Any]:
        """Make its first person, as the first visitor does; return the tokens."""
        client_id = f"{self.url}/"
        person = {"name": "Ada", "username": "ada", "password": "correct-horse", "language": "en"}
        made = self.post("/api/onboarding/users", json={**person, "client_id": client_id})
        form = {
            "grant_type": "authorization_code",
            "code": made["auth_code"],
            "client_id": client_id,
        }
        tokens: dict[str, Any] = self.post("/auth/token", data=form)
        self._api.headers["Authorization"] = f"Bearer {tokens['access_token']}"
        return tokens

    def connect(self, broker_port: int) -> None:
        """Add its MQTT integration, as a person does."""
        flow = self.post("/api/config/config_entries/flow", json={"handler": "mqtt"})
        made = self.post(
            f"/api/config/config_entries/flow/{flow['flow_id']}",
            json={"broker": "127.0.0.1", "port": broker_port},
        )
        assert made["type"] == "create_entry", made

    def post(self, path: str, **options: Any) -> Any:
        """Ask something of it."""
        answer = self._api.post(path, **options)
        assert answer.is_success, (path, answer.status_code, answer.text)
        return answer.json()

    def rendered(self, template: str) -> str:
        """What it makes of a template."""
        answer = self._api.post("/api/template", json={"template": template})
        assert answer.is_success, answer.text
        return answer.text

    def call(self, domain: str, service: str, **data: Any) -> None:
        """Have a service called."""
        self.post(f"/api/services/{domain}/{service}", json=data)

    def states(self) -> dict[str, dict[str, Any]]:
        """All that it shows, by entity; nothing while it starts."""
        try:
            answer = self._api.get("/api/states")
        except httpx.HTTPError:
            return {}
        return {state["entity_id"]: state for state in answer.json()} if answer.is_success else {}
