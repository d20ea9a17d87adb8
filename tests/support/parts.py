"""An output and a source that a test can break, and a hub that runs with them."""

import asyncio
from collections.abc import AsyncIterator, Callable
from types import TracebackType
from typing import ClassVar, Self

from busylight.app.hub import Hub
from busylight.app.output_runner import OutputRunner
from busylight.core.appearance import AS_EVERYWHERE, Appearance
from busylight.core.knowledge import Reading, Trouble
from busylight.core.override import Command
from busylight.core.palette import Palette
from busylight.core.presence import Presence
from busylight.core.rules import Rules
from busylight.core.view import PartHealth, View
from busylight.parts import Branch
from busylight.settings.load import load
from busylight.settings.tree import Settings

RULES = Rules(Palette(), stale_after=60, source="fake", version="1")


CALL = Reading({"a": Presence("Busy", "InACall")}, {})


FREE = Reading({"a": Presence("Available", "Available")}, {})


async def until(condition: Callable[[], bool]) -> None:
    """Wait until it holds, at most ten seconds."""
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.001)


class Lamp:
    """An output that a test can break."""

    Settings: ClassVar[type[Branch]] = Branch

    def __init__(self) -> None:
        self.shown: list[View] = []
        self.entered = 0
        self.left = 0
        self.enter_error: BaseException | None = None
        self.show_error: BaseException | None = None
        self.show_hangs = False

    async def __aenter__(self) -> Self:
        self.entered += 1
        if self.enter_error:
            raise self.enter_error
        return self

    async def show(self, view: View) -> None:
        if self.show_hangs:
            await asyncio.Event().wait()
        if self.show_error:
            raise self.show_error
        self.shown.append(view)

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None:
        self.left += 1

    @property
    def states(self) -> list[str]:
        return [view.state for view in self.shown]


class Ear(Lamp):
    """An output that hears, too."""

    def __init__(self) -> None:
        super().__init__()
        self.said: asyncio.Queue[Command | Exception] = asyncio.Queue()

    async def events(self) -> AsyncIterator[Command]:
        while True:
            said = await self.said.get()
            if isinstance(said, Exception):
                raise said
            yield said


class Running:
    """A hub with one output, both running."""

    def __init__(
        self,
        lamp: Lamp,
        *,
        brightness: int = 100,
        appearance: Appearance = AS_EVERYWHERE,
        hub: Hub | None = None,
    ) -> None:
        self.hub = hub or Hub(RULES)
        self.stopping = asyncio.Event()
        self.runner = OutputRunner(
            "lamp",
            lambda: lamp,
            self.hub.slot(appearance.palette),
            self.hub.health,
            self.hub.command,
            brightness,
            self.stopping,
            appearance,
        )
        self.task = asyncio.create_task(self.runner.run())

    @property
    def health(self) -> PartHealth | None:
        return self.hub.view.diagnostics.outputs.get("lamp")

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.stopping.set()
        self.task.cancel()
        await asyncio.wait({self.task})


class Script:
    """A source that plays what a test says."""

    Settings: ClassVar[type[Branch]] = Branch

    def __init__(self, *steps: Reading | Trouble | Exception) -> None:
        self.steps = list(steps)
        self.refreshed = 0
        self.entered = 0

    async def __aenter__(self) -> Self:
        self.entered += 1
        return self

    async def readings(self) -> AsyncIterator[Reading | Trouble]:
        while self.steps:
            step = self.steps.pop(0)
            if isinstance(step, Exception):
                raise step
            yield step
        await asyncio.Event().wait()

    def refresh(self) -> None:
        self.refreshed += 1

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None:
        return


def settings_of(**given: str) -> Settings:
    environ = {f"BUSYLIGHT_{name}": value for name, value in given.items()}
    return load(None, environ, needs_source=False, needs_outputs=False)
