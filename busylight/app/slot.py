"""A place for one view: the newest. Who is slow skips what lay there before."""

import asyncio

from busylight.core.view import View


class Slot:
    """Latest wins: `put` never waits and never queues, `get` waits for what was not seen yet."""

    def __init__(self) -> None:
        self._view: View | None = None
        self._fresh = asyncio.Event()

    def put(self, view: View) -> None:
        """Lay down the newest view; one equal to what lies there already is no news."""
        if view != self._view:
            self._view = view
            self._fresh.set()

    async def get(self) -> View:
        """Wait for a view that has not been taken yet."""
        while True:
            await self._fresh.wait()
            self._fresh.clear()
            if self._view is not None:
                return self._view

    def again(self) -> None:
        """Offer the present view once more: whoever took it has lost it."""
        if self._view is not None:
            self._fresh.set()
