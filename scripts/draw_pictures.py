"""Draws docs/pictures/*.svg from the default palette and the demo's day.

    python -m scripts.draw_pictures

tests/unit/test_docs.py fails while a picture is not what this draws.
"""

from html import escape
from pathlib import Path
from typing import Final

from scripts import demo_terminal, lamp
from scripts.states import STATES, State, colour_in_words, effect_in_words, light_in_words

ROOT: Final = Path(__file__).resolve().parent.parent

_WIDTH: Final = 880
_MARGIN: Final = 14
_ROW: Final = 216
_LAST_ROW: Final = 146
_RHYTHM: Final = 10
_COLUMNS: Final = 5
_ROWS: Final = 2
_FONT: Final = "system-ui,-apple-system,'Segoe UI',Roboto,'DejaVu Sans',sans-serif"
_MONOSPACE: Final = "ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace"


def states_picture() -> str:
    """The light in each of its states."""
    lights = [state.light for state in STATES]
    height = 2 * _MARGIN + _ROWS * _ROW + _LAST_ROW
    inner = _WIDTH - 2 * _MARGIN
    standing, lying = STATES[: _COLUMNS * _ROWS], STATES[_COLUMNS * _ROWS :]
    boxes, lamps = [], []
    for place, state in enumerate(standing):
        width = inner / _COLUMNS
        x = _MARGIN + width * (place % _COLUMNS)
        y = _MARGIN + _ROW * (place // _COLUMNS)
        boxes.append(_box(x, y, width, _ROW))
        lamps.append(_standing(state, x + width / 2, y))
    for place, state in enumerate(lying):
        width = inner / len(lying)
        x, y = _MARGIN + width * place, _MARGIN + _ROW * _ROWS
        boxes.append(_box(x, y, width, _LAST_ROW))
        lamps.append(_lying(state, x, y))
    told = "; ".join(f"{state.title}: {light_in_words(state.light)}" for state in STATES)
    return _svg(
        height,
        _head(
            title="What the light shows",
            description=f"{told}.",
            style=f"{_TEXT_STYLE}{lamp.style(lights)}",
            defs=lamp.defs(lights),
        ),
        # All boxes first: a lamp shines beyond its own.
        f'<rect width="{_WIDTH}" height="{height}" rx="14" fill="#14171c"/>\n'
        + "".join([*boxes, *lamps]),
    )


def demo_picture() -> str:
    """The demo in a terminal, both ways."""
    shown = demo_terminal.scenes()
    left, gap, height = 424, 12, 364
    return _svg(
        height,
        _head(
            title="busylight demo in a terminal",
            description="On the left a lamp drawn in characters plays a working day; on the "
            "right the same day as plain lines, one a change.",
            style=f"text{{font-family:{_MONOSPACE};font-size:12px;fill:#d5dbe3;white-space:pre}}"
            ".g{fill:#3fb950}.c{text-anchor:middle}.b{font-weight:bold}"
            + demo_terminal.style(shown),
            defs=demo_terminal.defs(shown),
        ),
        demo_terminal.picture(shown, 1, 1, left - 2, height - 2)
        + demo_terminal.log(shown, left + gap, 1, _WIDTH - left - gap - 1, height - 2),
    )


def _standing(state: State, middle: float, y: float) -> str:
    """A lamp with its words below."""
    return (
        lamp.lamp(state.light, middle, y + 102)
        + _text(middle, y + 138, "t", state.title)
        + _text(middle, y + 156, "s", colour_in_words(state.light))
        + _text(middle, y + 172, "s", effect_in_words(state.light))
        + lamp.rhythm(state.light, middle - 45, y + 186, 90, _RHYTHM)
    )


def _lying(state: State, x: float, y: float) -> str:
    """A lamp with its words beside it, and what they mean."""
    beside = x + 106
    meaning = "".join(
        _text(beside, y + 88 + 15 * line, "m l", text)
        for line, text in enumerate(_wrapped(state.meaning, 26))
    )
    return (
        lamp.lamp(state.light, x + 56, y + 96, 0.86)
        + _text(beside, y + 38, "t l", state.title)
        + _text(beside, y + 55, "s l", colour_in_words(state.light))
        + _text(beside, y + 70, "s l", effect_in_words(state.light))
        + meaning
        + lamp.rhythm(state.light, beside, y + 114, 120, _RHYTHM)
    )


def _wrapped(text: str, width: int) -> list[str]:
    lines = [""]
    for word in text.split():
        if lines[-1] and len(lines[-1]) + len(word) >= width:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return lines


def _box(x: float, y: float, width: float, height: float) -> str:
    return (
        f'<rect x="{x + 4:g}" y="{y + 4:g}" width="{width - 8:g}" height="{height - 8:g}" '
        'rx="10" fill="#1b1f26"/>\n'
    )


def _text(x: float, y: float, style: str, text: str) -> str:
    if not text:
        return ""
    return f'<text x="{x:g}" y="{y:g}" class="{style}">{escape(text)}</text>\n'


_TEXT_STYLE: Final = (
    f"text{{font-family:{_FONT};text-anchor:middle}}.l{{text-anchor:start}}"
    ".t{font-size:15px;font-weight:600;fill:#f2f4f7}.s{font-size:11.5px;fill:#a3acb9}"
    ".m{font-size:11.5px;fill:#8b94a2}"
    ".r{fill:none;stroke-width:1.5;stroke-linejoin:round;opacity:.75}"
)


def _head(title: str, description: str, style: str, defs: str) -> str:
    return f"""\
<title id="title">{escape(title)}</title>
<desc id="description">{escape(description)}</desc>
<style>{style}</style>
<defs>
{defs}</defs>
"""


def _svg(height: int, head: str, content: str) -> str:
    return f"""\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}" \
height="{height}" role="img" aria-labelledby="title description">
<!-- Drawn by scripts/draw_pictures.py from the code. -->
{head}{content}</svg>
"""


def files() -> dict[str, str]:
    """What each picture should have in it, by its path from the root."""
    return {
        "docs/pictures/states.svg": states_picture(),
        "docs/pictures/demo.svg": demo_picture(),
    }


if __name__ == "__main__":
    for path, content in files().items():
        (ROOT / path).write_text(content, "utf-8")
        print(path)
