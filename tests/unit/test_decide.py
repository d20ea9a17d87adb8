"""What decides what is shown: the table of the contract, line by line."""

import pytest

from busylight.core.decide import busiest, decide
from busylight.core.knowledge import Knowledge, Known, NotKnown, Trouble, Why
from busylight.core.light import OFF, LightState, parse_light
from busylight.core.override import Mode, Override
from busylight.core.palette import Palette
from busylight.core.presence import Presence

PALETTE = Palette()
CALL = Known(Presence("Busy", "InACall"), 0, 0)
SIGNED_OUT = NotKnown(Trouble(Why.SIGNED_OUT, "sign in"), 0)
MANUAL = Override(Mode.MANUAL, LightState(1, 2, 3))


def _unknown(why: Why) -> NotKnown:
    return NotKnown(Trouble(why, "why"), 0)


@pytest.mark.parametrize(
    ("knowledge", "override", "outside_hours", "state"),
    [
        (CALL, None, False, "inacall"),
        (CALL, None, True, "outside_hours"),
        (CALL, Override(Mode.AWAY), False, "away"),
        (CALL, Override(Mode.AWAY), True, "away"),
        (SIGNED_OUT, Override(Mode.BUSY), False, "busy"),
        (SIGNED_OUT, None, True, "outside_hours"),
        (SIGNED_OUT, None, False, "signin"),
        (_unknown(Why.STARTING), None, False, "unknown"),
        (_unknown(Why.UNREACHABLE), None, False, "unknown"),
        (_unknown(Why.FORBIDDEN), None, False, "unknown"),
        (_unknown(Why.STALE), None, False, "unknown"),
        (_unknown(Why.STALE), Override(Mode.DO_NOT_DISTURB), False, "donotdisturb"),
        (CALL, Override(Mode.AVAILABLE), False, "available"),
    ],
)
def test_the_first_that_holds_decides(
    knowledge: Knowledge, override: Override | None, *, outside_hours: bool, state: str
) -> None:
    decision = decide(knowledge, override, PALETTE, 5, outside_hours=outside_hours)
    assert decision.state == state
    assert decision.light == PALETTE[state.upper()].light


def test_a_light_set_by_hand_is_shown_as_it_was_set() -> None:
    decision = decide(CALL, MANUAL, PALETTE, 5)
    assert (decision.light, decision.state) == (MANUAL.light, "manual")


def test_off_is_dark_whatever_the_palette_says() -> None:
    decision = decide(CALL, Override(Mode.OFF), Palette({"OFFLINE": parse_light("red")}), 5)
    assert (decision.light, decision.state) == (OFF, "off")


def test_an_override_ends_at_its_end_and_not_before() -> None:
    override = Override(Mode.AWAY, ends_at=10)
    assert decide(CALL, override, PALETTE, 9.999).state == "away"
    assert decide(CALL, override, PALETTE, 10).state == "inacall"


def test_a_rule_may_release_the_lamp() -> None:
    decision = decide(CALL, None, Palette({"INACALL": None}), 5)
    assert (decision.light, decision.state) == (None, "inacall")


def test_of_several_people_the_busiest_who_is_known_is_shown() -> None:
    free = Known(Presence("Available", "Available"), 0, 0)
    assert busiest([_unknown(Why.STALE), free, CALL]) == CALL
    assert busiest([_unknown(Why.FORBIDDEN), SIGNED_OUT]) == SIGNED_OUT
    assert busiest([_unknown(Why.FORBIDDEN)]) == _unknown(Why.FORBIDDEN)
