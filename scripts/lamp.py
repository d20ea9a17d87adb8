"""One lamp as SVG: unlit glass, and over it the light of a `LightState` with its effect.

What is seen is computed by the functions that drive real lights: the colours and the rhythm of a
picture cannot differ from theirs.
"""

from collections.abc import Callable
from typing import Final

from busylight.core.light import FULL, Effect, LightState, effect_level

_SAMPLES: Final = 20
_EYE: Final = 1 / 2.2
"""Lamps follow their numbers linearly and the eye does not: 14 % still looks well lit."""

_RHYTHM_SECONDS: Final = 6.0

_GLASS: Final = "M-29,-6 V-42 A29,29 0 0 1 29,-42 V-6 Z"


def seen(level: float) -> float:
    """How opaque a light of this level (0 to 1) is drawn."""
    return round(float(level**_EYE), 3)


def defs(lights: list[LightState]) -> str:
    """The gradients that `lamp` needs for these lights, and those of the lamp itself."""
    colors = dict.fromkeys(light.rgb for light in lights if not light.is_dark)
    return _OWN_DEFS + "".join(_gradients(rgb) for rgb in colors)


def style(lights: list[LightState]) -> str:
    """The CSS that makes these lights move, for people who do not mind motion."""
    moving = {_motion(light): light for light in lights if light.period}
    frames = [keyframes(name, light, seen) for name, light in moving.items()]
    rules = [animation(name, light) for name, light in moving.items()]
    motion = f"@media (prefers-reduced-motion:no-preference){{{''.join(rules)}}}"
    return "".join(frames) + motion


def animation(name: str, light: LightState) -> str:
    """The rule that makes what has the class `name` move as the light does."""
    timing = "step-end" if light.effect is Effect.BLINK else "linear"
    return f".{name}{{animation:{name} {light.period:g}s {timing} infinite}}"


def keyframes(name: str, light: LightState, opacity: Callable[[float], float]) -> str:
    """One round of the light's effect; `opacity` says how a level is drawn."""
    length = light.period or 0.0
    samples = (0, _SAMPLES // 2) if light.effect is Effect.BLINK else range(_SAMPLES)
    steps = [
        f"{100 * sample / _SAMPLES:g}%{{opacity:"
        f"{opacity(effect_level(light, length * sample / _SAMPLES)):.3g}}}"
        for sample in samples
    ]
    last = opacity(effect_level(light, 0.0))
    end = "" if light.effect is Effect.BLINK else f"100%{{opacity:{last:.3g}}}"
    return f"@keyframes {name}{{{''.join(steps)}{end}}}"


def lamp(light: LightState, x: float, y: float, scale: float = 1.0) -> str:
    """A lamp that stands at `x`, `y`."""
    place = f'<g transform="translate({x:g} {y:g}) scale({scale:g})">'
    return f'{place}<use href="#body"/>{_shine(light)}<use href="#highlight"/></g>\n'


def rhythm(light: LightState, x: float, y: float, width: float, height: float) -> str:
    """How bright the light is over six seconds, as a line: its effect for a still picture."""
    if light.is_dark:
        return ""
    count = round(width * 2)
    points: list[tuple[float, float]] = []
    for step in range(count):
        level = effect_level(light, step * _RHYTHM_SECONDS / count) * light.brightness / FULL
        point = round(step * width / count, 1), round(height * (1 - seen(level)), 1)
        if len(points) > 1 and points[-1][1] == points[-2][1] == point[1]:
            points.pop()  # a level stretch needs its ends alone
        points.append(point)
    line = " ".join(f"{right:g},{down:g}" for right, down in points)
    return (
        f'<polyline points="{line}" transform="translate({x:g} {y:g})" class="r" '
        f'stroke="{light.hex}"/>\n'
    )


def _shine(light: LightState) -> str:
    if light.is_dark:
        return ""
    ident = light.hex[1:]
    parts = (
        f'<circle cy="-38" r="78" fill="url(#halo-{ident})"/>'
        f'<path d="{_GLASS}" fill="url(#glow-{ident})"/>'
        f'<path d="{_GLASS}" fill="url(#core)" opacity="{light.brightness / FULL:.3g}"/>'
        f'<ellipse cy="9" rx="52" ry="6" fill="url(#floor-{ident})"/>'
    )
    moving = f' class="{_motion(light)}"' if light.period else ""
    return f'<g opacity="{seen(light.brightness / FULL):g}"><g{moving}>{parts}</g></g>'


def _motion(light: LightState) -> str:
    """The name of a rhythm: lights that share it move as one."""
    return f"{light.effect}-{light.period or 0:g}".replace(".", "-")


def _gradients(rgb: tuple[int, int, int]) -> str:
    ident = "".join(f"{channel:02x}" for channel in rgb)
    color = f"#{ident}"
    return f"""\
<radialGradient id="halo-{ident}"><stop offset="0" stop-color="{color}" stop-opacity=".62"/>\
<stop offset=".38" stop-color="{color}" stop-opacity=".28"/>\
<stop offset=".7" stop-color="{color}" stop-opacity=".07"/>\
<stop offset="1" stop-color="{color}" stop-opacity="0"/></radialGradient>
<radialGradient id="glow-{ident}" cx=".5" cy=".62" r=".72"><stop offset="0" \
stop-color="{_mixed(rgb, 0.3)}"/><stop offset=".7" stop-color="{color}"/>\
<stop offset="1" stop-color="{_mixed(rgb, -0.3)}"/></radialGradient>
<radialGradient id="floor-{ident}"><stop offset="0" stop-color="{color}" stop-opacity=".5"/>\
<stop offset="1" stop-color="{color}" stop-opacity="0"/></radialGradient>
"""


def _mixed(rgb: tuple[int, int, int], share: float) -> str:
    """The colour with a share of white in it, or (below 0) of black."""
    target = FULL if share > 0 else 0
    channels = (round(channel + (target - channel) * abs(share)) for channel in rgb)
    return "#" + "".join(f"{channel:02x}" for channel in channels)


_OWN_DEFS: Final = f"""\
<linearGradient id="glass" x2="0" y2="1"><stop offset="0" stop-color="#4a505c"/>\
<stop offset="1" stop-color="#2a2e37"/></linearGradient>
<radialGradient id="core" cx=".5" cy=".62" r=".5"><stop offset="0" stop-color="#fff" \
stop-opacity=".72"/><stop offset="1" stop-color="#fff" stop-opacity="0"/></radialGradient>
<linearGradient id="foot" x2="0" y2="1"><stop offset="0" stop-color="#3b414c"/>\
<stop offset=".18" stop-color="#1a1d23"/><stop offset="1" stop-color="#0c0e11"/></linearGradient>
<linearGradient id="sheen" x2="1" y2="0"><stop offset="0" stop-color="#fff" stop-opacity=".34"/>\
<stop offset="1" stop-color="#fff" stop-opacity="0"/></linearGradient>
<g id="body"><ellipse cy="9" rx="44" ry="5" fill="#000" opacity=".45"/>\
<path d="{_GLASS}" fill="url(#glass)"/></g>
<g id="highlight"><path d="M-21,-12 V-42 A21,21 0 0 1 -5,-62 A34,34 0 0 0 -13,-40 V-12 Z" \
fill="url(#sheen)"/><rect x="-36" y="-8" width="72" height="16" rx="5" fill="url(#foot)"/></g>
"""
