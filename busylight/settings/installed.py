"""The parts that are installed, ours and plugins', found without importing them."""

from importlib.metadata import EntryPoint, entry_points
from typing import Any, Final

from busylight.settings.tree import BUILT_IN_OUTPUTS, BUILT_IN_SOURCES

SOURCES: Final = "busylight.sources"
OUTPUTS: Final = "busylight.outputs"
"""The entry-point groups in which parts are registered."""


def known_sources() -> list[str]:
    """Names that `SOURCE` may have."""
    return sorted({*BUILT_IN_SOURCES, *(entry.name for entry in entry_points(group=SOURCES))})


def known_outputs() -> list[str]:
    """Names that `OUTPUTS` may have."""
    return sorted({*BUILT_IN_OUTPUTS, *(entry.name for entry in entry_points(group=OUTPUTS))})


def plugins() -> dict[str, EntryPoint]:
    """Everybody else's parts by name; a name of ours is taken, and theirs is passed over."""
    return {
        entry.name: entry
        for group in (SOURCES, OUTPUTS)
        for entry in entry_points(group=group)
        if entry.name not in BUILT_IN_SOURCES and entry.name not in BUILT_IN_OUTPUTS
    }


def part_class(group: str, name: str) -> Any:
    """The class behind the name of a source or an output, imported now.

    Raises whatever importing it raises; KeyError if there is none of that name.
    """
    for entry in entry_points(group=group, name=name):
        built_in = name in BUILT_IN_SOURCES or name in BUILT_IN_OUTPUTS
        if not built_in or entry.value.startswith("busylight."):  # no plugin takes a name of ours
            return entry.load()
    raise KeyError(name)
