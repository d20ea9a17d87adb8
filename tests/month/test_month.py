"""Thirty days in seconds: at every moment each light shows what may be known then, or `unknown`.

`scripts/month --seeds 1000` runs as many months as one likes.
"""

import logging
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from busylight.core.knowledge import Memory
from tests.month.script import DAY, Event, Setup, draw_event, draw_month, draw_setup
from tests.month.shrink import shrunk
from tests.month.simulation import LieError, simulate

_EVENTS = st.randoms(use_true_random=False).map(draw_event)
_SETUPS = st.randoms(use_true_random=False).map(draw_setup)


@pytest.mark.parametrize("seed", range(3))
def test_no_light_lies_at_any_moment_of_a_month(seed: int) -> None:
    random = Random(seed)
    watch = simulate(draw_setup(random), draw_month(random), seed=seed)
    assert watch.moments > 10_000
    assert len(watch.states) > 8, "a month in which little happens shows little"


@settings(max_examples=60)
@given(_SETUPS, st.lists(_EVENTS, max_size=30))
def test_no_light_lies_whatever_happens_in_a_few_days(setup: Setup, script: list[Event]) -> None:
    simulate(setup, script)


def test_a_month_with_the_same_seed_is_the_same_month() -> None:
    watches = []
    for _ in range(2):
        random = Random(7)
        watches.append(simulate(draw_setup(random), draw_month(random, days=3), seed=7))
    assert watches[0].states == watches[1].states
    assert watches[0].moments == watches[1].moments


def test_the_naps_of_the_real_program_keep_the_promise_as_well() -> None:
    random = Random(1)
    simulate(draw_setup(random), draw_month(random, days=1), seed=1, nap=5.0)


def test_a_lie_is_found_and_shrunk_to_what_makes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    right = Memory.stale_at

    def too_late(self: Memory, stale_after: float) -> float | None:
        return right(self, 2 * stale_after)

    monkeypatch.setattr(Memory, "stale_at", too_late)
    setup = Setup()
    script = draw_month(Random(3), days=4)
    with pytest.raises(LieError):
        simulate(setup, script)
    few = shrunk(setup, script, seed=0)
    assert 0 < len(few) <= 5
    with pytest.raises(LieError):
        simulate(setup, few)


def test_logging_and_the_clock_are_as_they_were_afterwards() -> None:
    simulate(Setup(), [Event(DAY, "suspend", 4000.0)])
    assert logging.root.manager.disable == logging.NOTSET
