"""What a press of the light's button does: how it is written, and what it becomes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from busylight.app.hub import Hub
from busylight.core.button import DEFAULT_ACTIONS, Action, parse_action
from busylight.core.override import LONGEST, Mode, Override, Press, Pressed, SetMode
from busylight.core.palette import Palette
from busylight.core.rules import Rules


@pytest.mark.parametrize(
    ("text", "action"),
    [
        ("auto", Action(Mode.AUTO)),
        ("busy", Action(Mode.BUSY)),
        ("busy 25m", Action(Mode.BUSY, 1500)),
        ("Do-Not-Disturb 1h30m", Action(Mode.DO_NOT_DISTURB, 5400)),
        ("toggle do_not_disturb", Action(Mode.DO_NOT_DISTURB, toggles=True)),
        ("  toggle  off  90 ", Action(Mode.OFF, 90, toggles=True)),
        ("manual", Action(Mode.MANUAL)),
        ("refresh", Action(refreshes=True)),
        ("nothing", Action()),
    ],
)
def test_an_action_is_written_in_words(text: str, action: Action) -> None:
    assert parse_action(text) == action


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("bussy", r"has 'bussy' where auto, .* is expected; did you mean busy\?"),
        ("toggel busy", "did you mean toggle"),
        ("toggle", "has '' after toggle where available, .* is expected"),
        ("toggle auto", "has more than auto"),
        ("auto 25m", "has more than auto"),
        ("busy 25 minutes", "has 'minutes' too many at its end"),
        ("busy soon", "has a time that is none: 'soon' is not a time like 25m"),
        ("busy 25h", "has a time that is none"),
        ("refresh now", "has 'refresh' where"),
        ("toggle refresh", "has 'refresh' after toggle"),
    ],
)
def test_a_mistake_is_told_with_what_would_be_right(text: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        parse_action(text)


MODES = "available, busy, do_not_disturb, away, off, manual"
OTHERS = "toggle with one of these, refresh or nothing"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "disco",
            f"has 'disco' where auto, {MODES}, {OTHERS} is expected",
        ),
        ("toggle bussy", f"has 'bussy' after toggle where {MODES} is expected; did you mean busy?"),
        # No help, though it is near enough to itself:
        ("toggle refresh", f"has 'refresh' after toggle where {MODES} is expected"),
        ("auto 25m", "has more than auto: what ends an override is neither toggled nor timed"),
    ],
)
def test_a_mistake_is_told_in_one_sentence_that_names_all_that_could_stand_there(
    text: str, told: str
) -> None:
    with pytest.raises(ValueError, match="has") as caught:
        parse_action(text)
    assert str(caught.value) == told


@given(st.text(max_size=40))
def test_whatever_is_written_is_an_action_or_a_fault_that_is_told(text: str) -> None:
    try:
        action = parse_action(text)
    except ValueError as error:
        assert str(error).startswith("has ")
    else:
        assert action.seconds is None or 1 <= action.seconds <= LONGEST


@given(now=st.sampled_from(Mode), mode=st.sampled_from([m for m in Mode if m is not Mode.AUTO]))
def test_a_toggle_ends_its_own_mode_and_begins_it_from_any_other(now: Mode, mode: Mode) -> None:
    asked = Action(mode, 60, toggles=True).command(now)
    assert asked == (SetMode(Mode.AUTO) if now is mode else SetMode(mode, 60))
    assert Action(mode, 60).command(now) == SetMode(mode, 60)


def test_the_defaults_are_those_that_the_documentation_tells() -> None:
    asked = {
        press: parse_action(text).command(Mode.AUTO) for press, text in DEFAULT_ACTIONS.items()
    }
    assert asked == {
        Press.PRESS: SetMode(Mode.DO_NOT_DISTURB),
        Press.DOUBLE: SetMode(Mode.BUSY, 1500),
        Press.LONG: SetMode(Mode.AUTO),
    }


def hub(**texts: str) -> Hub:
    actions = {press: parse_action(texts.get(press, "nothing")) for press in Press}
    return Hub(Rules(Palette(), 60.0, "graph", "1", buttons=actions))


def test_a_press_goes_the_way_of_every_override_and_is_an_event_of_its_own() -> None:
    one = hub(press="toggle busy 25m")
    kept: list[Override | None] = []
    one.on_override = kept.append
    seen = []
    for _ in range(2):
        one.command(Pressed(Press.PRESS))
        view = one.view
        assert view.button is not None
        seen.append((view.mode, view.button.press, view.button.number))
    assert seen == [(Mode.BUSY, Press.PRESS, 1), (Mode.AUTO, Press.PRESS, 2)]
    assert [override is None for override in kept] == [False, True]


def test_a_press_may_ask_for_a_reading_or_for_nothing() -> None:
    one = hub(double_press="refresh")
    asked: list[bool] = []
    one.on_refresh = lambda: asked.append(True)
    slot = one.slot()
    one.command(Pressed(Press.DOUBLE))
    one.command(Pressed(Press.LONG))
    assert asked == [True]
    assert one.view.mode is Mode.AUTO
    assert slot._view is not None
    assert slot._view.button is not None  # it is told all the same
    assert slot._view.button.press is Press.LONG
