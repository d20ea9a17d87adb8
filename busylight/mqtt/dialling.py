"""Making a paho client and its socket: name service, TCP, TLS. All of it blocks."""

import contextlib
import socket
import ssl
from dataclasses import dataclass
from typing import Final

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from busylight.mqtt import failures
from busylight.mqtt.settings import MqttSettings, Version

STEP_LIMIT: Final = 5.0
"""Seconds for each address tried, and for each read of a TLS handshake."""
LARGEST_PACKET: Final = 65_536
"""Bytes that a broker may send us in one message (MQTT 5): nothing we listen to is so large."""


@dataclass(frozen=True, slots=True)
class Will:
    """What the broker publishes (retained, QoS 1) when we are gone without a goodbye."""

    topic: str
    content: bytes


def client_for(
    settings: MqttSettings, client_id: str, version: Version, will: Will | None
) -> Client:
    """A fresh client, with nothing of an earlier connection in it.

    Reads the certificates' files; raises `BrokerError`.
    """
    is_5 = version is Version.V5
    client = Client(
        CallbackAPIVersion.VERSION2,
        client_id=client_id,
        clean_session=None if is_5 else True,
        protocol=MQTTProtocolVersion.MQTTv5 if is_5 else MQTTProtocolVersion.MQTTv311,
        transport=settings.transport.value,
        reconnect_on_failure=False,
    )
    client.suppress_exceptions = True
    client.connect_timeout = STEP_LIMIT
    if settings.username is not None:
        password = settings.password
        client.username_pw_set(
            settings.username, None if password is None else password.get_secret_value()
        )
    if will is not None:
        client.will_set(will.topic, will.content, qos=1, retain=True)
    if settings.tls:
        client.tls_set_context(_tls_context(settings))
    return client


class _TidySocket(ssl.SSLSocket):
    """Closes itself when the handshake fails: paho forgets to."""

    def do_handshake(self, block: bool = False) -> None:  # noqa: FBT001, FBT002 -- ssl's signature
        try:
            super().do_handshake(block)
        except BaseException:
            self.close()
            raise


def _tls_context(settings: MqttSettings) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=settings.ca_file)
    except OSError as error:  # ssl.SSLError is one
        raise failures.of_ca_file(error) from error
    context.sslsocket_class = _TidySocket
    if settings.cert_file is not None:
        secret = settings.key_password
        # Never None: OpenSSL would ask at the terminal, and wait.
        password = "" if secret is None else secret.get_secret_value()
        try:
            context.load_cert_chain(settings.cert_file, settings.key_file, password)
        except (OSError, ValueError) as error:
            raise failures.of_own_files(error, settings) from error
    return context


def dial(settings: MqttSettings, client_id: str, version: Version, will: Will | None) -> Client:
    """Connect, in a thread that may be given up at any moment.

    Nothing is written: CONNECT waits until the loop has taken the client over. So a call that
    comes through after it was given up cannot take the client id from a newer connection; its
    client is dropped, which closes the socket. Raises what sockets raise, and `BrokerError`.
    """
    client = client_for(settings, client_id, version, will)
    client.on_socket_register_write = _not_yet
    properties = None
    if version is Version.V5:
        # A new client makes a clean start by itself.
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]  # paho has no type there
        properties.SessionExpiryInterval = 0
        properties.MaximumPacketSize = LARGEST_PACKET
    client.connect(
        settings.host,
        settings.port_in_force,
        keepalive=settings.keepalive_asked,
        properties=properties,
    )
    with contextlib.suppress(AttributeError, OSError):  # a websocket has no such option
        # Each message is small, and waits for nothing: not for the answer to the one before.
        client.socket().setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # type: ignore[union-attr]  # see above
    return client


def acknowledge_at_once(client: Client) -> None:
    """Have the kernel acknowledge what has come; it forgets this again with each packet.

    A broker that does not set TCP_NODELAY (mosquitto's default) holds back its next message
    until the last one is acknowledged, and the kernel would take 40 ms for that.
    """
    with contextlib.suppress(AttributeError, OSError):  # Linux alone has it, websockets do not
        client.socket().setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)  # type: ignore[union-attr]  # see above


def close_socket(client: Client) -> None:
    """Close a client's socket without a goodbye: the broker publishes the will."""
    sock = client.socket()
    if sock is not None:
        with contextlib.suppress(OSError):
            sock.close()


def _not_yet(*_: object) -> None:
    """The loop looks for itself what there is to write, once it has the socket."""
