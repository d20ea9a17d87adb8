"""What a press of the light's button does. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from busylight.core.override import Mode, Press, Refresh, SetMode, parse_duration

NOTHING: Final = "nothing"
"""The word for a press that does nothing; it is told on MQTT all the same."""
_REFRESH: Final = "refresh"
_TOGGLE: Final = "toggle"


@dataclass(frozen=True, slots=True)
class Action:
    """What one kind of press asks for."""

    mode: Mode | None = None
    """None: the presence is read now, or nothing is done."""
    seconds: int | None = None
    toggles: bool = False
    """Whether a press while `mode` is in force ends it."""
    refreshes: bool = False

    def command(self, mode_now: Mode) -> SetMode | Refresh | None:
        """The command that a press becomes while `mode_now` is in force."""
        if self.mode is None:
            return Refresh() if self.refreshes else None
        if self.toggles and mode_now is self.mode:
            return SetMode(Mode.AUTO)
        return SetMode(self.mode, self.seconds)


DEFAULT_ACTIONS: Final[Mapping[Press, str]] = {
    Press.PRESS: "toggle do_not_disturb",
    Press.DOUBLE: "busy 25m",
    Press.LONG: "auto",
}


def parse_action(text: str) -> Action:
    """Read `auto`, `refresh`, `nothing`, or `[toggle] MODE [TIME]`.

    Raises ValueError; its text goes on from the setting's name.
    """
    words = text.lower().split()
    if words in ([NOTHING], [_REFRESH]):
        return Action(refreshes=words == [_REFRESH])
    toggles = words[:1] == [_TOGGLE]
    mode, *times = (words[1:] if toggles else words) or [""]
    try:
        chosen = Mode(mode.replace("-", "_"))
    except ValueError:
        raise ValueError(_no_mode(mode, toggles=toggles)) from None
    if chosen is Mode.AUTO and (toggles or times):
        raise ValueError("has more than auto: what ends an override is neither toggled nor timed")
    if len(times) > 1:
        raise ValueError(f"has {times[1]!r} too many at its end")
    try:
        seconds = parse_duration(times[0]) if times else None
    except ValueError as error:
        raise ValueError(f"has a time that is none: {error}") from None
    return Action(chosen, seconds, toggles)


def _no_mode(word: str, *, toggles: bool) -> str:
    known = [mode.value for mode in Mode if not (toggles and mode is Mode.AUTO)]
    others = [] if toggles else [_TOGGLE, _REFRESH, NOTHING]
    import difflib  # noqa: PLC0415 -- only for a mistake

    near = difflib.get_close_matches(word, [*known, *others])
    hint = f"; did you mean {near[0]}?" if near else ""
    after = " after toggle" if toggles else ""
    also = "" if toggles else ", toggle with one of these, refresh or nothing"
    return f"has {word!r}{after} where {', '.join(known)}{also} is expected{hint}"
