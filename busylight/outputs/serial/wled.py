"""WLED's JSON API as it is spoken on a serial line: what is asked for, and what it answers. Pure.

https://kno.wled.ge/interfaces/json-api/ and https://kno.wled.ge/interfaces/serial/; the numbers of
effects and what their speed means are those of WLED's `FX.cpp`.
"""

import json
from dataclasses import dataclass
from typing import Any, ClassVar, Final

from busylight.core.light import FULL, OFF, Effect, LightState

_SOLID: Final = 0
_BLINK: Final = 1
_BREATHE: Final = 2
_FADE: Final = 12
"""From the colour to black and back: the nearest that WLED has to a pulse."""
_FRAME_MS: Final = 1000 // 42
_HALF: Final = 128
_BLACK: Final = (0, 0, 0)

_LONGEST_ANSWER: Final = 32 * 1024


@dataclass(frozen=True, slots=True)
class Wled:
    """A light that runs WLED; it moves by itself."""

    moves: ClassVar[bool] = True

    def render(self, light: LightState, state: str, *, lit: bool = True) -> bytes:  # noqa: ARG002 -- a Wording's
        """One line of JSON; `v` asks for an answer."""
        wish = wish_of(light if lit else OFF)
        return json.dumps({**wish, "v": True}, separators=(",", ":")).encode() + b"\n"


def wish_of(light: LightState) -> dict[str, Any]:
    """The state that WLED shall have, at once and of all its selected segments."""
    if light.is_dark:
        return {"on": False, "tt": 0}
    segment = {
        "on": True,
        "bri": FULL,
        "frz": False,
        "col": [light.rgb, _BLACK, _BLACK],
        "fx": _effect(light.effect),
        "sx": _speed(light),
        "ix": _HALF,
        "pal": 0,
    }
    return {
        "on": True,
        "bri": light.brightness,
        "tt": 0,
        "nl": {"on": False},
        "seg": segment,
    }


def _effect(effect: Effect) -> int:
    return {Effect.BLINK: _BLINK, Effect.BREATHE: _BREATHE, Effect.PULSE: _FADE}.get(effect, _SOLID)


def _speed(light: LightState) -> int:
    """The speed at which a round takes the light's period, as near as WLED comes to it."""
    if light.period is None:
        return _HALF
    period = light.period * 1000
    if light.effect is Effect.BLINK:  # (255 - speed) * 20 ms, and two frames
        speed = FULL - (period - 2 * _FRAME_MS) / 20
    else:  # 65536 ms / (speed / 8 + 10): from 1.6 s to 6.6 s
        speed = (65_536 / period - 10) * 8
    return min(max(round(speed), 0), FULL)


def difference(frame: bytes, state: dict[str, Any]) -> str | None:
    """What WLED shows in place of what `frame` asked for; None if it shows just that."""
    wish = json.loads(frame)
    if state.get("on") is not wish["on"]:
        return "that it is on" if state.get("on") else "that it is off"
    if not wish["on"]:
        return None
    if state.get("bri") != wish["bri"]:
        return f"brightness {state.get('bri')}"
    segments = state.get("seg")
    chosen = [
        segment
        for segment in (segments if isinstance(segments, list) else [])
        if isinstance(segment, dict) and segment.get("sel")
    ]
    if not chosen:
        return "that none of its segments is selected, so that none can be told anything"
    for segment in chosen:
        colors = segment.get("col")
        color = colors[0] if isinstance(colors, list) and colors else None
        # A light with white LEDs has a fourth number.
        if not isinstance(color, list) or color[:3] != wish["seg"]["col"][0]:
            return f"the colour {color}"
        if segment.get("fx") != wish["seg"]["fx"]:
            return f"effect {segment.get('fx')}"
    return None


class Answers:
    """Finds WLED's answers in what comes, in pieces of any length."""

    def __init__(self) -> None:
        self._torn = bytearray()

    def feed(self, content: bytes) -> list[dict[str, Any]]:
        """The states that are told in the lines that are complete with these bytes."""
        *lines, rest = (bytes(self._torn) + content).split(b"\n")
        self._torn = bytearray(rest[-_LONGEST_ANSWER:])
        return [state for line in lines if (state := _state(line)) is not None]


def _state(line: bytes) -> dict[str, Any] | None:
    begin = line.find(b"{")  # a board that starts says other things before
    if begin < 0:
        return None
    try:
        answer: Any = json.loads(line[begin:])
    except (ValueError, RecursionError):
        return None
    state = answer.get("state") if isinstance(answer, dict) else None
    return state if isinstance(state, dict) else None
