"""Two programs of one light, a primary and a spare, between Graph and a broker."""

import contextlib
import json
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from busylight.demo.lookalike import ADELE, Lookalike
from tests.support.broker import Broker, Recorder, wait_until
from tests.support.fault_proxy import FaultProxy
from tests.support.program import Home, Program

BASE: Final = "busylight/desk"


class Pair:
    """A context manager: look-alike, broker, recorder, and the homes of both programs.

    Each reaches Graph through a proxy of its own, and the primary the broker, too.
    """

    def __init__(
        self,
        directory: Path,
        *,
        interval: float = 1.0,
        keepalive: int = 5,
        stale_after: float = 10.0,
        **options: Any,
    ) -> None:
        """`options` are the broker's."""
        self._stack = contextlib.ExitStack()
        self._directory = directory
        self._options = options
        self._common = {
            "INTERVAL": f"{interval:g}",
            "STALE_AFTER": f"{stale_after:g}",
            "MQTT_KEEPALIVE": str(keepalive),
        }

    def __enter__(self) -> Self:
        enter = self._stack.enter_context
        self.lookalike = enter(Lookalike())
        self.broker = enter(Broker(self._directory / "broker", **self._options))
        self.recorder = enter(Recorder(self.broker))
        self.to_graph = enter(FaultProxy(self.lookalike.port))
        self.spare_to_graph = enter(FaultProxy(self.lookalike.port))
        self.to_broker = enter(FaultProxy(self.broker.port))
        self.primary = self._home("primary", self.to_broker.port)
        self.spare = self._home("spare", self.broker.port)
        for home, proxy in (
            (self.primary, self.to_graph),
            (self.spare, self.spare_to_graph),
        ):
            direct, proxied = f":{self.lookalike.port}/", f":{proxy.port}/"
            home.settings["GRAPH_BASE_URL"] = home.settings["GRAPH_BASE_URL"].replace(
                direct, proxied
            )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stack.__exit__(kind, error, traceback)

    def _home(self, role: str, port: int) -> Home:
        home = Home(self._directory / role).with_graph(self.lookalike).with_broker(port)
        home.settings |= self._common | {"READER": role}
        return home

    def led_by(self, role: str) -> None:
        """Wait until that one leads, and says that it lives."""
        wait_until(lambda: self.last("reader/leader") == role, 45)
        wait_until(lambda: self.last(f"reader/{role}") == "online", 45)

    def until_well(self, primary: Program, spare: Program, activity: str | None = None) -> None:
        """Wait until the primary leads, the spare follows it, and both know that they do.

        While only one of them says so they are still handing over. `activity` is what both know.
        """

        def is_well() -> bool:
            first, second = primary.report(), spare.report()
            if first is None or second is None:
                return False
            leads = [report["diagnostics"]["reader"]["leads"] for report in (first, second)]
            known = [report["presence"] for report in (first, second)]
            return (
                leads == [True, False]
                and self.last("reader/leader") == "primary"
                and all(presence["fresh"] for presence in known)
                and all(presence["activity"] == activity or not activity for presence in known)
            )

        wait_until(is_well, 45)

    def changes_to(self, availability: str, activity: str) -> None:
        """Graph has another presence; wait until it is published."""
        self.lookalike.graph.set_presence(ADELE.object_id, availability, activity)
        wait_until(lambda: self.activity == activity, 45)

    def last(self, end: str) -> str:
        """The newest payload on a topic; empty if there is none."""
        return (self.recorder.last(f"{BASE}/{end}") or b"").decode()

    @property
    def activity(self) -> str | None:
        """Of the presence published last; None: not known."""
        said = self.last("presence")
        return json.loads(said)["activity"] if said else None

    def words_told(self, since: float = 0.0) -> list[str | None]:
        """The activities published since a moment of `time.monotonic`, once while they stay."""
        told: list[str | None] = []
        for heard in self.recorder.heard:
            if heard.topic != f"{BASE}/presence" or heard.at < since:
                continue
            activity = json.loads(heard.payload)["activity"] if heard.payload else None
            if not told or told[-1] != activity:
                told.append(activity)
        return told

    def stands(self, end: str) -> bytes | None:
        """What is retained on a topic, as who comes now hears it; None: nothing."""
        return self.retained().get(f"{BASE}/{end}")

    def retained(self) -> dict[str, bytes]:
        """All that is retained on the broker."""
        with Recorder(self.broker) as newcomer:
            settled = f"settled/{time.monotonic()}"
            newcomer.publish(settled, b"")
            wait_until(lambda: newcomer.payloads(settled))
            return {each.topic: each.payload for each in newcomer.heard if each.retained}
