"""The env file: `NAME=value` lines, read by us so that it means the same everywhere.

systemd, Docker and python-dotenv each read such a file differently (quotes, backslashes, `$`);
here a value is what stands after the `=`, less one pair of outer quotes.
"""

import re
from dataclasses import dataclass
from typing import Final

_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True, slots=True)
class EnvLine:
    """One setting of the file."""

    name: str
    value: str
    number: int


@dataclass(frozen=True, slots=True)
class BrokenLine:
    """A line that is no setting and no comment."""

    number: int
    problem: str


def parse_env_file(text: str) -> tuple[list[EnvLine], list[BrokenLine]]:
    """Read the whole file; never fails: what is broken is said."""
    lines: list[EnvLine] = []
    broken: list[BrokenLine] = []
    for number, raw in enumerate(text.removeprefix("\ufeff").split("\n"), start=1):
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        parsed = _parse_line(line, number)
        if isinstance(parsed, EnvLine):
            lines.append(parsed)
        else:
            broken.append(parsed)
    return lines, broken


def _parse_line(line: str, number: int) -> EnvLine | BrokenLine:
    name, equals, value = line.partition("=")
    name, value = name.strip(), value.strip()
    if not equals:
        return BrokenLine(number, "has no =; a line is NAME=value, and a comment begins with #")
    if name.startswith("export "):
        return BrokenLine(number, "begins with export; a line is NAME=value")
    if not _NAME.fullmatch(name):
        return BrokenLine(number, "has no name of letters, digits and _ before its =")
    if not value.isprintable():
        return BrokenLine(number, f"has a control character in the value of {name}")
    if value[:1] in ("'", '"'):
        quote = value[0]
        if len(value) < 2 or value[-1] != quote:  # noqa: PLR2004 -- two quotes
            return BrokenLine(number, f"opens a {quote} that it does not close")
        value = value[1:-1]
    return EnvLine(name, value, number)
