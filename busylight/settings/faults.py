"""What is wrong with the settings, in words that teach."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

_LONGEST_VALUE: Final = 120
_USERINFO: Final = re.compile(r"(://)[^/@\s]*@")


@dataclass(frozen=True, slots=True)
class SettingFault:
    """One fault: a line for the person who has to mend it."""

    subject: str
    """The variable with its value (unless secret), or the place in the file."""
    problem: str
    """The rest of the sentence."""
    example: str | None = None
    """A whole assignment that would be right."""
    where: str | None = None
    """The line of the env file."""

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        hint = f" (for example {self.example})" if self.example else ""
        return f"{place}{self.subject} {self.problem}{hint}"


class SettingsError(Exception):
    """The settings are bad; `faults` has every reason. Commands end with 78."""

    def __init__(self, faults: list[SettingFault]) -> None:
        super().__init__("; ".join(str(fault) for fault in faults))
        self.faults = faults


def printable(value: str) -> str:
    """A value as it may stand in a message: one line, not too long, no password in an address."""
    text = _USERINFO.sub(r"\1***@", value)
    text = text if text.isprintable() else ascii(text)[1:-1]
    return text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]}…"


_WORDINGS: Final = {
    "missing": "is missing",
    "int_parsing": "is not a whole number",
    "int_from_float": "is not a whole number",
    "int_parsing_size": "is not a whole number",
    "float_parsing": "is not a number",
    "finite_number": "is not a number",
    "bool_parsing": "is neither true nor false",
    "greater_than_equal": "is less than {ge:g}",
    "greater_than": "is not greater than {gt:g}",
    "less_than_equal": "is more than {le:g}",
    "enum": "is not {expected}",
    "string_pattern_mismatch": "has characters that may not be in it, or too many",
    "value_error": "{error}",
}


def problem_of(detail: Mapping[str, Any]) -> str:
    """What pydantic found, as the rest of a sentence that begins with the variable."""
    context: dict[str, Any] = detail.get("ctx", {})
    wording = _WORDINGS.get(detail["type"])
    if wording is None:
        message = str(detail["msg"])
        return message[:1].lower() + message[1:]
    if "expected" in context:
        context = {**context, "expected": str(context["expected"]).replace("'", "")}
    return wording.format(**context)
