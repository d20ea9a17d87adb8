"""The whole product in one function: what the light shows, and why.

First that holds: an override; outside hours; sign-in needed; not known; the palette. What is
not known is shown as `unknown`: there is no path from an old reading to a colour.
"""

from dataclasses import dataclass

from busylight.core.knowledge import Knowledge, Known, Why
from busylight.core.light import OFF, LightState
from busylight.core.override import MODE_RULES, Mode, Override
from busylight.core.palette import OUTSIDE_HOURS, SIGNIN, UNKNOWN, Palette
from busylight.core.presence import busyness


@dataclass(frozen=True, slots=True)
class Decision:
    """What to show, and the name of what decided it."""

    light: LightState | None
    """None: release the lamp."""
    state: str
    """The rule's key in lower case, or `off` or `manual` when that was asked for."""


def decide(
    knowledge: Knowledge,
    override: Override | None,
    palette: Palette,
    now: float,
    *,
    outside_hours: bool = False,
) -> Decision:
    """Say what the light shows at the moment `now`."""
    if override is not None and (override.ends_at is None or now < override.ends_at):
        return _overridden(override, palette)
    if outside_hours:
        return _by_rule(palette, OUTSIDE_HOURS)
    if isinstance(knowledge, Known):
        rule = palette.rule_for(knowledge.presence)
        return Decision(rule.light, rule.key.lower())
    if knowledge.why is Why.SIGNED_OUT:
        return _by_rule(palette, SIGNIN)
    return _by_rule(palette, UNKNOWN)


def busiest(people: list[Knowledge]) -> Knowledge:
    """Of several people the one whose presence the light shows.

    The busiest who is known; when none is, the first one's reason, sign-in before all others.
    `people` is never empty.
    """
    known = [one for one in people if isinstance(one, Known)]
    if known:
        return max(known, key=lambda one: busyness(one.presence))
    return min(people, key=lambda one: isinstance(one, Known) or one.why is not Why.SIGNED_OUT)


def _overridden(override: Override, palette: Palette) -> Decision:
    if override.mode is Mode.MANUAL:
        return Decision(override.light, override.mode.value)
    if override.mode is Mode.OFF:
        return Decision(OFF, override.mode.value)
    return _by_rule(palette, MODE_RULES[override.mode])


def _by_rule(palette: Palette, key: str) -> Decision:
    return Decision(palette[key].light, key.lower())
