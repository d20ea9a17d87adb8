"""Runs the program's heart through a script on a simulated clock, and watches every moment."""

import asyncio
import contextlib
import logging
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NoReturn, cast
from unittest import mock

from busylight.app import source_runner
from busylight.app.hub import Hub
from busylight.app.output_runner import OutputRunner
from busylight.app.source_runner import SourceRunner
from busylight.core.adaptive import Adaptive
from busylight.core.hours import Hours, parse_hours
from busylight.core.knowledge import Known
from busylight.core.override import Override
from busylight.core.palette import Palette
from busylight.core.rules import Rules
from busylight.core.view import PartState, View
from busylight.edge import clock as clock_module
from busylight.sources.graph import source as source_module
from busylight.sources.graph.settings import GraphSettings
from busylight.sources.graph.source import GraphSource
from tests.month.oracle import Expected
from tests.month.script import DAY, ZONE, Event, Setup
from tests.month.virtual_time import FakeTime, VirtualClock, VirtualLoop
from tests.month.world import DEADLINE, LOOKS_EVERY, Lamp, SimulatedSession, World

MARCH: Final = 1_774_000_000.0
"""UTC at the beginning: in March 2026, so that summer time begins within the month."""
NAP: Final = LOOKS_EVERY - 1.0
"""Seconds between two looks at the clock, in place of five: half a million looks a month would
take minutes. A resume from suspend is noticed so much later, and by nothing else does it matter."""


_GRAIN: Final = 5e-6
"""Seconds that a timer may be late, for the simulated clock ticks in microseconds."""


class LieError(AssertionError):
    """A light shows what cannot be known; says when, and what it should have shown."""


def simulate(setup: Setup, script: list[Event], *, seed: int = 0, nap: float = NAP) -> "Watch":
    """Run `script`; raises `LieError` at the first moment that breaks the invariant."""
    clock = VirtualClock()
    wall = FakeTime(clock, MARCH)
    watch = Watch(setup, clock, wall, seed, nap)
    jitter = random.getstate()
    random.seed(seed)
    with _simulated(wall, nap), contextlib.closing(VirtualLoop(clock)) as loop:
        try:
            loop.run_until_complete(watch.run(script))
        finally:
            clock.on_quiet = lambda: None
            watch.world.on_show = lambda _view: None
            _cancel_all(loop)
            random.setstate(jitter)
    return watch


def _adaptive(setup: Setup) -> Adaptive:
    """As in the program, with everything stretched as the month's interval is."""
    stretched = setup.interval / 5.0
    return Adaptive(
        ZONE,
        often=setup.interval,
        usual=(setup.interval + setup.slowest) / 2,
        rarely=setup.slowest,
        after_change=120.0 * stretched,
        quiet=1800.0 * stretched / 12,
    )


def _cancel_all(loop: asyncio.AbstractEventLoop) -> None:
    left = asyncio.all_tasks(loop)
    for task in left:
        task.cancel()
    if left:
        loop.run_until_complete(asyncio.wait(left))
    loop.run_until_complete(loop.shutdown_asyncgens())


@contextlib.contextmanager
def _simulated(wall: FakeTime, nap: float) -> Iterator[None]:
    level = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with (
            mock.patch.object(clock_module, "time", wall),
            mock.patch.object(source_module, "_LONGEST_NAP", nap),
            mock.patch.object(source_runner, "SLACK", max(nap, source_runner.SLACK)),
        ):
            yield
    finally:
        logging.disable(level)


class Watch:
    """The program's heart in its world, and the eye on it."""

    def __init__(
        self, setup: Setup, clock: VirtualClock, wall: FakeTime, seed: int, nap: float
    ) -> None:
        self._setup = setup
        self._clock = clock
        self._nap = nap
        self.world = World(setup, clock, wall, random.Random(seed))
        rules = {"OFFLINE": None} if setup.releases else {}
        self._rules = Rules(
            Palette(rules),
            setup.stale_after,
            "graph",
            "1",
            many=setup.people > 1,
            hours=None if setup.hours is None else Hours(parse_hours(setup.hours.text), ZONE),
            adaptive=_adaptive(setup) if setup.is_adaptive else None,
        )
        self._hub: Hub | None = None
        self._override: Override | None = None
        self._seen: object = None
        self._lied: str | None = None
        """A lie that was told inside of the program, which would swallow an exception."""
        self.moments = 0
        """How often it was looked."""
        self.states: dict[str, int] = {}
        """How often each state was seen."""

    async def run(self, script: list[Event]) -> None:
        """Play `script` to its end, and a while longer."""
        over = asyncio.Event()
        lasts = self.world.play(script)
        self._clock.at(lasts + self._setup.stale_after + DAY / 12, over.set)
        self._clock.on_quiet = self.look
        self.world.on_show = self._look_at_show
        ends = asyncio.create_task(over.wait())
        while not over.is_set():
            self.world.restart.clear()
            running = asyncio.create_task(self._live())
            restart = asyncio.create_task(self.world.restart.wait())
            await asyncio.wait({running, restart, ends}, return_when=asyncio.FIRST_COMPLETED)
            for task in (running, restart):
                task.cancel()
            self._hub = None
            await asyncio.wait({running, restart})
            if not running.cancelled():
                running.result()
            await asyncio.sleep(1.0)

    async def _live(self) -> None:
        """One life of the program, wired as the daemon wires it."""
        world = self.world
        world.well_since = self._clock.now
        for lamp in world.lamps:
            lamp.exact_from = max(lamp.exact_from, self._clock.awake + 1.0)
        if world.oracle.has_ended(self._clock.now):
            self._override = None  # as what is remembered is read
        world.oracle.started(self._clock.now)
        hub = Hub(self._rules, self._override)
        source = SourceRunner(self._source, hub.heard, self._setup.stale_after)
        hub.on_refresh = source.refresh
        hub.on_pace = source.pace
        hub.on_override = self._note
        stopping = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            group.create_task(hub.run(longest_nap=self._nap))
            group.create_task(source.run())
            for index, lamp in enumerate(world.lamps):
                runner = OutputRunner(
                    f"lamp {index}", lamp.connect, hub.slot(), hub.health, hub.command, 100,
                    stopping,
                )  # fmt: skip
                group.create_task(runner.run())
            self._hub = hub

    def _note(self, override: Override | None) -> None:
        self._override = override

    def _source(self) -> GraphSource:
        settings = GraphSettings(
            interval=self._setup.interval,
            token_cache=Path("/nowhere"),
            client_id="11111111-2222-3333-4444-555555555555",
        )
        source = GraphSource(settings)
        source._session = cast("Any", SimulatedSession(self.world))
        return source

    # -- The eye ------------------------------------------------------------------------------

    def look(self) -> None:
        """Hold what every light shows now against what may be shown now."""
        now, awake = self._clock.now, self._clock.awake
        just_woken = awake - self.world.resumed_at < self._nap + 1.0
        expected, since = self.world.oracle.watched(now, is_shown=not just_woken)
        if self._lied is not None:
            raise LieError(f"at {now:.6f} s {self._lied}")
        if self._hub is None:
            return
        if just_woken:  # the program may not have looked at its clock yet
            self.world.oracle.overslept(self._hub._situation.last_lit)
            return
        at_the_edge = {self.world.is_outside(now + grain) for grain in (-_GRAIN, _GRAIN)}
        if len(at_the_edge) > 1:
            return  # a date since 1970 in seconds has no finer grain
        self.moments += 1
        self.states[expected.state] = self.states.get(expected.state, 0) + 1
        lamps = [(id(lamp.view), awake > lamp.exact_from) for lamp in self.world.lamps]
        seen = expected, since, self.world.oracle.ends_at(now), lamps
        if seen == self._seen:
            self._look_at_truth(now, expected)
            return  # nothing has changed since the last look, and that was right
        self._seen = seen
        for index, lamp in enumerate(self.world.lamps):
            if awake > lamp.exact_from:
                self._look_at_lamp(f"lamp {index}", lamp, expected)
        self._look_at_what_is_told(since, expected)
        self._look_at_truth(now, expected)

    def _look_at_lamp(self, name: str, lamp: Lamp, expected: Expected) -> None:
        view = lamp.view
        if view is None:
            self._lie(f"{name} shows nothing", expected)
        shown = view.state, view.light, view.mode
        if shown != (expected.state, expected.light, expected.mode):
            self._lie(f"{name} shows {shown}", expected)
        health = None if self._hub is None else self._hub._situation.outputs[name].state
        if health is not (PartState.RELEASED if view.light is None else PartState.CONNECTED):
            self._lie(f"{name} is said to be {health}", expected)

    def _look_at_what_is_told(self, since: float | None, expected: Expected) -> None:
        """What stands on the broker beside the light: whom it is about, and since when."""
        broker = self.world.lamps[0]
        if broker.view is None or self._clock.awake <= broker.exact_from:
            return
        known = broker.view.knowledge
        words, why = (
            (known.presence.words, None) if isinstance(known, Known) else (None, known.why.value)
        )
        if (words, why) != (expected.words, expected.why):
            self._lie(f"{words or why} is told", expected)
        if isinstance(known, Known) and self._setup.people == 1 and known.since != since:
            self._lie(f"it is told since {known.since}, not {since}", expected)
        override = broker.view.override
        ends_at = None if override is None else override.ends_at
        if ends_at != self.world.oracle.ends_at(self._clock.now):
            self._lie(f"it is told that the override ends at {ends_at}", expected)

    def _look_at_show(self, view: View) -> None:
        """What a lamp is asked to show is the newest, however long it could not be reached."""
        now = self._clock.now
        if self._clock.awake - self.world.resumed_at < self._nap + 1.0:
            return
        newest = self.world.oracle.expected_within(_GRAIN, now)
        if view.state not in newest:
            self._lied = f"a lamp is asked to show {view.state} where {newest} would be right"

    def _look_at_truth(self, now: float, expected: Expected) -> None:
        """What is known was true a short while ago; and what can be known is."""
        world, setup = self.world, self._setup
        if expected.words is not None and setup.people == 1:
            last = world.last_true(expected.words)
            if last < now - setup.stale_after - DEADLINE:
                self._lie(f"{expected.words} was last true at {last}", expected)
        usual = setup.slowest + 2 * DEADLINE + 15.0 + self._nap
        well = world.graph == "well" and world.signed_in
        patient = max(world.well_since, world.not_before) + usual
        if well and now > patient and self._clock.awake > world.resumed_at + usual:
            if expected.words is None:
                self._lie("nothing is known though all is well", expected)
            if setup.people == 1:
                last = world.last_true(expected.words)
                if last < now - setup.slowest - 2 * DEADLINE - self._nap:
                    self._lie(f"{expected.words} was last true at {last}", expected)

    def _lie(self, what: str, expected: Expected) -> NoReturn:
        raise LieError(f"at {self._clock.now:.6f} s {what}, but expected is {expected}")
