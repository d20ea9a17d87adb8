"""Both readers on a made-up broker and a made-up clock: whatever happens, one leads in the end.

The programs are the real hub and the real output; the broker delivers each one's messages in order,
each a little later. What is checked is what somebody would find retained on the broker.
"""

import asyncio
import contextlib
import json
import random
from collections.abc import Callable, Coroutine, Iterator
from typing import Any, Final
from unittest import mock

from hypothesis import given, settings
from hypothesis import strategies as st

from busylight.app.hub import Hub
from busylight.core.knowledge import Reading, Trouble, Why
from busylight.core.override import Override
from busylight.core.palette import Palette
from busylight.core.presence import Presence
from busylight.core.reader import Reader, Role
from busylight.core.rules import Rules
from busylight.core.view import PartHealth, PartState
from busylight.edge import clock as clock_module
from busylight.outputs.mqtt import output as output_module
from busylight.outputs.mqtt.latest import LatestWins
from busylight.outputs.mqtt.output import MqttOutput
from busylight.outputs.mqtt.payloads import alive_topic
from busylight.sources.mqtt.following import Following
from tests.month.virtual_time import FakeTime, VirtualClock, VirtualLoop
from tests.support.mqtt import BASE, settings_of

INTERVAL: Final = 1.0
STALE_AFTER: Final = 60.0
WORDS: Final = ("InACall", "Away", "Presenting", "Available", "InAMeeting")
TICK: Final = 1e-5
"""Seconds between two messages one after the other: timers of one moment have no order."""
MODES: Final = ("busy", "away", "do_not_disturb", "available")


class World:
    """A broker, Graph, and the two programs."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.retained: dict[str, bytes] = {}
        self.said: list[tuple[Role | None, str, bytes]] = []
        self.links: set[Link] = set()
        self.truth = WORDS[0]
        self.programs = {role: Program(self, role) for role in Role}

    def publish(self, author: Role | None, topic: str, content: bytes, *, retain: bool) -> None:
        self.said.append((author, topic, content))
        if retain:
            self.retained[topic] = content
        for link in list(self.links):
            link.deliver(topic, content, retained=False)

    def latency(self) -> float:
        return self.random.uniform(0.0, 0.05)

    def word(self, end: str) -> str:
        return self.retained.get(f"{BASE}/{end}", b"").decode()

    @property
    def activity(self) -> Any:
        return json.loads(self.word("presence"))["activity"]


class Link:
    """One program's connection: in order, and late, in both directions."""

    window = 20

    def __init__(self, world: World, program: "Program") -> None:
        self._world, self._program = world, program
        self._loop = asyncio.get_running_loop()
        self._in = self._out = self._loop.time()
        self.ended = False
        world.links.add(self)

    def send(self, topic: str, content: bytes, *, retain: bool) -> "asyncio.Future[str | None]":
        acknowledged: asyncio.Future[str | None] = self._loop.create_future()
        if self.ended:
            acknowledged.cancel()
            return acknowledged
        self._out = max(self._out + TICK, self._loop.time() + self._world.latency())

        def arrive() -> None:
            if not self.ended:
                self._world.publish(self._program.role, topic, content, retain=retain)
                acknowledged.set_result(None)
            else:
                acknowledged.cancel()

        self._loop.call_at(self._out, arrive)
        return acknowledged

    def deliver(self, topic: str, content: bytes, *, retained: bool) -> None:
        self._in = max(self._in + TICK, self._loop.time() + self._world.latency())
        self._loop.call_at(self._in, self._hear, topic, content, retained)

    def _hear(self, topic: str, content: bytes, retained: bool) -> None:  # noqa: FBT001 -- for call_at
        if not self.ended:
            self._program.hears(topic, content, retained=retained)

    def cut(self) -> None:
        """The broker finds it dead, and publishes its will."""
        if not self.ended:
            self.ended = True
            self._world.links.discard(self)
            topic = alive_topic(self._program.settings)
            self._world.publish(None, topic, b"offline", retain=True)


class Program:
    """Hub and output of one reader, and its Graph."""

    def __init__(self, world: World, role: Role) -> None:
        self._world, self.role = world, role
        self.settings = settings_of(reader=role)
        self.lives = self.connects = self.reads = False
        self._card: Override | None = None
        self.link: Link | None = None
        self.output: MqttOutput | None = None
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin anew, remembering nothing but the override, which is kept on the card."""
        rules = Rules(Palette(), STALE_AFTER, "graph", "1")
        self.hub = Hub(rules, self._card, Reader(self.role, INTERVAL))
        self.hub.on_override = self._keep
        self._slot = self.hub.slot()
        self._following = Following((f"{BASE}/presence",))
        self.lives = self.connects = self.reads = True
        self._run(self._read())
        self._run(self.hub.run())
        self._run(self._follow())
        self._run(self._connect())

    def _keep(self, override: Override | None) -> None:
        self._card = override

    def kill(self) -> None:
        """End without a word."""
        self.lives = False
        for task in self._tasks:
            task.cancel()
        self._tasks.clear()
        self._end_link()

    def cut(self) -> None:
        """Lose the broker until `connects` is true."""
        self.connects = False
        self._end_link()

    def _end_link(self) -> None:
        if self.link is not None:
            self.link.cut()
        if self.output is not None and self.output._pair is not None:
            self.output._pair.close()
        self.link = self.output = None

    def hears(self, topic: str, content: bytes, *, retained: bool) -> None:
        """Take in what the broker delivers."""
        if self.output is not None:
            self.output._received(topic, content, retained=retained)
        now = clock_module.now()
        self._following.heard(topic, content, now, retained=retained)
        if topic in self._following.subscriptions:
            self.hub.followed(self._following.answer(now))

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        self._tasks.append(asyncio.get_running_loop().create_task(work))

    async def _read(self) -> None:
        while True:
            await asyncio.sleep(self._world.random.uniform(0.5, 1.0) * INTERVAL)
            if not self.hub.turns.own:
                continue
            if self.reads:
                word = self._world.truth
                self.hub.heard(Reading({"me": Presence("Busy", word)}, {}))
            else:
                self.hub.heard(Trouble(Why.UNREACHABLE, "no answer"))

    async def _follow(self) -> None:
        while True:
            await asyncio.sleep(INTERVAL)
            self.hub.followed(self._following.answer(clock_module.now()))

    async def _connect(self) -> None:
        while True:
            await asyncio.sleep(self._world.random.uniform(0.1, 1.0))
            if not self.connects:
                continue
            self.hub.health("mqtt", PartHealth())
            self.link = link = Link(self._world, self)
            self.output = output = MqttOutput(self.settings)
            assert output._pair is not None
            output._latest = latest = LatestWins(link)
            output._began = clock_module.now()
            for topic, content in list(self._world.retained.items()):
                link.deliver(topic, content, retained=True)
            output._pair.subscribed()
            hearing = asyncio.create_task(self._hear(output))
            showing = asyncio.create_task(self._show(output, latest))
            try:
                while not link.ended:
                    await asyncio.sleep(0.05)
            finally:
                hearing.cancel()
                showing.cancel()
            self.hub.health("mqtt", PartHealth(PartState.FAILED, "the broker is gone"))

    async def _hear(self, output: MqttOutput) -> None:
        async for command in output.events():
            self.hub.command(command)

    async def _show(self, output: MqttOutput, latest: LatestWins) -> None:
        self._slot.again()
        while True:
            output._put(await self._slot.get(), latest)
            self.hub.health("mqtt", PartHealth(PartState.CONNECTED))


@contextlib.contextmanager
def _simulated(wall: FakeTime) -> Iterator[None]:
    with (
        mock.patch.object(clock_module, "time", wall),
        mock.patch.object(output_module, "memory_of"),
        mock.patch.object(output_module, "announced", return_value={}),
        mock.patch.object(output_module, "published", return_value=None),
    ):
        yield


def play(seed: int, script: Callable[[World], Coroutine[Any, Any, None]]) -> World:
    """Run a script on a clock of its own; returns the world as it is in the end."""
    virtual = VirtualClock()
    with _simulated(FakeTime(virtual, 1.8e9)), contextlib.closing(VirtualLoop(virtual)) as loop:
        asyncio.set_event_loop(loop)
        world = World(seed)

        async def run() -> None:
            await script(world)
            for program in world.programs.values():
                program.kill()

        loop.run_until_complete(run())
        asyncio.set_event_loop(None)
    return world


ACTS: Final = ("kill", "cut", "blind", "heal", "change", "ask", "nothing")
steps = st.lists(
    st.tuples(st.sampled_from(ACTS), st.sampled_from(Role), st.floats(0.0, 6.0, allow_nan=False)),
    max_size=12,
)


def _act(world: World, act: str, role: Role, number: int) -> None:
    program = world.programs[role]
    if act == "kill" and program.lives:
        program.kill()
    elif act == "cut" and program.lives:
        program.cut()
    elif act == "blind":
        program.reads = False
    elif act == "heal":
        _heal(program)
    elif act == "change":
        world.truth = WORDS[number % len(WORDS)]


def _heal(program: Program) -> None:
    if not program.lives:
        program.start()
    program.connects = program.reads = True


@settings(max_examples=15)
@given(seed=st.integers(0, 2**16), script=steps)
def test_whatever_happens_the_primary_leads_with_the_truth_when_all_is_well_again(
    seed: int, script: list[tuple[str, Role, float]]
) -> None:
    found: dict[str, Any] = {}

    async def happen(world: World) -> None:
        for program in world.programs.values():
            program.start()
        await asyncio.sleep(6)
        for number, (act, role, seconds) in enumerate(script):
            if act == "ask" and any(p.link is not None for p in world.programs.values()):
                # Heard and published: after that it holds, whoever dies.
                found["mode"] = MODES[number % len(MODES)]
                topic = f"{BASE}/mode/set"
                world.publish(None, topic, found["mode"].encode(), retain=False)
                await asyncio.sleep(7)
                found["mode"] = world.word("mode")
            else:
                _act(world, act, role, number)
            await asyncio.sleep(seconds)
        for program in world.programs.values():
            _heal(program)
        world.truth = "InAMeeting"
        await asyncio.sleep(20)
        found["reports"] = {role: program.hub.view for role, program in world.programs.items()}

    world = play(seed, happen)
    assert world.word("reader/leader") == "primary"
    assert (world.word("reader/primary/reads")) == "true"
    assert world.activity == "InAMeeting"
    assert world.word("mode") == found.get("mode", "auto")
    for role, view in found["reports"].items():
        assert view.state in {"inameeting", "busy", "away", "donotdisturb", "available"}
        assert view.mode == found.get("mode", "auto")
        assert view.diagnostics.reader.leads is (role is Role.PRIMARY)


@settings(max_examples=15)
@given(seed=st.integers(0, 2**16), script=steps)
def test_whatever_befalls_the_primary_alone_nobody_is_told_that_nothing_is_known(
    seed: int, script: list[tuple[str, Role, float]]
) -> None:
    marks: list[int] = []

    async def happen(world: World) -> None:
        for program in world.programs.values():
            program.start()
        await asyncio.sleep(8)
        marks.append(len(world.said))
        for number, (act, _role, seconds) in enumerate(script):
            _act(world, act, Role.PRIMARY, number)
            await asyncio.sleep(seconds)
        _heal(world.programs[Role.PRIMARY])
        await asyncio.sleep(20)
        marks.append(len(world.said))

    world = play(seed, happen)
    told = [
        json.loads(content)
        for _, topic, content in world.said[marks[0] : marks[1]]
        if topic == f"{BASE}/presence"
    ]
    assert [each for each in told if not each["fresh"]] == []


@settings(max_examples=15)
@given(seed=st.integers(0, 2**16), script=steps)
def test_what_is_published_is_published_by_whoever_has_said_that_it_leads(
    seed: int, script: list[tuple[str, Role, float]]
) -> None:
    marks: list[int] = []

    async def happen(world: World) -> None:
        for program in world.programs.values():
            program.start()
        await asyncio.sleep(8)
        marks.append(len(world.said))
        for number, (act, _role, seconds) in enumerate(script):
            _act(world, act, Role.PRIMARY, number)
            await asyncio.sleep(seconds)
        marks.append(len(world.said))

    world = play(seed, happen)
    leader = "primary"
    for author, topic, content in world.said[marks[0] : marks[1]]:
        if topic == f"{BASE}/reader/leader":
            leader = content.decode()
        elif topic in {f"{BASE}/presence", f"{BASE}/light", f"{BASE}/mode"}:
            assert author == leader, (author, leader, topic, content)
