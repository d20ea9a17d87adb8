"""What an override says to Teams, and how the newest wish gets there."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from busylight.app import preferred_presence as module
from busylight.app.preferred_presence import PreferredPresence
from busylight.core.knowledge import Knowledge, Known
from busylight.core.light import OFF
from busylight.core.override import LONGEST, Mode, Override
from busylight.core.preferred_presence import (
    PREFERRED,
    Preferred,
    PreferredHealth,
    PreferredState,
    iso_duration,
    preferred,
)
from busylight.core.presence import Presence
from busylight.demo.lookalike.preferred import PAIRS, SET, Preferences
from busylight.edge import clock
from busylight.parts import NotTakenError
from tests.support.broker import eventually

BUSY = Preferred("Busy", "Busy")
AWAY = Preferred("Away", "Away")
NONE, WAITING = PreferredState.NONE, PreferredState.WAITING
TAKEN, FAILED = PreferredState.SET, PreferredState.FAILED


@pytest.mark.parametrize(
    ("mode", "pair"),
    [
        (Mode.AVAILABLE, ("Available", "Available")),
        (Mode.BUSY, ("Busy", "Busy")),
        (Mode.DO_NOT_DISTURB, ("DoNotDisturb", "DoNotDisturb")),
        (Mode.AWAY, ("Away", "Away")),
    ],
)
def test_each_mode_of_a_presence_says_a_pair_that_graph_documents(
    mode: Mode, pair: tuple[str, str]
) -> None:
    assert preferred(Override(mode)) == Preferred(*pair)
    assert pair in PAIRS


def test_what_is_about_the_light_alone_says_nothing() -> None:
    assert preferred(Override(Mode.OFF)) is None
    assert preferred(Override(Mode.MANUAL, OFF)) is None
    assert preferred(None) is None
    assert set(PREFERRED) == set(Mode) - {Mode.AUTO, Mode.OFF, Mode.MANUAL}


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(1, "PT1S"), (60, "PT1M"), (1500, "PT25M"), (5400, "PT1H30M"), (86_400, "P1D")],
)
def test_a_time_is_told_as_iso_8601_has_it(seconds: int, text: str) -> None:
    assert iso_duration(seconds) == text


@given(st.integers(1, LONGEST))
def test_every_time_that_an_override_can_have_is_taken_as_it_was_meant(seconds: int) -> None:
    preferences = Preferences()
    body = {**asdict(BUSY), "expirationDuration": iso_duration(seconds)}
    before = clock.now()
    preferences.act(SET, "somebody", json.dumps(body).encode())
    found = preferences.of("somebody")
    assert found is not None
    assert 0 <= found.ends_at - before - seconds < 1


def test_no_time_is_none() -> None:
    with pytest.raises(ValueError, match="no time"):
        iso_duration(0)


class Teams:
    """Where a wish ends up; says no as often as it is told to."""

    def __init__(self) -> None:
        self.asked: list[tuple[Preferred | None, int]] = []
        self.refusals: list[NotTakenError | Exception] = []
        self.told: list[PreferredHealth] = []
        self.reads = 0
        self.shows = "Busy"
        self.answers = asyncio.Event()
        self.answers.set()

    async def prefer(self, wanted: Preferred | None, seconds: int) -> None:
        self.asked.append((wanted, seconds))
        await self.answers.wait()
        if self.refusals:
            raise self.refusals.pop(0)

    def knowledge(self) -> Knowledge:
        return Known(Presence(self.shows, self.shows), 0, 0)

    def read_now(self) -> None:
        self.reads += 1

    @property
    def states(self) -> list[PreferredState]:
        return [health.state for health in self.told]

    @property
    def pairs(self) -> list[Preferred | None]:
        return [wanted for wanted, _ in self.asked]


@pytest.fixture
def teams() -> Teams:
    return Teams()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_GRACE", 0.5)
    monkeypatch.setattr(module, "_SPACING", 0.0)
    monkeypatch.setattr(module, "_FIRST_RETRY", 0.001)
    monkeypatch.setattr(module, "_LAST_RETRY", 0.001)


@asynccontextmanager
async def running(
    teams: Teams, in_force: Override | None = None, **others: Any
) -> AsyncIterator[PreferredPresence]:
    writer = PreferredPresence(
        prefer=others.get("prefer", teams.prefer),
        told=teams.told.append,
        read_now=teams.read_now,
        knowledge=teams.knowledge,
        in_force=in_force,
    )
    task = asyncio.create_task(writer.run())
    try:
        yield writer
    finally:
        task.cancel()
        await asyncio.wait({task})


def for_seconds(mode: Mode, seconds: float) -> Override:
    return Override(mode, None, clock.now() + seconds)


async def settled(teams: Teams, state: PreferredState) -> None:
    await eventually(lambda: teams.states[-1] is state)


async def test_a_wish_is_set_for_the_time_that_is_left_and_read_after(teams: Teams) -> None:
    async with running(teams) as writer:
        writer.wish(for_seconds(Mode.BUSY, 1500))
        await settled(teams, TAKEN)
        assert teams.asked == [(BUSY, 1500)]
        assert teams.states == [NONE, WAITING, TAKEN]
        assert teams.told[-1].availability == "Busy"
        assert teams.told[-1].since is not None
        assert teams.reads == 1


async def test_what_has_no_end_is_set_for_a_day(teams: Teams) -> None:
    async with running(teams) as writer:
        writer.wish(Override(Mode.AWAY))
        await settled(teams, TAKEN)
        assert teams.asked == [(AWAY, 86_400)]


async def test_auto_clears_what_was_set_and_nothing_else(teams: Teams) -> None:
    async with running(teams) as writer:
        writer.wish(None)  # nothing of ours is there: the person's own choice stays
        writer.wish(Override(Mode.OFF))
        await asyncio.sleep(0.02)
        assert teams.asked == []
        writer.wish(Override(Mode.BUSY))
        await settled(teams, TAKEN)
        writer.wish(None)
        await settled(teams, NONE)
        assert teams.pairs == [BUSY, None]


@pytest.mark.parametrize("after", [Override(Mode.OFF), Override(Mode.MANUAL, OFF)])
async def test_a_light_that_is_set_by_hand_ends_what_teams_was_told(
    teams: Teams, after: Override
) -> None:
    async with running(teams) as writer:
        writer.wish(Override(Mode.BUSY))
        await settled(teams, TAKEN)
        writer.wish(after)
        await settled(teams, NONE)
        assert teams.pairs == [BUSY, None]


async def test_the_end_of_an_override_clears_it(teams: Teams) -> None:
    async with running(teams) as writer:
        writer.wish(for_seconds(Mode.BUSY, 1.0))
        await settled(teams, TAKEN)
        await settled(teams, NONE)
        assert teams.pairs == [BUSY, None]


async def test_what_the_person_has_chosen_in_teams_since_outlives_the_override(
    teams: Teams,
) -> None:
    async with running(teams) as writer:
        writer.wish(for_seconds(Mode.BUSY, 1.0))
        await settled(teams, TAKEN)
        teams.shows = "DoNotDisturb"
        await settled(teams, NONE)
        assert teams.pairs == [BUSY]


async def test_only_the_newest_wish_is_told(teams: Teams) -> None:
    teams.answers.clear()
    async with running(teams) as writer:
        writer.wish(Override(Mode.BUSY))
        await eventually(lambda: teams.asked)
        for mode in [Mode.AVAILABLE, Mode.AWAY, Mode.DO_NOT_DISTURB] * 20:
            writer.wish(Override(mode))
        writer.wish(Override(Mode.AWAY))
        teams.answers.set()
        await settled(teams, TAKEN)
        assert teams.pairs == [BUSY, AWAY]
        assert [health.availability for health in teams.told if health.state is TAKEN] == ["Away"]


async def test_a_failure_is_told_and_tried_again(teams: Teams) -> None:
    teams.refusals = [NotTakenError("no network"), RuntimeError("nobody foresaw this")] * 3
    async with running(teams) as writer:
        writer.wish(for_seconds(Mode.BUSY, 60))
        await settled(teams, TAKEN)
        assert teams.pairs == [BUSY] * 7
        assert teams.states == [NONE, WAITING, *[FAILED] * 6, TAKEN]
        assert teams.told[2].error == "no network"
        assert "nobody foresaw" in (teams.told[3].error or "")


async def test_it_waits_as_long_as_it_is_asked_to_and_a_newer_wish_does_not(teams: Teams) -> None:
    teams.refusals = [NotTakenError("sign in again", wait=3600)]
    async with running(teams) as writer:
        writer.wish(Override(Mode.BUSY))
        await settled(teams, FAILED)
        await asyncio.sleep(0.05)
        assert teams.pairs == [BUSY]
        writer.wish(Override(Mode.AWAY))
        await settled(teams, TAKEN)
        assert teams.pairs == [BUSY, AWAY]


async def test_what_graph_will_never_take_is_not_asked_for_again(teams: Teams) -> None:
    teams.refusals = [NotTakenError("status 400", wait=None)]
    async with running(teams) as writer:
        writer.wish(for_seconds(Mode.BUSY, 60))
        await settled(teams, FAILED)
        await asyncio.sleep(0.05)
        assert teams.pairs == [BUSY]
        writer.wish(None)  # Graph said no: there is nothing to clear
        await settled(teams, NONE)
        assert teams.pairs == [BUSY]


async def test_a_wish_whose_time_has_passed_is_dropped(teams: Teams) -> None:
    teams.refusals = [NotTakenError("sign in again", wait=3600)]
    async with running(teams) as writer:
        writer.wish(for_seconds(Mode.BUSY, 0.2))
        await settled(teams, FAILED)
        await settled(teams, NONE)
        assert teams.pairs == [BUSY]


async def test_what_may_have_been_taken_though_no_answer_came_is_cleared(teams: Teams) -> None:
    teams.refusals = [NotTakenError("no answer")]
    async with running(teams) as writer:
        writer.wish(Override(Mode.BUSY))
        await settled(teams, TAKEN)
        teams.refusals = [NotTakenError("no answer")]
        writer.wish(Override(Mode.AWAY))
        writer.wish(None)
        await settled(teams, NONE)
        assert teams.pairs[-1] is None


async def test_a_clearing_is_given_up_when_teams_has_ended_it_by_itself(teams: Teams) -> None:
    async with running(teams) as writer:
        writer.wish(for_seconds(Mode.BUSY, 1.0))
        await settled(teams, TAKEN)
        teams.refusals = [NotTakenError("no network")] * 10_000
        writer.wish(None)
        await settled(teams, FAILED)
        await settled(teams, NONE)
        asked = len(teams.asked)
        await asyncio.sleep(0.05)
        assert len(teams.asked) == asked


async def test_after_a_restart_nothing_is_written_until_something_is_asked_for(
    teams: Teams,
) -> None:
    async with running(teams, in_force=Override(Mode.BUSY)) as writer:
        await asyncio.sleep(0.05)
        assert teams.asked == []
        assert teams.told == [PreferredHealth(PreferredState.UNKNOWN, "Busy")]
        writer.wish(None)
        await settled(teams, NONE)
        assert teams.pairs == [None]


async def test_after_a_restart_the_end_is_teams_own(teams: Teams) -> None:
    async with running(teams, in_force=for_seconds(Mode.BUSY, 0.2)):
        await settled(teams, NONE)
        assert teams.asked == []


async def test_what_is_recalled_late_does_not_take_the_place_of_a_newer_word(teams: Teams) -> None:
    async with running(teams) as writer:
        writer.wish(Override(Mode.AWAY))
        await settled(teams, TAKEN)
        writer.recalled(Override(Mode.BUSY))
        assert teams.told[-1].availability == "Away"


async def test_what_another_reader_was_asked_for_is_told_by_that_one_alone(teams: Teams) -> None:
    async with running(teams) as writer:
        teams.answers.clear()
        writer.asked(Override(Mode.AWAY), False)
        await eventually(lambda: bool(teams.asked))
        writer.asked(for_seconds(Mode.BUSY, 0.2), True)
        assert teams.told[-1] == PreferredHealth(PreferredState.UNKNOWN, "Busy")
        teams.answers.set()
        await settled(teams, NONE)
        assert [wanted and wanted.availability for wanted in teams.pairs] == ["Away"]
        writer.asked(Override(Mode.BUSY), True)
        writer.asked(None, False)  # it leads now, and clears what the other one has set
        await eventually(lambda: teams.pairs[-1] is None)


async def test_a_try_that_hangs_is_given_up(teams: Teams, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_TRY_LIMIT", 0.05)
    teams.answers.clear()
    async with running(teams) as writer:
        writer.wish(Override(Mode.BUSY))
        await settled(teams, FAILED)
        assert "no answer" in (teams.told[-1].error or "")
        teams.answers.set()
        await settled(teams, TAKEN)


async def test_a_player_with_the_button_asks_once_in_a_while_only(
    teams: Teams, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_SPACING", 3600.0)
    async with running(teams) as writer:
        writer.wish(Override(Mode.BUSY))
        await settled(teams, TAKEN)
        for _ in range(20):
            writer.wish(Override(Mode.AWAY))
            await asyncio.sleep(0)
        await asyncio.sleep(0.05)
        assert teams.pairs == [BUSY]
        assert teams.states[-1] is WAITING


async def test_a_sign_in_that_is_looked_for_is_looked_for_steadily(
    teams: Teams, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_FIRST_RETRY", 3600.0)
    monkeypatch.setattr(module, "_LAST_RETRY", 3600.0)
    teams.refusals = [NotTakenError("sign in again", wait=0.01)] * 20
    async with running(teams) as writer:
        writer.wish(Override(Mode.BUSY))
        await settled(teams, TAKEN)
