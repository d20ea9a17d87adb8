"""An override with a time ends by itself, whatever happens to the clocks meanwhile."""

import asyncio
import time
from collections.abc import Callable

import pytest

from busylight.app.hub import Hub
from busylight.core.documents import override_document
from busylight.core.override import Mode, SetMode
from busylight.core.palette import Palette
from busylight.core.rules import Rules
from busylight.core.view import View
from busylight.edge import clock

RULES = Rules(Palette(), stale_after=60, source="fake", version="1")


class Clock:
    """The clock that counts through suspend, set by hand."""

    def __init__(self) -> None:
        self.moment = 1000.0

    def now(self) -> float:
        return self.moment


@pytest.fixture
def boottime(monkeypatch: pytest.MonkeyPatch) -> Clock:
    boottime = Clock()
    monkeypatch.setattr(clock, "now", boottime.now)
    return boottime


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.001)


def _modes(hub: Hub) -> list[Mode]:
    """The modes that are shown, as they follow each other."""
    told: list[Mode] = []

    def tell(view: View) -> None:
        if told[-1:] != [view.mode]:
            told.append(view.mode)

    hub.on_view = tell
    return told


async def test_it_ends_after_a_sleep_of_the_machine_that_was_longer(boottime: Clock) -> None:
    hub = Hub(RULES)
    told = _modes(hub)
    task = asyncio.create_task(hub.run(longest_nap=0.01))
    hub.command(SetMode(Mode.BUSY, 1500))
    await asyncio.sleep(0.05)
    boottime.moment += 1499  # timers stood still all the while
    await asyncio.sleep(0.05)
    assert told == [Mode.BUSY]
    boottime.moment += 2
    await _until(lambda: told == [Mode.BUSY, Mode.AUTO])
    task.cancel()


async def test_it_neither_ends_nor_stays_when_the_clock_for_people_is_set(
    boottime: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    wall = 1_800_000_000.0
    monkeypatch.setattr(time, "time", lambda: wall)
    hub, dates = Hub(RULES), clock.WallClock()
    told = _modes(hub)
    task = asyncio.create_task(hub.run(longest_nap=0.01))
    hub.command(SetMode(Mode.BUSY, 1500))
    for step in (86_400.0, -200_000.0):
        wall += step
        boottime.moment += 100
        await asyncio.sleep(0.05)
        assert told == [Mode.BUSY]
        left = 1500 - (boottime.moment - 1000)
        document = override_document(hub.view.override, dates.rfc3339)
        assert document is not None
        said = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(wall + left))
        assert document["ends_at"] == said, "people are told the end by their clock"
    boottime.moment += 1300
    await _until(lambda: told == [Mode.BUSY, Mode.AUTO])
    task.cancel()
