"""A serial port that is open, and ours alone. Whatever may block is done in a thread."""

import asyncio
import contextlib
import os
import select
import threading
import time
from collections.abc import Callable
from typing import Final

from serial import Serial, SerialTimeoutException

from busylight.edge.threads import NoThreadError, Worker
from busylight.outputs.serial import failures
from busylight.outputs.serial.identity import Identity, choose, identity_of
from busylight.outputs.serial.ports import devices
from busylight.parts import OutputError

OPEN_LIMIT: Final = 8.0
"""Seconds that opening may take."""
WRITE_LIMIT: Final = 1.0
"""Seconds that the light may take to make room for what is written, and again to take it."""
DRAIN_LIMIT: Final = 1.0
"""Seconds that the last frame gets to leave before the port is closed."""
CLOSE_LIMIT: Final = 1.5
"""Seconds that closing may take."""
_CHUNK: Final = 4096
_MARGIN: Final = 1.0  # seconds by which a thread's own limit may be late

_seen: Final[dict[str, Identity | None]] = {}
"""Who was behind each path that is set. Outlives a line: it is for the next one to find it."""


class PortError(OutputError):
    """A port cannot be used now."""

    retry_within = 1.5
    """Seconds: to look whether a port is back costs nothing, and a light should not wait for it."""


class Line:
    """One opening of a port; opened anew, by its path, after every fault."""

    def __init__(
        self, port: Serial, path: str, worker: Worker, took: Callable[[bytes], None]
    ) -> None:
        """Use `open`."""
        self._took = took
        self._port = port
        self._path = path
        self._worker = worker
        self._busy = threading.Lock()
        self._waiting = 0  # writes that have gone to the thread
        self._hangup: select.epoll | None = None
        self._loop = asyncio.get_running_loop()
        self.lost: asyncio.Future[OutputError] = self._loop.create_future()
        """Why nothing more can be written, as soon as that is known."""
        self._loop.add_reader(port.fileno(), self._hear)

    @classmethod
    async def open(
        cls, path: str, baud: int, took: Callable[[bytes], None] = lambda _: None
    ) -> "Line":
        """Open and lock the port; raises `OutputError`, which says what to do.

        `took` is given what the light says.
        """
        worker = Worker(f"serial {path}")
        opening = _Opening(path, baud)
        try:
            port = await worker.call(OPEN_LIMIT, opening.run)
        except BaseException as error:
            opening.give_up()
            worker.close()
            if isinstance(error, NoThreadError):
                raise PortError(f"{path} cannot be opened now: {error}") from None
            if isinstance(error, TimeoutError):
                raise PortError(f"{path} does not open: {failures.hangs(path)}") from None
            raise
        return cls(port, path, worker, took)

    async def write(self, content: bytes) -> None:
        """Write it; raises `OutputError`."""
        if self.lost.done():
            raise self.reason()
        self._waiting += 1
        try:
            if rest := self._after_writing_at_once(content):
                await self._worker.call(2 * WRITE_LIMIT + _MARGIN, self._write, rest)
        except (SerialTimeoutException, TimeoutError):
            self.lose(failures.hangs(self._path))
            raise self.reason() from None
        except failures.FAILURES:
            self.lose(failures.gone(self._path))
            raise self.reason() from None
        finally:
            self._waiting -= 1

    def _after_writing_at_once(self, content: bytes) -> bytes:
        """Write what the port has room for, and return what is left: mostly nothing.

        The port is opened not to block, so no thread has to be woken for this.
        """
        if self._waiting > 1 or self._busy.locked():
            return content  # after what waits in the thread
        try:
            return content[os.write(self._port.fileno(), content) :]
        except BlockingIOError:
            return content

    async def let_go(self) -> None:
        """Leave the port to others: unlocked and unread, but a pulled cable is still noticed."""
        self._loop.remove_reader(self._port.fileno())
        self._hangup = select.epoll()
        self._hangup.register(self._port.fileno(), 0)  # of no event: only a hang-up is reported
        self._loop.add_reader(self._hangup.fileno(), self._hung_up)
        await self._lock(exclusive=False)

    async def take_again(self) -> None:
        """Be the only user again after `let_go`; raises `OutputError` if somebody else has come."""
        if self._hangup is None:
            return
        await self._lock(exclusive=True)
        self._stop_watching()
        self._loop.add_reader(self._port.fileno(), self._hear)

    async def close(self, *, in_order: bool) -> None:
        """Close, within bounds whatever the light does.

        `in_order` lets what was written leave first; else it is thrown away, so that no old
        frame comes out when a light that hung reads on.
        """
        self._stop_watching()
        if self._busy.locked():
            self._port.cancel_write()
        with contextlib.suppress(TimeoutError, *failures.FAILURES):
            await self._worker.call(CLOSE_LIMIT, self._close, in_order=in_order)
        self._worker.close()

    def _hear(self) -> None:
        """Read what the light says; unread it would fill the light's buffer and block it."""
        try:
            content = self._port.read(_CHUNK)
        except failures.FAILURES:
            self._hung_up()
        else:
            self._took(content)

    def _hung_up(self) -> None:
        self._stop_watching()
        self.lose(failures.gone(self._path))

    def lose(self, why: str) -> None:
        """Take the light for gone; whoever listens to `lost` is told."""
        if not self.lost.done():
            self.lost.set_result(PortError(why))

    def reason(self) -> PortError:
        """Why the line is lost, to be raised."""
        return PortError(str(self.lost.result()))

    def _stop_watching(self) -> None:
        if self._port.is_open:
            self._loop.remove_reader(self._port.fileno())
        if self._hangup is not None:
            self._loop.remove_reader(self._hangup.fileno())
            self._hangup.close()
            self._hangup = None

    async def _lock(self, *, exclusive: bool) -> None:
        try:
            await self._worker.call(WRITE_LIMIT, self._set_exclusive, exclusive)
        except failures.FAILURES as error:
            why = failures.cannot_open(error, self._path, self._port.baudrate)
            self.lose(why)
            raise self.reason() from None

    # What follows runs in the worker's thread.

    def _set_exclusive(self, exclusive: bool) -> None:  # noqa: FBT001 -- Worker.call hands it on
        with self._busy:
            self._port.exclusive = exclusive

    def _write(self, content: bytes) -> None:
        with self._busy:
            # Where the first byte finds no room pyserial spins until its time limit.
            _, ready, _ = select.select([], [self._port.fileno()], [], WRITE_LIMIT)
            if not ready:
                raise SerialTimeoutException("no room")
            self._port.write(content)

    def _close(self, *, in_order: bool) -> None:
        # A thread that was left behind in a write is on its way out: wait for it, but not long.
        locked = self._busy.acquire(timeout=WRITE_LIMIT)
        try:
            with contextlib.suppress(*failures.FAILURES):
                if not in_order or not drained(self._port, DRAIN_LIMIT):
                    self._port.reset_output_buffer()  # or the kernel waits for it, up to 30 s
            self._port.close()
        finally:
            if locked:
                self._busy.release()


def drained(port: Serial, seconds: float) -> bool:
    """Wait until all that was written has left, for at most `seconds`; never by tcdrain."""
    deadline = time.monotonic() + seconds
    while port.out_waiting:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


class _Opening:
    """Opens a port in a thread; one that comes too late is closed again, or it stayed locked."""

    def __init__(self, path: str, baud: int) -> None:
        self._path = path
        self._baud = baud
        self._lock = threading.Lock()
        self._port: Serial | None = None
        self._given_up = False

    def run(self) -> Serial:
        """Open; raises `OutputError`."""
        try:
            port = Serial(
                _device(self._path),
                self._baud,
                timeout=0,
                write_timeout=WRITE_LIMIT,
                exclusive=True,
            )
        except failures.FAILURES as error:
            why = failures.cannot_open(error, self._path, self._baud)
            raise PortError(why) from None
        with self._lock:
            self._port = port
            if self._given_up:
                port.close()
        _remember(self._path, port)
        return port

    def give_up(self) -> None:
        """Whatever is open, or will be, is not wanted any more."""
        with self._lock:
            self._given_up = True
            if self._port is not None:
                self._port.close()  # nothing was written: there is nothing to wait for


def _device(path: str) -> str:
    identity = _seen.get(path)
    if identity is None:
        return path
    return choose(path, os.path.realpath(path), devices(), identity)


def _remember(path: str, port: Serial) -> None:
    resolved = os.path.realpath(str(port.port))
    ports = devices()
    for device in ports:
        if device.path == resolved:
            _seen[path] = identity_of(device, ports)
