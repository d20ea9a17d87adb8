"""A real mosquitto for tests, and somebody who listens to it and speaks through it."""

import asyncio
import contextlib
import random
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import trustme
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.subscribeoptions import SubscribeOptions

PATIENCE: Final = 30.0
"""Seconds that a condition may take to become true on a busy machine."""


async def eventually(condition: Callable[[], Any], seconds: float = PATIENCE) -> None:
    """Return when `condition` holds; fail after `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "what was waited for has not happened"
        await asyncio.sleep(0.01)


def wait_until(condition: Callable[[], Any], seconds: float = PATIENCE) -> None:
    """The same as `eventually`, for tests without a loop."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "what was waited for has not happened"
        time.sleep(0.01)


@dataclass(frozen=True)
class Certificates:
    """An authority of its own, and what it has signed."""

    directory: Path
    authority: trustme.CA

    @classmethod
    def make(cls, directory: Path) -> Self:
        """Make an authority; its certificate is at `ca_file`."""
        directory.mkdir(parents=True, exist_ok=True)
        certificates = cls(directory, trustme.CA())
        certificates.authority.cert_pem.write_to_path(certificates.ca_file)
        return certificates

    @property
    def ca_file(self) -> Path:
        return self.directory / "ca.pem"

    def issue(self, *names: str, **options: Any) -> tuple[Path, Path]:
        """A certificate and its key, as files."""
        issued = self.authority.issue_cert(*names, **options)
        certificate = self.directory / f"{names[0]}.pem"
        key = self.directory / f"{names[0]}.key"
        certificate.write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
        issued.private_key_pem.write_to_path(key)
        return certificate, key


class Broker:
    """A mosquitto on a port of its own, which keeps nothing when it stops."""

    def __init__(
        self,
        directory: Path,
        *,
        passwords: Mapping[str, str] | None = None,
        acl: str | None = None,
        certificate: tuple[Path, Path] | None = None,
        client_ca: Path | None = None,
        more: str = "",
    ) -> None:
        """Start nothing yet.

        `acl` is the text of an access file, `certificate` ours for TLS, `client_ca` the
        authority whose certificates clients must show, `more` further lines of configuration.
        """
        self._directory = directory
        self._passwords = passwords
        self._acl = acl
        self._certificate = certificate
        self._client_ca = client_ca
        self._more = more
        self._process: subprocess.Popen[bytes] | None = None
        self.port = 0

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

    def start(self) -> None:
        """Start; a second start uses the same port."""
        self._directory.mkdir(parents=True, exist_ok=True)
        for _ in range(20):
            port = self.port or free_port()
            with (self._directory / "mosquitto.log").open("ab") as log:
                process = subprocess.Popen(
                    ["mosquitto", "-c", self._configuration(port)], stdout=log, stderr=log
                )
            while process.poll() is None and not listens(port):
                time.sleep(0.01)
            if process.poll() is None:
                self._process, self.port = process, port
                return
        raise AssertionError((self._directory / "mosquitto.log").read_text())

    def stop(self) -> None:
        """Stop, forgetting everything."""
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)
            self._process.terminate()
            self._process.wait(PATIENCE)
            self._process = None

    def restart(self) -> None:
        """Stop and start at the same port; what was retained is forgotten."""
        self.stop()
        self.start()

    @contextlib.contextmanager
    def frozen(self) -> Iterator[None]:
        """Stop it in its tracks for the time of the block: connections stand, nobody answers."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)

    def _configuration(self, port: int) -> str:
        lines = [
            f"listener {port} 127.0.0.1",
            f"allow_anonymous {'false' if self._passwords else 'true'}",
            "persistence false",
            "user root",  # so that it can read our files when the tests run as root
            self._more,
        ]
        if self._passwords:
            file = self._directory / "passwords"
            text = "".join(f"{user}:{word}\n" for user, word in self._passwords.items())
            file.write_text(text)
            subprocess.run(["mosquitto_passwd", "-U", file], check=True, capture_output=True)
            lines.append(f"password_file {file}")
        if self._acl is not None:
            file = self._directory / "acl"
            file.write_text(self._acl)
            lines.append(f"acl_file {file}")
        if self._certificate is not None:
            lines += [f"certfile {self._certificate[0]}", f"keyfile {self._certificate[1]}"]
        if self._client_ca is not None:
            lines += [f"cafile {self._client_ca}", "require_certificate true"]
        path = self._directory / "mosquitto.conf"
        path.write_text("\n".join(lines) + "\n")
        return str(path)


def free_port() -> int:
    """A port that nobody listens on now."""
    # Below the range from which the kernel gives ports to others, so that a restarted broker
    # finds its own again.
    while True:
        port = random.randrange(15_000, 32_000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


def listens(port: int) -> bool:
    """Whether somebody takes connections there."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


@dataclass(frozen=True)
class Heard:
    """One message, as the recorder got it."""

    topic: str
    payload: bytes
    retained: bool
    at: float = field(default=0.0, compare=False)
    """When, in seconds of `time.monotonic`."""


class Recorder:
    """Hears everything on a broker, in order, and publishes what a test wants said."""

    def __init__(
        self, broker: Broker, *, username: str | None = None, password: str | None = None
    ) -> None:
        self._news = threading.Condition()
        self._heard: list[Heard] = []
        self._newest: dict[str, bytes] = {}
        self._subscribed = threading.Event()
        self._client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=f"recorder-{random.randrange(10**9)}",
            protocol=MQTTProtocolVersion.MQTTv5,
        )
        if username is not None:
            self._client.username_pw_set(username, password)
        self._client.reconnect_delay_set(1, 1)
        self._client.on_connect = lambda client, *_: client.subscribe(
            "#", options=SubscribeOptions(qos=1)
        )
        self._client.on_subscribe = lambda *_: self._subscribed.set()
        self._client.on_message = self._on_message
        self._broker = broker

    def __enter__(self) -> Self:
        self._client.connect("127.0.0.1", self._broker.port)
        self._client.loop_start()
        assert self._subscribed.wait(PATIENCE), "the recorder could not subscribe"
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
        with self._news:
            payload = bytes(message.payload)
            self._heard.append(Heard(message.topic, payload, message.retain, time.monotonic()))
            self._newest[message.topic] = payload
            self._news.notify_all()

    @property
    def heard(self) -> list[Heard]:
        """All messages so far."""
        with self._news:
            return list(self._heard)

    def payloads(self, topic: str) -> list[bytes]:
        """All payloads on one topic so far."""
        return [message.payload for message in self.heard if message.topic == topic]

    def last(self, topic: str) -> bytes | None:
        """The newest payload on one topic."""
        with self._news:
            return self._newest.get(topic)

    def wait_for(self, condition: Callable[[], Any], seconds: float = PATIENCE) -> None:
        """Return when `condition` holds, looking after each message; fail after `seconds`."""
        with self._news:
            assert self._news.wait_for(condition, seconds), "what was waited for is not said"

    def forget(self) -> None:
        """Begin a new record."""
        with self._news:
            self._heard.clear()
            self._newest.clear()

    def await_subscription(self) -> None:
        """Return when it hears again after the broker was restarted."""
        assert self._subscribed.wait(PATIENCE), "the recorder could not subscribe again"

    def expect_restart(self) -> None:
        """To be called before the broker is restarted, and `await_subscription` after."""
        self._subscribed.clear()

    def publish(self, topic: str, payload: bytes | str, *, retain: bool = False) -> None:
        """Publish at QoS 1 and return when the broker has it; waits for a thread, briefly."""
        self._client.publish(topic, payload, qos=1, retain=retain).wait_for_publish(PATIENCE)

    def publish_and_go_on(self, topic: str, payload: bytes) -> None:
        """Publish at QoS 0, and wait for nobody."""
        self._client.publish(topic, payload, qos=0)
