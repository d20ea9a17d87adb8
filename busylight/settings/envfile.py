"""The env file: `NAME=value` lines, read by us so that it means the same everywhere.

systemd, Docker and python-dotenv each read such a file differently (quotes, backslashes, `$`);
here a value is what stands after the `=`, less one pair of outer quotes.
"""

import re
from collections.abc import Mapping
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


def updated(text: str, values: Mapping[str, str | None]) -> str:
    """The file with these settings in it, by full name; None takes one out.

    Comments, other settings and their order stay. What is new stands below its own example, if the
    file has one (`#NAME=…`), else at the end. Raises `ValueError` for what no file can hold.
    """
    wanted = {name: None if value is None else _line(name, value) for name, value in values.items()}
    lines = text.split("\n")
    last = {line.name: line.number - 1 for line in parse_env_file(text)[0] if line.name in wanted}
    places = last | {
        name: number
        for number, line in enumerate(lines)
        if (name := _example_for(line)) in wanted and name not in last
    }
    made: list[str] = []
    for number, line in enumerate(lines):
        parsed = _parse_line(line.strip().removeprefix("\ufeff"), 0)
        if not (isinstance(parsed, EnvLine) and parsed.name in wanted):
            made.append(line)
        end = "\r" if line.endswith("\r") else ""
        here = [name for name, place in places.items() if place == number]
        made += [f"{new}{end}" for name in here if (new := wanted[name]) is not None]
    new_ones = [line for name, line in wanted.items() if line is not None and name not in places]
    if new_ones:
        while made and not made[-1].strip():
            made.pop()
        made += [*new_ones, ""]
    return "\n".join(made)


def _example_for(line: str) -> str:
    """The name of a setting that has been commented out; empty for any other line."""
    line = line.strip()
    return line[1:].partition("=")[0] if line.startswith("#") and "=" in line else ""


def _line(name: str, value: str) -> str:
    if not _NAME.fullmatch(name) or not value.isprintable() or not value:
        raise ValueError(
            f"{name} cannot be written into an env file: it is empty, or has a control character"
        )
    if value != value.strip() or value[0] in ("'", '"'):
        value = f'"{value}"'
    return f"{name}={value}"
