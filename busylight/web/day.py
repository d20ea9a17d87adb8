"""The last day of the light, in memory: what it showed when."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from busylight.core.light import LightState
from busylight.core.view import View
from busylight.edge import clock

LENGTH: Final = 24 * 3600.0
"""Seconds that are kept."""
GRAIN: Final = 120.0
"""Seconds: of several states within one grain the last one is kept, so there is a bound."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """A time in which the light showed one thing."""

    began: float
    ended: float
    state: str
    light: LightState | None


class Day:
    """Watches views, and keeps what the light showed in the last 24 hours."""

    def __init__(self) -> None:
        self._changes: deque[tuple[float, str, LightState | None]] = deque()

    def note(self, view: View) -> None:
        """Take in a new view; a walk through the palette is no history."""
        if view.walk_ends_at is not None or view.is_last:
            return
        now = clock.now()
        changes = self._changes
        if changes and changes[-1][1:] == (view.state, view.light):
            return
        if changes and int(changes[-1][0] / GRAIN) == int(now / GRAIN):
            began = changes.pop()[0]
            if changes and changes[-1][1:] == (view.state, view.light):
                return
            now = began
        changes.append((now, view.state, view.light))
        while len(changes) > 1 and changes[1][0] <= clock.now() - LENGTH:
            changes.popleft()

    def stretches(self, now: float) -> Iterator[Stretch]:
        """What was shown, the oldest first, up to `now`."""
        changes = list(self._changes)
        ends = [began for began, _, _ in changes[1:]] + [now]
        for (began, state, light), ended in zip(changes, ends, strict=True):
            if ended > now - LENGTH:
                yield Stretch(max(began, now - LENGTH), ended, state, light)
