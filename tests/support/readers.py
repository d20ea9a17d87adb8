"""The two readers of one light in this process: hubs, outputs and sources, on a real broker."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from busylight.app.hub import Hub
from busylight.app.output_runner import OutputRunner, output_maker
from busylight.app.source_runner import SourceRunner
from busylight.app.turns import SourceTurns
from busylight.core.knowledge import Known, Reading, Trouble, Why
from busylight.core.palette import Palette
from busylight.core.presence import Presence
from busylight.core.reader import Reader, Role
from busylight.core.rules import Rules
from busylight.core.view import View
from busylight.edge import clock
from busylight.outputs.mqtt.output import MqttOutput
from busylight.sources.mqtt.source import MqttSource
from tests.support.broker import Broker, eventually
from tests.support.mqtt import settings_for

INTERVAL: Final = 1.0
NO_ANSWER: Final = Trouble(Why.UNREACHABLE, "no answer")


@dataclass
class Graph:
    """What both read."""

    people: dict[str, Presence]
    answers: bool = True
    good_at: float = 0.0
    """When it has answered last."""

    def source(self) -> "_Source":
        return _Source(self)

    def answer(self) -> Reading | Trouble:
        if not self.answers:
            return NO_ANSWER
        self.good_at = clock.now()
        return Reading(dict(self.people), {})


class _Source:
    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._wanted = asyncio.Event()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None:
        pass

    def refresh(self) -> None:
        self._wanted.set()

    async def readings(self) -> AsyncGenerator[Reading | Trouble, None]:
        while True:
            self._wanted.clear()
            yield self._graph.answer()
            with suppress(TimeoutError):
                async with asyncio.timeout(INTERVAL):
                    await self._wanted.wait()


@dataclass
class Program:
    """One program, alone or one of two; begins at once."""

    broker: Broker
    graph: Graph
    state_dir: Path
    role: Role | None = None
    rules: dict[str, Any] = field(default_factory=dict)
    views: list[View] = field(default_factory=list)
    """All that its lights were to show, in turn."""

    def __post_init__(self) -> None:
        rules = Rules(
            **{"stale_after": 60.0, **self.rules}, palette=Palette(), source="graph", version="1"
        )
        self.hub = Hub(rules, None, None if self.role is None else Reader(self.role, INTERVAL))
        self.hub.on_view = self.views.append
        self.state_dir.mkdir(exist_ok=True)
        settings = settings_for(
            self.broker,
            reader=self.role,
            outputs=("mqtt",),
            interval=INTERVAL,
            state_dir=self.state_dir,
        )
        output = OutputRunner(
            "mqtt",
            output_maker(MqttOutput, settings),
            self.hub.slot(),
            self.hub.health,
            self.hub.command,
            100,
            asyncio.Event(),
        )
        own = SourceRunner(self.graph.source, self.hub.heard, rules.stale_after)
        self.hub.on_refresh = own.refresh
        reading: Callable[[], Any] = own.run
        if self.role is not None:
            followed = SourceRunner(
                lambda: MqttSource(settings.following_the_other),
                self.hub.followed,
                rules.stale_after,
                part="other reader",
            )
            turns = SourceTurns(own.run, followed.run, self.hub.turns)
            self.hub.on_turns = turns.take
            reading = turns.run
        self._tasks = [asyncio.create_task(work()) for work in (output.run, self.hub.run, reading)]

    @property
    def leads(self) -> bool:
        standing = self.hub.view.diagnostics.reader
        return standing is not None and standing.peers is not None and standing.leads

    @property
    def follows(self) -> bool:
        """Whether it shows what the other one has read."""
        view = self.hub.view
        return not self.leads and not view.duty.is_own and isinstance(view.knowledge, Known)

    async def kill(self) -> None:
        """End at once, with no other word than that."""
        for task in self._tasks:
            task.cancel()
        await asyncio.wait(self._tasks)


@asynccontextmanager
async def alone(
    broker: Broker, graph: Graph, directory: Path, **rules: Any
) -> AsyncGenerator[Program, None]:
    """One program that has no other."""
    program = Program(broker, graph, directory / "alone", None, rules)
    try:
        yield program
    finally:
        await program.kill()


@asynccontextmanager
async def pair(
    broker: Broker, graph: Graph, directory: Path, **rules: Any
) -> AsyncGenerator[tuple[Program, Program], None]:
    """A primary that leads, and a spare that follows it."""
    primary = Program(broker, graph, directory / "primary", Role.PRIMARY, rules)
    spare = Program(broker, graph, directory / "spare", Role.SPARE, rules)
    try:
        await eventually(lambda: primary.leads and spare.follows)
        yield primary, spare
    finally:
        await primary.kill()
        await spare.kill()
