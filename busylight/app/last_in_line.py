"""A part that has blocked the program before this start begins when all others have begun."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection
from contextlib import suppress
from pathlib import Path
from typing import Final

from busylight.app import blocked
from busylight.app.hub import Hub
from busylight.core.knowledge import NotKnown, Trouble, Why
from busylight.core.view import PartHealth, PartState
from busylight.edge import clock
from busylight.edge.current_part import OTHER_READER, SOURCE, output_part
from busylight.edge.threads import Worker

_log: Final = logging.getLogger("busylight")

OTHERS_FIRST: Final = 15.0
"""Seconds that all others get to begin before a part that has blocked the program."""
CARD_LIMIT: Final = 10.0
"""Seconds that the card may take."""
WELL_AGAIN: Final = 600.0
"""Seconds that such a part has to run until it is forgiven."""


class LastInLine:
    """Lets each part do its work: at once, or after all others if it has blocked the program."""

    def __init__(self, hub: Hub, outputs: Collection[str], state_dir: Path | None) -> None:
        """`outputs`: the names of all that begin; `state_dir`: where the part is remembered."""
        self._hub = hub
        self._outputs = outputs
        self._state_dir = state_dir
        self._found = None if state_dir is None else blocked.recall(state_dir)

    def tell(self) -> None:
        """Say which part it was, if one was."""
        if (found := self._found) is None:
            return
        _log.warning("%s %s", found.part, found.words)
        self._hub.blocked(f"{found.part} {found.words}")
        if found.part == SOURCE:
            self._hub.heard(Trouble(Why.UNREACHABLE, f"the source {found.words}"))
        for name in self._outputs:
            if found.part == output_part(name):
                self._hub.health(name, PartHealth(PartState.FAILED, found.words))

    async def work(self, part: str, work: Callable[[], Awaitable[None]]) -> None:
        """Do the work of a part when it is its turn."""
        found = self._found
        if found is None or found.part != part:
            await work()
            return
        await self._others_first(part)
        await clock.sleep_until(clock.now() + found.wait)
        forgiving = asyncio.create_task(self._forgive(), name="forgive")
        try:
            await work()
        finally:
            forgiving.cancel()

    async def _others_first(self, part: str) -> None:
        deadline = clock.now() + OTHERS_FIRST
        while clock.now() < deadline and not self._others_have_begun(part):  # noqa: ASYNC110 -- once, and soon over
            await asyncio.sleep(0.1)

    def _others_have_begun(self, part: str) -> bool:
        view = self._hub.view
        known = view.knowledge
        source_waits = isinstance(known, NotKnown) and known.why is Why.STARTING
        return (part in (SOURCE, OTHER_READER) or not source_waits) and all(
            name in view.diagnostics.outputs
            and view.diagnostics.outputs[name].state is not PartState.CONNECTING
            for name in self._outputs
            if output_part(name) != part
        )

    async def _forgive(self) -> None:
        await clock.sleep_until(clock.now() + WELL_AGAIN)
        self._found = None
        if self._state_dir is not None:
            worker = Worker("blocked")
            with suppress(TimeoutError):
                await worker.call(CARD_LIMIT, blocked.forget, self._state_dir)
            worker.close()
