"""Where it is measured: a look-alike of Graph, a mosquitto, lights on pseudo-terminals; loopback.

Floors and the product are processes beside it, of one interpreter and one set of packages: the
one that `BENCH_PYTHON` names, where Busylight is installed as users have it.
"""

import json
import os
import signal
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self, TypeVar

import certifi

from benchmarks.process import Running
from busylight.demo.lookalike import ADELE, Lookalike
from firmware_bridge.pseudo_port import PseudoPort
from firmware_bridge.simulate import SimulatedLight
from firmware_bridge.virtual_light import VirtualLight
from tests.support.broker import Broker, Recorder
from tests.support.program import Home

Entered = TypeVar("Entered")
Port = TypeVar("Port", bound=PseudoPort)

FLOORS: Final = Path(__file__).parent / "floors"
INTERVAL: Final = 5.0
"""Seconds between two readings wherever something idles: the default."""
KEEPALIVE: Final = 10
"""Seconds: the product's own, and so the floors'."""


def python() -> str:
    """The interpreter that is measured."""
    return os.environ.get("BENCH_PYTHON", sys.executable)


def busylight(*words: str) -> list[str]:
    """The command as users call it."""
    return [str(Path(python()).parent / "busylight"), *words]


def floor(name: str) -> list[str]:
    """The command of a floor."""
    return [python(), str(FLOORS / f"{name}.py")]


def plain_environment() -> dict[str, str]:
    """The environment without settings of ours, proxies, and what a developer has set."""
    left_out = ("BUSYLIGHT_", "PYTHON", "COV_", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT")
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(left_out) and "PROXY" not in name.upper()
    }


class Place:
    """Everything that runs beside what is measured; a context manager."""

    def __init__(self, directory: Path) -> None:
        os.environ["PATH"] += ":/usr/sbin:/usr/local/sbin"
        self._directory = directory
        self._stack = ExitStack()
        self._number = 0
        self._recorder: Recorder | None = None

    def __enter__(self) -> Self:
        # Killed, it ends its programs all the same: orphans would take the next one's terminals.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
        self.lookalike = self._stack.enter_context(Lookalike())
        self.broker = self._stack.enter_context(Broker(self._directory / "broker"))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stack.close()

    def enter(self, context: AbstractContextManager[Entered]) -> Entered:
        """Something more that ends with everything else."""
        return self._stack.enter_context(context)

    def recorder_once(self) -> Recorder:
        """The same recorder each time."""
        if self._recorder is None:
            self._recorder = self.recorder()
        return self._recorder

    def recorder(self) -> Recorder:
        """Somebody who hears everything on the broker."""
        return self._stack.enter_context(Recorder(self.broker))

    def board(self) -> SimulatedLight:
        """A light of our own firmware."""
        return self._stack.enter_context(SimulatedLight(self._new("board")))

    def line(self) -> VirtualLight:
        """A light that understands lines of text."""
        return self._stack.enter_context(VirtualLight(self._new("line")))

    def home(self, name: str) -> Home:
        """A user's place, signed in as Adele; reads from the look-alike every five seconds."""
        home = Home(self._new(name)).with_graph(self.lookalike)
        home.settings |= {"ID": home.directory.name, "INTERVAL": f"{INTERVAL:g}"}
        del home.settings["STALE_AFTER"]
        return home

    def run(self, home: Home) -> Running:
        """The daemon, in a user's place; ended with everything else."""
        settings = {f"BUSYLIGHT_{name}": value for name, value in home.settings.items()}
        return self._running(home.directory.name, busylight("run"), settings)

    def run_floor(self, name: str, **more: str) -> Running:
        """A floor that stays; ended with everything else."""
        return self._running(self._new(name).name, floor(name), self.floor_settings() | more)

    def run_script(self, name: str, command: list[str], more: dict[str, str]) -> Running:
        """Another script that stays, told what floors are; ended with everything else."""
        return self._running(self._new(name).name, command, self.floor_settings() | more)

    def stamps(self, kind: Callable[[Path], Port]) -> Port:
        """The far end of a serial line of some kind."""
        port = kind(self._new("port"))
        self._stack.enter_context(port)
        return port

    def floor_settings(self) -> dict[str, str]:
        """What a floor is told, whichever it is."""
        home = self.home("floor")
        cache = home.state_dir / "token_cache.json"
        return {
            "AUTHORITY": self.lookalike.authority_url,
            "BASE_URL": self.lookalike.base_url,
            "CA_FILE": str(self._bundle()),
            "CLIENT_ID": self.lookalike.client_id,
            "TOKEN_CACHE": str(cache),
            "TOKEN": _token(cache),
            "MQTT_PORT": str(self.broker.port),
            "KEEPALIVE": str(KEEPALIVE),
            "INTERVAL": f"{INTERVAL:g}",
        }

    def _bundle(self) -> Path:
        """What httpx and requests trust by themselves, and the look-alike: as in real life."""
        bundle = self._directory / "bundle.pem"
        if bundle.exists():  # somebody may just be reading it
            return bundle
        own = Path(self.lookalike.ca_file).read_text("ascii")
        bundle.write_text(Path(certifi.where()).read_text("utf-8") + own, "utf-8")
        return bundle

    def present(self, availability: str, activity: str) -> None:
        """Adele does something else."""
        self.lookalike.graph.set_presence(ADELE.object_id, availability, activity)

    def _running(self, name: str, command: list[str], settings: dict[str, str]) -> Running:
        log = self._directory / f"{name}.log"
        return self._stack.enter_context(
            Running(name, command, plain_environment() | settings, log)
        )

    def _new(self, name: str) -> Path:
        self._number += 1
        return self._directory / f"{name}-{self._number}"


def _token(cache: Path) -> str:
    content: dict[str, dict[str, Any]] = json.loads(cache.read_text("utf-8"))
    (token,) = (entry["secret"] for entry in content["AccessToken"].values())
    return str(token)
