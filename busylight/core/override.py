"""What people ask the light to show in place of the presence.

Commands come from MQTT, Home Assistant, `busylight set` or a button on the light; they all end
here, as one frozen value. The last one wins.
"""

import re
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from busylight.core.light import FULL, OFF, Effect, LightState

LONGEST: Final = 86_400
"""Seconds that an override with a time may last: a day."""


class Mode(StrEnum):
    """What decides about the light. The words stand on MQTT and on the command line."""

    AUTO = "auto"
    AVAILABLE = "available"
    BUSY = "busy"
    DO_NOT_DISTURB = "do_not_disturb"
    AWAY = "away"
    OFF = "off"
    MANUAL = "manual"


MODE_RULES: Final = {
    Mode.AVAILABLE: "AVAILABLE",
    Mode.BUSY: "BUSY",
    Mode.DO_NOT_DISTURB: "DONOTDISTURB",
    Mode.AWAY: "AWAY",
}
"""The palette's rule that each of these modes shows."""


@dataclass(frozen=True, slots=True)
class Override:
    """What was asked for, until when."""

    mode: Mode
    """Never `AUTO`: without an override there is no `Override`."""
    light: LightState | None = None
    """With `MANUAL`: the light that was set by hand. With `OFF`: the one that "on" brings back."""
    ends_at: float | None = None
    """On the clock that counts through suspend; None: until something else is asked for."""


@dataclass(frozen=True, slots=True)
class SetMode:
    """A command: this mode, perhaps for a time."""

    mode: Mode
    seconds: int | None = None


@dataclass(frozen=True, slots=True)
class SetLight:
    """A command: this light, in as many of its parts as were named."""

    on: bool | None = None
    rgb: tuple[int, int, int] | None = None
    brightness: int | None = None
    effect: Effect | None = None


@dataclass(frozen=True, slots=True)
class Refresh:
    """A command: read the presence now."""


class Press(StrEnum):
    """What was done with a light's button. The words stand on MQTT."""

    PRESS = "press"
    DOUBLE = "double_press"
    LONG = "long_press"


@dataclass(frozen=True, slots=True)
class Pressed:
    """A command: whatever this press stands for."""

    press: Press


@dataclass(frozen=True, slots=True)
class Walk:
    """A command: show each state of the palette in turn on every output, or stop doing so."""

    on: bool = True


Command = SetMode | SetLight | Refresh | Pressed | Walk


_DURATION: Final = re.compile(r"(?:([0-9]{1,2})h)?(?:([0-9]{1,4})m)?(?:([0-9]{1,5})s?)?")


def parse_duration(text: str) -> int:
    """Seconds of `90`, `90s`, `25m`, `1h30m`; raises ValueError."""
    found = _DURATION.fullmatch(text.strip().lower())
    hours, minutes, rest = (int(part or 0) for part in found.groups()) if found else (0, 0, 0)
    total = 3600 * hours + 60 * minutes + rest
    if not 1 <= total <= LONGEST:
        raise ValueError(f"{text!r} is not a time like 25m, 90s or 1h30m, up to 24h")
    return total


def override_after(
    command: SetMode | SetLight,
    shown: LightState | None,
    last_lit: LightState | None,
    now: float,
) -> Override | None:
    """The override that a command leads to; None is `auto`.

    `shown` is what the light shows now (None: released), `last_lit` the last light that was
    not dark: a bare "on" after an "off" brings it back.
    """
    if isinstance(command, SetMode):
        if command.mode is Mode.AUTO:
            return None
        ends_at = None if command.seconds is None else now + command.seconds
        light = None
        if command.mode is Mode.MANUAL:
            light = shown or OFF
        elif command.mode is Mode.OFF:
            light = last_lit
        return Override(command.mode, light, ends_at)
    if command.on is False or command.brightness == 0:
        return Override(Mode.OFF, last_lit)
    return Override(Mode.MANUAL, _set_by_hand(command, shown, last_lit))


_WHITE: Final = LightState(FULL, FULL, FULL)


def _set_by_hand(
    command: SetLight, shown: LightState | None, last_lit: LightState | None
) -> LightState:
    """The present light (the last lit one where it is dark), with what was named changed."""
    base = shown if shown is not None and not shown.is_dark else last_lit or _WHITE
    if command.rgb is not None:
        base = replace(base, red=command.rgb[0], green=command.rgb[1], blue=command.rgb[2])
    if command.brightness is not None:
        base = replace(base, brightness=command.brightness)
    if command.effect is not None and command.effect is not base.effect:
        base = replace(base, effect=command.effect, period=None)
    return base
