"""The body of a webhook: a JSON document of the user's with our fields in its strings. Pure."""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import quote

from busylight.core.knowledge import Known
from busylight.core.light import OFF, shown_rgb
from busylight.core.view import View

Value = str | int | float | bool | None
Values = Mapping[str, Value]

DEFAULT: Final = (
    '{"state":"{state}","on":"{on}","color":"#{hex}","brightness":"{brightness}",'
    '"effect":"{effect}","availability":"{availability}","activity":"{activity}"}'
)
FIELDS: Final = (
    "state", "on", "released", "hex", "r", "g", "b", "brightness", "effect", "period",
    "availability", "activity", "mode", "last",
)  # fmt: skip

_PIECE: Final = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")


def values_of(view: View) -> Values:
    """What the fields stand for. The status message and people's names are none of them."""
    light = view.light or OFF
    red, green, blue = shown_rgb(light)
    known = view.knowledge.presence if isinstance(view.knowledge, Known) else None
    return {
        "state": view.state,
        "on": not light.is_dark,
        "released": view.light is None,
        "hex": bytes((red, green, blue)).hex(),
        "r": red,
        "g": green,
        "b": blue,
        "brightness": light.brightness,
        "effect": light.effect.value,
        "period": light.period,
        "availability": None if known is None else known.availability,
        "activity": None if known is None else known.activity,
        "mode": view.mode.value,
        "last": view.is_last,
    }


def check_json(text: str) -> str:
    """The template again; raises ValueError with what is wrong with it."""
    try:
        document = json.loads(text)
    except ValueError as error:
        raise ValueError(f"is no JSON: {error}") from None
    _filled(document, dict.fromkeys(FIELDS))
    return text


def check_url(text: str) -> str:
    """The address again; raises ValueError for a field that there is not."""
    _replaced(text, dict.fromkeys(FIELDS), str)
    return text


def body(template: str, values: Values) -> bytes:
    """The document with every field filled in: always JSON, whatever the values are."""
    return json.dumps(_filled(json.loads(template), values), ensure_ascii=False).encode()


def address(template: str, values: Values) -> str:
    """The URL with every field filled in, as it has to be written there."""
    return _replaced(template, values, lambda value: quote(_words(value), safe=""))


def _filled(part: Any, values: Values) -> Any:
    if isinstance(part, dict):
        return {_replaced(k, values, _words): _filled(v, values) for k, v in part.items()}
    if isinstance(part, list):
        return [_filled(each, values) for each in part]
    if not isinstance(part, str):
        return part
    alone = re.fullmatch(r"\{([a-z]+)\}", part)
    if alone and alone[1] in values:
        return values[alone[1]]  # a string that is one field has the field's own type
    return _replaced(part, values, _words)


def _replaced(text: str, values: Values, written: Callable[[Value], str]) -> str:
    def piece(found: re.Match[str]) -> str:
        if found[0] in ("{{", "}}"):
            return found[0][0]
        if found[1] is None:
            raise ValueError(f"has a single {found[0]}; a brace is written {found[0] * 2}")
        if found[1] not in values:
            raise ValueError(f"has {found[0]}, which is no field; fields are {', '.join(FIELDS)}")
        return written(values[found[1]])

    return _PIECE.sub(piece, text)


def _words(value: Value) -> str:
    return value if isinstance(value, str) else json.dumps(value)
