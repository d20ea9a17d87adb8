"""How one view looks on each of several outputs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from busylight.core.appearance import AS_EVERYWHERE, Appearance
from busylight.core.light import dimmed
from tests.support.mqtt import a_view, light

percents = st.integers(0, 100)


def test_a_lamp_is_as_bright_as_the_program_unless_it_has_a_brightness_of_its_own() -> None:
    view = a_view("red 80% pulse")
    assert AS_EVERYWHERE.applied(view, 50, is_lamp=True) == a_view("red 40% pulse")
    assert Appearance(brightness=25).applied(view, 50, is_lamp=True) == a_view("red 20% pulse")


def test_what_is_no_lamp_is_dimmed_only_if_that_was_asked_for_of_it_alone() -> None:
    view = a_view("red 80%")
    assert AS_EVERYWHERE.applied(view, 50, is_lamp=False) == view
    assert Appearance(brightness=25).applied(view, 50, is_lamp=False) == a_view("red 20%")


def test_only_a_lamp_has_wires_that_may_be_crossed() -> None:
    crossed = Appearance(color_order="grb")
    assert crossed.applied(a_view("#010203"), 100, is_lamp=True) == a_view("#020103")
    assert crossed.applied(a_view("#010203"), 100, is_lamp=False) == a_view("#010203")


@pytest.mark.parametrize("appearance", [AS_EVERYWHERE, Appearance(30, None, "bgr")])
@pytest.mark.parametrize("is_lamp", [True, False])
def test_a_released_lamp_stays_released(appearance: Appearance, *, is_lamp: bool) -> None:
    assert appearance.applied(a_view(None), 50, is_lamp=is_lamp) == a_view(None)


@given(percents, percents)
def test_an_own_brightness_stands_in_the_place_of_the_programs(own: int, everywhere: int) -> None:
    shown = Appearance(own).applied(a_view("red 60%"), everywhere, is_lamp=True).light
    assert shown == dimmed(light("red 60%"), own)
