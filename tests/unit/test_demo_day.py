"""The working day that the demo plays."""

from itertools import pairwise

import pytest

from busylight.core.palette import CONDITIONS, Palette
from busylight.core.presence import Presence
from busylight.demo.day import DAY, holds

PALETTE = Palette()
LIGHTS = [PALETTE.rule_for(Presence(step.availability, step.activity)).light for step in DAY]


def test_a_day_goes_forward_in_documented_words() -> None:
    assert all(before.minute < after.minute for before, after in pairwise(DAY))
    assert not any(Presence(s.availability, s.activity).undocumented for s in DAY)


def test_a_day_shows_every_light_that_presence_can_bring_about() -> None:
    shown = {rule.light for rule in PALETTE.values() if rule.key not in CONDITIONS}
    assert shown == set(LIGHTS)


def test_each_step_of_a_day_is_seen_to_change_the_light() -> None:
    assert all(before != after for before, after in pairwise(LIGHTS))


@pytest.mark.parametrize("seconds", [60.0, 1.0])
def test_a_day_takes_as_long_as_it_is_given(seconds: float) -> None:
    lengths = holds(seconds)
    assert len(lengths) == len(DAY)
    assert sum(lengths) == pytest.approx(seconds)
    assert min(lengths) > seconds / 30  # two seconds of a minute: long enough to be seen
