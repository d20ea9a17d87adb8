"""Tells people in time that the app's own secret or certificate ends."""

import asyncio
import logging
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Final

from busylight.edge.threads import Worker
from busylight.sources.graph.credential_end import warning
from busylight.sources.graph.settings import GraphSettings

_log: Final = logging.getLogger("busylight.app")

_LOOK: Final = 3600.0
"""Seconds between two looks at the date: once a day there is something new."""
_LIMIT: Final = 10.0
"""Seconds that the card may take."""


async def watch(settings: GraphSettings, told: Callable[[str | None], None]) -> None:
    """Look every hour, for ever: tell what to say, and log it once a day."""
    logged: str | None = None
    while True:
        worker = Worker("credential")
        try:
            words = await worker.call(_LIMIT, warning, settings, _today())
        except TimeoutError:
            words = logged
        worker.close()
        if words is not None and words != logged:
            _log.warning("%s", words)
        logged = words
        told(words)
        await asyncio.sleep(_LOOK)


def _today() -> date:
    return datetime.now(UTC).date()
