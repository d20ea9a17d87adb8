"""Curves over time as an SVG, one below the other."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

_WIDTH: Final = 900
_LEFT: Final = 60
_HEIGHT: Final = 110
_GAP: Final = 42
_TOP: Final = 50
_COLORS: Final = ("#2f6fb3", "#c4772f")
_STYLE: Final = (
    "text{font:12px sans-serif;fill:#24292f}.head{font-size:15px;font-weight:bold}"
    ".frame{fill:none;stroke:#d0d7de}polyline{fill:none;stroke-width:1.5}"
)


@dataclass(frozen=True, slots=True)
class Curve:
    """One picture: a title, and a line or more."""

    title: str
    lines: dict[str, Sequence[float]]


def curves(head: str, minutes: Sequence[float], pictures: Sequence[Curve]) -> str:
    """All pictures over the same minutes."""
    height = _TOP + len(pictures) * (_HEIGHT + _GAP)
    parts = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{height}" '
            f'viewBox="0 0 {_WIDTH} {height}" role="img">'
        ),
        f"<style>{_STYLE}</style>",
        f'<rect width="{_WIDTH}" height="{height}" fill="#fff"/>',
        f'<text class="head" x="16" y="24">{escape(head)}</text>',
    ]
    for index, picture in enumerate(pictures):
        parts += _panel(picture, minutes, _TOP + index * (_HEIGHT + _GAP))
    return "\n".join([*parts, "</svg>"]) + "\n"


def _panel(picture: Curve, minutes: Sequence[float], top: float) -> list[str]:
    most = 1.1 * max((max(line) for line in picture.lines.values()), default=1.0) or 1.0
    right = _WIDTH - 20
    last = max(minutes) or 1.0

    def point(minute: float, value: float) -> str:
        x = _LEFT + minute / last * (right - _LEFT)
        return f"{x:.1f},{top + _HEIGHT - value / most * _HEIGHT:.1f}"

    parts = [
        f'<text x="{_LEFT}" y="{top - 6:.0f}">{escape(picture.title)}</text>',
        f'<rect class="frame" x="{_LEFT}" y="{top}" width="{right - _LEFT}" height="{_HEIGHT}"/>',
        f'<text x="{_LEFT - 6}" y="{top + 10:.0f}" text-anchor="end">{most:.3g}</text>',
        f'<text x="{_LEFT - 6}" y="{top + _HEIGHT:.0f}" text-anchor="end">0</text>',
        f'<text x="{right}" y="{top + _HEIGHT + 14:.0f}" text-anchor="end">{last:.0f} min</text>',
    ]
    for color, line in zip(_COLORS, picture.lines.values(), strict=False):
        points = " ".join(point(at, value) for at, value in zip(minutes, line, strict=True))
        parts.append(f'<polyline stroke="{color}" points="{points}"/>')
    return parts
