"""One life of a part, in one task from entering to leaving, with a watch kept from outside.

A task group, a timeout or a cancel scope that a part opens in `__aenter__` belongs to the task
that entered it: whoever leaves it, or calls the part in between, has to be that task.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any, Final

from busylight.edge.current_part import PartEndedError

GRACE: Final = 1.0
"""Seconds that a part gets to notice that its time is up, before it is left to itself."""


Work = Callable[[], Coroutine[Any, Any, None]]


Abandoned = set["asyncio.Task[None]"]
"""The tasks that did not end when they should have."""


class Life:
    """Runs a coroutine as a task of its own, and ends it when a step of it takes too long."""

    def __init__(self, goodbye: float) -> None:
        """`goodbye`: seconds that the part gets to clean up."""
        self._goodbye = goodbye
        self._due: float | None = None  # None: nothing is asked of the part now
        self._limit = goodbye
        self._step = asyncio.Event()
        self._is_over = False

    async def run(self, work: Work, abandoned: Abandoned) -> None:
        """Run `work` to its end; raises what went wrong.

        A task that swallows its cancellation is left behind, among `abandoned`. Nor can the
        part's code end the program, or cancel who waits for it.
        """
        task = asyncio.create_task(contained(work))
        try:
            await self._watch(task)
        except BaseException:
            self._is_over = True
            task.cancel()
            await asyncio.wait({task}, timeout=self._goodbye + GRACE)
            if not task.done():
                abandoned.add(task)
                task.add_done_callback(abandoned.discard)
            task.add_done_callback(_look_at)
            raise
        if task.cancelled():
            raise PartEndedError("cancelled itself")
        if (error := task.exception()) is not None:
            raise error if isinstance(error, BaseExceptionGroup) else _fault(error)

    @asynccontextmanager
    async def within(self, seconds: float) -> AsyncIterator[None]:
        """A step that may take so long; raises `TimeoutError`."""
        self.begin(seconds)
        limit = asyncio.timeout(seconds)
        try:
            async with limit:
                yield
        except TimeoutError as error:
            if limit.expired():
                raise TimeoutError(f"took longer than {seconds:g} s") from error
            raise
        finally:
            self._due = None
        self.go_on()

    def go_on(self) -> None:
        """Raise CancelledError once more if the part's code has swallowed the one that ended it."""
        if self._is_over:
            raise asyncio.CancelledError

    def begin(self, seconds: float) -> None:
        """A step that has to be done within `seconds`, or the task is given up."""
        self._due, self._limit = asyncio.get_running_loop().time() + seconds, seconds
        self._step.set()

    async def _watch(self, task: "asyncio.Task[None]") -> None:
        loop = asyncio.get_running_loop()
        while not task.done():
            self._step.clear()
            patience = None if self._due is None else self._due + GRACE - loop.time()
            if patience is not None and patience <= 0:
                raise TimeoutError(f"took longer than {self._limit:g} s")
            step = asyncio.ensure_future(self._step.wait())
            try:
                await asyncio.wait(
                    {task, step}, timeout=patience, return_when=asyncio.FIRST_COMPLETED
                )
            finally:
                step.cancel()


def first_of(error: BaseException, wanted: type[Exception] = Exception) -> BaseException:
    """Of a group one error that tells what went wrong: a `wanted` one if there is one."""
    if isinstance(error, BaseExceptionGroup):
        return first_of((error.subgroup(wanted) or error).exceptions[0], wanted)
    return error


def fault_in(group: BaseExceptionGroup[BaseException], wanted: type[Exception]) -> Exception:
    """The same of a group, as something that nobody takes for the end of the program."""
    return _fault(first_of(group, wanted))


def _fault(error: BaseException) -> Exception:
    if isinstance(error, Exception):
        return error
    # A library's own kind of exit or cancellation, say: no `except Exception` would stop it.
    ended = PartEndedError(f"raised {type(error).__name__}")
    ended.__cause__ = error
    return ended


async def contained(work: Work) -> None:
    """Do it; what would let asyncio end everything becomes a fault of the part."""
    try:
        await work()  # begun only here: a task that never ran has nothing left to await
    except (SystemExit, KeyboardInterrupt) as error:
        raise PartEndedError(f"raised {type(error).__name__}") from error


def _look_at(task: "asyncio.Task[None]") -> None:
    if not task.cancelled():
        task.exception()  # looked at, so that asyncio does not complain of it
