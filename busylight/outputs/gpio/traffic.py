"""Which single LEDs, as of a traffic light, come nearest to a colour. Pure."""

import colorsys
from collections.abc import Collection
from typing import Final

from busylight.core.light import FULL

RGB = tuple[int, int, int]

_HUES: Final = {"red": 0.0, "yellow": 1 / 6, "green": 1 / 3, "blue": 2 / 3}
_NEAR: Final = 1 / 12
"""Half the way between two of them."""
_GREY: Final = 0.25
"""Below this saturation a colour is white, and every LED is lit for it."""


def lit(rgb: RGB, colors: Collection[str]) -> dict[str, float]:
    """How bright each of these LEDs has to be, 0 to 1: the nearest in hue, or all for white."""
    hue, saturation, value = colorsys.rgb_to_hsv(*(channel / FULL for channel in rgb))
    if saturation < _GREY:
        return dict.fromkeys(colors, value)
    near = {color: _distance(hue, _HUES[color]) for color in colors}
    nearest = min(near, key=lambda color: near[color])
    if near[nearest] <= _NEAR:
        return {color: value if color == nearest else 0.0 for color in colors}
    # No LED is near, as for the violet of what is not known: red and green together stand for
    # nothing else. One alone would say something false.
    ends = {"red", "green"} if {"red", "green"} <= set(colors) else set()
    return {color: value if color in ends else 0.0 for color in colors}


def _distance(one: float, other: float) -> float:
    return min(abs(one - other), 1 - abs(one - other))
