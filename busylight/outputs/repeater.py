"""What has to be said again and again, so that a lamp knows that we live."""

import asyncio
from collections.abc import Awaitable, Callable

from busylight.parts import OutputError, UntilLost


class Repeater:
    """Calls something every few seconds, from one round to the next as it was left."""

    def __init__(self, failed: Callable[[OutputError], None] | None = None) -> None:
        """`failed` takes why a call has failed, in the place of `events`."""
        self._task: asyncio.Task[None] | None = None
        self._failed = failed or self.fail
        self._lost: asyncio.Future[OutputError] = asyncio.get_running_loop().create_future()

    def begin(self, seconds: float, action: Callable[[], Awaitable[None]]) -> None:
        """Call `action` every so many seconds until `stop`; begins with a pause."""
        self._task = asyncio.create_task(self._repeat(seconds, action))

    async def stop(self) -> None:
        """Call it no more."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait({task})

    def events(self) -> UntilLost:
        """What an output that hears nothing else returns: notices when a call has failed."""
        return UntilLost(self._lost)

    async def _repeat(self, seconds: float, action: Callable[[], Awaitable[None]]) -> None:
        try:
            while True:
                await asyncio.sleep(seconds)
                await action()
        except OutputError as error:
            self._failed(error)
        except Exception as error:  # noqa: BLE001 -- as the program tells it of an output's show
            self._failed(OutputError(f"{type(error).__name__}: {error}"))

    def fail(self, error: OutputError) -> None:
        """Tell whoever listens to `events` that it is over."""
        if not self._lost.done():
            self._lost.set_result(error)
