"""The world round the program: a person, Graph, lamps, and what befalls them."""

import asyncio
import math
import random
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import suppress
from functools import partial
from types import TracebackType
from typing import ClassVar, Final, Self

from busylight.core.knowledge import Reading, SignInPrompt, Trouble, Why
from busylight.core.light import LightState
from busylight.core.override import Command
from busylight.core.presence import Presence
from busylight.core.view import View
from busylight.parts import Branch, OutputError, SourceError
from busylight.sources.graph.session import SignInStep
from tests.month.oracle import Oracle, Said, outside
from tests.month.script import PRESENCES, Event, Setup
from tests.month.virtual_time import FakeTime, VirtualClock

DEADLINE: Final = 10.0
"""Seconds after which a request to Graph has failed, as the real client has it."""
LOOKS_EVERY: Final = 601.0
"""Seconds after a suspend or a step of the wall clock within which the program has noticed it."""
CODE_SECONDS: Final = 900.0
_ACCOUNTS: Final = (0, 1)
_AT_ONCE: Final = 6.0
"""Seconds after which a lamp that only refused or failed shows the newest again: 1 to 4 between
two tries, and a try."""
_HUNG: Final = 30.0
"""The same where a call of the program's hangs in it until its time limit ends it."""


class World:
    """All that is outside the program; knows the truth, and tells the oracle what was said."""

    def __init__(
        self, setup: Setup, clock: VirtualClock, wall: FakeTime, seed: random.Random
    ) -> None:
        self.setup = setup
        self.clock = clock
        self._wall = wall
        self.random = seed
        self.oracle = Oracle(
            setup.stale_after,
            releases=setup.releases,
            outside_hours=self.is_outside,
        )
        self.lamps = [Lamp(self, hears=index == 0) for index in range(3)]
        self.restart = asyncio.Event()
        self.graph = "well"
        """How reading fails, or `well`."""
        self.well_since = 0.0
        """When reading had last become possible, by the clock that counts through suspend."""
        self.resumed_at = -LOOKS_EVERY
        """When the machine last woke up or had its wall clock set, by the clock that stands still
        in suspend: until it looks up, the program cannot know."""
        self.not_before = 0.0
        self.on_show: Callable[[View], None] = lambda _view: None
        """Called with whatever a lamp is asked to show, when it is asked."""
        self.well = asyncio.Event()
        """Set while reading does not fail."""
        self.somebody_came = asyncio.Event()
        """Set while somebody is signed in."""
        self.well.set()
        self.somebody_came.set()
        self.signed_in = True
        self.account = 0
        self._graph_fault = 0
        self._truth = [PRESENCES[0]] * 3
        self._true_until: dict[tuple[int, Presence], float] = {}

    def now(self) -> float:
        """Seconds on the clock that counts through suspend."""
        return self.clock.now

    def play(self, script: list[Event]) -> float:
        """Have all of it happen at its time; how many seconds it takes."""
        moment = 0.0
        for event in script:
            moment += event.gap
            self.clock.at(moment, partial(self._happens, event))
        return moment

    def is_outside(self, now: float) -> bool:
        """Whether nobody works then, by the wall clock as it is set now."""
        return outside(self.setup.hours, now + self._wall.offset)

    def truth(self, person: int) -> Presence:
        """What the person is doing now."""
        return self._truth[person]

    def last_true(self, words: str) -> float:
        """When somebody who may be signed in was last doing this; before all time if never."""
        if any(self._truth[who].words == words for who in _ACCOUNTS):
            return self.now()
        moments = [
            until
            for (who, presence), until in self._true_until.items()
            if who in _ACCOUNTS and presence.words == words
        ]
        return max(moments, default=-math.inf)

    def _happens(self, event: Event) -> None:
        happening: Callable[[object], None] = getattr(self, f"on_{event.what}")
        happening(event.value)

    # -- What happens -------------------------------------------------------------------------

    def on_presence(self, value: object) -> None:
        assert isinstance(value, tuple)
        person, presence = value
        self._true_until[person, self._truth[person]] = self.now()
        self._truth[person] = presence

    def on_graph(self, value: object) -> None:
        assert isinstance(value, tuple)
        self.graph, lasts = value
        self.well.clear()
        self._graph_fault += 1
        fault = self._graph_fault

        def over() -> None:
            if self._graph_fault == fault:
                self.graph = "well"
                self.well_since = self.now()
                self.well.set()

        self.clock.at(self.now() + lasts, over)

    def on_lamp(self, value: object) -> None:
        assert isinstance(value, tuple)
        index, fault, lasts = value
        self.lamps[index].befallen(fault, lasts)

    def on_command(self, value: object) -> None:
        assert isinstance(value, Command)
        if self.clock.awake - self.resumed_at < LOOKS_EVERY:
            return  # what is asked for before the program has looked at its clock starts from then
        for lamp in self.lamps:
            if lamp.hearing is not None:
                lamp.hearing.put_nowait(value)

    def on_sign_out(self, _value: object) -> None:
        self.signed_in = False
        self.somebody_came.clear()

    def on_sign_in(self, value: object) -> None:
        assert isinstance(value, int)
        if not self.signed_in:
            self.signed_in, self.account, self.well_since = True, value, self.now()
            self.somebody_came.set()

    def on_suspend(self, value: object) -> None:
        assert isinstance(value, float)
        self.clock.suspend(value)
        self.resumed_at = self.clock.awake

    def on_clock(self, value: object) -> None:
        assert isinstance(value, float)
        self._wall.offset += value
        self.resumed_at = self.clock.awake  # hours go by that clock: it has to be looked at

    def on_restart(self, _value: object) -> None:
        self.restart.set()


class SimulatedSession:
    """Graph and its sign-in, in place of `GraphSession`."""

    def __init__(self, world: World) -> None:
        self._world = world

    @property
    def not_before(self) -> float:
        """Until when Graph asked to be left alone."""
        return self._world.not_before

    async def __aenter__(self) -> Self:
        world = self._world
        if world.graph == "cannot begin":
            world.oracle.said(Said(world.now(), {}, {}, "unreachable"))
            raise SourceError("no such certificate")
        if world.graph == "begins never":
            try:
                await asyncio.Event().wait()
            finally:  # given up
                world.oracle.said(Said(world.now(), {}, {}, "unreachable"))
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        return

    async def read_once(self) -> Reading | Trouble:
        """Read, as well as Graph is at the moment."""
        world, began = self._world, self._world.now()
        if (left := world.not_before - began) > 0:
            return self._trouble(Why.UNREACHABLE, f"to be left alone for {left:.0f} s")
        latency = world.random.choice((0.0, 0.1, 1.0))
        if world.graph == "slow":
            latency = world.random.uniform(1.0, 9.0)
        await asyncio.sleep(latency)
        if (failed := await self._failed()) is not None:
            return failed
        if not world.signed_in:
            return Trouble(Why.SIGNED_OUT, "the password was changed")
        reading = self._reading()
        await asyncio.sleep(latency)
        if world.now() - began > DEADLINE:  # the machine slept: the real client notices, too
            return self._trouble(Why.UNREACHABLE, "no answer")
        world.oracle.said(
            Said(
                world.now(),
                reading.presences,
                {who: trouble.why.value for who, trouble in reading.troubles.items()},
            )
        )
        return reading

    async def _failed(self) -> Trouble | None:
        """How the request fails, if it does."""
        world = self._world
        match world.graph:
            case "unreachable":
                return self._trouble(Why.UNREACHABLE, "no route")
            case "forbidden":
                return self._trouble(Why.FORBIDDEN, "no permission")
            case "throttled":
                world.not_before = world.now() + world.random.choice((30.0, 600.0, 3600.0))
                return self._trouble(Why.UNREACHABLE, "to be left alone")
            case "dead":
                await asyncio.sleep(DEADLINE)
                return self._trouble(Why.UNREACHABLE, "no answer")
            case "hangs":
                try:
                    await world.well.wait()
                finally:  # given up, if it did not end by itself
                    trouble = self._trouble(Why.UNREACHABLE, "no answer")
                return trouble
            case "raises" | "cannot begin" | "begins never":
                world.oracle.said(Said(world.now(), {}, {}, "unreachable"))
                raise KeyError("presence")
        return None

    async def sign_in_steps(self) -> AsyncGenerator[SignInStep, None]:
        """Show a code until somebody has signed in."""
        world = self._world
        while not world.signed_in:
            ends = world.now() + CODE_SECONDS
            world.oracle.said(Said(world.now(), {}, {}, "signed_out"))
            yield SignInStep(SignInPrompt("https://microsoft.com/devicelogin", "ABCD", ends))
            while world.now() < ends and not world.somebody_came.is_set():
                # A suspended machine's timers stand still: it looks up now and then.
                with suppress(TimeoutError):
                    async with asyncio.timeout(min(ends - world.now(), 450.0)):
                        await world.somebody_came.wait()

    def _trouble(self, why: Why, detail: str) -> Trouble:
        self._world.oracle.said(Said(self._world.now(), {}, {}, why.value))
        return Trouble(why, detail)

    def _reading(self) -> Reading:
        world = self._world
        if world.setup.people == 1:
            return Reading({f"account {world.account}": world.truth(world.account)}, {})
        presences, troubles = {}, {}
        for person in range(world.setup.people):
            if person > 0 and world.random.random() < 0.05:
                why = world.random.choice((Why.FORBIDDEN, Why.UNREACHABLE))
                troubles[f"account {person}"] = Trouble(why, "not this one")
            else:
                presences[f"account {person}"] = world.truth(person)
        return Reading(presences, troubles)


class Lamp:
    """A light, or a broker: a thing that stays while connections to it come and go."""

    def __init__(self, world: World, *, hears: bool) -> None:
        self.world = world
        self.hears = hears
        self.fault = "well"
        self.exact_from = 5.0
        """From when on it has to show the newest again, by the clock that stands in suspend."""
        self.lit: LightState | None = None
        self.view: View | None = None
        """What it shows; None: it has shown nothing yet."""
        self.hearing: asyncio.Queue[Command | None] | None = None
        """What is said to whoever is connected; None: the connection is lost."""
        self._faults = 0
        self._hangs_until = 0.0

    def befallen(self, fault: str, lasts: float) -> None:
        """Let something befall it, for so many seconds."""
        self._ended()
        self._faults += 1
        count = self._faults
        self.fault = fault
        self.exact_from = math.inf
        if self.hearing is not None and fault in ("lost", "ends", "refuses", "connects never"):
            self.hearing.put_nowait(None)

        def over() -> None:
            if self._faults == count:
                self._ended()
                self.fault = "well"
                self.exact_from = max(self.world.clock.awake + _AT_ONCE, self._hangs_until)

        self.world.clock.at(self.world.now() + lasts, over)

    def _ended(self) -> None:
        """Note that what hangs in the present fault may hang on until its time limit."""
        if self.fault in ("connects never", "hangs", "slow", "goodbye hangs"):
            self._hangs_until = self.world.clock.awake + _HUNG

    def connect(self) -> "Connection":
        """A new connection's object, as the program makes them."""
        return HearingConnection(self) if self.hears else Connection(self)


class Connection:
    """An output of the program's."""

    Settings: ClassVar[type[Branch]] = Branch

    def __init__(self, lamp: Lamp) -> None:
        self._lamp = lamp

    async def __aenter__(self) -> Self:
        match self._lamp.fault:
            case "refuses" | "lost":
                raise OutputError("connection refused")
            case "connects never":
                await asyncio.Event().wait()
        return self

    async def show(self, view: View) -> None:
        lamp, world = self._lamp, self._lamp.world
        world.on_show(view)
        match lamp.fault:
            case "raises" | "refuses" | "lost":
                raise OSError("input/output error")
            case "hangs" | "connects never":
                await asyncio.Event().wait()
            case "slow":
                await asyncio.sleep(world.random.uniform(1.0, 9.0))
        lamp.view, lamp.lit = view, view.light

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None:
        self._lamp.hearing = None
        if self._lamp.fault == "goodbye hangs":
            await asyncio.Event().wait()


class HearingConnection(Connection):
    """An output that commands come from, and that notices when it is cut off."""

    dimmed = False

    async def events(self) -> AsyncIterator[Command]:
        lamp, world = self._lamp, self._lamp.world
        hearing = lamp.hearing = asyncio.Queue()
        while (command := await hearing.get()) is not None:
            world.oracle.asked(command, world.now())
            yield command
        if lamp.fault != "ends":
            raise OutputError("connection lost")
