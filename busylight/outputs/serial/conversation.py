"""Stop and wait: a frame to our firmware, and its answer. docs/protocol.md is the specification."""

import asyncio
import logging
import math
from collections.abc import Iterable
from typing import Final

from busylight.core.override import Press
from busylight.edge import clock
from busylight.outputs.serial.line import Line, PortError
from busylight.parts import OutputError
from firmware_bridge import protocol

_log: Final = logging.getLogger("busylight.outputs.serial")

PATIENCE: Final = (0.25, 0.5, 1.0)
"""Seconds that an answer is waited for, before the frame is sent again; then it is given up."""
GREETING: Final = (0.25,) * 16
"""The same for the first frame: many boards reset when the port is opened, and are deaf for 2 s."""

_PRESSES: Final = {
    protocol.PRESS: Press.PRESS,
    protocol.DOUBLE_PRESS: Press.DOUBLE,
    protocol.LONG_PRESS: Press.LONG,
}
_SAID_AGAIN: Final = 1.5
"""Seconds for which a light may go on to tell of one press, and some to spare."""


class NoLightError(PortError):
    """The port opens, but what is there does not answer as our light does."""


class Conversation:
    """What is said on one opening of a port."""

    def __init__(self, path: str, baud: int) -> None:
        """Use it as a context: it opens the port, and greets the light behind it."""
        self._path = path
        self._baud = baud
        self._reader = protocol.Reader()
        self._line: Line | None = None
        self._turn = asyncio.Lock()
        self._sequence = int(clock.now() * 1000) & 0xFF  # not that of a conversation just ended
        self._awaited: asyncio.Future[protocol.Message] | None = None
        self._answering: set[asyncio.Task[None]] = set()
        self._last_event: tuple[int, float] | None = None
        self._hears_from = math.inf
        self.heard: asyncio.Queue[Press | OutputError] = asyncio.Queue()
        """The presses of the light's button, each once; at last why the line is lost."""

    async def begin(self) -> protocol.Identity:
        """Open the port and ask who is there; raises `OutputError`, and then nothing is open."""
        self._line = await Line.open(self._path, self._baud, self._took)
        self._line.lost.add_done_callback(lambda lost: self.heard.put_nowait(lost.result()))
        identity: protocol.Identity | None = None
        try:
            identity = await self._greet()
        finally:
            if identity is None:
                await self.end(in_order=False)
        return identity

    async def _greet(self) -> protocol.Identity:
        hello = bytes((protocol.VERSION,))
        try:
            answer = await self._exchange(protocol.HELLO, hello, GREETING)
        except TimeoutError:
            raise NoLightError(_no_light(self._path)) from None
        identity = protocol.unpack_identity(answer.payload)
        if answer.kind != protocol.IDENTITY or identity is None:
            raise NoLightError(_no_light(self._path))
        # What was pressed before we were there is over, and still told for a while.
        self._hears_from = clock.now() + _SAID_AGAIN
        return identity

    @property
    def lost(self) -> "asyncio.Future[OutputError]":
        """Why nothing more can be said, as soon as that is known."""
        return self._open_line.lost

    async def ask(self, kind: int, payload: bytes = b"") -> protocol.Shown:
        """Send a frame until it is confirmed; raises `OutputError`, and then the line is lost."""
        try:
            answer = await self._exchange(kind, payload, PATIENCE)
        except TimeoutError:
            self._open_line.lose(
                f"the light on {self._path} answers no more: it hangs, or its power failed; "
                "it is shown again when back"
            )
            raise self.lost.result() from None
        shown = protocol.unpack_shown(answer.payload)
        if answer.kind != protocol.SHOWN or shown is None:
            self._open_line.lose(
                f"the light on {self._path} refuses what it is told (answer {answer.kind:#04x} "
                f"{answer.payload.hex()}): put newer firmware on it"
            )
            raise self.lost.result()
        return shown

    async def end(self, *, in_order: bool) -> None:
        """Close the port; `in_order` lets what was said leave first."""
        for task in self._answering:
            task.cancel()
        if self._line is not None:
            await self._line.close(in_order=in_order and not self._line.lost.done())
            self._line = None

    @property
    def _open_line(self) -> Line:
        if self._line is None:
            raise PortError("is not connected")
        return self._line

    async def _exchange(
        self, kind: int, payload: bytes, patience: Iterable[float]
    ) -> protocol.Message:
        async with self._turn:
            self._sequence = (self._sequence + 1) & 0xFF
            frame = protocol.encode(self._sequence, kind, payload)
            self._awaited = asyncio.get_running_loop().create_future()
            try:
                for seconds in patience:
                    await self._open_line.write(frame)
                    done, _ = await asyncio.wait({self._awaited}, timeout=seconds)
                    if done:
                        return self._awaited.result()
            finally:
                self._awaited = None
        raise TimeoutError("no answer")

    def _took(self, content: bytes) -> None:
        for message in self._reader.feed(content):
            awaited = self._awaited
            if message.kind == protocol.BUTTON:
                self._pressed(message.payload)
            elif awaited is not None and message.sequence == self._sequence and not awaited.done():
                awaited.set_result(message)

    def _pressed(self, payload: bytes) -> None:
        if len(payload) < 2 or self._line is None:  # noqa: PLR2004 -- kind and number
            return
        heard = asyncio.create_task(self._hear(self._line, payload[1]))
        self._answering.add(heard)
        heard.add_done_callback(self._answering.discard)
        number, now = payload[1], clock.now()
        is_again = self._last_event is not None and (
            number == self._last_event[0] and now - self._last_event[1] < _SAID_AGAIN
        )
        self._last_event = number, now
        press = _PRESSES.get(payload[0])
        if press is not None and now >= self._hears_from and not is_again:
            _log.info("the light on %s: %s of its button", self._path, press.replace("_", " "))
            self.heard.put_nowait(press)

    async def _hear(self, line: Line, number: int) -> None:
        try:
            await line.write(protocol.encode(0, protocol.HEARD, bytes((number,))))
        except PortError:
            return  # the line itself knows


async def identify(path: str, baud: int) -> protocol.Identity:
    """Who is on a port, which is closed again; raises `OutputError`. Changes nothing there."""
    conversation = Conversation(path, baud)
    identity = await conversation.begin()
    await conversation.end(in_order=True)
    return identity


def _no_light(path: str) -> str:
    return (
        f"what is on {path} does not answer as our light does (docs/protocol.md): put our "
        "firmware on it, or set BUSYLIGHT_SERIAL_PROTOCOL to what it understands"
    )
