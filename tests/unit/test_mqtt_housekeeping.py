"""Of two readers the one that stands by clears nothing: what it told of is the other one's now."""

import asyncio
from collections.abc import Awaitable, Sequence
from dataclasses import replace
from typing import Any, cast

from busylight.core.reader import Role
from busylight.mqtt.connection import Connection
from busylight.outputs.mqtt.announcing import reader_topics, standing_by
from busylight.outputs.mqtt.housekeeping import Housekeeping
from busylight.outputs.mqtt.latest import LatestWins
from busylight.outputs.mqtt.memory import Memory
from busylight.outputs.mqtt.published import Published, broker_of
from tests.support.broker import eventually
from tests.support.mqtt import BASE, settings_of


class Link:
    """A connection to a broker on which something stands wherever one looks."""

    window = 20

    def __init__(self) -> None:
        self.house: Housekeeping | None = None
        self.cleared: list[str] = []

    async def subscribe(self, topics: Sequence[str], **_: Any) -> tuple[str, ...]:
        assert self.house is not None
        for topic in topics:
            self.house.received(topic, b"{}", retained=True)
        return ()

    async def unless_ended(self, awaitable: Awaitable[Any]) -> Any:
        return await awaitable

    def send(self, topic: str, content: bytes, *, retain: bool) -> "asyncio.Future[str | None]":
        assert (content, retain) == (b"", True)
        self.cleared.append(topic)
        done: asyncio.Future[str | None] = asyncio.get_running_loop().create_future()
        done.set_result(None)
        return done


class Sent(LatestWins):
    """All that was put has been acknowledged."""

    def __init__(self) -> None:
        """Without a link: nothing is put here."""

    async def settled(self) -> None:
        pass

    def cleared(self, topics: object) -> None:
        pass


async def test_what_was_told_a_moment_ago_is_not_cleared_by_whoever_stands_by_now() -> None:
    settings, memory, link = settings_of(reader=Role.SPARE, discovery=False), Memory(), Link()
    house = Housekeeping(settings, memory, cast("Connection", link), Sent(), lambda _again: None)
    link.house = house
    told = frozenset({f"{BASE}/presence", f"{BASE}/light"}) | reader_topics(settings)
    leads = Published(broker_of(settings), settings.base, told)
    house.stands(leads)
    house.stands_by(standing_by(settings, memory))  # before anything of it was remembered
    await eventually(lambda: memory.published is not None)
    assert memory.published == leads
    assert link.cleared == []

    house.stands(replace(leads, topics=told - {f"{BASE}/light"}))  # it leads, and tells of less
    await eventually(lambda: link.cleared == [f"{BASE}/light"])
    house.close()
