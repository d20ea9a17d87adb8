"""A light as a terminal can show it: a picture of a glowing lamp, or one plain line. Pure."""

import math
from collections.abc import Iterator, Mapping, Sequence
from enum import Enum
from functools import lru_cache
from typing import Final

from busylight.core.knowledge import Knowledge, Known
from busylight.core.light import FULL, LightState, effect_level
from busylight.core.view import View

WIDTH: Final = 56
"""Columns that a picture takes."""
_LAMP_HEIGHT: Final = 11  # lines, each of two rows of pixels
_TEXT_HEIGHT: Final = 3
HEIGHT: Final = _LAMP_HEIGHT + _TEXT_HEIGHT
"""Lines that a picture takes, always."""

Rgb = tuple[float, float, float]


class Depth(Enum):
    """What a terminal can colour."""

    TRUE = "24 bits"
    PALETTE = "256 colours"
    NONE = "no colours"

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> "Depth":
        """As the environment tells: NO_COLOR (no-color.org), then COLORTERM."""
        if environment.get("NO_COLOR"):
            return cls.NONE
        is_true = environment.get("COLORTERM", "").lower() in ("truecolor", "24bit")
        return cls.TRUE if is_true else cls.PALETTE


def words_of(knowledge: Knowledge) -> str:
    """`Availability/Activity`, or `unknown/` and the reason."""
    if isinstance(knowledge, Known):
        return knowledge.presence.words
    return f"unknown/{knowledge.why.value}"


def light_words(light: LightState | None) -> str:
    """`#rrggbb N% effect`, or `released`."""
    if light is None:
        return "released"
    return f"{light.hex} {light.percent}% {light.effect.value}"


def plain_line(hhmm: str, words: str, light: LightState | None) -> str:
    """One change as one line: `HH:MM Availability/Activity #rrggbb N% effect`."""
    return f"{hhmm} {_printable(words)} {light_words(light)}"


def captions(view: View) -> list[str]:
    """What stands below the picture: the presence, the light, and what else decides."""
    lines = [words_of(view.knowledge), light_words(view.light)]
    if view.sign_in is not None:
        lines.append(f"sign in: {view.sign_in.url} code {view.sign_in.code}")
    elif view.override is not None:
        lines.append(f"set by hand: {view.mode.value}")
    elif not isinstance(view.knowledge, Known):
        lines.append(view.knowledge.trouble.detail)
    return lines


def moves(light: LightState | None) -> bool:
    """Whether the picture of it changes by itself."""
    return light is not None and light.period is not None and not light.is_dark


def draw(
    light: LightState | None,
    elapsed: float,
    words: Sequence[str] | str,
    depth: Depth = Depth.TRUE,
) -> list[str]:
    """The picture, `HEIGHT` lines of at most `WIDTH` columns.

    `elapsed`: seconds since the light's effect began; `words`: up to three lines below it.
    """
    rgb, strength = (0, 0, 0), 0.0
    if light is not None:
        rgb = light.rgb
        # The eye, like a lamp's glow, is nearer to the root of the power than to the power.
        strength = math.sqrt(light.brightness / FULL * effect_level(light, elapsed))
    lines = list(_lamp(rgb, round(strength * _STEPS), depth))
    given = [words] if isinstance(words, str) else list(words)
    texts = [_printable(text)[:WIDTH].center(WIDTH).rstrip() for text in given[:_TEXT_HEIGHT]]
    if texts and depth is not Depth.NONE:
        texts[0] = f"\x1b[1m{texts[0]}\x1b[0m"
    return lines + texts + [""] * (_TEXT_HEIGHT - len(texts))


_STEPS: Final = 48  # of brightness: so few that a whole effect is drawn once and then kept

_NIGHT: Final = (13.0, 15.0, 22.0)
_DESK: Final = (30.0, 27.0, 26.0)
_STAND: Final = (62.0, 64.0, 72.0)
_GLASS: Final = (44.0, 47.0, 56.0)
_WHITE: Final = (255.0, 255.0, 255.0)
_RADIUS: Final = 6.2  # of the bulb; all lengths in pixels, which are square
_CENTRE: Final = (WIDTH / 2 - 0.5, 9.0)
_STAND_TOP: Final = 15
_DESK_TOP: Final = 18
_SHADES: Final = " .:-=+*#%@"


@lru_cache(maxsize=4 * _STEPS)
def _lamp(rgb: tuple[int, int, int], step: int, depth: Depth) -> tuple[str, ...]:
    """The lamp without its words, at `step` of `_STEPS` of its strength."""
    light = tuple(float(channel) for channel in rgb)
    rows = [
        [_pixel(x, y, (light[0], light[1], light[2]), step / _STEPS) for x in range(WIDTH)]
        for y in range(2 * _LAMP_HEIGHT)
    ]
    return tuple(
        "".join(_cells(rows[2 * line], rows[2 * line + 1], depth)) for line in range(_LAMP_HEIGHT)
    )


def _pixel(x: int, y: int, light: Rgb, strength: float) -> Rgb:
    away_x, away_y = x - _CENTRE[0], y - _CENTRE[1]
    distance = math.hypot(away_x, away_y)
    if distance <= _RADIUS and y < _STAND_TOP:
        near = 1 - distance / _RADIUS
        lit = _mix(light, _WHITE, 0.55 * near * near)  # a hot core
        shade = _mix(_GLASS, _WHITE, 0.25 * max(0.0, near - 0.35))
        return _mix(shade, lit, strength)
    if y >= _DESK_TOP:
        shine = strength * 0.6 * math.exp(-abs(away_x) / 11 - (y - _DESK_TOP) / 3)
        return _mix(_DESK, light, shine)
    if y >= _STAND_TOP and abs(away_x) <= 4.5 + (y - _STAND_TOP):
        return _mix(_STAND, light, strength * 0.35 * math.exp(-abs(away_x) / 6))
    glow = strength * 0.5 * math.exp(-max(distance - _RADIUS, 0.0) / 4.5)
    return _mix(_NIGHT, light, glow)


def _mix(one: Rgb, other: Rgb, share: float) -> Rgb:
    return (
        one[0] + (other[0] - one[0]) * share,
        one[1] + (other[1] - one[1]) * share,
        one[2] + (other[2] - one[2]) * share,
    )


def _cells(upper: Sequence[Rgb], lower: Sequence[Rgb], depth: Depth) -> Iterator[str]:
    """A line of half blocks; a colour is said only where it changes."""
    if depth is Depth.NONE:
        yield "".join(map(_shade, upper, lower)).rstrip()
        return
    before = ("", "")
    for top, bottom in zip(upper, lower, strict=True):
        now = (_color(top, depth), _color(bottom, depth))
        codes = [f"{plane};{color}" for plane, color, old in
                 zip(("38", "48"), now, before, strict=True) if color != old]  # fmt: skip
        if codes:
            yield f"\x1b[{';'.join(codes)}m"
        yield "\N{UPPER HALF BLOCK}"
        before = now
    yield "\x1b[0m"


def _color(color: Rgb, depth: Depth) -> str:
    red, green, blue = (4 * round(channel / 4) for channel in color)  # fewer changes to be said
    if depth is Depth.TRUE:
        return f"2;{min(red, FULL)};{min(green, FULL)};{min(blue, FULL)}"
    if max(red, green, blue) - min(red, green, blue) < 10:  # noqa: PLR2004 -- grey to the eye
        return f"5;{232 + round((red + green + blue) / 3 / 255 * 23)}"
    cube = [round(channel / 255 * 5) for channel in (red, green, blue)]
    return f"5;{16 + 36 * cube[0] + 6 * cube[1] + cube[2]}"


def _shade(top: Rgb, bottom: Rgb) -> str:
    brightest = max(*top, *bottom) - max(_NIGHT)
    return _SHADES[max(0, min(round(brightest / FULL * 9), 9))]


def _printable(text: str) -> str:
    """Words come from outside: no control characters reach the terminal."""
    return "".join(each if each.isprintable() else "?" for each in text)
