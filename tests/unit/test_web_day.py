"""The last day, in memory."""

import pytest

from busylight.core.light import parse_light
from busylight.edge import clock
from busylight.web.day import GRAIN, LENGTH, Day
from tests.support.web import view_of

HOUR = 3600.0
NOON = 1_000_000 * GRAIN


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """What the clock says."""
    told = [NOON]
    monkeypatch.setattr(clock, "now", lambda: told[0])
    return told


def test_what_was_shown_is_told_with_when(at: list[float]) -> None:
    day = Day()
    day.note(view_of("Busy", "InACall"))
    at[0] += HOUR
    day.note(view_of("Available", "Available", "lime"))
    at[0] += HOUR
    told = [(each.state, each.began, each.ended) for each in day.stretches(at[0])]
    assert told == [("inacall", NOON, NOON + HOUR), ("available", NOON + HOUR, NOON + 2 * HOUR)]


def test_the_same_again_is_no_news(at: list[float]) -> None:
    day = Day()
    for _ in range(10):
        day.note(view_of())
        at[0] += HOUR
    assert len(list(day.stretches(at[0]))) == 1


def test_what_is_older_than_a_day_is_forgotten(at: list[float]) -> None:
    day = Day()
    for number in range(100):
        day.note(view_of("Busy", f"State{number}"))
        at[0] += HOUR
    told = list(day.stretches(at[0]))
    assert (len(told), told[0].began) == (24, at[0] - LENGTH)
    assert len(day._changes) <= 26


def test_a_light_that_flickers_for_a_day_fills_no_memory(at: list[float]) -> None:
    day = Day()
    for number in range(20_000):
        day.note(view_of("Busy", f"State{number % 3}"))
        at[0] += 5
    assert len(day._changes) <= LENGTH / GRAIN + 2
    assert list(day.stretches(at[0]))[-1].state == f"state{19_999 % 3}"


def test_a_walk_through_the_palette_is_no_history(at: list[float]) -> None:
    day = Day()
    day.note(view_of())
    at[0] += HOUR
    day.note(view_of("Away", "Away", walk_ends_at=at[0] + 30))
    assert [each.light for each in day.stretches(at[0] + 1)] == [parse_light("#ff0000 pulse")]
