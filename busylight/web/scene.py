"""A view put into what the page's templates show."""

from collections.abc import Iterator
from datetime import datetime
from functools import lru_cache
from typing import Any, Final

import segno

from busylight.core.knowledge import Known, SignInPrompt
from busylight.core.light import LightState
from busylight.core.override import Mode
from busylight.core.view import PartState, View
from busylight.edge import clock
from busylight.edge.clock import WallClock
from busylight.web.day import LENGTH, Stretch
from busylight.web.output import PAGE, Page
from busylight.web.words import (
    level_of,
    light_in_words,
    mode_in_words,
    presence_in_words,
    problems_of,
    title_of,
)

SECTIONS: Final = ("light", "sign_in", "problems", "mode", "day", "outputs", "about")
"""The pieces of the page that change, each a template of its own."""
MODES: Final = tuple(
    (mode.value, mode_in_words(mode))
    for mode in (Mode.DO_NOT_DISTURB, Mode.BUSY, Mode.AVAILABLE, Mode.AWAY, Mode.OFF)
)
TIMES: Final = (("25m", "25 minutes"), ("1h", "1 hour"), ("2h", "2 hours"), ("", "until I end it"))
_STATES: Final = {
    PartState.CONNECTING: "connecting",
    PartState.CONNECTED: "works",
    PartState.RELEASED: "works; the lamp is left to others",
    PartState.FAILED: "does not work",
}
_WIDTH: Final = 1440
"""Units of the strip of the day: minutes."""
_LISTED: Final = 100
"""Stretches of the day that are listed in words, the newest first."""


def scene_of(view: View, page: Page, wall_clock: WallClock) -> dict[str, Any]:
    """Everything that the sections show."""
    now, diagnostics = clock.now(), view.diagnostics
    presence = view.knowledge.presence if isinstance(view.knowledge, Known) else None
    stretches = list(page.day.stretches(now))
    return {
        "time": lambda moment: _time(wall_clock, moment),
        "light": _light(view.light),
        "title": title_of(view.state),
        "walk_ends_at": view.walk_ends_at,
        "is_known": presence is not None,
        "is_overridden": view.override is not None,
        "presence": presence_in_words(view.knowledge),
        "since": view.knowledge.since,
        "read_at": diagnostics.last_success,
        "user": None if presence is None else presence.user,
        "message": None if presence is None else presence.status_message,
        "out_of_office": presence is not None and presence.out_of_office,
        "mode": mode_in_words(view.mode),
        "mode_word": view.mode.value,
        "mode_ends_at": None if view.override is None else view.override.ends_at,
        "sign_in": view.sign_in,
        "code_picture": None if view.sign_in is None else qr_code(view.sign_in),
        "problems": list(problems_of(view)),
        "outputs": [
            {"name": name, "state": health.state.value, "words": _STATES[health.state]}
            for name, health in diagnostics.outputs.items()
            if name != PAGE
        ],
        "stretches": [_stretch(each, now) for each in stretches],
        "listed": [
            {"began": each.began, "ended": each.ended, "title": title_of(each.state)}
            for each in reversed(stretches[-_LISTED:])
        ],
        "width": _WIDTH,
        "source": diagnostics.source,
        "account": diagnostics.account,
        "version": diagnostics.version,
        "started_at": diagnostics.started_at,
    }


def _light(light: LightState | None) -> dict[str, Any]:
    is_dark = light is None or light.is_dark
    return {
        "color": None if light is None or is_dark else light.hex,
        "level": level_of(light),
        "effect": "solid" if light is None or is_dark else light.effect.value,
        "period": None if light is None else light.period,
        "words": light_in_words(light),
    }


def _stretch(stretch: Stretch, now: float) -> dict[str, Any]:
    began = (stretch.began - now + LENGTH) / LENGTH * _WIDTH
    width = (stretch.ended - stretch.began) / LENGTH * _WIDTH
    light = _light(stretch.light)
    return {
        "x": round(began, 1),
        "width": round(max(width, 0.5), 1),
        "color": light["color"],
        "level": light["level"],
        "title": title_of(stretch.state),
        "began": stretch.began,
    }


def _time(wall_clock: WallClock, moment: float) -> dict[str, str]:
    """A moment for people: in this machine's time until a browser puts it into its own."""
    local: datetime = wall_clock.utc(moment).astimezone()
    today = datetime.now().astimezone().date()
    return {
        "date": wall_clock.rfc3339(moment) or "",
        "words": f"{local:%H:%M}" if local.date() == today else f"{local:%a %H:%M}",
    }


@lru_cache(maxsize=4)
def _picture(text: str) -> Any:
    return segno.make(text, micro=False)


def qr_code(prompt: SignInPrompt) -> dict[str, Any]:
    """The address as a QR code: the dark modules, row by row, as a path."""
    matrix = _picture(prompt.url).matrix
    return {"size": len(matrix), "path": "".join(_modules(matrix))}


def _modules(matrix: Any) -> Iterator[str]:
    for y, row in enumerate(matrix):
        for x, is_dark in enumerate(row):
            if is_dark:
                yield f"M{x} {y}h1v1h-1z"
