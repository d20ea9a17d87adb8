"""What commands lead to."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from busylight.core.light import OFF, Effect, LightState
from busylight.core.override import (
    Mode,
    Override,
    SetLight,
    SetMode,
    override_after,
    parse_duration,
)

RED = LightState(255, 0, 0, 100, Effect.PULSE, 2)
BLUE = LightState(0, 0, 255, 200)


@pytest.mark.parametrize("mode", [mode for mode in Mode if mode not in (Mode.AUTO, Mode.MANUAL)])
def test_a_mode_becomes_an_override(mode: Mode) -> None:
    assert override_after(SetMode(mode), RED, None, 10) == Override(mode)
    assert override_after(SetMode(mode, 25), RED, None, 10) == Override(mode, ends_at=35)


def test_auto_ends_it() -> None:
    assert override_after(SetMode(Mode.AUTO), RED, None, 10) is None


def test_manual_keeps_the_light_that_is_shown() -> None:
    assert override_after(SetMode(Mode.MANUAL), RED, None, 10) == Override(Mode.MANUAL, RED)
    assert override_after(SetMode(Mode.MANUAL), None, BLUE, 10) == Override(Mode.MANUAL, OFF)


def test_off_is_the_mode_off() -> None:
    for command in (SetLight(on=False), SetLight(brightness=0), SetLight(on=True, brightness=0)):
        assert override_after(command, RED, RED, 10) == Override(Mode.OFF, RED)
        assert override_after(command, RED, None, 10) == Override(Mode.OFF)
    assert override_after(SetMode(Mode.OFF, 5), RED, RED, 10) == Override(Mode.OFF, RED, 15)


def test_a_bare_on_after_off_is_the_last_light_that_was_not_off() -> None:
    assert override_after(SetLight(on=True), OFF, BLUE, 10) == Override(Mode.MANUAL, BLUE)
    assert override_after(SetLight(on=True), None, BLUE, 10) == Override(Mode.MANUAL, BLUE)


def test_a_bare_on_that_knows_no_light_is_white() -> None:
    white = LightState(255, 255, 255)
    assert override_after(SetLight(on=True), OFF, None, 10) == Override(Mode.MANUAL, white)


def test_a_partial_command_changes_what_it_names_and_keeps_the_rest() -> None:
    color = override_after(SetLight(rgb=(1, 2, 3)), RED, None, 10)
    assert color == Override(Mode.MANUAL, LightState(1, 2, 3, 100, Effect.PULSE, 2))
    dark = override_after(SetLight(brightness=7), RED, None, 10)
    assert dark == Override(Mode.MANUAL, LightState(255, 0, 0, 7, Effect.PULSE, 2))
    still = override_after(SetLight(effect=Effect.SOLID), RED, None, 10)
    assert still == Override(Mode.MANUAL, LightState(255, 0, 0, 100))
    other = override_after(SetLight(effect=Effect.BLINK), RED, None, 10)
    usual = LightState(255, 0, 0, 100, Effect.BLINK)  # a pulse's period is none of a blink's
    assert other == Override(Mode.MANUAL, usual)
    same = override_after(SetLight(effect=Effect.PULSE), RED, None, 10)
    assert same == Override(Mode.MANUAL, RED)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1", 1),
        ("90", 90),
        ("90s", 90),
        ("25m", 1500),
        ("1h30m", 5400),
        ("1h", 3600),
        ("1h1m1s", 3661),
        ("1h5", 3605),
        (" 2H ", 7200),
        ("24h", 86_400),
        ("1440m", 86_400),
        ("86400", 86_400),
    ],
)
def test_a_time_is_written_as_people_write_it_up_to_a_day(text: str, seconds: int) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    "text", ["", "0", "0h0m0s", "86401", "24h1s", "25h", "1d", "m", "1m1h", "1.5h", "-5", "1 h"]
)
def test_what_is_no_time_is_named_with_what_would_be_one(text: str) -> None:
    with pytest.raises(ValueError, match="is not a time") as caught:
        parse_duration(text)
    assert str(caught.value) == f"{text!r} is not a time like 25m, 90s or 1h30m, up to 24h"


commands = st.one_of(
    st.builds(SetMode, st.sampled_from(Mode), st.none() | st.integers(1, 86_400)),
    st.builds(
        SetLight,
        st.none() | st.booleans(),
        st.none() | st.tuples(*[st.integers(0, 255)] * 3),
        st.none() | st.integers(0, 255),
        st.none() | st.sampled_from(Effect),
    ),
)


@given(commands, st.sampled_from([None, OFF, RED, BLUE]), st.sampled_from([None, RED]))
def test_every_command_leads_to_auto_or_to_a_whole_override(
    command: SetMode | SetLight, shown: LightState | None, last_lit: LightState | None
) -> None:
    override = override_after(command, shown, last_lit, 10)
    if override is not None:
        assert override.mode is not Mode.AUTO
        if override.mode is Mode.OFF:
            assert override.light == last_lit
        else:
            assert (override.light is not None) == (override.mode is Mode.MANUAL)
