"""Latest wins, topic by topic: a slow broker gets the newest state, never a parade of old ones."""

import asyncio
from collections import OrderedDict
from collections.abc import Container, Iterable, Mapping
from functools import partial
from itertools import islice
from typing import Protocol

from busylight.outputs.mqtt.payloads import Payload


class Link(Protocol):
    """What carries messages: `Connection`."""

    @property
    def window(self) -> int:
        """How many may be on their way at once."""
        ...

    def send(self, topic: str, content: bytes, *, retain: bool) -> "asyncio.Future[str | None]":
        """Publish; the result is None, or why the message was thrown away."""
        ...


class LatestWins:
    """Publishes what changes over one connection.

    Of each topic at most one message is on its way; a newer one waits for it, and a still newer
    one takes that one's place.
    """

    def __init__(self, link: Link) -> None:
        self._link = link
        self._newest: dict[str, Payload] = {}
        # A plain dict would look through all that has gone from its front, each time anew.
        self._waiting: OrderedDict[str, Payload] = OrderedDict()
        self._on_their_way: set[str] = set()
        self._idle = asyncio.Event()
        self._idle.set()
        self.refused: dict[str, str] = {}
        """Topics that the broker has refused, with its reason."""
        self.forgotten = 0
        """How often something that was put has been forgotten: it has to be put again."""

    def put(self, messages: Mapping[str, Payload], again: Container[str] = ()) -> None:
        """Publish, in this order, what differs from what was put last, and what is in `again`."""
        for topic, payload in messages.items():
            if topic in again or self._newest.get(topic) != payload:
                self._newest[topic] = self._waiting[topic] = payload
        self._pump()

    def put_again(self, messages: Mapping[str, Payload]) -> None:
        """Publish all of it, in this order, whether it has changed or not."""
        self.put(messages, again=messages)

    def cleared(self, topics: Iterable[str]) -> None:
        """Nothing stands there any more, whatever was put: the next that is put is published."""
        self.forgotten += 1
        for topic in topics:
            self._newest.pop(topic, None)

    def forget(self) -> None:
        """Send nothing of what waits; whatever is put from now on is published anew."""
        self.forgotten += 1
        self._waiting.clear()
        self._newest.clear()
        self._pump()

    def say(self, messages: Mapping[str, Payload]) -> None:
        """Send at once and in order, after all that is on its way and before all that waits."""
        for topic, payload in messages.items():
            self._link.send(topic, payload.content, retain=payload.retain)

    async def settled(self) -> None:
        """Return when all that was put has been acknowledged."""
        await self._idle.wait()

    def _pump(self) -> None:
        room = self._link.window - len(self._on_their_way)
        ready = (topic for topic in self._waiting if topic not in self._on_their_way)
        for topic in list(islice(ready, room)):
            payload = self._waiting.pop(topic)
            self._on_their_way.add(topic)
            sent = self._link.send(topic, payload.content, retain=payload.retain)
            sent.add_done_callback(partial(self._acknowledged, topic))
        if self._waiting or self._on_their_way:
            self._idle.clear()
        else:
            self._idle.set()

    def _acknowledged(self, topic: str, sent: "asyncio.Future[str | None]") -> None:
        if sent.cancelled():
            return  # the connection has ended, and this with it
        self._on_their_way.discard(topic)
        reason = sent.result()
        if reason is not None:
            self.refused[topic] = reason
        self._pump()
