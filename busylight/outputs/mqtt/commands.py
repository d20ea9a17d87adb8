"""What arrives on our command topics, read strictly: a command, or why it is none."""

import json
import reprlib
from collections.abc import Callable, Mapping
from typing import Any, Final, NoReturn

from busylight.core.light import FULL, Effect
from busylight.core.override import LONGEST, Command, Mode, Refresh, SetLight, SetMode
from busylight.outputs.mqtt.color_temperature import rgb_of

SIZE_LIMIT: Final = 4096
"""Bytes; no command of ours comes near it."""

_MIREDS_LEAST: Final = 1
_KELVIN_MOST: Final = 1_000_000


class CommandError(ValueError):
    """A payload is no command; says in one line what is wrong with it."""


def light_command(payload: bytes) -> SetLight:
    """Read a JSON light command as Home Assistant sends it, in any combination of its parts.

    A brightness out of range is brought into it, as Home Assistant's own service does; a colour
    out of range is refused, as there. `transition`, `flash` and what else is not known is left
    aside. Raises `CommandError`.
    """
    document = _object(payload, '{"state":"ON"}')
    on = _state(document["state"]) if "state" in document else None
    rgb = None
    if "color" in document:
        rgb = _color(document["color"])
    else:
        for name in ("color_temp", "color_temp_kelvin"):
            if name in document:
                rgb = rgb_of(_whole(name, document[name], _MIREDS_LEAST, _KELVIN_MOST))
    brightness = None
    if "brightness" in document:
        brightness = min(max(_whole("brightness", document["brightness"]), 0), FULL)
    effect = _effect(document["effect"]) if "effect" in document else None
    command = SetLight(on, rgb, brightness, effect)
    if command == SetLight():
        raise CommandError("has none of state, color, color_temp, brightness and effect")
    return command


def mode_command(payload: bytes) -> SetMode:
    """Read a mode, as a word or as `{"mode":"busy","for":1500}`; raises `CommandError`."""
    text = _text(payload)
    if not text.startswith("{"):
        return SetMode(_mode(text.strip('"')))
    document = _object(payload, '{"mode":"busy","for":1500}')
    if unknown := sorted(document.keys() - {"mode", "for"}):
        raise CommandError(f"has {_shown(unknown[0])}; known are mode and for")
    if "mode" not in document:
        raise CommandError("has no mode")
    mode = _mode(document["mode"])
    if "for" not in document:
        return SetMode(mode)
    if mode is Mode.AUTO:
        raise CommandError("has a time, which does not go with auto")
    return SetMode(mode, _whole("for", document["for"], 1, LONGEST))


def refresh_command(_payload: bytes) -> Refresh:
    """Whatever arrives means: read now."""
    return Refresh()


COMMANDS: Final[Mapping[str, Callable[[bytes], Command]]] = {
    "light/set": light_command,
    "mode/set": mode_command,
    "refresh/set": refresh_command,
}
"""What reads a payload, by the topic's end."""


def mode_payload(command: SetMode) -> bytes:
    """The command as it is published."""
    document: dict[str, str | int] = {"mode": command.mode.value}
    if command.seconds is not None:
        document |= {"for": command.seconds}
    return json.dumps(document).encode()


def _text(payload: bytes) -> str:
    if len(payload) > SIZE_LIMIT:
        raise CommandError(f"is longer than {SIZE_LIMIT} bytes")
    try:
        return payload.decode().strip()
    except UnicodeDecodeError:
        raise CommandError("is no UTF-8 text") from None


def _object(payload: bytes, example: str) -> dict[str, Any]:
    text = _text(payload)
    try:
        document = json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise CommandError(f"is no JSON: {_shown(text)}; right would be {example}") from None
    if not isinstance(document, dict):
        raise CommandError(f"is no JSON object: {_shown(text)}; right would be {example}")
    return document


def _no_constant(_name: str) -> NoReturn:
    raise ValueError  # NaN and Infinity are Python's own idea of JSON


def _state(value: object) -> bool:
    word = value.upper() if isinstance(value, str) else None
    if word not in ("ON", "OFF"):
        raise CommandError(f"has state {_shown(value)}; ON or OFF is expected")
    return word == "ON"


def _color(value: object) -> tuple[int, int, int]:
    if not isinstance(value, dict) or not value.keys() >= {"r", "g", "b"}:
        raise CommandError(f'has color {_shown(value)}; {{"r":255,"g":0,"b":0}} is expected')
    red, green, blue = (_whole(f"color's {name}", value[name], 0, FULL) for name in "rgb")
    return red, green, blue


def _effect(value: object) -> Effect:
    try:
        return Effect(str(value).lower())
    except ValueError:
        expected = ", ".join(Effect)
        raise CommandError(f"has effect {_shown(value)}; known are {expected}") from None


def _mode(value: object) -> Mode:
    try:
        return Mode(str(value).strip().lower())
    except ValueError:
        raise CommandError(f"has mode {_shown(value)}; known are {', '.join(Mode)}") from None


def _whole(name: str, value: object, least: int | None = None, most: int | None = None) -> int:
    whole = None
    if isinstance(value, int) and not isinstance(value, bool):
        whole = value
    elif isinstance(value, float) and value.is_integer():
        whole = int(value)
    if whole is None:
        raise CommandError(f"has {name} {_shown(value)}; a whole number is expected")
    if least is not None and most is not None and not least <= whole <= most:
        raise CommandError(f"has {name} {_shown(value)}; {least} to {most} is expected")
    return whole


def _shown(value: object) -> str:
    """A value as one short printable line, whatever is in it."""
    return reprlib.repr(value)
