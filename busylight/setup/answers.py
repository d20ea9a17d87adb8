"""The settings as they are known so far, and asking for one of them until it is good."""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Final

from pydantic.fields import FieldInfo

from busylight.settings.faults import SettingFault
from busylight.settings.fields import is_secret
from busylight.settings.variables import PREFIX
from busylight.setup.steps import Ask, Talk, Tell, Values, ask

NOTHING: Final = "-"
"""The answer that takes a setting away."""
_NAME: Final = re.compile(rf"{PREFIX}([A-Z0-9_]+)")

Judge = Callable[[Values], list[SettingFault]]
"""What is wrong with settings; says nothing of files that cannot be seen from here."""


class Answers:
    """What is set so far: it begins with what is there."""

    def __init__(
        self,
        there: Values,
        *,
        fixed: Iterable[str] = (),
        fields: Mapping[str, FieldInfo],
        judge: Judge,
    ) -> None:
        """Take what is `there`; what is `fixed` (by the environment, say) is not asked for."""
        self.values = dict(there)
        self.fixed = frozenset(fixed)
        self._fields = fields
        self._judge = judge

    def get(self, name: str, default: str = "") -> str:
        """A setting, or the default."""
        return self.values.get(name, default)

    def set(self, name: str, value: str | None) -> None:
        """Set it or (None) take it out; what stood in a file of its own stands here now."""
        if name in self.fixed:
            return
        self.values.pop(f"{name}_FILE", None)
        if value is None:
            self.values.pop(name, None)
        else:
            self.values[name] = value

    def take(self, values: Values) -> None:
        """Set several."""
        for name, value in values.items():
            self.set(name, value)

    def faults(self) -> list[SettingFault]:
        """What is wrong with all of them together."""
        return self._judge(self.values)

    def missing(self) -> list[str]:
        """The settings that a fault is about, as far as they can be asked for."""
        names = (name_of(fault) for fault in self.faults())
        return list(dict.fromkeys(name for name in names if name in self._fields))

    def problem_of(self, name: str, value: str) -> str | None:
        """What is wrong with one value by itself; None if it is good."""
        faults = self._judge({**self.values, name: value})
        own = [fault for fault in faults if name_of(fault) == name]
        return str(own[0]) if own else None

    def is_known(self, name: str) -> bool:
        """Whether it can be asked for."""
        return name in self._fields

    def is_secret(self, name: str) -> bool:
        """Whether its value may not be shown."""
        return name in self._fields and is_secret(self._fields[name])

    def describe(self, name: str) -> str:
        """What is said of it wherever settings are told, with its example."""
        field = self._fields[name]
        shows = field.examples and not self.is_secret(name)
        first = next(iter(field.examples or ()), "")
        example = f" (for example {first})" if shows else ""
        return f"{field.description}{example}"

    def ask(self, name: str, *, default: str = "", optional: bool = False) -> Talk[None]:
        """Ask for one setting until it is good; what is set now is the default."""
        if name in self.fixed:
            return
        secret = self.is_secret(name)
        nothing = f"; {NOTHING} for none" if optional else ""
        now = self.get(name, default) or (NOTHING if optional else "")
        while True:
            question = Ask(name, f"{self.describe(name)}{nothing}", now, secret)
            answer = yield from ask(question)
            if optional and answer == NOTHING:
                self.set(name, None)
                return
            if not answer:
                yield Tell("There has to be an answer to this one.")
                continue
            if not answer.isprintable():
                yield Tell("That has a control character in it.")
                continue
            if (problem := self.problem_of(name, answer)) is None:
                self.set(name, answer)
                return
            yield Tell(problem)

    def complete(self, *, only: Callable[[str], bool] = lambda _name: True) -> Talk[None]:
        """Ask for whatever is missing, or does not go together, until nothing is."""
        while names := [name for name in self.missing() if only(name) and name not in self.fixed]:
            told = [str(fault) for fault in self.faults() if name_of(fault) == names[0]]
            yield Tell(told[0])
            yield from self.ask(names[0])


def name_of(fault: SettingFault) -> str:
    """The setting that a fault is about, without the prefix; empty if it is about a line."""
    found = _NAME.match(fault.subject)
    return found[1] if found else ""
