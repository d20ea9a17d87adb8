"""Colour temperatures as colours, for lights that know nothing but red, green and blue."""

import math
from typing import Final

MIRED_LIMIT: Final = 1000
"""A smaller number is mireds (a million divided by kelvin), any other is kelvin."""
COLDEST: Final = 40_000.0
WARMEST: Final = 1_000.0


def rgb_of(temperature: float) -> tuple[int, int, int]:
    """The colour of white light of a temperature in kelvin or mireds, 0 to 255 a channel.

    Tanner Helland's fit to the black body's curve, which Home Assistant uses too; held within
    1,000 K and 40,000 K, where it is valid.
    """
    kelvin = 1e6 / temperature if temperature < MIRED_LIMIT else temperature
    hundreds = min(max(kelvin, WARMEST), COLDEST) / 100
    if hundreds <= 66:  # noqa: PLR2004 -- 6,600 K, where the fit changes its branch
        red = 255.0
        green = 99.4708025861 * math.log(hundreds) - 161.1195681661
        blue = 138.5177312231 * math.log(hundreds - 10) - 305.0447927307 if hundreds > 19 else 0.0  # noqa: PLR2004 -- below 1,900 K nothing is blue
    else:
        red = 329.698727446 * math.pow(hundreds - 60, -0.1332047592)
        green = 288.1221695283 * math.pow(hundreds - 60, -0.0755148492)
        blue = 255.0
    return _channel(red), _channel(green), _channel(blue)


def _channel(value: float) -> int:
    return round(min(max(value, 0.0), 255.0))
