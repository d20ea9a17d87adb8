"""Plays the working day: the stand-in goes on only when each state was seen on the light."""

from collections.abc import Callable, Sequence
from typing import Final

from busylight.core.light import dimmed
from busylight.core.palette import Rule
from busylight.core.presence import Presence
from busylight.demo.day import DAY, Step, holds
from busylight.demo.lookalike import ADELE
from busylight.demo.stage import Stage
from busylight.edge.clock import now, sleep_until
from busylight.edge.threads import Worker
from busylight.outputs.serial.firmware_output import show_of
from firmware_bridge import protocol

DAY_SECONDS: Final = 60.0
"""How long a day takes at speed 1."""
_PATIENCE: Final = 60.0
"""Seconds until a state that does not reach the light is a failure of the program's."""


class NotShownError(Exception):
    """A state did not reach the light: the pipeline is broken."""


class Player:
    """Plays days on a stage, and tells of each state once the light shows it."""

    def __init__(self, stage: Stage, speed: float, on_shown: Callable[[Step, Rule], None]) -> None:
        """`speed` 1: a day in a minute; `on_shown` is called as each state is seen."""
        self._stage = stage
        self._speed = speed
        self._on_shown = on_shown
        self._worker = Worker("demo day")

    async def play_day(self, day: Sequence[Step] = DAY) -> None:
        """Play one day; raises `NotShownError`."""
        for step, seconds in zip(day, holds(DAY_SECONDS / self._speed, day), strict=True):
            began = now()
            self._stage.lookalike.graph.set_presence(
                ADELE.object_id, step.availability, step.activity
            )
            rule = self._stage.settings.palette.rule_for(Presence(step.availability, step.activity))
            await self._until_shown(step, rule)
            self._on_shown(step, rule)
            await sleep_until(began + seconds)

    async def _until_shown(self, step: Step, rule: Rule) -> None:
        light = rule.light
        if light is not None:
            light = dimmed(light, self._stage.settings.brightness)
        state = protocol.RELEASED if light is None else protocol.SHOWING
        wanted = state, show_of(light).look()
        graph, lamp = self._stage.lookalike.graph, self._stage.light

        def seen() -> bool:
            # First that it was read at all: the state before may look the same.
            return graph.wait_read(timeout=_PATIENCE) and lamp.wait_for(
                lambda lamp: lamp.last is not None and (lamp.last.state, lamp.last.look) == wanted,
                _PATIENCE,
            )

        if not await self._worker.call(3 * _PATIENCE, seen):
            raise NotShownError(
                f"{step.availability}/{step.activity} did not reach the light within "
                f"{_PATIENCE:g} s"
            )
