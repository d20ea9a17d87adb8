"""The table as a picture: for each figure the share of its goal that is used up."""

from html import escape
from statistics import median
from typing import Any, Final

_WIDTH: Final = 900
_LEFT: Final = 430
_RIGHT: Final = 150
_LINE: Final = 26
_TOP: Final = 54
_MOST: Final = 1.6
"""Of the goal, at the right edge; what is more is cut off there."""
_STYLE: Final = (
    "text{font:13px sans-serif;fill:#24292f}.bar{fill:#4c9a52}.missed{fill:#c4472f}"
    ".spread{stroke:#24292f;stroke-width:1.5}.goal{stroke:#24292f;stroke-dasharray:4 3}"
    ".number{font-size:12px}.head{font-size:15px;font-weight:bold}"
)


def bars(document: dict[str, Any]) -> str:
    """An SVG with a bar for each figure that has a floor, the median of all runs."""
    figures = [figure for figure in _gathered(document["runs"]) if figure["goal"] > 0]
    height = _TOP + _LINE * len(figures) + 30
    machine = document["machine"]
    head = f"Share of the goal that is used, {document['date']}, {machine['cpu']}"
    lines = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{height}" '
            f'viewBox="0 0 {_WIDTH} {height}" role="img">'
        ),
        f"<style>{_STYLE}</style>",
        f'<rect width="{_WIDTH}" height="{height}" fill="#fff"/>',
        f'<text class="head" x="16" y="26">{escape(head)}</text>',
    ]
    for index, figure in enumerate(figures):
        lines += _bar(figure, _TOP + index * _LINE)
    goal = _x(1.0)
    bottom = _TOP + _LINE * len(figures)
    lines += [
        f'<line class="goal" x1="{goal:.0f}" y1="{_TOP - 8}" x2="{goal:.0f}" y2="{bottom}"/>',
        f'<text class="number" x="{goal:.0f}" y="{bottom + 18}" text-anchor="middle">goal</text>',
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def _gathered(runs: list[list[dict[str, Any]]]) -> list[dict[str, Any]]:
    """Each figure once: the median of the runs, and the widest spread."""
    gathered = []
    for figures in zip(*runs, strict=True):
        low = min(figure["spread"][0] for figure in figures)
        high = max(figure["spread"][1] for figure in figures)
        value = median(figure["value"] for figure in figures)
        gathered.append({**figures[0], "value": value, "spread": [low, high]})
    return gathered


def _bar(figure: dict[str, Any], top: float) -> list[str]:
    goal = figure["goal"]
    share = figure["value"] / goal
    low, high = (_x(each / goal) for each in figure["spread"])
    kind = "bar" if share <= 1 else "missed"
    middle = top + _LINE / 2
    number = f"{figure['value']:.2f}" + (" x" if figure["floor"] else f" {figure['unit']}")
    return [
        (
            f'<text x="{_LEFT - 10}" y="{middle + 4:.0f}" text-anchor="end">'
            f"{escape(figure['figure'])}</text>"
        ),
        (
            f'<rect class="{kind}" x="{_LEFT}" y="{top + 4:.0f}" '
            f'width="{max(_x(share) - _LEFT, 1):.0f}" height="{_LINE - 8}"/>'
        ),
        (
            f'<line class="spread" x1="{low:.0f}" y1="{middle:.0f}" x2="{high:.0f}" '
            f'y2="{middle:.0f}"/>'
        ),
        (
            f'<text class="number" x="{_WIDTH - _RIGHT + 12}" y="{middle + 4:.0f}">'
            f"{escape(number)} of {goal:g}</text>"
        ),
    ]


def _x(share: float) -> float:
    return _LEFT + min(share, _MOST) / _MOST * (_WIDTH - _RIGHT - _LEFT)
