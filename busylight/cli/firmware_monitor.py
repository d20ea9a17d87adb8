"""`busylight firmware monitor`: what host and light say to each other, in words."""

import argparse
import asyncio
import contextlib
import os
import signal
import stat
import sys
from datetime import datetime
from typing import Final

from busylight.cli.common import STDOUT, settings_of
from busylight.cli.light_port import port_for
from busylight.outputs.serial.line import Line
from firmware_bridge import protocol
from firmware_bridge.words import in_words

_BAUD: Final = 115_200
_GREETINGS: Final = 16
_GREETING_EVERY: Final = 0.25
"""Seconds: many boards reset when their port is opened, and are deaf for 2 s."""
_HELP: Final = "Type hello or ping to ask the light, quit (or Ctrl-C) to end."


def run(args: argparse.Namespace) -> None:
    """Say hello, then tell what comes, and say what is typed, until it is told to stop."""
    settings = settings_of(args, needs_source=False, needs_outputs=False)
    port = port_for(args, settings)
    asyncio.run(_watch(port))


async def _watch(port: str) -> None:
    monitor = Monitor()
    line = await Line.open(port, _BAUD, monitor.took)
    monitor.line = line
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, monitor.ended.set)
    tell(f"Watching {port}. {_HELP}")
    typing = asyncio.create_task(_typed(monitor))
    greeting = asyncio.create_task(monitor.greet())
    line.lost.add_done_callback(lambda _: monitor.ended.set())
    try:
        await monitor.ended.wait()
        if line.lost.done():
            raise line.reason()
    finally:
        typing.cancel()
        greeting.cancel()
        await line.close(in_order=True)


class Monitor:
    """What is said on one line, told as it is said."""

    def __init__(self) -> None:
        self.line: Line | None = None
        self.ended = asyncio.Event()
        self._reader = protocol.Reader()
        self._sequence = 0
        self._answered = asyncio.Event()

    def took(self, content: bytes) -> None:
        """Bytes have come from the light."""
        junk = self._reader.junk
        for message in self._reader.feed(content):
            self._answered.set()
            tell(f"<- {in_words(message)}")
        if self._reader.junk > junk:
            tell(f"<- {self._reader.junk - junk} pieces that are no frame: {content[:32].hex(' ')}")

    async def greet(self) -> None:
        """Say hello until something answers, or that nothing does."""
        for _ in range(_GREETINGS):
            await self.say(protocol.HELLO, bytes((protocol.VERSION,)))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_GREETING_EVERY):
                    await self._answered.wait()
                    return
        tell("nothing answers: is our firmware on it? (`busylight firmware flash`)")

    async def say(self, kind: int, payload: bytes = b"") -> None:
        """Send one frame, and tell it."""
        self._sequence = self._sequence % 255 + 1
        frame = protocol.encode(self._sequence, kind, payload)
        tell(f"-> {in_words(protocol.Message(self._sequence, kind, payload))}")
        if self.line is not None:
            await self.line.write(frame)

    async def obey(self, word: str) -> None:
        """Do what was typed."""
        match word.strip().lower():
            case "":
                return
            case "hello":
                await self.say(protocol.HELLO, bytes((protocol.VERSION,)))
            case "ping":
                await self.say(protocol.PING)
            case "quit" | "exit" | "q":
                self.ended.set()
            case _:
                tell(_HELP)


async def _typed(monitor: Monitor) -> None:
    """Take lines from stdin; where nobody can type, the line is only watched."""
    if not _can_be_typed_at():
        return
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
    )
    while word := await reader.readline():
        await monitor.obey(word.decode("utf-8", "replace"))


def _can_be_typed_at() -> bool:
    """Whether stdin can be waited for: not with a file, nor with /dev/null, nor closed."""
    if sys.stdin is None:
        return False
    mode = os.fstat(sys.stdin.fileno()).st_mode
    return sys.stdin.isatty() or stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)


def tell(text: str) -> None:
    """One line, with the time of day to the millisecond."""
    now = datetime.now().astimezone()
    STDOUT.say(f"{now:%H:%M:%S}.{now.microsecond // 1000:03d} {text}")
