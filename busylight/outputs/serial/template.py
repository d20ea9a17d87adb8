r"""The text that a user's own light understands: fields, formats, escapes. Pure.

`Template.parse(r"{r:03d},{g:03d},{b:03d}\n")` reads what stands in `SERIAL_TEMPLATE`;
`render` gives the bytes for one light. Nothing of `str.format` is let near a user's text: it
would follow `{r.__class__}` and fill `{r:>999999}`.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Final

from busylight.core.light import OFF, LightState, shown_rgb

LIMIT: Final = 256
"""Bytes: of the template as it is written, and of the longest that it can become."""

# Bytes of the longest value. A state is a rule's key: two words of 64 joined by `__`.
_NUMBERS: Final = ("r", "g", "b", "brightness")
_WORDS: Final = {"hex": 6, "effect": 7, "state": 130}
_FORMATS: Final = {"": 3, "d": 3, "03d": 3, "02x": 2}
_ESCAPES: Final = {"n": b"\n", "r": b"\r", "t": b"\t", "\\": b"\\"}

_TOKEN: Final = re.compile(
    r"(?P<text>[^{}\\]+)"
    r"|(?P<brace>\{\{|\}\})"
    r"|\{(?P<field>[a-z]+)(?::(?P<format>[^{}]*))?\}"
    r"|\\(?P<escape>[nrt\\])"
    r"|\\x(?P<byte>[0-9a-fA-F]{2})"
)


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    format: str

    @property
    def longest(self) -> int:
        return _WORDS.get(self.name) or _FORMATS[self.format]


@dataclass(frozen=True, slots=True)
class Template:
    """What is written to a light, with places for the light's values."""

    moves: ClassVar[bool] = False
    parts: tuple[bytes | _Field, ...]

    @classmethod
    def parse(cls, text: str) -> "Template":
        r"""Read a template as it stands in the settings, `\n` being a backslash and an n.

        Raises ValueError; its text goes on from the setting's name, says where the mistake is
        and what would be right.
        """
        try:
            size = len(text.encode())
        except UnicodeEncodeError:
            raise ValueError(r"is not UTF-8; write other bytes as \xHH") from None
        if size > LIMIT:
            raise ValueError(f"is {size} bytes long; at most {LIMIT} are written")
        parts = tuple(_parts(text))
        longest = sum(len(part) if isinstance(part, bytes) else part.longest for part in parts)
        if longest > LIMIT:
            raise ValueError(
                f"can become {longest} bytes long with all its fields; at most {LIMIT} are written"
            )
        return cls(parts)

    def render(self, light: LightState, state: str, *, lit: bool = True) -> bytes:
        """The bytes that show `light`, whose rule is `state`; `lit` is False in a blink's dark."""
        seen = light if lit else OFF
        red, green, blue = shown_rgb(seen)
        values: dict[str, int | str] = {
            "r": red,
            "g": green,
            "b": blue,
            "brightness": seen.brightness,
            "hex": f"{red:02x}{green:02x}{blue:02x}",
            "effect": light.effect.value,
            "state": state,
        }
        return b"".join(
            part if isinstance(part, bytes) else format(values[part.name], part.format).encode()
            for part in self.parts
        )


def _parts(text: str) -> Iterator[bytes | _Field]:
    place = 0
    while place < len(text):
        found = _TOKEN.match(text, place)
        if found is None:
            raise ValueError(_mistake(text, place))
        if found["text"] is not None:
            yield found["text"].encode()
        elif found["brace"] is not None:
            yield found["brace"][:1].encode()
        elif found["escape"] is not None:
            yield _ESCAPES[found["escape"]]
        elif found["byte"] is not None:
            yield bytes.fromhex(found["byte"])
        else:
            yield _field(found["field"], found["format"])
        place = found.end()


def _field(name: str, form: str | None) -> _Field:
    if name not in _NUMBERS and name not in _WORDS:
        known = " ".join(f"{{{each}}}" for each in ("r", "g", "b", "brightness", *_WORDS))
        raise ValueError(f"has {{{name}}}, which is no field; fields are {known}")
    if form is not None and (form not in _FORMATS or not form):
        raise ValueError(f"has {{{name}:{form}}}: the formats are :02x :03d :d")
    if form is not None and name in _WORDS:
        raise ValueError(f"has {{{name}:{form}}}, but {{{name}}} is no number and takes no format")
    return _Field(name, form or "")


def _mistake(text: str, place: int) -> str:
    piece, where = text[place : place + 12], f"at character {place + 1}"
    if piece[0] == "\\":
        return f"has {piece[:4]!r} {where}; escapes are \\n \\r \\t \\\\ \\xHH"
    if piece[0] == "}":
        return f"has a }} {where} that closes nothing; a brace itself is written }}}}"
    return f"has {piece!r} {where}, which is no field; a brace itself is written {{{{"
