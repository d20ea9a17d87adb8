"""Looks up what is retained on the broker, and clears it.

Only what is there is cleared: Home Assistant warns of an empty message for a device that it
does not know.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from busylight.mqtt.connection import Connection
from busylight.outputs.mqtt.payloads import ONLINE, alive_topics

QUIET: Final = 0.5
"""Seconds without a further message, after which all that is retained has come."""
LOOK_LIMIT: Final = 10.0
"""Seconds that a look may take however much comes."""
FAREWELL: Final = 1.0
"""Seconds between the end of a device and that of its topics: Home Assistant has let go then."""
_AT_ONCE: Final = 100


class Retained:
    """What is retained on the topics that were looked at."""

    def __init__(self) -> None:
        self.found: dict[str, bytes] = {}
        """The newest payload by topic."""
        self._news = asyncio.Event()

    def received(self, topic: str, payload: bytes, *, retained: bool) -> None:
        """Take in what the broker sends."""
        if payload and (retained or topic in self.found):
            self.found[topic] = payload
        elif not payload:
            self.found.pop(topic, None)
        self._news.set()

    async def look(
        self, connection: Connection, topics: Sequence[str], *, qos: int = 1
    ) -> tuple[str, ...]:
        """Find what is retained there; returns the topics that may not be looked at.

        With `qos` 0 a broker queues nothing: of thousands it throws fewer away.
        Raises `OutputError` when the connection ends.
        """
        refused: list[str] = []
        for begin in range(0, len(topics), _AT_ONCE):
            refused += await connection.subscribe(topics[begin : begin + _AT_ONCE], qos=qos)
        try:
            async with asyncio.timeout(LOOK_LIMIT):
                await connection.unless_ended(self._quiet())
        except TimeoutError:
            pass  # who talks without end has at least told what was retained
        return tuple(refused)

    async def _quiet(self) -> None:
        while True:
            self._news.clear()
            try:
                async with asyncio.timeout(QUIET):
                    await self._news.wait()
            except TimeoutError:
                return

    def alive(self, base: str) -> str | None:
        """The topic on which a program says that it lives there, if one does."""
        return next((t for t in alive_topics(base) if self.found.get(t) == ONLINE), None)


async def clear(connection: Connection, topics: Iterable[str]) -> Mapping[str, str]:
    """Clear these topics, devices first; returns those that the broker refused, with its reason.

    Raises `OutputError` when the connection ends.
    """
    ordered = sorted(topics)
    devices = [topic for topic in ordered if topic.endswith("/config")]
    refused = dict(await _clear(connection, devices))
    if devices:
        await connection.unless_ended(asyncio.sleep(FAREWELL))
    refused |= await _clear(connection, [topic for topic in ordered if topic not in devices])
    return refused


async def _clear(connection: Connection, topics: Sequence[str]) -> Mapping[str, str]:
    refused: dict[str, str] = {}
    for begin in range(0, len(topics), connection.window):
        some = topics[begin : begin + connection.window]
        sent = [connection.send(topic, b"", retain=True) for topic in some]
        reasons = await connection.unless_ended(asyncio.gather(*sent))
        refused |= {
            topic: reason for topic, reason in zip(some, reasons, strict=True) if reason is not None
        }
    return refused
