"""Awaits that end when they should, whatever the awaited code does."""

import asyncio
from collections.abc import Coroutine
from typing import Any, Final, TypeVar

T = TypeVar("T")

_GRACE: Final = 1.0  # seconds that a cancelled coroutine gets to clean up


class PartEndedError(RuntimeError):
    """Code of a part tried to end the program, or cancelled itself."""


async def bounded(seconds: float, coroutine: Coroutine[Any, Any, T]) -> T:
    """Await `coroutine` for at most `seconds`, then `TimeoutError`.

    Unlike `asyncio.timeout` this holds for code that swallows its cancellation, too: such a
    task is left behind. Nor can the awaited code end the program or cancel who awaits it.
    """
    task = asyncio.ensure_future(_contained(coroutine))
    try:
        done, _ = await asyncio.wait({task}, timeout=seconds)
    except asyncio.CancelledError:
        await _cancel(task)
        raise
    if not done:
        await _cancel(task)
        if not task.done() or task.cancelled() or task.exception() is not None:
            raise TimeoutError(f"took longer than {seconds:g} s")
    return _result(task)


async def first_to_end(*coroutines: Coroutine[Any, Any, None]) -> None:
    """Run all until one ends, then end the others; raises what the first one raised."""
    tasks = [asyncio.ensure_future(_contained(coroutine)) for coroutine in coroutines]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            if not task.done():
                await _cancel(task)
            elif not task.cancelled():
                task.exception()  # of two that fail together one alone is raised below
    for task in done:
        _result(task)


async def _contained(coroutine: Coroutine[Any, Any, T]) -> T:
    try:
        return await coroutine
    except (SystemExit, KeyboardInterrupt) as error:
        # asyncio would let these out of the loop and end everything.
        raise PartEndedError(f"raised {type(error).__name__}") from error


def _result(task: "asyncio.Future[T]") -> T:
    if task.cancelled():
        raise PartEndedError("cancelled itself")
    return task.result()


async def _cancel(task: "asyncio.Future[Any]") -> None:
    task.cancel()
    done, _ = await asyncio.wait({task}, timeout=_GRACE)
    for each in done:
        if not each.cancelled():
            each.exception()  # looked at, so that asyncio does not complain of it later
