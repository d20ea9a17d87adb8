"""Of many people only the news is told; what no longer stands there is told again."""

import asyncio
from types import MappingProxyType
from unittest import mock

from busylight.core.knowledge import Known
from busylight.core.presence import Presence
from busylight.core.reader import Role
from busylight.core.view import Person
from busylight.outputs.mqtt.latest import LatestWins
from busylight.outputs.mqtt.output import MqttOutput
from busylight.outputs.mqtt.pair import Pair
from tests.support.mqtt import BASE, a_view, light, settings_of

ADA = f"{BASE}/users/ada/presence"


class Link:
    """A connection whose broker takes everything at once."""

    window = 20

    def __init__(self) -> None:
        self.sent: list[str] = []

    def send(self, topic: str, content: bytes, *, retain: bool) -> "asyncio.Future[str | None]":
        del content, retain
        self.sent.append(topic)
        done: asyncio.Future[str | None] = asyncio.get_running_loop().create_future()
        done.set_result(None)
        return done


async def test_who_leads_again_tells_of_everybody_again_whatever_it_told_before() -> None:
    person = Person(Known(Presence("Busy", "Busy"), 1.0, 1.0), light("red"))
    view = a_view(people=MappingProxyType({"ada": person}))
    output, link = MqttOutput(settings_of(reader=Role.SPARE)), Link()
    output._latest = latest = LatestWins(link)
    told = []
    for leads in (True, True, False, True, True):
        with mock.patch.object(Pair, "publishes", return_value=leads):
            output._put(view, latest)
        await latest.settled()
        told.append(link.sent.count(ADA))
        link.sent.clear()
    assert told == [1, 0, 0, 1, 0]
