"""What a light shows: a colour, a brightness, an effect. No device in it."""

import math
import re
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from busylight.core.css_colors import CSS_COLORS


class Effect(StrEnum):
    """How a light moves. The words stand in settings and on MQTT alike."""

    SOLID = "solid"
    BLINK = "blink"
    PULSE = "pulse"
    BREATHE = "breathe"


DEFAULT_PERIOD: Final = {Effect.BLINK: 1.0, Effect.PULSE: 1.2, Effect.BREATHE: 4.0}
"""Seconds that an effect takes where the rule does not say."""
SHORTEST_PERIOD: Final = 0.4
"""Seconds. Faster flashing (over 3 Hz) is a danger to people with photosensitive epilepsy."""
LONGEST_PERIOD: Final = 60.0

FULL: Final = 255
"""The greatest value of a colour channel and of a brightness."""


@dataclass(frozen=True, slots=True)
class LightState:
    """A light: 8-bit sRGB colour, brightness, effect and the effect's period."""

    red: int
    green: int
    blue: int
    brightness: int = FULL
    """0 (dark) to 255, applied to the colour linearly."""
    effect: Effect = Effect.SOLID
    period: float | None = None
    """Seconds of one round of the effect; None where nothing moves."""

    def __post_init__(self) -> None:
        for channel in (self.red, self.green, self.blue, self.brightness):
            if not 0 <= channel <= FULL:
                raise ValueError(f"{channel} is not between 0 and 255")
        if self.effect is Effect.SOLID:
            object.__setattr__(self, "period", None)
        elif self.period is None:
            object.__setattr__(self, "period", DEFAULT_PERIOD[self.effect])
        elif not SHORTEST_PERIOD <= self.period <= LONGEST_PERIOD:
            raise ValueError(f"{self.period} is not between 0.4 and 60 seconds")

    @property
    def rgb(self) -> tuple[int, int, int]:
        """The colour before brightness."""
        return self.red, self.green, self.blue

    @property
    def hex(self) -> str:
        """The colour before brightness, as `#rrggbb`."""
        return f"#{self.red:02x}{self.green:02x}{self.blue:02x}"

    @property
    def percent(self) -> int:
        """The brightness as people set it."""
        return round(self.brightness * 100 / FULL)

    @property
    def is_dark(self) -> bool:
        """Whether nothing can be seen of it."""
        return self.brightness == 0 or self.rgb == (0, 0, 0)

    def __str__(self) -> str:
        """The light as `parse_light` reads it, save for a period that is the usual one."""
        text = f"{self.hex} {self.percent}% {self.effect}"
        if self.period is not None and self.period != DEFAULT_PERIOD[self.effect]:
            text += f" {self.period:g}"
        return text


OFF: Final = LightState(0, 0, 0, brightness=0)


def dimmed(light: LightState, percent: int) -> LightState:
    """The same light at `percent` of its brightness; what was lit stays visible."""
    brightness = round(light.brightness * percent / 100)
    if light.brightness and percent:
        brightness = max(brightness, 1)
    return replace(light, brightness=brightness)


def reordered(light: LightState, order: str) -> LightState:
    """What to send to a lamp that takes the three channels in another order than `rgb`.

    `order` names what the lamp takes for red, green and blue; `grb` swaps red and green.
    """
    channels = {"r": light.red, "g": light.green, "b": light.blue}
    red, green, blue = (channels[letter] for letter in order)
    return replace(light, red=red, green=green, blue=blue)


def shown_rgb(light: LightState, level: float = 1.0) -> tuple[int, int, int]:
    """The colour with the brightness, and an effect's `level` (0 to 1), applied."""
    factor = light.brightness / FULL * level
    return round(light.red * factor), round(light.green * factor), round(light.blue * factor)


_PULSE_RISE: Final = 0.2  # the share of a pulse in which it grows; the rest fades
_BREATHE_FLOOR: Final = 0.1  # a breathing light is never darker than this


def effect_level(light: LightState, elapsed: float) -> float:
    """How bright the effect is `elapsed` seconds after it began, 0 to 1."""
    if light.period is None:
        return 1.0
    phase = elapsed % light.period / light.period
    if light.effect is Effect.BLINK:
        return 1.0 if phase < 0.5 else 0.0  # noqa: PLR2004 -- half on, half off
    if light.effect is Effect.PULSE:
        if phase < _PULSE_RISE:
            return phase / _PULSE_RISE
        return ((1 - phase) / (1 - _PULSE_RISE)) ** 2
    wave = (1 - math.cos(2 * math.pi * phase)) / 2
    return _BREATHE_FLOOR + (1 - _BREATHE_FLOOR) * wave


class LightSyntaxError(ValueError):
    """A light's text is not `COLOUR [N%] [EFFECT [PERIOD]]`, `off` or `release`; says where."""


LIGHT_EXAMPLE: Final = "red 60% pulse"
_HEX: Final = re.compile(r"#([0-9a-fA-F]{2})([0-9a-fA-F]{2})([0-9a-fA-F]{2})")
_PERCENT: Final = re.compile(r"([0-9]{1,3})%")
_PERIOD: Final = re.compile(r"[0-9]{1,2}(\.[0-9]{1,3})?")


def parse_light(text: str) -> LightState | None:
    """Read a light as users write it; None is `release`, the lamp left to others.

    Raises `LightSyntaxError`, whose text says which word is wrong and what would be right.
    """
    words = text.split()
    if not words:
        raise LightSyntaxError("is empty: a colour is missing")
    if len(words) == 1 and words[0].lower() in ("off", "release"):
        return OFF if words[0].lower() == "off" else None
    red, green, blue = _parse_color(words.pop(0))
    brightness = FULL
    if words and (percent := _PERCENT.fullmatch(words[0])):
        if int(percent[1]) > 100:  # noqa: PLR2004 -- percent
            raise LightSyntaxError(f"has {words[0]!r}: brightness is 0% to 100%")
        brightness = round(int(percent[1]) * FULL / 100)
        words.pop(0)
    effect, period = Effect.SOLID, None
    if words:
        effect, period = _parse_effect(words)
    return LightState(red, green, blue, brightness, effect, period)


def _parse_color(word: str) -> tuple[int, int, int]:
    if found := _HEX.fullmatch(word):
        return int(found[1], 16), int(found[2], 16), int(found[3], 16)
    if (rgb := CSS_COLORS.get(word.lower())) is not None:
        return rgb >> 16, rgb >> 8 & FULL, rgb & FULL
    raise LightSyntaxError(
        f"has {word!r} as its colour, which is neither a CSS colour name nor #rrggbb"
    )


def _parse_effect(words: list[str]) -> tuple[Effect, float | None]:
    try:
        effect = Effect(words[0].lower())
    except ValueError:
        raise LightSyntaxError(
            f"has {words[0]!r} where a brightness (40%) or an effect is expected; "
            f"effects are {', '.join(Effect)}"
        ) from None
    if len(words) == 1:
        return effect, None
    if effect is Effect.SOLID or len(words) > 2:  # noqa: PLR2004 -- an effect and its period
        extra = words[1] if effect is Effect.SOLID else words[2]
        raise LightSyntaxError(f"has {extra!r} too many at its end")
    if not _PERIOD.fullmatch(words[1]) or not (
        SHORTEST_PERIOD <= float(words[1]) <= LONGEST_PERIOD
    ):
        raise LightSyntaxError(f"has {words[1]!r} as its period: seconds, 0.4 to 60")
    return effect, float(words[1])
