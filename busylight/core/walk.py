"""A walk through the palette: each rule for a moment, on every output, to see that all is well."""

from dataclasses import dataclass
from typing import Final

from busylight.core.decide import Decision
from busylight.core.palette import Palette, Rule

WALK_STEP: Final = 2.0
"""Seconds that each state is shown."""
_LONGEST: Final = 60
"""States that are shown at most."""


@dataclass(frozen=True, slots=True)
class Step:
    """Where a walk has come to."""

    rule: Rule
    next_at: float
    ends_at: float

    def on(self, palette: Palette) -> Decision:
        """What an output with this palette shows of it."""
        rule = palette.get(self.rule.key, self.rule)
        return Decision(rule.light, rule.key.lower())


def step_of(began: float | None, palette: Palette, now: float) -> Step | None:
    """Where a walk through this palette is that began then; None: there is none, or it is over."""
    if began is None:
        return None
    rules = list(palette.values())[:_LONGEST]
    number = int((now - began) / WALK_STEP)
    if not 0 <= number < len(rules):
        return None
    return Step(rules[number], began + (number + 1) * WALK_STEP, began + len(rules) * WALK_STEP)
