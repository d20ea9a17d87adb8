"""A light that need not answer: it is told, and told again."""

import asyncio
import math
from collections.abc import AsyncIterator
from contextlib import suppress
from types import TracebackType
from typing import ClassVar, Self

from busylight.core.override import Command
from busylight.core.view import View
from busylight.edge import clock
from busylight.outputs.serial.line import Line
from busylight.outputs.serial.scene import Rhythm, Scene, Wording
from busylight.outputs.serial.settings import SerialSettings
from busylight.parts import OutputError, UntilLost


class OneWayOutput:
    """Writes to a light on a serial line, in one of several wordings.

    Nobody confirms it, so the present state is said again after a while: a light that lost power
    or a byte is right again then.
    """

    has_button: ClassVar[bool] = False

    def __init__(self, settings: SerialSettings, wording: Wording, rhythm: Rhythm) -> None:
        self._settings = settings
        self._rhythm = rhythm
        self._wording = wording
        self._line: Line | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._turn = asyncio.Lock()
        self._changed = asyncio.Event()
        self._scene: Scene | None = None
        self._began = self._opened = 0.0
        self._due = math.inf
        self._said_goodbye = False

    async def __aenter__(self) -> Self:
        """Open the port; nothing is written before the first view."""
        self._line = await Line.open(self._settings.port, self._settings.baud, self._took)
        self._opened = clock.now()
        self._keeper = asyncio.create_task(self._keep(self._line), name="serial repeats")
        return self

    async def show(self, view: View) -> None:
        """Write it if it differs from what is shown; return when the port has taken it."""
        if self._line is None:
            raise OutputError("is not connected")
        scene = Scene.of(self._wording, view.light, view.state)
        async with self._turn:
            if not scene.left_alone:
                # The last view is said anew: a blink must not end in its dark half.
                if scene != self._scene or view.is_last:
                    await self._begin(self._line, scene)
            elif self._scene is None or not self._scene.left_alone:
                await self._begin(self._line, scene)
                await self._line.let_go()
            if view.is_last:
                self._due = math.inf
                self._said_goodbye = True
        self._changed.set()

    def events(self) -> AsyncIterator[Command]:
        """Nothing is ever asked for on this line; raises `OutputError` when it is lost."""
        if self._line is None:
            raise OutputError("is not connected")
        return UntilLost(self._line.lost)

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None:
        """Close; after the last view only when that has left."""
        if self._keeper is not None:
            self._keeper.cancel()
            with suppress(asyncio.CancelledError):
                await self._keeper
        if self._line is not None:
            await self._line.close(in_order=self._said_goodbye and not self._line.lost.done())
            self._line = None

    async def _begin(self, line: Line, scene: Scene) -> None:
        await line.take_again()
        self._scene, self._began = scene, clock.now()
        await self._write(line, scene, self._began)

    async def _write(self, line: Line, scene: Scene, now: float) -> None:
        await self._tell(line, scene.frame(now - self._began, self._rhythm))
        self._due = scene.due(self._rhythm, began=self._began, opened=self._opened, written=now)

    async def _tell(self, line: Line, frame: bytes) -> None:
        """Say one frame."""
        await line.write(frame)

    def _took(self, content: bytes) -> None:
        """The light has said something: nothing is expected, and it is thrown away."""

    async def _keep(self, line: Line) -> None:
        """Blink, and say the present state again, until the line is lost."""
        with suppress(OutputError):  # the line itself knows, and tells whoever listens to it
            while True:
                await self._until_due()
                async with self._turn:
                    now = clock.now()
                    if self._scene is not None and now >= self._due:
                        await self._write(line, self._scene, now)

    async def _until_due(self) -> None:
        while (left := self._due - clock.now()) > 0:
            self._changed.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(None if math.isinf(left) else left):
                    await self._changed.wait()
