"""One connection of an output: entered, shown to, listened to, and left."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Final

from busylight.app.checked import checked_command
from busylight.app.slot import Slot
from busylight.core.override import Command
from busylight.core.reader import News
from busylight.core.view import View
from busylight.edge.current_part import PartEndedError
from busylight.edge.lives import (
    Abandoned,
    Life,
    contained,
    fault_in,
    first_of,
)
from busylight.parts import HearingOutput, Output, OutputError

_log: Final = logging.getLogger("busylight.app")


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds that an output may take for each thing."""

    connect: float
    show: float
    goodbye: float


@dataclass(slots=True)
class Connection:
    """Lives once with one object of an output's class."""

    make: Callable[[], Output]
    slot: Slot
    limits: Limits
    as_shown: Callable[[View, bool], View]
    """The view as this output shows it; the second argument says whether it is a lamp."""
    shown: Callable[[View, Output], None]
    """Called after each view that was shown, with what has shown it."""
    heard: Callable[[Command | News], None]
    hears_news: bool = False
    """Whether it is the broker's, by which one reader hears of the other."""
    _life: Life = field(init=False)

    async def live(self, abandoned: Abandoned) -> None:
        """Live until the last view is shown; raises what went wrong."""
        self._life = Life(self.limits.goodbye)
        try:
            await self._life.run(self._work, abandoned)
        except BaseExceptionGroup as group:
            raise fault_in(group, OutputError) from group

    async def _work(self) -> None:
        async with self._life.within(self.limits.connect):
            output = self.make()
            self.slot.again()
            await output.__aenter__()
        try:
            if isinstance(output, HearingOutput):
                await self._show_and_hear(output, output)
            else:
                await self._show(output)
        except BaseException as error:
            await self._leave_after(first_of(error, OutputError), output)
            raise
        async with self._life.within(self.limits.goodbye):
            await output.__aexit__(None, None, None)

    async def _leave_after(self, error: BaseException, output: Output) -> None:
        try:
            async with self._life.within(self.limits.goodbye):
                await output.__aexit__(type(error), error, error.__traceback__)
        except Exception as late:
            if isinstance(error, asyncio.CancelledError):
                raise  # a task group of the output's has cancelled us: this is what failed in it
            _log.debug("an output was left after %r, and failed with %r", error, late)

    async def _show(self, output: Output) -> None:
        is_lamp = getattr(output, "dimmed", True)
        shown: View | None = None
        while True:
            view = await self.slot.get()
            if is_lamp:
                # What the program says of itself, or hears, is no lamp's business.
                if shown is not None and _same_for_lamps(view, shown):
                    continue
                shown = view
            seconds = getattr(output, "seconds_to_show", lambda _view: 0.0)
            async with self._life.within(max(self.limits.show, seconds(view))):
                await output.show(self.as_shown(view, is_lamp))
            self.shown(view, output)
            if view.is_last:
                return

    async def _show_and_hear(self, output: Output, ear: HearingOutput) -> None:
        async with asyncio.TaskGroup() as group:
            hearing = group.create_task(self._hear(ear))
            try:
                await self._show(output)
            finally:
                hearing.cancel()
                self._life.begin(self.limits.goodbye)

    async def _hear(self, ear: HearingOutput) -> None:
        await contained(lambda: self._listen(ear))

    async def _listen(self, ear: HearingOutput) -> None:
        try:
            async for command in ear.events():
                self.heard(checked_command(command, news=self.hears_news))
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            raise PartEndedError("cancelled itself") from None
        raise OutputError("ended by itself")


def _same_for_lamps(view: View, shown: View) -> bool:
    same = replace(view, diagnostics=shown.diagnostics, button=shown.button, duty=shown.duty)
    return same == shown
