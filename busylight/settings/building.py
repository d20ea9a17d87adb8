"""From variables to one model: every fault of its values, and of what they say together."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from busylight.parts import INHERITED, Branch
from busylight.settings.faults import SettingFault, printable, problem_of
from busylight.settings.fields import (
    attempt,
    example_of,
    field_of,
    inherited_values,
    is_secret,
    variables_of,
)
from busylight.settings.outputs import kind_of, prefix_of
from busylight.settings.variables import PREFIX, Variable


class Need(Enum):
    """What is asked of a model that is built."""

    ALL = "all"
    """It is used: nothing may be missing."""
    WHAT_IS_GIVEN = "what is given"
    """It is not used, but what is given has to go together."""
    NOTHING = "nothing"
    """Each value has to be good by itself."""


@dataclass(frozen=True, slots=True)
class Given:
    """The values that are given for one part, by field."""

    own: Mapping[str, Any]
    of_kind: Mapping[str, Any] = field(default_factory=dict)
    """What one of several has from its kind; what is wrong with these is told there."""


class Builder:
    """Builds models out of what was given, and gathers what is wrong with it."""

    def __init__(self, given: Mapping[str, Variable], faults: Iterable[SettingFault]) -> None:
        self.given = dict(given)
        self.faults = list(faults)

    def given_for(self, name: str, model: type[BaseModel]) -> Given:
        """What is given for a part."""
        own, kinds = (
            {
                field: variable.value
                for field, _ in variables_of(model)
                if (variable := self.given.get(f"{PREFIX}{prefix}{field.upper()}")) is not None
            }
            for prefix in (prefix_of(name), prefix_of(kind_of(name)))
        )
        return Given(own, {field: value for field, value in kinds.items() if field not in own})

    def build(
        self,
        prefix: str,
        model: type[BaseModel],
        given: Given,
        inherited: Mapping[str, Any] | None = None,
        need: Need = Need.ALL,
    ) -> BaseModel | None:
        """Build one model; what single fields say and what they say together is listed."""
        filled = {**inherited_values(model, inherited or {}), **given.of_kind, **given.own}
        built, details = attempt(model, filled)
        bad = {field_of(detail) for detail in details}
        if built is None:
            # Once more without the values that were bad by themselves, so that what the others
            # have against each other is told in the same run.
            rest = {name: value for name, value in filled.items() if name not in bad}
            built, more = attempt(model, rest)
            details += [detail for detail in more if field_of(detail) not in bad]
            bad |= {field_of(detail) for detail in more}
        for detail in details:
            field = field_of(detail)
            told = field in given.of_kind or INHERITED in model.model_fields[field].metadata
            if not told and (need is Need.ALL or detail["type"] != "missing"):
                self.faults.append(self._told(prefix, model, field, detail))
        if isinstance(built, Branch) and need is not Need.NOTHING:
            for found in built.faults():
                if found.field not in bad:
                    self.faults.append(
                        self.fault(
                            f"{prefix}{found.field.upper()}",
                            found.problem,
                            found.example or example_of(model, found.field),
                            secret=is_secret(model.model_fields[found.field]),
                        )
                    )
        return built

    def _told(
        self, prefix: str, model: type[BaseModel], field: str, detail: ErrorDetails
    ) -> SettingFault:
        info = model.model_fields[field]
        example = detail.get("ctx", {}).get("example") or example_of(model, field)
        problem = problem_of(detail)
        if detail["type"] == "missing" and info.description:
            problem += f": {info.description[:1].lower()}{info.description[1:]}"
        return self.fault(f"{prefix}{field.upper()}", problem, example, secret=is_secret(info))

    def fault(
        self,
        suffix: str,
        problem: str,
        example: str | None,
        example_for: str | None = None,
        *,
        secret: bool = False,
    ) -> SettingFault:
        """One fault of the variable that ends with `suffix`."""
        name = f"{PREFIX}{suffix}"
        variable = self.given.get(name)
        subject = name
        if variable is not None:
            subject += " (value not shown)" if secret else f"={printable(variable.value)}"
        assignment = f"{PREFIX}{example_for or suffix}={example}" if example else None
        return SettingFault(subject, problem, assignment, variable.where if variable else None)
