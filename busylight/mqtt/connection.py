"""One connection to the broker: paho, driven by asyncio, from CONNECT to its end.

A connection is never mended. Each is a fresh paho client, so that nothing queued in an outage is
ever played back: what has to be told again is for whoever opens the next one to know.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol, Self, TypeVar

from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage
from paho.mqtt.enums import LogLevel
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from busylight.mqtt import failures
from busylight.mqtt.dialling import (
    LARGEST_PACKET,
    Will,
    acknowledge_at_once,
    close_socket,
    dial,
)
from busylight.mqtt.failures import BrokerError
from busylight.mqtt.memory import BrokerMemory
from busylight.mqtt.settings import MqttSettings, Version

_log: Final = logging.getLogger("busylight.mqtt")

T = TypeVar("T")

CONNECT_LIMIT: Final = 10.0
"""Seconds from the look-up of the name to the broker's answer."""
GOODBYE_LIMIT: Final = 0.3
"""Seconds for a DISCONNECT to get away."""
WINDOW: Final = 20
"""Messages that may be on their way at once; paho would queue more than this by itself."""

_FAILED: Final = 0x80  # reason codes from here on are failures
_SLACK: Final = 0.25  # seconds that a sign of life may be late, so as not to wake for it twice
_BURST: Final = 64  # packets that are read before others get their turn


class Received(Protocol):
    """Takes in a message."""

    def __call__(self, topic: str, payload: bytes, *, retained: bool) -> None:
        """Take in what the broker sends; `retained` as the subscription has it."""
        ...


@dataclass(frozen=True, slots=True)
class Caller:
    """Who connects to which broker."""

    settings: MqttSettings
    client_id: str
    received: Received
    will: Will | None = None
    memory: BrokerMemory = field(default_factory=BrokerMemory)


class Connection:
    """A connection that stands, until `ended` says why it does no more."""

    def __init__(self, client: Client, caller: Caller, version: Version) -> None:
        """Use `Connection.open`."""
        self._client = client
        self._caller = caller
        self._settings = caller.settings
        self._loop = asyncio.get_running_loop()
        self._accepted: asyncio.Future[None] = self._loop.create_future()
        self._acknowledgements: dict[int, asyncio.Future[str | None]] = {}
        self._subscriptions: dict[int, asyncio.Future[list[ReasonCode]]] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._last_in = self._last_out = self._loop.time()
        self._last_log = ""
        self._stands = False
        self.version: Final = version
        """What is spoken: `V5` or `V311`."""
        self.window = WINDOW
        """How many messages the broker takes before it has acknowledged the first."""
        self.ended: Final[asyncio.Future[BrokerError]] = self._loop.create_future()
        """Done, with the reason, as soon as the connection has ended."""

    @classmethod
    async def open(cls, caller: Caller, limit: float = CONNECT_LIMIT) -> Self:
        """Connect within `limit` seconds; raises `BrokerError`.

        With version `auto` MQTT 5 is tried first, then 3.1.1; what a broker has turned out to
        speak is remembered.
        """
        deadline = asyncio.get_running_loop().time() + limit
        chosen = caller.settings.version
        memory = caller.memory
        version = memory.version if chosen is Version.AUTO else chosen
        try:
            return await cls._open(caller, version, deadline)
        except failures.ProtocolRefusedError as error:
            if chosen is not Version.AUTO or version is not Version.V5:
                raise
            refused = error
        try:
            connection = await cls._open(caller, Version.V311, deadline)
        except failures.ProtocolRefusedError:
            raise refused from None
        if not isinstance(refused, failures.HungUpError):
            # Who merely hung up may have had other reasons: MQTT 5 is tried again next time.
            memory.version = Version.V311
        return connection

    @classmethod
    async def _open(cls, caller: Caller, version: Version, deadline: float) -> Self:
        connection = cls(await _dialled(caller, version, deadline), caller, version)
        try:
            connection._take_over()
            async with asyncio.timeout_at(deadline):
                await connection.unless_ended(connection._accepted)
        except TimeoutError:
            connection.abort()
            raise failures.silent(caller.settings) from None
        except BaseException:
            connection.abort()
            raise
        return connection

    async def unless_ended(self, awaited: Awaitable[T]) -> T:
        """Await it; raises why the connection ended if that comes first."""
        task = asyncio.ensure_future(awaited)
        either: set[asyncio.Future[Any]] = {task, self.ended}
        try:
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        finally:
            if not task.done():
                task.cancel()
        if task.done() and not task.cancelled():
            return task.result()
        raise self.ended.result()

    async def subscribe(
        self, topics: Sequence[str], *, retain_as_published: bool = False, qos: int = 1
    ) -> tuple[str, ...]:
        """Subscribe and return the topics that the broker refused.

        `retain_as_published`: with MQTT 5 a message that was published retained is known as
        such, even when it arrives while we are subscribed.
        """
        if self.version is Version.V5:
            options = SubscribeOptions(qos=qos, retainAsPublished=retain_as_published)
            _, mid = self._client.subscribe([(topic, options) for topic in topics])
        else:
            _, mid = self._client.subscribe([(topic, qos) for topic in topics])
        answer: asyncio.Future[list[ReasonCode]] = self._loop.create_future()
        self._subscriptions[mid or 0] = answer
        reasons = await self.unless_ended(answer)
        return tuple(
            topic for topic, reason in zip(topics, reasons, strict=False) if reason.value >= _FAILED
        )

    def unsubscribe(self, topics: Sequence[str]) -> None:
        """Listen there no more; what is on its way may come yet."""
        if not self.ended.done():
            self._client.unsubscribe(list(topics))

    def send(self, topic: str, content: bytes, *, retain: bool) -> "asyncio.Future[str | None]":
        """Publish at QoS 1; the future is done when the broker has acknowledged.

        Its result is None, or the broker's reason for throwing the message away (which 3.1.1
        cannot tell). It is cancelled when the connection ends.
        """
        acknowledged: asyncio.Future[str | None] = self._loop.create_future()
        if self.ended.done():
            acknowledged.cancel()
            return acknowledged
        information = self._client.publish(topic, content, qos=1, retain=retain)
        self._acknowledgements[information.mid] = acknowledged
        return acknowledged

    async def close(self) -> None:
        """Say goodbye, so that the will is not published, and close; takes a moment at most."""
        if not self.ended.done():
            self._drive(self._client.disconnect)
            self._drive(self._client.loop_write)
            await asyncio.wait({self.ended}, timeout=GOODBYE_LIMIT)
        self.abort()

    def abort(self) -> None:
        """Close the socket without a goodbye: the broker publishes the will."""
        self._end(BrokerError("the connection was given up"))

    # ── paho, driven by the loop ────────────────────────────────────────────────────────────

    def _take_over(self) -> None:
        """Take a client that a thread has connected into the loop."""
        client = self._client
        client.on_log = self._on_log
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_publish = self._on_publish
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        client.on_socket_close = self._on_socket_close
        client.on_socket_register_write = self._on_socket_register_write
        client.on_socket_unregister_write = self._on_socket_unregister_write
        sock = client.socket()
        if sock is None:
            raise failures.of_hanging_up(self._settings, self.version, self._last_log)
        self._loop.add_reader(sock, self._readable)
        if client.want_write():
            self._loop.add_writer(sock, self._writable)

    def _drive(self, call: Callable[[], Any]) -> None:
        """Let paho work; whatever it raises ends the connection, never the loop's patience."""
        try:
            call()
        except Exception as error:  # noqa: BLE001 -- paho raises many kinds at malformed packets
            _log.debug("paho failed", exc_info=True)
            self._end(BrokerError(f"the connection failed: {type(error).__name__}: {error}"))

    def _readable(self) -> None:
        self._drive(self._read)
        acknowledge_at_once(self._client)
        self._last_in = self._loop.time()  # after paho has noted it: never earlier than there

    def _read(self) -> None:
        for _ in range(_BURST):
            self._client.loop_read()
            if self._coming() > LARGEST_PACKET:
                # MQTT 5 brokers were asked not to; under 3.1.1 anybody may publish as much.
                self._end(failures.of_size(self._coming()))
                return
            # What TLS has read ahead, the loop's selector cannot see.
            pending = getattr(self._client.socket(), "pending", None)
            if pending is None or not pending():
                return
        self._loop.call_soon(self._readable_still)

    def _coming(self) -> int:
        """Bytes of the message that is being read; paho has no public word for them."""
        return int(getattr(self._client, "_in_packet", {}).get("remaining_length", 0))

    def _readable_still(self) -> None:
        if not self.ended.done():
            self._readable()

    def _writable(self) -> None:
        self._drive(self._client.loop_write)
        self._last_out = self._loop.time()

    def _watch(self) -> None:
        """Wake exactly when paho has to send a sign of life, or misses one."""
        keepalive = self._client.keepalive  # MQTT 5: the broker may have set another
        if keepalive:
            due = min(self._last_in, self._last_out) + keepalive + _SLACK
            self._timer = self._loop.call_at(due, self._tick)

    def _tick(self) -> None:
        now = self._loop.time()
        if min(self._last_in, self._last_out) + self._client.keepalive <= now:
            self._drive(self._client.loop_misc)
            self._drive(self._client.loop_write)
            self._last_in = self._last_out = now  # as paho counts, too
        if not self.ended.done():
            self._watch()

    def _end(self, reason: BrokerError) -> None:
        if self.ended.done():
            return
        self.ended.set_result(reason)
        if self._timer is not None:
            self._timer.cancel()
        sock = self._client.socket()
        if sock is not None:
            self._forget(sock)
            close_socket(self._client)
        waiting: Iterable[asyncio.Future[Any]] = (
            *self._acknowledgements.values(),
            *self._subscriptions.values(),
        )
        for future in waiting:
            future.cancel()
        self._acknowledgements.clear()
        self._subscriptions.clear()

    def _forget(self, sock: Any) -> None:
        if sock.fileno() >= 0:
            self._loop.remove_reader(sock)
            self._loop.remove_writer(sock)

    # ── paho's callbacks, all in the loop's thread ──────────────────────────────────────────

    def _on_log(self, _client: Client, _data: Any, level: int, text: str) -> None:
        if level == LogLevel.MQTT_LOG_ERR:
            self._last_log = text
            if text.startswith("Caught exception"):
                self._loop.call_soon(self._end, BrokerError(f"a fault of ours: {text}"))
            _log.debug("paho: %s", text)

    def _on_connect(
        self,
        _client: Client,
        _data: Any,
        _flags: ConnectFlags,
        reason: ReasonCode,
        more: Properties | None,
    ) -> None:
        if reason.value >= _FAILED:
            self._end(failures.of_connack(reason.value, str(reason), self._settings))
            return
        self._stands = True
        self._watch()
        self.window = min(WINDOW, getattr(more, "ReceiveMaximum", WINDOW))
        if not self._accepted.done():
            self._accepted.set_result(None)

    def _on_disconnect(
        self,
        _client: Client,
        _data: Any,
        flags: DisconnectFlags,
        reason: ReasonCode,
        _more: Properties | None,
    ) -> None:
        if not self._stands:
            self._end(failures.of_hanging_up(self._settings, self.version, self._last_log))
            return
        self._end(
            failures.of_disconnect(
                reason.value,
                str(reason),
                self._settings,
                self._caller.client_id,
                by_broker=flags.is_disconnect_packet_from_server,
            )
        )

    def _on_publish(
        self, _client: Client, _data: Any, mid: int, reason: ReasonCode, _more: Properties | None
    ) -> None:
        acknowledged = self._acknowledgements.pop(mid, None)
        if acknowledged is not None and not acknowledged.done():
            acknowledged.set_result(str(reason) if reason.value >= _FAILED else None)

    def _on_subscribe(
        self,
        _client: Client,
        _data: Any,
        mid: int,
        reasons: list[ReasonCode],
        _more: Properties | None,
    ) -> None:
        answer = self._subscriptions.pop(mid, None)
        if answer is not None and not answer.done():
            answer.set_result(reasons)

    def _on_message(self, _client: Client, _data: Any, message: MQTTMessage) -> None:
        self._caller.received(message.topic, bytes(message.payload), retained=message.retain)

    def _on_socket_close(self, _client: Client, _data: Any, sock: Any) -> None:
        self._forget(sock)

    def _on_socket_register_write(self, _client: Client, _data: Any, sock: Any) -> None:
        self._loop.add_writer(sock, self._writable)

    def _on_socket_unregister_write(self, _client: Client, _data: Any, sock: Any) -> None:
        if sock.fileno() >= 0:
            self._loop.remove_writer(sock)


async def _dialled(caller: Caller, version: Version, deadline: float) -> Client:
    """A client whose socket is connected, and which has written nothing yet."""
    left = max(deadline - asyncio.get_running_loop().time(), 0.0)
    worker = caller.memory.worker
    try:
        return await worker.call(
            left, dial, caller.settings, caller.client_id, version, caller.will
        )
    except Exception as error:  # noqa: BLE001 -- name service, sockets, TLS and paho: many kinds
        problem = failures.of_dialling(error, caller.settings)
    finally:
        worker.close()
    # Raised outside of the handler: the failed call's frames, which hold its socket, go now.
    raise problem
