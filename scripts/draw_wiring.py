"""Draws docs/pictures/wiring-*.svg from scripts/wiring.py.

    python -m scripts.draw_wiring

tests/unit/test_docs.py fails while a picture is not what this draws.
"""

from html import escape
from pathlib import Path
from typing import Final

from scripts.wiring import BUILDS, Build, Joint, Use

ROOT: Final = Path(__file__).resolve().parent.parent

_WIDTH, _HEIGHT = 880, 400
_FONT: Final = "system-ui,-apple-system,'Segoe UI',Roboto,'DejaVu Sans',sans-serif"
_COLORS: Final = {
    Use.POWER: "#d3232f",
    Use.GROUND: "#20242b",
    Use.DATA: "#1a8f3c",
    Use.BUTTON: "#1f66c9",
}
_RED, _AMBER, _GREEN, _VIOLET = "#ff5a4f", "#ffb02e", "#43c463", "#9a6bff"
_PIXELS: Final = (_RED, _RED, _AMBER, _AMBER, _GREEN, _GREEN, _VIOLET, _VIOLET)

# The board lies with its USB jack to the left.
_LEFT, _RIGHT = 92, 452
_TOP, _BOTTOM = 138, 286
_STRIP, _STRIP_END = 708, 846
# From the board outward: what is nearer to the board has the nearer lane, so that nothing crosses.
_LANES: Final = {Use.POWER: 76, Use.GROUND: 100, Use.DATA: 76}
_DROPS: Final = {Use.POWER: 590, Use.GROUND: 548, Use.DATA: 548}
_ROWS: Final = {Use.POWER: 152, Use.GROUND: 212, Use.DATA: 272}
_CAPACITOR: Final = 634
_RESISTOR: Final = 628
_LABELS: Final = {Use.POWER: "5V", Use.GROUND: "GND", Use.DATA: "DIN"}


def picture(build: Build) -> str:
    """One drawing."""
    power = build.joint(Use.POWER)
    upside_down = power is not None and power.edge == "bottom"
    told = "; ".join(_told(build, joint) for joint in build.joints)
    return f"""\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{_WIDTH}" \
height="{_HEIGHT}" role="img" aria-labelledby="title description">
<!-- Drawn by scripts/draw_wiring.py from scripts/wiring.py. -->
<title id="title">{escape(build.title)}</title>
<desc id="description">{escape(told)}. A capacitor of 470 microfarads between 5 V and ground.</desc>
<style>text{{font-family:{_FONT};fill:#20242b}}.t{{font-size:16px;font-weight:600}}\
.l{{font-size:12.5px}}.m{{text-anchor:middle}}.e{{text-anchor:end}}.g{{fill:#5b6472}}\
.p{{font-size:10px;fill:#fff;opacity:.55}}.u{{font-size:11.5px;font-weight:700;fill:#fff;opacity:1}}\
.w{{fill:none;stroke-width:3.5;stroke-linejoin:round;stroke-linecap:round}}</style>
<rect width="{_WIDTH}" height="{_HEIGHT}" rx="14" fill="#f4f5f7"/>
<rect x=".75" y=".75" width="{_WIDTH - 1.5}" height="{_HEIGHT - 1.5}" rx="13.5" fill="none" \
stroke="#d5d9df" stroke-width="1.5"/>
{_words(26, 34, "t", build.title)}{_board(build)}{_strip(build, upside_down=upside_down)}\
{_wires(build, upside_down=upside_down)}</svg>
"""


def _told(build: Build, joint: Joint) -> str:
    pin = _printed(build, joint.use)
    if joint.use is Use.BUTTON:
        return f"{pin} to one leg of the button, whose other leg goes to ground"
    through = " through 330 ohms" if joint.use is Use.DATA else ""
    return f"{pin} to {_LABELS[joint.use]}{through}"


def _board(build: Build) -> str:
    middle = (_TOP + _BOTTOM) / 2
    parts = [
        _box(_LEFT, _TOP, _RIGHT - _LEFT, _BOTTOM - _TOP, build.color, 9),
        _box(_LEFT - 26, middle - 24, 31, 48, "#c3c8d0", 4, stroke="#8b93a0"),
        _line(_LEFT - 26, middle, 26, middle, "#5b6472", 7),
        _words(26, middle - 14, "l g", "USB"),
        (
            f'<text x="{(_LEFT + _RIGHT) / 2:g}" y="{middle + 5:g}" class="m" '
            f'style="font-size:15px;font-weight:600;fill:#fff">{escape(build.board)}</text>\n'
        ),
    ]
    used = {(joint.edge, joint.place) for joint in build.joints}
    for edge, names in (("top", build.top), ("bottom", build.bottom)):
        for place, name in enumerate(names):
            parts.append(_pin(build, edge, place, name, is_used=(edge, place) in used))
    return "".join(parts)


def _pin(build: Build, edge: str, place: int, name: str, *, is_used: bool) -> str:
    x, y = _at(build, edge, place)
    inside = 13 if edge == "top" else -13
    anchor = "end" if edge == "top" else "start"
    style = "p u" if is_used else "p"
    hole = "#ffd667" if is_used else "#b79b4a"
    return (
        f'<circle cx="{x:g}" cy="{y:g}" r="{5 if is_used else 4}" fill="{hole}"/>\n'
        f'<text transform="translate({x + 4:g} {y + inside:g}) rotate(-90)" '
        f'text-anchor="{anchor}" class="{style}">{escape(name)}</text>\n'
    )


def _at(build: Build, edge: str, place: int) -> tuple[float, float]:
    count = len(build.top if edge == "top" else build.bottom)
    pitch = (_RIGHT - _LEFT - 32) / (count - 1)
    return _LEFT + 16 + pitch * place, _TOP + 9 if edge == "top" else _BOTTOM - 9


def _strip(build: Build, *, upside_down: bool) -> str:
    top, bottom = 92, 332
    parts = [_box(_STRIP, top, _STRIP_END - _STRIP, bottom - top, "#2a2e36", 8)]
    height = (bottom - top - 24) / build.pixels
    for place in range(build.pixels):
        y = top + 12 + height * place
        parts += [
            _box(_STRIP_END - 56, y + 2, 34, height - 4, "#eef0f3", 3),
            (
                f'<circle cx="{_STRIP_END - 39}" cy="{y + height / 2:g}" r="8" '
                f'fill="{_PIXELS[place % len(_PIXELS)]}"/>\n'
            ),
        ]
    for use, label in _LABELS.items():
        y = _flipped(_ROWS[use], upside_down)
        parts += [
            f'<circle cx="{_STRIP + 10}" cy="{y:g}" r="5" fill="#ffd667"/>\n',
            f'<text x="{_STRIP + 21}" y="{y + 4:g}" class="u">{label}</text>\n',
        ]
    parts.append(_words((_STRIP + _STRIP_END) / 2, bottom + 20, "l m", build.strip))
    parts.append(
        _words((_STRIP + _STRIP_END) / 2, bottom + 37, "l m g", "arrows lead away from here")
    )
    return "".join(parts)


def _flipped(y: float, upside_down: bool) -> float:  # noqa: FBT001 -- of one drawing
    return _TOP + _BOTTOM - y if upside_down else y


def _wires(build: Build, *, upside_down: bool) -> str:
    rows = {use: _flipped(y, upside_down) for use, y in _ROWS.items()}
    parts = [_wire(build, use, rows[use]) for use in (Use.POWER, Use.GROUND, Use.DATA)]
    parts += [_capacitor(rows), _resistor(rows[Use.DATA])]
    if (joint := build.joint(Use.BUTTON)) is not None:
        parts.append(_button(build, joint))
    return "".join(parts)


def _wire(build: Build, use: Use, row: float) -> str:
    joint = build.joint(use)
    assert joint is not None, use  # noqa: S101 -- of the data
    x, y = _at(build, joint.edge, joint.place)
    lane: float = _LANES[use]
    if joint.edge == "bottom":
        lane = _TOP + _BOTTOM - lane
    drop, color = _DROPS[use], _COLORS[use]
    path = f"M{x:g} {y:g}V{lane:g}H{drop}V{row:g}H{_STRIP + 10}"
    outside = -7 if joint.edge == "top" else 16
    words = _words(
        (x + drop) / 2, lane + outside, "l m", f"{_printed(build, use)} to {_LABELS[use]}"
    )
    return f'<path d="{path}" class="w" stroke="{color}"/>\n{words}'


def _printed(build: Build, use: Use) -> str:
    """How a pin is spoken of: a bare number needs a word before it."""
    name = build.pin(use)
    return f"pin {name}" if name.isdigit() else name


def _capacitor(rows: dict[Use, float]) -> str:
    plus, minus = rows[Use.POWER], rows[Use.GROUND]
    middle = (plus + minus) / 2
    sign = 1 if minus > plus else -1
    x = _CAPACITOR
    return "".join(
        [
            _line(x, plus, x, middle - 5 * sign, _COLORS[Use.POWER], 2.5),
            _line(x, minus, x, middle + 5 * sign, _COLORS[Use.GROUND], 2.5),
            _line(x - 15, middle - 5 * sign, x + 15, middle - 5 * sign, "#20242b", 4),
            _line(x - 15, middle + 5 * sign, x + 15, middle + 5 * sign, "#20242b", 4),
            _dot(x, plus, _COLORS[Use.POWER]),
            _dot(x, minus, _COLORS[Use.GROUND]),
            _words(x - 22, middle - 5 * sign - (2 if sign > 0 else -10), "l e", "+"),
            _words(x + 21, middle + 4, "l", "470 µF"),
        ]
    )


def _resistor(y: float) -> str:
    return _box(_RESISTOR - 26, y - 8, 52, 16, "#ead9b5", 3, stroke="#8a7340") + _words(
        _RESISTOR, y + 25, "l m", "330 Ω"
    )


def _button(build: Build, joint: Joint) -> str:
    """From its pin to the button, and on to the ground, all below the ground's lane."""
    x, y = _at(build, joint.edge, joint.place)
    lane, left, right = 122, 476, 516
    color, ground = _COLORS[Use.BUTTON], _COLORS[Use.GROUND]
    return "".join(
        [
            f'<path d="M{x:g} {y:g}V{lane}H{left}" class="w" stroke="{color}"/>\n',
            f'<path d="M{right} {lane}H{_DROPS[Use.GROUND]}" class="w" stroke="{ground}"/>\n',
            _dot(_DROPS[Use.GROUND], lane, ground),
            _box(left - 4, lane - 13, right - left + 8, 26, "#dfe3e9", 5, stroke="#8b93a0"),
            f'<circle cx="{(left + right) / 2:g}" cy="{lane}" r="8.5" fill="#4a5160"/>\n',
            _words((left + right) / 2, lane + 32, "l m", "button"),
            _words((x + left) / 2, lane - 6, "l m", f"{_printed(build, Use.BUTTON)} to the button"),
        ]
    )


def _words(x: float, y: float, style: str, text: str) -> str:
    return f'<text x="{x:g}" y="{y:g}" class="{style}">{escape(text)}</text>\n'


def _line(x1: float, y1: float, x2: float, y2: float, color: str, width: float) -> str:
    return (
        f'<path d="M{x1:g} {y1:g}L{x2:g} {y2:g}" stroke="{color}" stroke-width="{width:g}" '
        'stroke-linecap="round"/>\n'
    )


def _dot(x: float, y: float, color: str) -> str:
    return f'<circle cx="{x:g}" cy="{y:g}" r="5" fill="{color}"/>\n'


def _box(
    x: float, y: float, width: float, height: float, fill: str, round_: float, stroke: str = "none"
) -> str:
    return (
        f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="{round_:g}" '
        f'fill="{fill}" stroke="{stroke}" stroke-width="1.5"/>\n'
    )


def files() -> dict[str, str]:
    """What each picture should have in it, by its path from the root."""
    return {f"docs/pictures/{build.file}": picture(build) for build in BUILDS}


if __name__ == "__main__":
    for path, content in files().items():
        (ROOT / path).write_text(content, "utf-8")
        print(path)
