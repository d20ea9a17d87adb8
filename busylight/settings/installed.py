"""The parts that are installed, ours and plugins', found without importing them."""

import re
import sys
import threading
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Final

from pydantic import BaseModel

from busylight.parts import API_VERSION, INHERITED
from busylight.settings.outputs import COLOR, kind_of
from busylight.settings.tree import (
    BUILT_IN_OTHERS,
    BUILT_IN_OUTPUTS,
    BUILT_IN_SOURCES,
    OWN_FIELDS,
)

SOURCES: Final = "busylight.sources"
OUTPUTS: Final = "busylight.outputs"
"""The entry-point groups in which parts are registered."""

IMPORT_LIMIT: Final = 30.0
"""Seconds that the import of a part may take: a Pi with a slow card needs some."""

_NAME: Final = re.compile(r"[a-z][a-z0-9_-]{0,31}")
_METHODS: Final = {
    SOURCES: ("__aenter__", "__aexit__", "readings", "refresh"),
    OUTPUTS: ("__aenter__", "__aexit__", "show"),
}


class PluginError(Exception):
    """A part cannot be used; the text says why, and what to do about it."""


@dataclass(frozen=True, slots=True)
class Installed:
    """A part that some installed distribution has registered."""

    group: str
    name: str
    entry: EntryPoint

    @property
    def package(self) -> str:
        """The distribution that brings it."""
        return self.entry.dist.name if self.entry.dist else "?"

    @property
    def version(self) -> str:
        """That distribution's version."""
        return self.entry.dist.version if self.entry.dist else "?"

    @property
    def is_built_in(self) -> bool:
        """Whether it is ours."""
        return self.entry.value.startswith("busylight.")

    @property
    def refusal(self) -> str | None:
        """Why it cannot be used, whatever is in it; None: nothing is known against it."""
        if self.is_built_in:
            return None
        if not _NAME.fullmatch(self.name):
            return "its name is not one of a-z, 0-9, _ and -, at most 32, beginning with a letter"
        first = re.split("[_-]", self.name)[0]
        if first in _taken_words():
            return f"its name begins with {first}, which is Busylight's own"
        others = [part.package for part in installed() if part.name == self.name]
        if len(others) > 1:
            whose = " and ".join(others)
            return f"its name is registered more than once, by {whose}: uninstall one of them"
        return None


@cache
def _taken_words() -> frozenset[str]:
    """First words of variables that are ours: a plugin's would be mistaken for them."""
    own = {name.split("_")[0] for name in OWN_FIELDS}
    parts = {*BUILT_IN_SOURCES, *BUILT_IN_OUTPUTS, *BUILT_IN_OTHERS}
    return frozenset({"color", *own, *parts})


def installed() -> tuple[Installed, ...]:
    """Everything that is registered, by group and name."""
    return _on_path(tuple(sys.path))


@lru_cache(maxsize=1)
def _on_path(_path: tuple[str, ...]) -> tuple[Installed, ...]:
    """Looked for once: a file of each installed distribution is read for it."""
    everyones = entry_points()
    found = {
        (group, entry.name, entry.value): Installed(group, entry.name, entry)
        for group in (SOURCES, OUTPUTS)
        for entry in everyones.select(group=group)
    }
    return tuple(found[key] for key in sorted(found))


def known(group: str) -> list[str]:
    """Names that `SOURCE`, or `OUTPUTS`, may have."""
    built_in = BUILT_IN_SOURCES if group == SOURCES else BUILT_IN_OUTPUTS
    return sorted({*built_in, *(part.name for part in plugins(group))})


def plugins(group: str) -> list[Installed]:
    """Everybody else's parts of a group; one that is refused is left out."""
    return [
        part
        for part in installed()
        if part.group == group and not part.is_built_in and part.refusal is None
    ]


def part_class(group: str, name: str) -> Any:
    """The class behind the name of a source or an output, imported now.

    Raises `PluginError` with the reason, whatever its import does: it may hang.
    """
    kind = kind_of(name)
    built_in = BUILT_IN_SOURCES if group == SOURCES else BUILT_IN_OUTPUTS
    for part in installed():
        if (part.group, part.name) != (group, kind) or part.is_built_in != (kind in built_in):
            continue
        return loaded(part)
    raise PluginError("is not installed")


def loaded(part: Installed) -> Any:
    """The class that is registered, imported now; raises `PluginError`."""
    if part.refusal is not None:
        raise PluginError(part.refusal)
    found = _imported(part)
    if (problem := problem_of_class(found, part.group)) is not None:
        raise PluginError(f"{part.package} {part.version}: {problem}")
    return found


def _imported(part: Installed) -> Any:
    """Import it; a plugin in a thread of its own, for an import that hangs shall hold up nobody."""
    outcome: list[Any] = []
    errors: list[BaseException] = []

    def load() -> None:
        try:
            outcome.append(part.entry.load())
        except BaseException as error:  # noqa: BLE001 -- an import may raise anything, SystemExit too
            errors.append(error)

    if part.is_built_in:
        load()
    else:
        thread = threading.Thread(target=load, name=f"import {part.name}", daemon=True)
        thread.start()
        thread.join(IMPORT_LIMIT)
    if outcome:
        return outcome[0]
    who = f"{part.package} {part.version}"
    if not errors:
        raise PluginError(f"{who}: its import takes longer than {IMPORT_LIMIT:g} s")
    error = errors[0]
    needs = error.name if isinstance(error, ModuleNotFoundError) else None
    remedy = (
        f"install what it needs ({needs}) into the same environment"
        if needs
        else f"upgrade or mend {part.package}, or take {part.name} out of the settings"
    )
    if part.is_built_in and needs:
        raise PluginError(
            f"needs a library that is not installed ({needs}): "
            f"pip install 'busylight-presence[{part.name}]'"
        ) from error
    raise PluginError(
        f"{who} cannot be imported: {type(error).__name__}: {error}; {remedy}"
    ) from error


def problem_of_class(found: Any, group: str) -> str | None:
    """What a class lacks that every part has."""
    where = getattr(found, "__qualname__", repr(found))
    if not isinstance(found, type):
        return f"{where} is no class; docs/plugins.md shows what is expected"
    version = getattr(found, "api_version", 1)
    if not isinstance(version, int) or version < 1:
        return f"{where}.api_version is {version!r}, and not a number such as {API_VERSION}"
    if version > API_VERSION:
        return (
            f"{where} is written for version {version} of the plugin interface, and this "
            f"Busylight has {API_VERSION}: upgrade busylight-presence"
        )
    model = getattr(found, "Settings", None)
    if not (isinstance(model, type) and issubclass(model, BaseModel)):
        return f"{where} has no Settings that is a pydantic model"
    missing = [name for name in _METHODS[group] if not callable(getattr(found, name, None))]
    if missing:
        return f"{where} has no {', '.join(missing)}"
    taken = [
        name
        for name, field in model.model_fields.items()
        if INHERITED not in field.metadata
        and (name == "brightness" or name.upper().startswith(COLOR))
    ]
    if group == OUTPUTS and taken:
        return f"{where}.Settings has {', '.join(taken)}, which every output has already"
    return None
