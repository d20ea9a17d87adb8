"""`busylight demo` as SVG: what the terminal's own drawing function gives, pixel by pixel."""

import math
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cache
from html import escape
from itertools import accumulate
from typing import Final, NamedTuple

from busylight.core.light import OFF, Effect, LightState, shown_rgb
from busylight.core.palette import Rule
from busylight.core.presence import Presence
from busylight.demo.day import DAY, Step, holds
from busylight.outputs.terminal.picture import WIDTH, Depth, draw, light_words, plain_line
from scripts.lamp import animation, keyframes
from scripts.states import PALETTE

DAY_SECONDS: Final = 40.0
"""How long the picture takes for a day: the demo itself gives it a minute."""
_STILL: Final = 3
"""The step that people see who do not want motion."""

_PIXEL: Final = 7
_LINE: Final = 18
_TOP: Final = 68

_ESCAPE_OR_CELL: Final = re.compile("\x1b\\[([0-9;]*)m|\N{UPPER HALF BLOCK}")

_FOREGROUND: Final = 38
_BACKGROUND: Final = 48

Rgb = tuple[int, int, int]


class Scene(NamedTuple):
    """A step of the day, and when it is seen."""

    step: Step
    rule: Rule
    begins: float
    """As percent of the day."""
    ends: float

    @property
    def light(self) -> LightState:
        """What the light shows."""
        return self.rule.light or OFF

    @property
    def words(self) -> str:
        """`Busy/InACall`."""
        return f"{self.step.availability}/{self.step.activity}"


def scenes(day: Sequence[Step] = DAY) -> list[Scene]:
    """The whole day under the default palette."""
    ends = list(accumulate(holds(100, day)))
    begins = [0.0, *ends]
    return [
        Scene(step, PALETTE.rule_for(Presence(step.availability, step.activity)), begin, end)
        for step, begin, end in zip(day, begins, ends, strict=False)
    ]


def style(shown: list[Scene]) -> str:
    """Who sees motion sees the day go by; who does not sees one moment of it, and all lines."""
    frames, rules = [], []
    for number, scene in enumerate(shown):
        begin, end = f"{scene.begins:.2f}%", f"{min(scene.ends, 100):.2f}%"
        before = "0%{visibility:hidden}" if number else ""
        after = "" if number == len(shown) - 1 else f"{end}{{visibility:hidden}}"
        visible = f"{begin}{{visibility:visible}}"
        frames.append(f"@keyframes f{number}{{{before}{visible}{after}100%{{visibility:hidden}}}}")
        frames.append(f"@keyframes p{number}{{{before}{visible}100%{{visibility:visible}}}}")
        rules += [
            f".{kind}{number}{{animation:{kind}{number} {DAY_SECONDS:g}s step-end infinite}}"
            for kind in "fp"
        ]
    for name, light in _moving(shown).items():
        frames.append(keyframes(name, light, math.sqrt))
        rules.append(animation(name, light))
    hidden = ",".join(f".f{number}" for number in range(len(shown)) if number != _STILL)
    return (
        f"{hidden}{{visibility:hidden}}{''.join(frames)}"
        f"@media (prefers-reduced-motion:no-preference){{{''.join(rules)}}}"
    )


def defs(shown: list[Scene]) -> str:
    """Each light of the day once, as the terminal draws it."""
    lights = dict.fromkeys([OFF, *(scene.light for scene in shown)])
    return "".join(f'<g id="{_ident(light)}">{_pixels(light)}</g>\n' for light in lights)


def picture(shown: list[Scene], x: float, y: float, width: float, height: float) -> str:
    """The window of `busylight demo`."""
    left = x + (width - WIDTH * _PIXEL) / 2
    parts = [_window(x, y, width, height, "busylight demo")]
    place = (
        f'transform="translate({left:g} {y + _TOP:g}) scale({_PIXEL:g}) translate(0 .5)" '
        'shape-rendering="crispEdges"'
    )
    parts.append(f'<g {place}><use href="#{_ident(OFF)}"/>\n')
    for number, scene in enumerate(shown):
        moving = f' class="{_name(scene.light)}"' if scene.light.period else ""
        if not scene.light.is_dark:
            lamp = f'<g{moving}><use href="#{_ident(scene.light)}"/></g>'
            parts.append(f'<g class="f{number}">{lamp}</g>\n')
    parts.append("</g>\n")
    below = y + _TOP + len(_points(OFF)) * _PIXEL + 30
    for number, scene in enumerate(shown):
        lines = "".join(
            _text(x + width / 2, below + place * _LINE, text, "c b" if place == 0 else "c")
            for place, text in enumerate(_beside(scene))
        )
        parts.append(f'<g class="f{number}">{lines}</g>\n')
    return "".join(parts)


def log(shown: list[Scene], x: float, y: float, width: float, height: float) -> str:
    """The window of `busylight demo --plain`."""
    lines = "".join(
        f'<g class="p{number}">'
        + _text(
            x + 18,
            y + _TOP + 8 + number * _LINE,
            plain_line(scene.step.time, scene.words, scene.rule.light),
        )
        + "</g>\n"
        for number, scene in enumerate(shown)
    )
    return _window(x, y, width, height, "busylight demo --plain") + lines


def _beside(scene: Scene) -> tuple[str, ...]:
    wire = "".join(f"{channel:02x}" for channel in shown_rgb(scene.light))
    return (
        f"{scene.step.time}  {scene.words}",
        light_words(scene.rule.light),
        f"on the wire: {wire}    Ctrl-C ends it",
    )


def _window(x: float, y: float, width: float, height: float, command: str) -> str:
    dots = "".join(
        f'<circle cx="{x + 18 + 16 * place:g}" cy="{y + 17:g}" r="5" fill="{color}"/>'
        for place, color in enumerate(("#ff5f57", "#febc2e", "#28c840"))
    )
    return (
        f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="10" fill="#000" '
        'stroke="#30363d"/>\n'
        f'<path d="M{x:g},{y + 34:g} v-24 a10,10 0 0 1 10,-10 h{width - 20:g} '
        f'a10,10 0 0 1 10,10 v24 z" fill="#21262d"/>{dots}\n'
        f'<text x="{x + 18:g}" y="{y + 54:g}"><tspan class="g">$</tspan> {escape(command)}</text>\n'
    )


def _text(x: float, y: float, text: str, kind: str = "") -> str:
    styled = f' class="{kind}"' if kind else ""
    return f'<text x="{x:g}" y="{y:g}"{styled}>{escape(text)}</text>'


def _moving(shown: list[Scene]) -> dict[str, LightState]:
    return {_name(scene.light): scene.light for scene in shown if scene.light.period}


def _name(light: LightState) -> str:
    return f"t-{light.effect}-{light.period or 0:g}".replace(".", "-")


def _ident(light: LightState) -> str:
    return f"l{light.hex[1:]}-{light.brightness}"


def _pixels(light: LightState) -> str:
    """The lamp as lines one pixel high: stretches of one colour, all of a colour together."""
    strokes: dict[Rgb, list[str]] = defaultdict(list)
    unlit = _points(OFF)
    for row, points in enumerate(_points(light)):
        begin = 0
        for column in range(1, len(points) + 1):
            if column < len(points) and points[column] == points[begin]:
                continue
            if light is OFF or points[begin:column] != unlit[row][begin:column]:
                strokes[points[begin]].append(f"M{begin} {row}h{column - begin}")
            begin = column
    return "".join(
        f'<path stroke="#{red:02x}{green:02x}{blue:02x}" d="{"".join(places)}"/>'
        for (red, green, blue), places in sorted(strokes.items())
    )


@cache
def _points(light: LightState) -> list[list[Rgb]]:
    """The lamp at its brightest, point by point; its effect is done by `style`."""
    lines = draw(replace(light, effect=Effect.SOLID), 0, (), Depth.TRUE)
    return [row for line in lines if line for row in _rows_of(line)]


def _rows_of(line: str) -> tuple[list[Rgb], list[Rgb]]:
    """The two rows of points that a line of half blocks stands for."""
    upper: list[Rgb] = []
    lower: list[Rgb] = []
    colors: dict[int, Rgb] = {}
    for found in _ESCAPE_OR_CELL.finditer(line):
        if found[1] is None:
            upper.append(colors[_FOREGROUND])
            lower.append(colors[_BACKGROUND])
        else:
            colors |= _colors_of(found[1])
    if len(upper) != WIDTH:
        raise ValueError("the terminal's lamp is drawn in another way now: teach it to this script")
    return upper, lower


def _colors_of(code: str) -> Iterator[tuple[int, Rgb]]:
    """The colours that an escape sequence sets: `38;2;R;G;B` and `48;2;R;G;B`, or none."""
    numbers = [int(number) for number in code.split(";") if number]
    for place in range(0, len(numbers) - 4, 5):
        red, green, blue = numbers[place + 2 : place + 5]
        yield numbers[place], (red, green, blue)
