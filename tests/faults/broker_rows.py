"""The broker's faults, on a real mosquitto behind a proxy that breaks connections."""

import json
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any, Final

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from busylight.demo.lookalike import Lookalike
from firmware_bridge.virtual_light import VirtualLight
from tests.faults.measure import (
    BASE,
    INTERVAL,
    Figure,
    Place,
    change,
    eventually,
    first_frame,
    row,
    settle,
)
from tests.support.broker import Broker, Recorder
from tests.support.fault_proxy import FaultProxy
from tests.support.program import Program, json_of

KEEPALIVE: Final = 2
"""Seconds; the promise is relative to it."""
_OTHERS: Final = INTERVAL + 0.5
_BACK: Final = 5.0
_ACTIVITIES: Final = {"inacall": "InACall", "away": "Away"}


class _Stage:
    """A program between Graph, a broker behind a proxy, and a light on a serial line."""

    def __init__(self, place: Place, **options: Any) -> None:
        self.lookalike: Lookalike = place.lookalike()
        self.broker: Broker = place.broker(**options)
        self.proxy = place.enter(FaultProxy(self.broker.port))
        self.recorder: Recorder = place.recorder(self.broker)
        place.home.with_broker(self.proxy.port).settings["MQTT_KEEPALIVE"] = str(KEEPALIVE)
        self.light: VirtualLight = place.light()
        self.program: Program = place.start()
        self.connected()
        first_frame(self.light, "available", 0.0)
        self.turn = 0

    def connected(self) -> None:
        """Wait until it is well."""
        eventually(lambda: self._health().get("state") == "connected")
        eventually(lambda: self.recorder.last(f"{BASE}/availability") == b"online")

    def reason(self) -> str:
        """Wait until diagnostics say what is wrong."""
        return str(eventually(lambda: self._health().get("error")))

    def _health(self) -> dict[str, Any]:
        report = self.program.report() or {"diagnostics": {"outputs": {}}}
        found: dict[str, Any] = report["diagnostics"]["outputs"].get("mqtt", {})
        return found

    def next(self) -> int:
        self.turn += 1
        return self.turn

    def late(self) -> float:
        """Seconds from a change to the light on the serial line, while the broker is in trouble."""
        changed = time.monotonic()
        state = change(self.lookalike, self.next())
        return first_frame(self.light, state, changed).at - changed

    def newest(self, after: float) -> float:
        """When the newest state was on the broker after that moment."""
        wanted = _ACTIVITIES[("away", "inacall")[(self.turn + 1) % 2]]

        def stands() -> float | None:
            heard = self.recorder.heard
            words = [each for each in heard if each.topic == f"{BASE}/presence" and each.payload]
            online = [each for each in heard if each.topic == f"{BASE}/availability"]
            if not words or words[-1].at < after or online[-1].payload != b"online":
                return None
            if json.loads(words[-1].payload).get("activity") != wanted:
                return None
            return max(words[-1].at, online[-1].at)

        return eventually(stands)

    def parade(self, after: float) -> int:
        """How many other states than the newest were told after that moment."""
        told = [
            each.payload
            for each in self.recorder.heard
            if each.topic == f"{BASE}/presence" and each.at > after
        ]
        return len({json_of(each)["activity"] for each in told if each}) - 1


def _outage(
    stage: _Stage, name: str, begin: Callable[[], Any], end: Callable[[], Any], *, noticed: float
) -> Iterator[Figure]:
    """Break, change what is to be shown three times, mend: what holds for every fault."""
    settle(stage.light, stage.lookalike, stage.next())
    begun = time.monotonic()
    begin()
    late = max(stage.late() for _ in range(2))
    yield Figure(f"{name}: a change on the other output", late, _OTHERS)
    stage.reason()
    yield Figure(f"{name}: noticed and told", time.monotonic() - begun, noticed)
    yield Figure(f"{name}: a change on the other output, noticed", stage.late(), _OTHERS)
    ended = time.monotonic()
    end()
    yield Figure(f"{name}: newest state after it was well", stage.newest(ended) - ended, _BACK)
    time.sleep(0.5)  # whatever older state might follow would be there by now
    yield Figure(f"{name}: older states told", stage.parade(ended), 0, "")


@row("broker gone")
def gone(place: Place) -> Iterator[Figure]:
    """It ends, and comes back having forgotten everything."""
    stage = _Stage(place)

    def end() -> None:
        stage.recorder.expect_restart()
        stage.broker.start()
        stage.recorder.await_subscription()

    yield from _outage(stage, "broker restarted empty", stage.broker.stop, end, noticed=5.0)
    yield from _outage(
        stage, "connection refused", stage.proxy.refuse, stage.proxy.heal, noticed=5.0
    )
    yield from _outage(stage, "reset", stage.proxy.reset, lambda: None, noticed=5.0)


_DEAD: Final = 2 * KEEPALIVE + 4.0


@row("broker black-holed", slow=True)
def black_hole(place: Place) -> Iterator[Figure]:
    """Bytes vanish, in both directions."""
    stage = _Stage(place)

    def both() -> None:
        stage.proxy.to_server.black_hole = stage.proxy.to_client.black_hole = True

    yield from _outage(stage, "black hole", both, stage.proxy.heal, noticed=_DEAD + 3)


@row("broker half-open")
def half_open(place: Place) -> Iterator[Figure]:
    """The broker has lost the connection, and we were not told; or is frozen."""
    stage = _Stage(place)
    yield from _outage(
        stage, "half-open", stage.proxy.half_open, stage.proxy.heal, noticed=_DEAD + 3
    )


@row("broker frozen", slow=True)
def frozen(place: Place) -> Iterator[Figure]:
    """It is there, and does nothing: also while we connect, and with full buffers."""
    stage = _Stage(place)
    freezing = stage.broker.frozen()
    yield from _outage(
        stage,
        "frozen",
        freezing.__enter__,
        lambda: freezing.__exit__(None, None, None),
        noticed=_DEAD + 3,
    )

    def hang() -> None:
        stage.proxy.hanging = True
        stage.proxy.cut()

    yield from _outage(stage, "never answers", hang, stage.proxy.heal, noticed=15.0)

    def stall() -> None:
        stage.proxy.to_server.stalled = stage.proxy.to_client.stalled = True

    yield from _outage(stage, "stalled", stall, stage.proxy.heal, noticed=_DEAD + 3)


@row("broker cuts and dribbles", slow=True)
def cuts(place: Place) -> Iterator[Figure]:
    """Connections end after some bytes, or get a few bytes a second."""
    stage = _Stage(place)

    def cut() -> None:
        stage.proxy.to_client.cut_at = 20
        stage.proxy.cut()

    yield from _outage(stage, "cut at byte 20", cut, stage.proxy.heal, noticed=5.0)


@row("broker refuses", slow=True)
def refuses(place: Place) -> Iterator[Figure]:
    """A wrong password: told, and no other output is late."""
    lookalike = place.lookalike()
    broker = place.broker(passwords={"light": "right", "watcher": "w"})
    place.home.with_broker(broker.port)
    place.home.settings |= {"MQTT_USERNAME": "light", "MQTT_PASSWORD": "not-the-one"}
    light = place.light()
    program = place.start()
    first_frame(light, "available", 0.0)
    report = program.reports(lambda found: found["diagnostics"]["outputs"]["mqtt"].get("error"))
    assert "MQTT_PASSWORD" in report["diagnostics"]["outputs"]["mqtt"]["error"]
    changed = time.monotonic()
    state = change(lookalike, 0)
    yield Figure(
        "password refused: a change on the other output",
        first_frame(light, state, changed).at - changed,
        _OTHERS,
    )


@row("broker forbids a topic", slow=True)
def forbids(place: Place) -> Iterator[Figure]:
    """Its rules keep us from publishing the presence: told by topic."""
    lookalike = place.lookalike()
    acl = "topic readwrite #\n"
    denied = f"user light\ntopic read #\ntopic write {BASE}/availability\n"
    broker = place.broker(passwords={"light": "right"}, acl=acl + denied)
    place.home.with_broker(broker.port)
    place.home.settings |= {"MQTT_USERNAME": "light", "MQTT_PASSWORD": "right"}
    light = place.light()
    program = place.start()
    first_frame(light, "available", 0.0)
    report = program.reports(lambda found: found["diagnostics"]["outputs"]["mqtt"].get("error"))
    assert BASE in report["diagnostics"]["outputs"]["mqtt"]["error"]
    changed = time.monotonic()
    state = change(lookalike, 0)
    yield Figure(
        "topic forbidden: a change on the other output",
        first_frame(light, state, changed).at - changed,
        _OTHERS,
    )


@row("two clients with one id", slow=True)
def duel(place: Place) -> Iterator[Figure]:
    """Another client comes back at once, with our id, each time that we have thrown it out."""
    stage = _Stage(place)
    before = len(stage.proxy.accepted_at)
    rival = Client(
        CallbackAPIVersion.VERSION2,
        client_id="busylight-desk",
        protocol=MQTTProtocolVersion.MQTTv5,
    )
    rival.reconnect_delay_set(1, 1)
    rival.connect("127.0.0.1", stage.broker.port)
    rival.loop_start()
    try:
        late = stage.late()
        eventually(lambda: "another client" in stage.reason())
        eventually(lambda: len(stage.proxy.accepted_at) >= before + 4)
    finally:
        rival.disconnect()
        rival.loop_stop()
    moments = stage.proxy.accepted_at[before:]
    gaps = [after - earlier for earlier, after in pairwise(moments)]
    yield Figure(
        "duel: shortest time between two of our connections", min(gaps), 4.0, at_least=True
    )
    yield Figure("duel: a change on the other output", late, _OTHERS)
    ended = time.monotonic()
    stage.late()
    yield Figure(
        "duel: newest state after the rival has gone", stage.newest(ended) - ended, _BACK + INTERVAL
    )
