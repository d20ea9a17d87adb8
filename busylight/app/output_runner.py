"""What every output gets for nothing: connecting again, time limits, dimming, health.

One output's trouble never reaches another: each is run by a task of its own, and takes views
from a slot of its own.
"""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

from busylight.app.connection import Connection, Limits
from busylight.app.raised import described, seconds_of, words_of
from busylight.app.slot import Slot
from busylight.core.appearance import AS_EVERYWHERE, Appearance
from busylight.core.backoff import reconnect_delay
from busylight.core.override import Command
from busylight.core.reader import BROKER, News
from busylight.core.view import PartHealth, PartState, View
from busylight.edge import clock
from busylight.edge.current_part import PART, leaving_nothing, output_part
from busylight.edge.lives import Abandoned
from busylight.parts import Output, OutputError

_log: Final = logging.getLogger("busylight.app")

CONNECT_LIMIT: Final = 20.0
"""Seconds that an output may take to connect."""
SHOW_LIMIT: Final = 10.0
"""Seconds that an output may take to show a view."""
GOODBYE_LIMIT: Final = 2.0
"""Seconds that an output may take to let go."""
HANGING_LIMIT: Final = 8
"""Connections that may hang for good before no further one is tried."""


@dataclass(frozen=True, slots=True)
class OutputRunner:
    """Runs one output for as long as the program lives."""

    name: str
    make: Callable[[], Output]
    """A new object for each try."""
    slot: Slot
    told: Callable[[str, PartHealth], None]
    """Takes the output's name and health."""
    heard: Callable[[Command | News], None]
    """Takes what is asked for through the output."""
    brightness: int
    """Percent, for outputs that are lamps."""
    stopping: asyncio.Event
    """Set when the program is about to end: then nothing is tried again."""
    appearance: Appearance = AS_EVERYWHERE
    """How this output differs from the others."""
    abandoned: Abandoned = field(default_factory=set)
    """Earlier connections that do not end."""

    async def run(self) -> None:
        """Connect, show, and begin anew after every fault, until the last view is shown."""
        failures = 0
        PART.set(output_part(self.name))
        while not self.stopping.is_set():
            self.told(self.name, PartHealth())
            began = clock.now()
            try:
                async with leaving_nothing():
                    ended = await self._connected()
                if ended:
                    return
                problem, least, most = "ended by itself", 0.0, None
            except OutputError as error:
                problem, least = words_of(error), seconds_of(error, "retry_after") or 0.0
                most = seconds_of(error, "retry_within")
            except TimeoutError as error:
                problem, least, most = f"does not answer: {words_of(error)}", 0.0, None
            except Exception as error:  # noqa: BLE001 -- whatever a part raises is that part's fault alone
                _log.debug("output %s failed", self.name, exc_info=True)
                problem, least, most = described(error), 0.0, None
            failures = failures + 1 if clock.now() - began < SHOW_LIMIT else 1
            self.told(self.name, PartHealth(PartState.FAILED, problem))
            delay = reconnect_delay(failures)
            await self._pause(max(delay if most is None else min(delay, most), least))

    async def _connected(self) -> bool:
        """Live one connection; true if it ended with the program's last view."""
        if len(self.abandoned) >= HANGING_LIMIT:
            raise OutputError(f"{HANGING_LIMIT} earlier tries of it still hang; restart Busylight")
        connection = Connection(
            make=self.make,
            slot=self.slot,
            limits=Limits(CONNECT_LIMIT, SHOW_LIMIT, GOODBYE_LIMIT),
            as_shown=lambda view, is_lamp: self.appearance.applied(
                view, self.brightness, is_lamp=is_lamp
            ),
            shown=lambda view, output: self.told(self.name, _health_after(view, output)),
            heard=self.heard,
            hears_news=self.name == BROKER,
        )
        await connection.live(self.abandoned)
        return self.stopping.is_set()

    async def _pause(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.stopping.wait()


def _health_after(view: View, output: Output) -> PartHealth:
    state = PartState.RELEASED if view.light is None else PartState.CONNECTED
    return PartHealth(state, has_button=getattr(output, "has_button", False))


def output_maker(cls: Any, settings: Any, **more: Any) -> Callable[[], Output]:
    """What makes a new object of an output's class."""

    def make() -> Output:
        output: Output = cls(settings, **more)
        return output

    return make
