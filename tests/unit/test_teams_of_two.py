"""Teams is told by whichever of two readers leads: perhaps twice, and never not at all."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from busylight.app import preferred_presence as module
from busylight.app.hub import Hub
from busylight.app.preferred_presence import PreferredPresence
from busylight.core.knowledge import Reading, Trouble, Why
from busylight.core.override import Mode, Override, SetMode
from busylight.core.palette import Palette
from busylight.core.preferred_presence import Preferred, PreferredHealth, PreferredState
from busylight.core.presence import Presence
from busylight.core.reader import Peers, Reader, Role, Shared, Written
from busylight.core.rules import Rules
from busylight.edge import clock
from busylight.parts import NotTakenError
from tests.support.broker import eventually

BOTH = Peers(primary_online=True, spare_online=True, primary_reads=True, leader=Role.PRIMARY)
SPARE_LEADS = replace(BOTH, primary_reads=False, leader=Role.SPARE)
FREE = Reading({"me": Presence("Available", "Available")}, {})
DND = "DoNotDisturb"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_SPACING", 0.0)
    monkeypatch.setattr(module, "_FIRST_RETRY", 0.001)
    monkeypatch.setattr(module, "_LAST_RETRY", 0.001)


class Teams:
    """What it holds, and who can reach it."""

    def __init__(self) -> None:
        self.holds: str | None = None
        self.told: list[tuple[Role, str | None]] = []
        self.reached_by = set(Role)


class Program:
    """One of the two: hub and writer."""

    def __init__(self, role: Role, teams: Teams) -> None:
        self.role, self._teams = role, teams
        self.hub = Hub(Rules(Palette(), 60.0, "graph", "1"), None, Reader(role, 5.0))
        self.writer = PreferredPresence(
            prefer=self._prefer,
            told=self.hub.preferred_presence,
            read_now=lambda: None,
            knowledge=lambda: self.hub.view.knowledge,
            in_force=None,
        )
        self.hub.on_asked = self.writer.asked
        self.hub.on_written = self.writer.written
        self.hub.on_leading = self.writer.leads

    @property
    def health(self) -> PreferredHealth:
        found = self.hub.view.diagnostics.preferred_presence
        assert found is not None
        return found

    @property
    def state(self) -> PreferredState:
        return self.health.state

    async def _prefer(self, wanted: Preferred | None, _seconds: int) -> None:
        if self.role not in self._teams.reached_by:
            raise NotTakenError("no route to Graph")
        self._teams.holds = None if wanted is None else wanted.availability
        self._teams.told.append((self.role, self._teams.holds))


class Two:
    """Both, and what they hear of each other."""

    def __init__(self) -> None:
        self.teams = Teams()
        self.primary, self.spare = (Program(role, self.teams) for role in Role)
        for program in (self.primary, self.spare):
            program.hub.command(BOTH)
        self.primary.hub.heard(FREE)
        self.all_is_well()

    def all_is_well(self) -> None:
        self.primary.hub.heard(FREE)
        for program in (self.primary, self.spare):
            program.hub.command(BOTH)

    def asked(self, mode: Mode) -> None:
        for program in (self.primary, self.spare):
            program.hub.command(SetMode(mode))

    def says(self, leader: Program) -> None:
        """Publish what the leader says of its override, and of Teams."""
        other = self.spare if leader is self.primary else self.primary
        other.hub.command(Shared(leader.hub.view.override))
        other.hub.command(Written(leader.health))

    def primary_cannot_read(self) -> None:
        for _ in range(2):
            self.primary.hub.heard(Trouble(Why.UNREACHABLE, "no route to Graph"))
        for program in (self.spare, self.primary):
            program.hub.command(SPARE_LEADS)
        assert self.spare.hub.view.diagnostics.reader is not None
        assert self.spare.hub.view.diagnostics.reader.leads


@asynccontextmanager
async def two() -> AsyncIterator[Two]:
    both = Two()
    tasks = [asyncio.create_task(each.writer.run()) for each in (both.primary, both.spare)]
    try:
        yield both
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


async def busy_is_set(both: Two) -> None:
    both.asked(Mode.DO_NOT_DISTURB)
    await eventually(lambda: both.primary.state is PreferredState.SET)
    both.says(both.primary)
    assert both.spare.state is PreferredState.SET
    assert both.teams.told == [(Role.PRIMARY, DND)]


@pytest.mark.parametrize("mode", [Mode.AUTO, Mode.AWAY])
async def test_what_the_leader_could_not_tell_is_told_by_whoever_takes_over(mode: Mode) -> None:
    async with two() as both:
        await busy_is_set(both)
        both.teams.reached_by.discard(Role.PRIMARY)
        both.asked(mode)
        await eventually(lambda: both.primary.state is PreferredState.FAILED)
        both.primary_cannot_read()
        wanted = None if mode is Mode.AUTO else "Away"
        await eventually(lambda: both.teams.told[1:] == [(Role.SPARE, wanted)])
        # The primary goes on to try, until it hears that Teams has been told.
        both.primary.hub.command(Shared(both.spare.hub.view.override))
        assert both.primary.health.error is not None
        both.says(both.spare)
        taken = PreferredState.NONE if wanted is None else PreferredState.SET
        assert [both.primary.health.state, both.spare.health.state] == [taken, taken]
        both.teams.reached_by.add(Role.PRIMARY)
        both.all_is_well()
        await asyncio.sleep(0.05)
        assert len(both.teams.told) == 2


async def test_what_a_killed_leader_has_not_said_to_be_told_is_told_again() -> None:
    async with two() as both:
        both.teams.reached_by.clear()
        both.asked(Mode.BUSY)
        await eventually(lambda: both.primary.state is PreferredState.FAILED)
        both.spare.hub.command(replace(BOTH, primary_online=False))
        both.teams.reached_by.add(Role.SPARE)
        await eventually(lambda: both.teams.told == [(Role.SPARE, "Busy")])


async def test_what_was_to_be_cleared_is_cleared_by_a_spare_that_began_only_then() -> None:
    async with two() as both:
        await busy_is_set(both)
        both.teams.reached_by.discard(Role.PRIMARY)
        both.asked(Mode.AUTO)
        await eventually(lambda: both.primary.state is PreferredState.FAILED)
        both.spare = late = Program(Role.SPARE, both.teams)
        running = asyncio.create_task(late.writer.run())
        both.says(both.primary)
        both.primary_cannot_read()
        await eventually(lambda: both.teams.told[1:] == [(Role.SPARE, None)])
        running.cancel()


async def test_a_takeover_tells_nothing_that_the_leader_has_said_to_be_told() -> None:
    async with two() as both:
        await busy_is_set(both)
        both.primary_cannot_read()
        both.says(both.spare)
        both.asked(Mode.AUTO)  # of what the primary has set
        await eventually(lambda: both.spare.state is PreferredState.NONE)
        both.says(both.spare)
        both.teams.holds = "Busy"  # the person's own choice in Teams
        both.all_is_well()
        both.primary_cannot_read()
        await asyncio.sleep(0.05)
        assert both.teams.told == [(Role.PRIMARY, DND), (Role.SPARE, None)]


async def test_what_a_primary_that_was_cut_off_told_late_is_taken_back_when_it_leads() -> None:
    async with two() as both:
        both.primary_cannot_read()
        both.primary.hub._situation = both.primary.hub._situation.after_cut(clock.now())
        both.primary.hub.command(SetMode(Mode.DO_NOT_DISTURB))  # a button on its own light
        await eventually(lambda: both.primary.state is PreferredState.SET)
        both.spare.hub.command(SetMode(Mode.AUTO))
        both.says(both.spare)
        both.primary.hub.command(SPARE_LEADS)
        both.primary.hub.heard(FREE)
        both.all_is_well()
        await eventually(lambda: both.teams.told == [(Role.PRIMARY, DND), (Role.PRIMARY, None)])


async def test_what_is_said_of_another_wish_settles_nothing() -> None:
    async with two() as both:
        both.teams.reached_by.clear()
        both.asked(Mode.BUSY)
        for health in (
            PreferredHealth(PreferredState.SET, "Away", clock.now()),
            PreferredHealth(PreferredState.NONE),
            PreferredHealth(PreferredState.UNKNOWN, "Busy"),
        ):
            both.spare.hub.command(Written(health))
        both.teams.reached_by.add(Role.SPARE)
        both.spare.hub.command(replace(BOTH, primary_online=False))
        await eventually(lambda: both.teams.told == [(Role.SPARE, "Busy")])


def test_the_same_override_said_again_is_no_new_wish() -> None:
    spare = Program(Role.SPARE, Teams())
    asked: list[Override | None] = []
    spare.hub.on_asked = lambda override, _others: asked.append(override)
    spare.hub.command(BOTH)
    for _ in range(2):
        spare.hub.command(Shared(Override(Mode.BUSY)))
    assert asked == [Override(Mode.BUSY)]
