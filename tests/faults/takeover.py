"""A spare reader's takeovers: the primary is broken in one way, mended, and broken again."""

import random
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Final

from busylight.demo.lookalike import ADELE
from tests.support.broker import wait_until
from tests.support.pair import BASE, Pair
from tests.support.program import json_of

PATIENCE: Final = 90.0
"""Seconds after which a try has failed: far beyond every limit."""
_STALE_AFTER: Final = 60.0
"""Seconds, the default. Where the broker takes longer to notice, nothing is known meanwhile."""
_STATES: Final = (("Busy", "InACall"), ("Away", "Away"), ("DoNotDisturb", "Presenting"))


@dataclass(frozen=True, slots=True)
class Try:
    """One takeover, and the way back."""

    takeover: float
    """Seconds from the fault until the spare had read and published what was new since then."""
    back: float
    """Seconds from the mending until the primary had published what was new since then."""
    not_known: int
    """How often nothing was said to be known meanwhile."""
    older: int
    """How often an older presence than the newest was published meanwhile."""


def limit(interval: float, keepalive: float) -> float:
    """Seconds that a takeover may take."""
    return max(2 * interval + 5.0, 1.5 * keepalive + 2.0)


class _Stage:
    """A pair of programs at work."""

    def __init__(self, pair: Pair) -> None:
        self.pair = pair
        self.turn = 0
        self.activity = "Available"
        self.spare = pair.spare.start()
        self.primary = pair.primary.start()
        self.well()

    def well(self) -> None:
        """Wait until the primary leads and the spare follows it."""
        try:
            self.pair.until_well(self.primary, self.spare, self.activity)
            wait_until(lambda: self.pair.activity == self.activity, PATIENCE)
        except AssertionError as error:
            reports = [program.report() for program in (self.primary, self.spare)]
            said = [
                f"{heard.at:.2f} {heard.topic} {heard.payload.decode()[:60]}"
                for heard in self.pair.recorder.heard[-60:]
            ]
            raise AssertionError(f"not well: {self.activity}, {reports}, {said}") from error

    def change(self) -> None:
        """Graph has another presence from now on."""
        availability, self.activity = _STATES[self.turn % len(_STATES)]
        self.turn += 1
        self.pair.lookalike.graph.set_presence(ADELE.object_id, availability, self.activity)

    def published(self, after: float, leader: str) -> float:
        """When the present state was published by that leader after a moment; waits for it."""
        found: list[float] = []

        def stands() -> bool:
            if self.pair.last("reader/leader") != leader:
                return False
            found.extend(
                heard.at
                for heard in self.pair.recorder.heard
                if heard.topic == f"{BASE}/presence"
                and heard.at >= after
                and json_of(heard.payload)["activity"] == self.activity
            )
            return bool(found)

        wait_until(stands, PATIENCE)
        return found[0]

    def end(self) -> None:
        """End both, whatever state they are in."""
        for program in (self.spare, self.primary):
            program.process.send_signal(signal.SIGCONT)
            program.__exit__(None, None, None)


def _kill(stage: _Stage) -> None:
    stage.primary.process.kill()


def _start(stage: _Stage) -> None:
    stage.primary.__exit__(None, None, None)
    stage.primary = stage.pair.primary.start()


def _freeze(stage: _Stage) -> None:
    stage.primary.process.send_signal(signal.SIGSTOP)


def _thaw(stage: _Stage) -> None:
    stage.primary.process.send_signal(signal.SIGCONT)


def _swallow(stage: _Stage) -> None:
    proxy = stage.pair.to_broker
    proxy.to_server.black_hole = proxy.to_client.black_hole = True


def _hang(stage: _Stage) -> None:
    proxy = stage.pair.to_graph
    proxy.to_server.black_hole = proxy.to_client.black_hole = True
    proxy.hanging = True


Act = Callable[[_Stage], None]
FAULTS: Final[dict[str, tuple[Act, Act]]] = {
    "killed": (_kill, _start),
    "frozen": (_freeze, _thaw),
    "cut from the broker, refused": (
        lambda stage: stage.pair.to_broker.refuse(),
        lambda stage: stage.pair.to_broker.heal(),
    ),
    "cut from the broker, black-holed": (_swallow, lambda stage: stage.pair.to_broker.heal()),
    "cut from Graph, refused": (
        lambda stage: stage.pair.to_graph.refuse(),
        lambda stage: stage.pair.to_graph.heal(),
    ),
    "cut from Graph, black-holed": (_hang, lambda stage: stage.pair.to_graph.heal()),
}
"""What breaks the primary, and what mends it, by name."""


def tries(
    name: str, times: int, directory: Path, *, interval: float, keepalive: int
) -> Iterator[Try]:
    """Break and mend so often."""
    break_it, mend_it = FAULTS[name]
    with Pair(directory, interval=interval, keepalive=keepalive, stale_after=_STALE_AFTER) as pair:
        stage = _Stage(pair)
        try:
            for _ in range(times):
                time.sleep(random.uniform(0.0, interval))
                yield _tried(stage, break_it, mend_it)
        finally:
            stage.end()


def _tried(stage: _Stage, break_it: Act, mend_it: Act) -> Try:
    before = stage.activity
    stage.pair.recorder.forget()
    stage.change()
    broken = time.monotonic()
    break_it(stage)
    during = stage.activity
    takeover = stage.published(broken, "spare") - broken
    stage.change()
    mended = time.monotonic()
    mend_it(stage)
    back = stage.published(mended, "primary") - mended
    stage.well()
    told = stage.pair.words_told(broken)
    # What may be told in this time: the newest of before, then that of each change, in order.
    newest = [before, during, stage.activity]
    order = [newest.index(word) for word in told if word in newest]
    return Try(
        takeover,
        back,
        not_known=told.count(None),
        older=sum(later < earlier for earlier, later in pairwise(order)),
    )
