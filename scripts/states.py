"""The states of the light as a stranger reads of them: names, and lights put into words.

What each state looks like is never written here: it is asked of the default palette.
"""

from typing import Final, NamedTuple

from busylight.core.light import Effect, LightState
from busylight.core.palette import Palette

PALETTE: Final = Palette()
"""The defaults."""


class State(NamedTuple):
    """Something that the light can say."""

    title: str
    keys: tuple[str, ...]
    """Its rules in the palette; they all have the same light."""
    meaning: str

    @property
    def light(self) -> LightState:
        """Its light by default. Raises ValueError if its rules have come to differ."""
        first, *others = (PALETTE[key].light for key in self.keys)
        if first is None or any(other != first for other in others):
            raise ValueError(f"{self.keys} no longer share one light: part them")
        return first


STATES: Final = (
    State("Available", ("AVAILABLE",), "free"),
    State("Available, idle", ("AVAILABLEIDLE",), "free, but away from the keyboard for a while"),
    State("Be right back", ("BERIGHTBACK",), "set in Teams by hand"),
    State("Away", ("AWAY",), "away for longer"),
    State("Offline", ("OFFLINE",), "signed out of Teams, or off work"),
    State("Busy", ("BUSY",), "by the calendar or by hand; also in a meeting that is not a call"),
    State("Busy, idle", ("BUSYIDLE",), "busy, but away from the keyboard for a while"),
    State("In a call", ("INACALL", "INACONFERENCECALL"), "in a call with one person or with many"),
    State("Presenting", ("PRESENTING",), "sharing the screen"),
    State(
        "Do not disturb",
        ("DONOTDISTURB", "URGENTINTERRUPTIONSONLY"),
        "not to be disturbed; also urgent interruptions only",
    ),
    State("Out of office", ("OUTOFOFFICE",), "on leave"),
    State("Not known", ("UNKNOWN",), "the presence cannot be read at the moment"),
    State("Please sign in", ("SIGNIN",), "Microsoft wants somebody to sign in again"),
    State("Outside working hours", ("OUTSIDE_HOURS",), "with working hours set, and not before"),
)

# A colour that is new to the palette needs a name here: people read "amber", not "#ffbf00".
_COLOR_NAMES: Final = {
    "#00ff00": "green",
    "#ffbf00": "amber",
    "#ff0000": "red",
    "#ff00ff": "magenta",
    "#4000ff": "violet",
    "#ffffff": "white",
}
_DIM_BELOW: Final = 25  # percent
_FULL: Final = 100  # percent
_EFFECTS: Final = {Effect.BLINK: "blinks", Effect.PULSE: "pulses", Effect.BREATHE: "breathes"}


def colour_in_words(light: LightState) -> str:
    """`amber, 40 %`, `dim magenta, 15 %`, `off`."""
    if light.is_dark:
        return "off"
    dim = "dim " if light.percent < _DIM_BELOW else ""
    percent = "" if light.percent == _FULL else f", {light.percent} %"
    return f"{dim}{_COLOR_NAMES[light.hex]}{percent}"


def effect_in_words(light: LightState) -> str:
    """`pulses every 1.2 s`, `steady`; nothing for a light that is off."""
    if light.is_dark:
        return ""
    if light.period is None:
        return "steady"
    return f"{_EFFECTS[light.effect]} every {light.period:g} s"


def light_in_words(light: LightState) -> str:
    """Both: `red, pulses every 1.2 s`."""
    return ", ".join(filter(None, (colour_in_words(light), effect_in_words(light))))
