"""How long a change takes on its way: from Graph's answer, and from a command, to the lights."""

import contextlib
import json
import queue
import socket
import statistics
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion

from benchmarks.figures import Figure, Scale, percentile, row
from benchmarks.place import Place, python
from benchmarks.process import Running
from busylight.demo.lookalike.messages import Request, Response
from firmware_bridge.pseudo_port import PseudoPort

INTERVAL: Final = 0.05
"""Seconds between two readings: twenty a second are fewer than Graph's ceiling of fifty."""
_MOMENT: Final = 0.02
"""Seconds between two commands."""
_PATIENCE: Final = 60.0
_BLOCKS: Final = 5
"""The product and its floor take turns so often."""
_STATES: Final = (
    ("Available", "00ff00"),
    ("Busy", "ff0000"),
)


class Stamps(PseudoPort):
    """The far end of a serial line: notes when each line of text has come."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.lines: queue.SimpleQueue[tuple[bytes, float]] = queue.SimpleQueue()
        self._begun = b""

    def took(self, content: bytes) -> None:
        """Note each line that is whole now."""
        now = time.monotonic()
        *lines, self._begun = (self._begun + content).split(b"\n")
        for line in lines:
            self.lines.put((line, now))

    def await_line(self, wanted: bytes) -> float:
        """When the next such line has come; others are passed over."""
        ends = time.monotonic() + _PATIENCE
        while (left := ends - time.monotonic()) > 0:
            line, at = self.lines.get(timeout=left)
            if line == wanted:
                return at
        raise TimeoutError(f"no line {wanted!r}")


class Ear:
    """A client of the broker's that holds nothing back: hears one topic, and publishes."""

    def __init__(self, port: int, topic: str) -> None:
        self._heard: queue.SimpleQueue[tuple[bytes, float]] = queue.SimpleQueue()
        self._client = Client(CallbackAPIVersion.VERSION2)
        self._client.on_connect = lambda client, *_: client.subscribe(topic, qos=1)
        self._client.on_message = self._on_message
        self._client.connect("127.0.0.1", port)
        self._set_at_once()
        self._client.loop_start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _on_message(self, _client: Client, _data: Any, message: MQTTMessage) -> None:
        self._heard.put((bytes(message.payload), time.monotonic()))
        self._set_at_once()

    def _set_at_once(self) -> None:
        """Acknowledge at once and send at once: no wait of this end's is to be measured."""
        sock = self._client.socket()
        if sock is not None:
            for option in (socket.TCP_NODELAY, socket.TCP_QUICKACK):
                sock.setsockopt(socket.IPPROTO_TCP, option, 1)  # type: ignore[attr-defined]  # a socket

    def publish(self, topic: str, payload: str) -> None:
        """Publish, and wait for nobody."""
        self._client.publish(topic, payload)

    def await_color(self, color: str) -> float:
        """When it has heard of this colour; others are passed over."""
        return self._await(color, partial(_is, color))

    def await_word(self, word: str) -> float:
        """When it has heard this word; others are passed over."""
        return self._await(word, word.encode().__eq__)

    def _await(self, what: str, is_it: Callable[[bytes], bool]) -> float:
        ends = time.monotonic() + _PATIENCE
        while (left := ends - time.monotonic()) > 0:
            payload, at = self._heard.get(timeout=left)
            if is_it(payload):
                return at
        raise TimeoutError(f"nothing of {what}")


class Answers:
    """When the look-alike first gave each new answer."""

    def __init__(self, place: Place) -> None:
        self._given: dict[str, float] = {}
        true_answer = place.lookalike.answer

        def answer(request: Request) -> Response:
            response = true_answer(request)
            for word, _ in _STATES:
                if f'"{word}"'.encode() in response.body:
                    self._given.setdefault(word, time.monotonic())
            return response

        place.lookalike.answer = answer  # type: ignore[method-assign]  # watched for this

    def forget(self) -> None:
        """A new state comes: what was given before says nothing of it."""
        self._given.clear()

    def given(self, word: str) -> float:
        """When it was given first."""
        return self._given[word]


class _Way:
    """A program on the way, and where its messages are heard."""

    def __init__(self, place: Place, *, is_floor: bool) -> None:
        self.port = place.stamps(Stamps)
        more = {"SERIAL_PORT": str(self.port.path), "INTERVAL": f"{INTERVAL}"}
        if is_floor:
            self.program: Running = place.run_floor("straight", **more)
            self.topic = "floor/light"
        else:
            command = [python(), str(Path(__file__).parents[1] / "pipeline.py")]
            self.program = place.run_script("pipeline", command, more)
            self.topic = "busylight/pipeline/light"


def _is(color: str, payload: bytes) -> bool:
    if payload == color.encode():
        return True
    with contextlib.suppress(ValueError, AttributeError, KeyError):
        told = json.loads(payload)["color"]
        return f"{told['r']:02x}{told['g']:02x}{told['b']:02x}" == color
    return False


@row("latency")
def latency(place: Place, scale: Scale) -> Iterator[Figure]:
    """From the answer to the broker's subscriber, and to the last byte on the line."""
    answers = Answers(place)
    found: dict[str, list[list[float]]] = {}
    for _ in range(_BLOCKS):
        for who in ("product", "floor"):
            way = _Way(place, is_floor=who == "floor")
            with way.program, Ear(place.broker.port, way.topic) as ear:
                taken = _changes(place, answers, ear, way, scale.samples // _BLOCKS)
            for where, times in zip(("mqtt", "serial"), taken, strict=True):
                found.setdefault(f"{where} {who}", []).append(times)
    for where, words in (("mqtt", "MQTT message"), ("serial", "last serial byte")):
        yield _figure(
            f"Graph's answer to {words}",
            found[f"{where} product"],
            found[f"{where} floor"],
            scale,
        )


def _changes(
    place: Place, answers: Answers, ear: Ear, way: _Way, count: int
) -> tuple[list[float], list[float]]:
    mqtt, serial = [], []
    warm_up = 2
    for number in range(count + warm_up):
        word, color = _STATES[(number + 1) % 2]
        answers.forget()
        place.present(word, word)
        written = way.port.await_line(color.encode())
        heard = ear.await_color(color)
        if number >= warm_up:
            mqtt.append(1000 * (heard - answers.given(word)))
            serial.append(1000 * (written - answers.given(word)))
    return mqtt, serial


@row("override")
def override(place: Place, scale: Scale) -> Iterator[Figure]:
    """From a command's publishing to the last byte on the line.

    The next command comes when the one before has been confirmed (the floor confirms nothing) and a
    moment later, at both: it is a person who commands, and not a flood that keeps caches warm.
    """
    found: dict[str, list[list[float]]] = {"product": [], "floor": []}
    home = place.home("override").with_broker(place.broker.port)
    port = place.stamps(Stamps)
    home = home.with_light(port.path, r"{hex}\n")
    for _ in range(_BLOCKS):
        for who, times in found.items():
            if who == "product":
                program, base = place.run(home), f"busylight/{home.settings['ID']}"
            else:
                program = place.run_floor("override", SERIAL_PORT=str(port.path))
                base = "floor"
            with program, Ear(place.broker.port, f"{base}/mode") as ear:
                confirms = who == "product"
                count = scale.samples // _BLOCKS
                times.append(_overrides(ear, port, base, count, confirms=confirms))
    yield _figure("override from MQTT to serial byte", found["product"], found["floor"], scale)


def _overrides(ear: Ear, port: Stamps, base: str, count: int, *, confirms: bool) -> list[float]:
    _wait_until_it_hears(ear, port, base)
    times = []
    for number in range(count):
        mode, color = (("available", b"00ff00"), ("busy", b"ff0000"))[number % 2]
        began = time.monotonic()
        ear.publish(f"{base}/mode/set", mode)
        times.append(1000 * (port.await_line(color) - began))
        if confirms:
            ear.await_word(mode)
        time.sleep(_MOMENT)
    return times


def _wait_until_it_hears(ear: Ear, port: Stamps, base: str) -> None:
    ends = time.monotonic() + _PATIENCE
    while time.monotonic() < ends:
        # Both, in turn: what it has kept from before a restart it shows unasked.
        with contextlib.suppress(queue.Empty):
            for mode, color in (("available", b"00ff00"), ("busy", b"ff0000")):
                ear.publish(f"{base}/mode/set", mode)
                while port.lines.get(timeout=0.5)[0] != color:
                    pass
            return
    raise TimeoutError(f"{base} does not hear commands")


def _figure(what: str, ours: list[list[float]], theirs: list[list[float]], scale: Scale) -> Figure:
    """p99 is judged, of each block is the spread; in the short form p50, which few samples tell."""
    percent = 50 if scale.is_short else 99
    everything: dict[str, Any] = {}
    for name, blocks in (("product", ours), ("floor", theirs)):
        times = [time for block in blocks for time in block]
        everything[f"{name}_p50"] = round(statistics.median(times), 3)
        everything[f"{name}_p99"] = round(percentile(times, 99), 3)
        everything[f"{name}_samples"] = len(times)
    return Figure(
        f"{what}, p{percent}",
        "ms",
        [percentile(block, percent) for block in ours],
        2.0,
        [percentile(block, percent) for block in theirs],
        "the straight script, or paho's callback",
        note=f"p50 {everything['product_p50']} ms beside {everything['floor_p50']}",
        more=everything,
    )
