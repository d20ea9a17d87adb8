"""Settings that were given another name: the old one works for a year, with a warning."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final, TypeVar

_YEAR: Final = timedelta(days=366)
_FILE: Final = "_FILE"

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Renamed:
    """One that was renamed. Names stand without the prefix."""

    old: str
    new: str
    on: date
    """When the release with the new name came out."""

    @property
    def until(self) -> date:
        """The day after which a release may drop the old name."""
        return self.on + _YEAR


RENAMED: Final[tuple[Renamed, ...]] = ()
"""All of them. scripts/release refuses to go on while one is `overdue`."""


def with_new_names(
    given: Mapping[str, T], table: Iterable[Renamed], instances: Iterable[str] = ()
) -> tuple[dict[str, T], dict[str, tuple[str, Renamed]]]:
    """The same settings by their new names; and what was replaced, by the old name.

    `given` is by name without the prefix. An old name beside its new one counts for nothing.
    `instances` are outputs such as `serial:desk`, whose settings are renamed as their kind's are.
    It does not depend on the day: no program stops because a date has come.
    """
    values, replaced = dict(given), {}
    for one in table:
        for old, new in _names(one, instances):
            if old not in values:
                continue
            value = values.pop(old)
            values.setdefault(new, value)
            replaced[old] = (new, one)
    return values, replaced


def _names(one: Renamed, instances: Iterable[str]) -> list[tuple[str, str]]:
    """Old and new, of every instance, and of a file that holds a secret."""
    names = [(one.old, one.new)]
    for instance in instances:
        kind, _, _ = instance.partition(":")
        general, own = f"{kind.upper()}_", f"{instance.replace(':', '_').upper()}_"
        if own != general and one.old.startswith(general) and one.new.startswith(general):
            old, new = one.old.removeprefix(general), one.new.removeprefix(general)
            names.append((f"{own}{old}", f"{own}{new}"))
    return names + [(f"{old}{_FILE}", f"{new}{_FILE}") for old, new in names]


def overdue(table: Iterable[Renamed], today: date) -> list[str]:
    """The old names whose year is over: the next release drops them."""
    return [one.old for one in table if today > one.until]
