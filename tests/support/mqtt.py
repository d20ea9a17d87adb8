"""Views to publish, and settings that lead to a broker of the tests."""

import json
import socket
import ssl
import threading
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, Self

from busylight.core.knowledge import Known, NotKnown, Trouble, Why
from busylight.core.light import LightState, parse_light
from busylight.core.presence import Presence
from busylight.core.view import Diagnostics, View
from busylight.mqtt.settings import MqttSettings
from tests.support.broker import Broker

BASE: Final = "busylight/desk"
AVAILABILITY: Final = f"{BASE}/availability"
LIGHT: Final = f"{BASE}/light"

ACCEPTED: Final = b"\x20\x03\x00\x00\x00"
"""CONNACK of MQTT 5."""
SUBSCRIBED: Final = b"\x90\x06\x00\x01\x00\x01\x01\x01"
"""SUBACK for three topics."""


def settings_of(**fields: Any) -> MqttSettings:
    """Settings with what is always needed; nothing is announced unless it is asked for."""
    always = {"id": "desk", "name": "Desk", "host": "127.0.0.1", "discovery": False}
    return MqttSettings(**{**always, **fields})


def settings_for(broker: Broker, **fields: Any) -> MqttSettings:
    """Settings that lead to `broker`."""
    return settings_of(port=broker.port, **fields)


def deaf_broker(directory: Path) -> Broker:
    """A broker that lets everybody publish, and nobody subscribe."""
    plugin = next(Path("/usr/lib").glob("*/mosquitto_dynamic_security.so"))
    rules = {
        "defaultACLAccess": {
            "publishClientSend": True,
            "publishClientReceive": True,
            "subscribe": False,
            "unsubscribe": True,
        },
        "anonymousGroup": "anyone",
        "groups": [{"groupname": "anyone", "roles": []}],
        "clients": [],
        "roles": [],
    }
    file = directory / "rules.json"
    file.write_text(json.dumps(rules))
    return Broker(directory / "deaf", more=f"plugin {plugin}\nplugin_opt_config_file {file}")


def light(text: str) -> LightState:
    """A light as users write it, that is none released."""
    state = parse_light(text)
    assert state is not None
    return state


def a_view(shown: str | None = "red", **changes: Any) -> View:
    """A view of somebody busy; `shown` is the light, None a released one."""
    view = View(
        light=None if shown is None else light(shown),
        state="busy",
        knowledge=Known(Presence("Busy", "InACall"), since=1000.0, read_at=1001.0),
        override=None,
        sign_in=None,
        diagnostics=Diagnostics("graph", "1.2.3", started_at=900.0),
    )
    return replace(view, **changes)


def not_known(why: Why = Why.STARTING) -> NotKnown:
    """Nothing is known, for a reason."""
    return NotKnown(Trouble(why, "no reason to worry"), since=1000.0)


class Scripted:
    """A listener that answers each connection with what a script says, then hangs up."""

    def __init__(self, *answers: bytes, tls: ssl.SSLContext | None = None) -> None:
        """Answer each packet with the next of `answers`, perhaps over TLS."""
        self._answers = answers
        self._tls = tls
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()
        self._thread.join()

    def _serve(self) -> None:
        connection, _ = self._socket.accept()
        if self._tls is not None:
            connection = self._tls.wrap_socket(connection, server_side=True)
        with connection:
            connection.settimeout(10)
            for answer in self._answers:
                connection.recv(4096)
                connection.sendall(answer)
            with suppress(TimeoutError, ConnectionError):
                while connection.recv(4096):
                    pass
