"""Figures: what was measured of the product, of its floor, and what was promised."""

import platform
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median, quantiles
from typing import Any, Final

from benchmarks.place import Place

GROSS: Final = 2.0
"""The short form fails at so many times the goal, or what it is known to miss it by."""


@dataclass(frozen=True, slots=True)
class Scale:
    """How long it is measured."""

    is_short: bool
    starts: int
    """How often each command is started."""
    settle: float
    """Seconds until something that idles is at rest."""
    window: float
    windows: int
    """So many windows of so many seconds are looked at while it idles."""
    samples: int
    """Changes whose way is timed, and as many overrides."""
    people: int
    flood: float
    """Seconds."""


SHORT: Final = Scale(
    is_short=True, starts=5, settle=12.0, window=20.0, windows=1, samples=200, people=6500, flood=4
)
LONG: Final = Scale(
    is_short=False,
    starts=21,
    settle=30.0,
    window=60.0,
    windows=10,
    samples=10_000,
    people=100_000,
    flood=60,
)


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the table."""

    what: str
    unit: str
    product: Sequence[float]
    """What was measured, in the order in which it was."""
    goal: float
    """Times the floor; without a floor, the value itself."""
    floor: Sequence[float] | None = None
    """The same of the floor, measured in turn or at the same time; None: there is none."""
    floor_is: str = ""
    note: str = ""
    more: dict[str, Any] = field(default_factory=dict)
    """What else was measured, for programs."""
    missed: float | None = None
    """Where the goal is missed (docs/performance.md says why): what was measured, on a bad day."""
    is_exact: bool = False
    """Whether it is the same in any form and on any machine: no slack in the short form."""

    @property
    def value(self) -> float:
        """What is held against the goal: a ratio of medians, or the product's median."""
        if self.floor is None:
            return median(self.product)
        return median(self.product) / median(self.floor)

    @property
    def spread(self) -> tuple[float, float]:
        """The middle half of what each pair of measurements would have said."""
        values = list(self.product)
        if self.floor is not None:
            pairs = zip(self.product, self.floor, strict=False)
            values = [ours / theirs for ours, theirs in pairs if theirs]
        if len(values) < 2:  # noqa: PLR2004 -- one has no spread
            return self.value, self.value
        quarters = quantiles(values, n=4, method="inclusive")
        return quarters[0], quarters[2]

    def kept(self, *, is_short: bool) -> bool:
        """Whether the goal is met, or in the short form not grossly missed."""
        limit = self.goal
        if is_short and not self.is_exact:
            limit = GROSS * max(self.goal, self.missed or 0.0)
        return round(self.value, 3) <= limit

    def document(self, *, is_short: bool) -> dict[str, Any]:
        """For JSON."""
        return {
            "figure": self.what,
            "unit": self.unit,
            "product": _summary(self.product),
            "floor": None if self.floor is None else _summary(self.floor),
            "floor_is": self.floor_is,
            "value": round(self.value, 3),
            "spread": [round(each, 3) for each in self.spread],
            "goal": self.goal,
            "kept": self.kept(is_short=is_short),
            "note": self.note,
            **self.more,
        }


def _summary(values: Sequence[float]) -> dict[str, float]:
    return {
        "median": round(median(values), 6),
        "least": round(min(values), 6),
        "most": round(max(values), 6),
        "times": len(values),
    }


Row = Callable[[Place, Scale], Iterator[Figure]]

ROWS: Final[dict[str, Row]] = {}
"""By name, in the order of the table."""


def row(name: str) -> Callable[[Row], Row]:
    """Register what measures one or more figures together."""

    def register(measure: Row) -> Row:
        ROWS[name] = measure
        return measure

    return register


def percentile(values: Sequence[float], percent: float) -> float:
    """The value below which so many percent lie."""
    ordered = sorted(values)
    return ordered[min(round(percent / 100 * len(ordered)), len(ordered) - 1)]


def machine() -> dict[str, Any]:
    """Where this was measured."""
    name = platform.processor() or platform.machine()
    for line in Path("/proc/cpuinfo").read_text("utf-8", "replace").splitlines():
        if line.startswith("model name"):
            name = line.partition(":")[2].strip()
            break
    return {
        "cpu": name,
        "cores": len(list(Path("/sys/devices/system/cpu").glob("cpu[0-9]*"))),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "load": Path("/proc/loadavg").read_text("ascii").split()[0],
    }
