import asyncio

from hypothesis import given
from hypothesis import strategies as st

from busylight.outputs.mqtt.latest import LatestWins
from busylight.outputs.mqtt.payloads import Payload


class Link:
    """A broker that acknowledges when it is told to."""

    def __init__(self, window: int = 20) -> None:
        self.window = window
        self.sent: list[tuple[str, bytes]] = []
        self._open: list[asyncio.Future[str | None]] = []

    def send(self, topic: str, content: bytes, *, retain: bool) -> "asyncio.Future[str | None]":
        assert retain
        self.sent.append((topic, content))
        acknowledged: asyncio.Future[str | None] = asyncio.get_running_loop().create_future()
        self._open.append(acknowledged)
        return acknowledged

    @property
    def on_their_way(self) -> int:
        return len(self._open)

    async def acknowledge(self, reason: str | None = None) -> None:
        self._open.pop(0).set_result(reason)
        await asyncio.sleep(0)  # callbacks run

    async def acknowledge_all(self) -> None:
        while self._open:
            await self.acknowledge()

    async def end(self) -> None:
        for acknowledged in self._open:
            acknowledged.cancel()
        await asyncio.sleep(0)


def states(**values: str) -> dict[str, Payload]:
    return {topic: Payload(value.encode()) for topic, value in values.items()}


async def test_what_has_not_changed_is_not_published_again() -> None:
    link = Link()
    latest = LatestWins(link)
    latest.put(states(light="red", mode="auto"))
    await link.acknowledge_all()
    latest.put(states(light="green", mode="auto"))
    assert link.sent == [("light", b"red"), ("mode", b"auto"), ("light", b"green")]


async def test_of_values_that_come_while_one_is_on_its_way_only_the_newest_follows() -> None:
    link = Link()
    latest = LatestWins(link)
    for color in ("red", "green", "blue", "white"):
        latest.put(states(light=color))
    assert link.sent == [("light", b"red")]
    await link.acknowledge()
    assert link.sent == [("light", b"red"), ("light", b"white")]


async def test_a_topic_that_waits_does_not_hold_up_another() -> None:
    link = Link()
    latest = LatestWins(link)
    latest.put(states(light="red"))
    latest.put(states(light="green", mode="busy"))
    assert link.sent == [("light", b"red"), ("mode", b"busy")]


async def test_it_is_settled_when_the_newest_of_all_is_acknowledged() -> None:
    link = Link()
    latest = LatestWins(link)
    await asyncio.wait_for(latest.settled(), 1)
    latest.put(states(light="red"))
    latest.put(states(light="green"))
    waiting = asyncio.ensure_future(latest.settled())
    await link.acknowledge()
    await asyncio.sleep(0)
    assert not waiting.done()
    await link.acknowledge()
    await asyncio.wait_for(waiting, 1)


async def test_no_more_than_the_window_is_on_its_way_and_order_is_kept() -> None:
    link = Link(window=3)
    latest = LatestWins(link)
    latest.put(states(**{f"t{n}": "x" for n in range(10)}))
    assert link.on_their_way == 3
    while link.on_their_way:
        assert link.on_their_way <= 3
        await link.acknowledge()
    assert [topic for topic, _ in link.sent] == [f"t{n}" for n in range(10)]


async def test_what_the_broker_refuses_is_remembered_with_its_reason() -> None:
    link = Link()
    latest = LatestWins(link)
    latest.put(states(light="red"))
    await link.acknowledge("Not authorized")
    assert latest.refused == {"light": "Not authorized"}
    await asyncio.wait_for(latest.settled(), 1)


async def test_what_was_cleared_is_published_again_when_it_is_put() -> None:
    link = Link()
    latest = LatestWins(link)
    latest.put(states(light="red", mode="auto"))
    await link.acknowledge_all()
    latest.cleared(["light", "nothing of ours"])
    latest.put(states(light="red", mode="auto"))
    assert link.sent[2:] == [("light", b"red")]


async def test_the_end_of_the_connection_settles_nothing() -> None:
    link = Link()
    latest = LatestWins(link)
    latest.put(states(light="red"))
    await link.end()
    waiting = asyncio.ensure_future(latest.settled())
    await asyncio.sleep(0)
    assert not waiting.done()
    waiting.cancel()


STEPS = st.lists(
    st.tuples(st.sampled_from(["light", "mode", "presence"]), st.integers(0, 4))
    | st.just("acknowledge"),
    max_size=60,
)


@given(STEPS, st.integers(1, 3))
def test_whatever_happens_the_last_value_published_is_the_last_that_was_put(
    steps: list[tuple[str, int] | str], window: int
) -> None:
    async def play() -> None:
        link = Link(window)
        latest = LatestWins(link)
        newest: dict[str, bytes] = {}
        for step in steps:
            if isinstance(step, str):
                if link.on_their_way:
                    await link.acknowledge()
            else:
                newest[step[0]] = str(step[1]).encode()
                latest.put({step[0]: Payload(newest[step[0]])})
            assert link.on_their_way <= window
        await link.acknowledge_all()
        await asyncio.wait_for(latest.settled(), 1)
        assert dict(link.sent) == newest

    asyncio.run(play())
