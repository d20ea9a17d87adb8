"""Lights as people write them, and as they look."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from busylight.core.light import (
    OFF,
    Effect,
    LightState,
    LightSyntaxError,
    dimmed,
    effect_level,
    parse_light,
    reordered,
    shown_rgb,
)

lights = st.builds(
    LightState,
    *[st.integers(0, 255)] * 4,
    effect=st.sampled_from(Effect),
    period=st.none() | st.floats(0.4, 60).map(lambda period: round(period, 1)),
)


@pytest.mark.parametrize(
    ("text", "light"),
    [
        ("red", LightState(255, 0, 0)),
        ("RED", LightState(255, 0, 0)),
        ("#ffbf00 40%", LightState(255, 191, 0, 102)),
        ("#FFBF00", LightState(255, 191, 0)),
        ("red 100%", LightState(255, 0, 0)),
        ("rebeccapurple 0%", LightState(102, 51, 153, 0)),
        ("red pulse", LightState(255, 0, 0, effect=Effect.PULSE, period=1.2)),
        ("red 60% Blink 0.4", LightState(255, 0, 0, 153, Effect.BLINK, 0.4)),
        ("blue breathe 60", LightState(0, 0, 255, effect=Effect.BREATHE, period=60)),
        ("  blue   solid ", LightState(0, 0, 255)),
        ("off", OFF),
        ("Release", None),
    ],
)
def test_a_light_is_read_as_it_is_documented(text: str, light: LightState | None) -> None:
    assert parse_light(text) == light


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("", "is empty: a colour is missing"),
        ("rot", "'rot'"),
        ("#12345", "'#12345'"),
        ("#1234567", "'#1234567'"),
        ("red 101%", "'101%'"),
        ("red 1000%", "'1000%'"),
        ("red -5%", "'-5%'"),
        ("red flash", "effects are solid, blink, pulse, breathe"),
        ("red blink 0.3", "'0.3'"),
        ("red blink 61", "'61'"),
        ("red blink 1e1", "'1e1'"),
        ("red blink nan", "'nan'"),
        ("red solid 2", "'2'"),
        ("red blink 2 3", "'3'"),
        ("off 50%", "'off'"),
        ("red ٣%", "'٣%'"),
    ],
)
def test_a_wrong_light_is_refused_by_the_word_that_is_wrong(text: str, named: str) -> None:
    with pytest.raises(LightSyntaxError, match=re.escape(named)):
        parse_light(text)


@given(st.text())
def test_any_text_is_a_light_or_a_named_error(text: str) -> None:
    try:
        light = parse_light(text)
    except LightSyntaxError as error:
        assert str(error)
    else:
        assert light is None or isinstance(light, LightState)


@given(lights)
def test_a_light_that_is_printed_is_read_as_the_same_light(light: LightState) -> None:
    again = parse_light(str(light))
    assert again is not None
    assert again.rgb == light.rgb
    assert again.percent == light.percent
    assert (again.effect, again.period) == (light.effect, light.period)


@given(st.integers(0, 100))
def test_a_percentage_survives_the_way_to_255_steps_and_back(percent: int) -> None:
    light = parse_light(f"red {percent}%")
    assert light is not None
    assert light.percent == percent


@pytest.mark.parametrize("channel", [-1, 256])
def test_a_channel_outside_a_byte_is_refused(channel: int) -> None:
    with pytest.raises(ValueError, match="between 0 and 255"):
        LightState(0, channel, 0)


@pytest.mark.parametrize("period", [0.39, 60.1, float("nan")])
def test_a_period_that_is_dangerous_or_endless_is_refused(period: float) -> None:
    with pytest.raises(ValueError, match=r"between 0\.4 and 60"):
        LightState(1, 2, 3, effect=Effect.BLINK, period=period)


@given(lights, st.integers(1, 100))
def test_dimming_never_makes_brighter_and_never_puts_out_what_was_lit(
    light: LightState, percent: int
) -> None:
    dim = dimmed(light, percent)
    assert dim.brightness <= light.brightness
    assert (dim.brightness == 0) == (light.brightness == 0)
    assert dim.rgb == light.rgb


@pytest.mark.parametrize(
    ("brightness", "percent", "left"),
    [(255, 100, 255), (255, 50, 128), (200, 25, 50), (255, 0, 0), (3, 10, 1), (1, 1, 1), (0, 9, 0)],
)
def test_a_light_is_dimmed_to_a_share_of_what_it_was(
    brightness: int, percent: int, left: int
) -> None:
    moving = LightState(1, 2, 3, brightness, Effect.PULSE, 2)
    assert dimmed(moving, percent) == LightState(1, 2, 3, left, Effect.PULSE, 2)


@given(lights, st.permutations("rgb"))
def test_a_lamp_that_takes_its_channels_in_another_order_shows_the_colour_that_was_meant(
    light: LightState, order: list[str]
) -> None:
    sent = reordered(light, "".join(order))
    assert dict(zip(order, sent.rgb, strict=True)) == dict(zip("rgb", light.rgb, strict=True))
    assert reordered(light, "rgb") == light
    assert (sent.brightness, sent.effect, sent.period) == (
        light.brightness,
        light.effect,
        light.period,
    )


def test_a_colour_is_sent_with_the_brightness_and_the_effect_applied() -> None:
    half = LightState(200, 100, 50, 51)  # a fifth
    assert shown_rgb(half) == (40, 20, 10)
    assert shown_rgb(half, 0.5) == (20, 10, 5)
    assert shown_rgb(half, 0) == (0, 0, 0)


@given(lights, st.floats(0, 1e6))
def test_an_effect_stays_between_dark_and_full(light: LightState, elapsed: float) -> None:
    level = effect_level(light, elapsed)
    assert 0 <= level <= 1
    assert all(0 <= channel <= 255 for channel in shown_rgb(light, level))


@given(st.floats(0, 1e4))
def test_a_breathing_light_is_never_darker_than_a_tenth(elapsed: float) -> None:
    assert effect_level(LightState(1, 1, 1, effect=Effect.BREATHE), elapsed) >= 0.1


def test_a_blink_is_half_on_and_half_off() -> None:
    blink = LightState(255, 0, 0, effect=Effect.BLINK, period=2)
    assert [effect_level(blink, t) for t in (0, 0.9, 1.0, 1.9, 2.0)] == [1, 1, 0, 0, 1]


def test_a_pulse_rises_faster_than_it_falls() -> None:
    pulse = LightState(255, 0, 0, effect=Effect.PULSE, period=1)
    rise = [effect_level(pulse, t) for t in (0, 0.1, 0.2)]
    fall = [effect_level(pulse, t) for t in (0.3, 0.5, 0.7, 0.99)]
    assert rise == pytest.approx([0, 0.5, 1.0])
    assert fall == sorted(fall, reverse=True)


def test_a_solid_light_does_not_move() -> None:
    assert effect_level(LightState(1, 2, 3), 17.3) == 1.0


def test_a_breath_is_a_sine_and_a_pulse_fades_by_the_square() -> None:
    breath = LightState(1, 1, 1, effect=Effect.BREATHE, period=4)
    assert [round(effect_level(breath, t), 6) for t in (0, 1, 2, 3, 4)] == [0.1, 0.55, 1, 0.55, 0.1]
    pulse = LightState(1, 1, 1, effect=Effect.PULSE, period=10)
    assert [round(effect_level(pulse, t), 6) for t in (0, 1, 2, 6, 8)] == [0, 0.5, 1, 0.25, 0.0625]
