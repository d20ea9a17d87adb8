"""What a promise is measured by: rows of the table, each a scenario that yields figures."""

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self, TypeVar

from busylight.demo.lookalike import ADELE, Lookalike
from busylight.edge.clock import now
from firmware_bridge.virtual_light import TEMPLATE, Frame, VirtualLight
from tests.security.evidence import Evidence
from tests.support.broker import Broker, Recorder, wait_until
from tests.support.program import Home, Program

T = TypeVar("T")

INTERVAL: Final = 1.0
STALE_AFTER: Final = 3.0
"""Seconds; the promises are relative to these, so short ones measure the same."""
PATIENCE: Final = 90.0
"""Seconds after which a scenario gives up: far beyond every limit."""
BASE: Final = "busylight/desk"


@dataclass(frozen=True, slots=True)
class Figure:
    """One number, and what was promised of it."""

    what: str
    value: float
    limit: float
    unit: str = "s"
    at_least: bool = False

    @property
    def kept(self) -> bool:
        """Whether the promise was kept."""
        return self.value >= self.limit if self.at_least else self.value <= self.limit

    def worse(self, other: "Figure") -> "Figure":
        """The worse of two measurements of the same."""
        mine, theirs = (
            (-1 if self.at_least else 1) * self.value,
            (-1 if self.at_least else 1) * other.value,
        )
        return self if mine >= theirs else other


class Unmeasurable(Exception):  # noqa: N818 -- no error: this machine lacks what is needed
    """The row cannot be measured here; the text says what is missing."""


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the table in docs/reliability.md."""

    name: str
    measure: Callable[["Place"], Iterator[Figure]]
    is_slow: bool
    """Measured by the command alone; the others are the sample that the tests take."""


ROWS: Final[dict[str, Row]] = {}
"""By name, in the table's order."""


def row(name: str, *, slow: bool = False) -> Callable[[T], T]:
    """Register a scenario."""

    def register(scenario: Any) -> Any:
        ROWS[name] = Row(name, scenario, slow)
        return scenario

    return register


class Place:
    """A directory, and the real parts that a scenario starts in it; a context manager."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._stack = contextlib.ExitStack()
        self.home = Home(directory / "home")
        self._lookalikes: list[Lookalike] = []
        self._recorders: list[Recorder] = []
        self.home.settings |= {"INTERVAL": f"{INTERVAL:g}", "STALE_AFTER": f"{STALE_AFTER:g}"}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            if error is None:
                self._search()
        finally:
            self._stack.__exit__(kind, error, traceback)

    def _search(self) -> None:
        """Whatever went wrong: no token, code or secret stands in anything that was written."""
        evidence = Evidence()
        for lookalike in self._lookalikes:
            evidence.secrets_of(lookalike)
            evidence.secret("the client secret", lookalike.client_secret)
        for recorder in self._recorders:
            evidence.of_broker(recorder)
        evidence.of_files(self.home)
        assert evidence.leaks() == set()

    def enter(self, part: "contextlib.AbstractContextManager[T]") -> T:
        """Start a part; it is ended with the place, last started first."""
        return self._stack.enter_context(part)

    def lookalike(self, *, signed_in: bool = True) -> Lookalike:
        """Microsoft, and the program's settings for it."""
        lookalike = self.enter(Lookalike())
        self._lookalikes.append(lookalike)
        self.home.with_graph(lookalike, signed_in=signed_in)
        self.home.settings |= {"INTERVAL": f"{INTERVAL:g}", "STALE_AFTER": f"{STALE_AFTER:g}"}
        return lookalike

    def broker(self, **options: Any) -> Broker:
        """A broker, not yet in the program's settings."""
        return self.enter(Broker(self.directory / "broker", **options))

    def recorder(self, broker: Broker) -> Recorder:
        """Who hears everything on the broker."""
        recorder = self.enter(Recorder(broker))
        self._recorders.append(recorder)
        return recorder

    def light(self) -> VirtualLight:
        """A light on a serial line, in the program's settings."""
        light = self.enter(VirtualLight(self.directory / "light"))
        self.home.with_light(light.path, TEMPLATE)
        return light

    def start(self) -> Program:
        """The program."""
        return self.enter(self.home.start())


def eventually(condition: Callable[[], T | None], seconds: float = PATIENCE) -> T:
    """What the condition gives as soon as it gives something."""
    found: list[T] = []

    def holds() -> bool:
        value = condition()
        if value:
            found.append(value)
        return bool(found)

    wait_until(holds, seconds)
    return found[0]


def first_frame(light: VirtualLight, state: str, after: float) -> Frame:
    """The first frame in which the light shows `state` after that moment; waits for it."""
    return eventually(
        lambda: next((f for f in light.frames if f.at > after and f.state == state), None)
    )


def monotonic_of(moment: float) -> float:
    """A moment of `busylight.edge.clock.now` on `time.monotonic`."""
    return moment - now() + time.monotonic()


def good_answers(lookalike: Lookalike) -> list[float]:
    """When Graph gave a presence, in seconds of `time.monotonic`."""
    return [
        monotonic_of(record.at)
        for record in lookalike.requests_to("/v1.0/me/presence")
        if record.status == 200
    ]


_STATES: Final = (("Busy", "InACall", "inacall"), ("Away", "Away", "away"))


def change(lookalike: Lookalike, turn: int) -> str:
    """Another presence than before; returns the state that the light is to show."""
    availability, activity, state = _STATES[turn % len(_STATES)]
    lookalike.graph.set_presence(ADELE.object_id, availability, activity)
    return state


def settle(light: VirtualLight, lookalike: Lookalike, turn: int) -> str:
    """Change the presence, and wait until the light shows it."""
    changed = time.monotonic()
    state = change(lookalike, turn)
    first_frame(light, state, changed)
    return state
