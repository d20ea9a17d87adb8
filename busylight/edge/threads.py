"""Blocking calls, each with a time limit, outside the event loop.

asyncio's own executor is not used: a call that hangs there holds up the exit of the program. A
thread of ours is a daemon, and one that overran its limit is left behind and replaced.
"""

import asyncio
import contextlib
import queue
import threading
from collections.abc import Callable
from typing import Any, Final, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

IDLE: Final = 30.0
"""Seconds without a call after which a worker's thread ends: the next call gets a new one."""
ABANDONED_LIMIT: Final = 8
"""Threads that may hang at the same time before a worker refuses to start another."""


class TooManyHangError(TimeoutError):
    """So many earlier calls still hang that no further one is started."""


class NoThreadError(TimeoutError):
    """The system lets us start no further thread."""


class _Job:
    def __init__(self, call: Callable[[], Any], loop: asyncio.AbstractEventLoop) -> None:
        self.call = call
        self.loop = loop
        self.result: asyncio.Future[Any] = loop.create_future()

    def run(self) -> None:
        value, error = None, None
        try:
            value = self.call()
        except BaseException as raised:  # noqa: BLE001 -- handed on to whoever waits
            error = raised
        with contextlib.suppress(RuntimeError):  # the loop has ended: nobody waits any more
            self.loop.call_soon_threadsafe(self._settle, value, error)

    def _settle(self, value: Any, error: BaseException | None) -> None:
        if self.result.done():
            return
        if error is None:
            self.result.set_result(value)
        elif isinstance(error, StopIteration | KeyboardInterrupt | SystemExit):
            self.result.set_exception(RuntimeError(f"{type(error).__name__} in a thread"))
        else:
            self.result.set_exception(error)


class Worker:
    """One thread that makes blocking calls, one after the other, for one part of the program."""

    def __init__(self, name: str) -> None:
        """Start nothing yet; `name` is what the thread is called."""
        self._name = name
        self._jobs: queue.SimpleQueue[_Job | None] | None = None
        self._abandoned: list[threading.Thread] = []
        self._thread: threading.Thread | None = None
        self._turn = asyncio.Lock()
        self._rest: asyncio.TimerHandle | None = None

    async def call(
        self, seconds: float, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Call `function` in the thread and return what it returns.

        Raises what it raises, or `TimeoutError` after `seconds`: then the thread is left to
        itself, and the next call gets a new one.
        """
        async with self._turn:
            jobs = self._ensure_thread()
            loop = asyncio.get_running_loop()
            job = _Job(lambda: function(*args, **kwargs), loop)
            # Not now, but when this task waits: a thread that wakes while the loop is still at
            # work would have to wait for the interpreter, and be woken once more for it.
            loop.call_soon(jobs.put, job)
            try:
                async with asyncio.timeout(seconds):
                    value: T = await job.result
                    return value
            except (TimeoutError, asyncio.CancelledError):
                if not job.result.done() or job.result.cancelled():
                    self._abandon()
                raise
            finally:
                self._rest = loop.call_later(IDLE, self.close)

    def close(self) -> None:
        """Let the thread end after the call that it is in, if any."""
        self._work_on()
        if self._jobs is not None:
            self._jobs.put(None)
        self._jobs = self._thread = None

    def _work_on(self) -> None:
        if self._rest is not None:
            self._rest.cancel()
            self._rest = None

    def _ensure_thread(self) -> "queue.SimpleQueue[_Job | None]":
        self._work_on()
        if self._jobs is not None:
            return self._jobs
        self._abandoned = [thread for thread in self._abandoned if thread.is_alive()]
        if len(self._abandoned) >= ABANDONED_LIMIT:
            raise TooManyHangError(
                f"{len(self._abandoned)} earlier calls of {self._name} still hang"
            )
        jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        thread = threading.Thread(target=_work, args=(jobs,), name=self._name, daemon=True)
        try:
            thread.start()
        except RuntimeError as error:
            raise NoThreadError(f"{error}: the system's limit of threads is reached") from None
        self._thread, self._jobs = thread, jobs
        return jobs

    def _abandon(self) -> None:
        if self._thread is not None:
            self._abandoned.append(self._thread)
        self.close()


def _work(jobs: "queue.SimpleQueue[_Job | None]") -> None:
    while (job := jobs.get()) is not None:
        job.run()
