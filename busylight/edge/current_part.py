"""Whose code runs at the moment: known to tasks, timers and callbacks by their context.

A part's runner sets it once; whatever the part starts from there inherits it.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine, Generator
from contextvars import ContextVar
from typing import Any, Final
from weakref import WeakKeyDictionary

PART: Final[ContextVar[str | None]] = ContextVar("part", default=None)
"""`output NAME`, `source` or `other reader`; None: the program itself."""

SOURCE: Final = "source"
OTHER_READER: Final = "other reader"
"""What follows the other one of two readers."""

_owners: Final[WeakKeyDictionary["asyncio.Task[Any]", str]] = WeakKeyDictionary()


def output_part(name: str) -> str:
    """What an output is called here."""
    return f"output {name}"


class PartEndedError(RuntimeError):
    """Code of a part tried to end the program, or cancelled itself."""


class _NoExit(Coroutine[Any, Any, Any]):
    """A coroutine whose `sys.exit` is a fault of its task; asyncio would let it end the program."""

    def __init__(self, inner: Coroutine[Any, Any, Any] | Generator[Any, None, Any]) -> None:
        self._inner = inner

    def send(self, value: Any) -> Any:
        return self._step(self._inner.send, value)

    def throw(self, *error: Any) -> Any:
        return self._step(self._inner.throw, *error)

    def close(self) -> None:
        self._inner.close()

    def __await__(self) -> Generator[Any, Any, Any]:
        raise TypeError("it is run by its task alone")

    @staticmethod
    def _step(step: Callable[..., Any], *given: Any) -> Any:
        try:
            return step(*given)
        except (SystemExit, KeyboardInterrupt) as error:
            raise PartEndedError(f"raised {type(error).__name__}") from error


def note_owners(loop: asyncio.AbstractEventLoop) -> None:
    """Remember of each new task of `loop` which part has started it; none can end the program."""

    def make(
        loop: asyncio.AbstractEventLoop,
        coroutine: Coroutine[Any, Any, Any] | Generator[Any, None, Any],
        **options: Any,
    ) -> "asyncio.Task[Any]":
        part = PART.get()
        if part is None:
            return asyncio.Task(coroutine, loop=loop, **options)
        task: asyncio.Task[Any] = asyncio.Task(_NoExit(coroutine), loop=loop, **options)
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
