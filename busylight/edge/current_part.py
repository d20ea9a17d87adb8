"""Whose code runs at the moment: known to tasks, timers and callbacks by their context.

A part's runner sets it once; whatever the part starts from there inherits it.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Coroutine, Generator
from contextvars import ContextVar
from typing import Any, Final
from weakref import WeakKeyDictionary

PART: Final[ContextVar[str | None]] = ContextVar("part", default=None)
"""`output NAME` or `source`; None: the program itself."""

_owners: Final[WeakKeyDictionary["asyncio.Task[Any]", str]] = WeakKeyDictionary()


def note_owners(loop: asyncio.AbstractEventLoop) -> None:
    """Remember of each new task of `loop` which part has started it."""

    def make(
        loop: asyncio.AbstractEventLoop,
        coroutine: Coroutine[Any, Any, Any] | Generator[Any, None, Any],
        **options: Any,
    ) -> "asyncio.Task[Any]":
        task: asyncio.Task[Any] = asyncio.Task(coroutine, loop=loop, **options)
        part = PART.get()
        if part is not None:
            _owners[task] = part
        return task

    loop.set_task_factory(make)


@contextlib.asynccontextmanager
async def leaving_nothing() -> AsyncIterator[None]:
    """End what the present part starts in this block and leaves running at its end."""
    part = PART.get()
    before = _tasks_of(part)
    try:
        yield
    finally:
        for task in _tasks_of(part) - before:
            task.cancel()


def _tasks_of(part: str | None) -> "set[asyncio.Task[Any]]":
    return {task for task, owner in list(_owners.items()) if owner == part and not task.done()}
