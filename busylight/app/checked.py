"""What a part says, looked at before it is believed.

A plugin's mistake is a fault of that plugin: what it says is not to fail later, in the middle of
the program, in what is remembered, or in another output.
"""

import math
from collections.abc import Iterable
from typing import Any

from busylight.core.knowledge import Reading, SignInPrompt, Trouble, Why
from busylight.core.light import FULL, Effect, LightState
from busylight.core.override import (
    LONGEST,
    Command,
    Mode,
    Override,
    Press,
    Pressed,
    Refresh,
    SetLight,
    SetMode,
    Walk,
)
from busylight.core.preferred_presence import PreferredHealth, PreferredState
from busylight.core.presence import Presence, distinct
from busylight.core.reader import Good, News, Peers, Role, Shared, Written
from busylight.edge import clock
from busylight.parts import OutputError, SourceError

_LONGEST_WORD = 64
_LONGEST_TEXT = 1000
_SLACK = 1.0
"""Seconds that may pass between saying and checking."""
_SLOWEST = 86_400.0
"""Seconds. A reading holds two and a half times as long as its source is slowed to."""


def checked_answer(answer: Any) -> Reading | Trouble:
    """A source's answer; raises `SourceError` if it is none."""
    if isinstance(answer, Trouble) and _is_trouble(answer):
        return answer
    if (
        isinstance(answer, Reading)
        and all(_is_presence(each) for each in distinct(dict(answer.presences).values()))
        and all(_is_trouble(each) for each in dict(answer.troubles).values())
        and all(issubclass(kind, str) for kind in {*map(type, answer.presences)})
        and all(isinstance(who, str) for who in answer.troubles)
        and _is_text(answer.account)
        and _is_number(answer.slowed_to, 0.0, _SLOWEST)
    ):
        return answer
    raise SourceError(f"the source says something that is no reading: {type(answer).__name__}")


def checked_command(command: Any, *, news: bool = False) -> Command | News:
    """What is asked for, or heard, through an output; raises `OutputError` if it is neither.

    `news`: whether it is the output by which the other reader is heard of.
    """
    match command:
        case SetMode(mode=Mode(), seconds=seconds) if seconds is None or (
            type(seconds) is int and 1 <= seconds <= LONGEST
        ):
            return command
        case SetLight() if _is_light(command):
            return command
        case Pressed(press=Press()) | Refresh() | Walk(on=bool()):
            return command
        case Peers() | Shared() | Written() if news and _is_news(command):
            return command
        case _:
            raise OutputError(f"asks for something that is no command: {type(command).__name__}")


def _is_light(command: Any) -> bool:
    return (
        (command.on is None or isinstance(command.on, bool))
        and (command.rgb is None or (isinstance(command.rgb, tuple) and len(command.rgb) == 3))  # noqa: PLR2004 -- red, green, blue
        and _are_channels(command.rgb or ())
        and _are_channels(() if command.brightness is None else (command.brightness,))
        and (command.effect is None or isinstance(command.effect, Effect))
    )


def _is_news(news: News) -> bool:
    now = clock.now()
    match news:
        case Peers(bool(), bool(), bool(), None | Role(), None):
            return True
        case Peers(bool(), bool(), bool(), None | Role(), Good(at, holds)):
            return _is_number(at, -math.inf, now + _SLACK) and _is_number(holds, 0.0, math.inf)
        case Shared(None):
            return True
        case Shared(Override(Mode() as mode, None | LightState(), ends_at)):
            is_end = ends_at is None or _is_number(ends_at, -math.inf, now + LONGEST + _SLACK)
            return mode is not Mode.AUTO and is_end
        case Written(PreferredHealth(PreferredState(), availability, since, error)):
            is_past = since is None or _is_number(since, now - LONGEST - _SLACK, now + _SLACK)
            return _is_text(availability) and is_past and _is_text(error)
        case _:
            return False


def _are_channels(values: Iterable[Any]) -> bool:
    return all(type(value) is int and 0 <= value <= FULL for value in values)


def _is_presence(value: Any) -> bool:
    return (
        isinstance(value, Presence)
        and _is_word(value.availability)
        and _is_word(value.activity)
        and _is_text(value.status_message)
        and _is_text(value.user)
    )


def _is_trouble(value: Any) -> bool:
    return (
        type(value) is Trouble
        and type(value.why) is Why
        and type(value.detail) is str
        and _is_prompt(value.sign_in)
    )


def _is_prompt(value: Any) -> bool:
    return value is None or (
        isinstance(value, SignInPrompt)
        and _is_text(value.url or b"")
        and _is_text(value.code or b"")
        and _is_number(value.expires_at, -math.inf, math.inf)
    )


def _is_word(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value) <= _LONGEST_WORD


def _is_text(value: Any) -> bool:
    return value is None or (isinstance(value, str) and len(value) <= _LONGEST_TEXT)


def _is_number(value: Any, least: float, most: float) -> bool:
    return type(value) in (int, float) and math.isfinite(value) and least <= value <= most
