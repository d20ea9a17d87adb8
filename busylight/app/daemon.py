"""The program itself: wires source, hub and outputs together, and ends in order."""

import asyncio
import logging
import os
import signal
import threading
from collections.abc import Callable, Iterable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from busylight import __version__
from busylight.app.control_socket import control_socket
from busylight.app.hub import Hub
from busylight.app.output_runner import OutputRunner, output_maker
from busylight.app.remembered import RememberedOverride
from busylight.app.source_runner import SourceRunner
from busylight.core.documents import view_document
from busylight.core.situation import Rules
from busylight.core.view import PartHealth, PartState, View
from busylight.edge.clock import WallClock
from busylight.parts import Output, Source
from busylight.settings.installed import OUTPUTS, SOURCES, part_class
from busylight.settings.tree import Settings

_log: Final = logging.getLogger("busylight")

GOODBYE: Final = 3.0
"""Seconds that all outputs together get to show the last view."""
LAST_RESORT: Final = 4.5
"""Seconds after which the process ends whatever hangs: promised are five."""


@dataclass(slots=True)
class Wiring:
    """What is wired together; the demo and tests bring parts of their own."""

    make_source: Callable[[], Source]
    make_outputs: dict[str, Callable[[], Output]]
    """By name."""
    state_dir: Path | None = None
    """None: nothing is remembered and nobody can ask."""
    watchers: list[Callable[[View], None]] = field(default_factory=list)
    """Called with each new view."""


def wiring_of(settings: Settings, *, visiting: bool = False) -> tuple[Wiring, dict[str, str]]:
    """The parts that the settings name, and those that cannot be loaded, with the reason.

    `visiting`: in the daemon's place for a moment; what this means on MQTT, its output knows.
    """
    broken: dict[str, str] = {}
    outputs: dict[str, Callable[[], Output]] = {}
    for name in settings.outputs:
        try:
            more = {"visiting": True} if visiting and name == "mqtt" else {}
            outputs[name] = output_maker(part_class(OUTPUTS, name), settings.part(name), **more)
        except Exception as error:  # noqa: BLE001 -- a plugin's import may raise anything
            broken[name] = f"cannot be loaded: {type(error).__name__}: {error}"
    source_class: Any = part_class(SOURCES, settings.source)
    source_settings = settings.part(settings.source)
    return (
        Wiring(lambda: source_class(source_settings), outputs, state_dir=settings.state_dir),
        broken,
    )


def rules_of(settings: Settings) -> Rules:
    """What the settings say about what is shown."""
    return Rules(
        palette=settings.palette,
        stale_after=settings.stale_after,
        source=settings.source,
        version=__version__,
        many=settings.graph is not None and bool(settings.graph.users),
        hours=settings.working_hours,
    )


class Daemon:
    """Watches presence and drives every output until it is told to stop."""

    def __init__(self, settings: Settings, wiring: Wiring, broken: dict[str, str]) -> None:
        """Wire `settings` and `wiring`; `broken` outputs are only reported."""
        self._settings = settings
        self._wiring = wiring
        self._memory = None if wiring.state_dir is None else RememberedOverride(wiring.state_dir)
        self.hub = Hub(rules_of(settings), self._memory.recall() if self._memory else None)
        self._source = SourceRunner(wiring.make_source, self.hub.heard)
        self._stopping = asyncio.Event()
        self._dates = WallClock()
        self.hub.on_refresh = self._source.refresh
        self.hub.on_pace = self._source.pace
        if self._memory is not None:
            self.hub.on_override = self._memory.note
            self._memory.on_recalled = self.hub.recalled
        self.hub.on_view = self._tell_watchers
        for name, problem in broken.items():
            self.hub.health(name, PartHealth(PartState.FAILED, problem))

    def stop(self) -> None:
        """Begin to end: show the last view everywhere, then return from `run`."""
        _log.info("ending")
        self._stopping.set()

    async def run(self) -> None:
        """Work until `stop` is called, then say goodbye within five seconds."""
        async with AsyncExitStack() as stack:
            if self._wiring.state_dir is not None:
                await stack.enter_async_context(
                    control_socket(self._wiring.state_dir, self._report)
                )
            watching = [
                asyncio.create_task(self.hub.run(), name="hub"),
                asyncio.create_task(self._source.run(), name="source"),
            ]
            if self._memory is not None:
                watching.append(asyncio.create_task(self._memory.run(), name="override memory"))
            showing = [
                asyncio.create_task(
                    OutputRunner(
                        name=name,
                        make=make,
                        slot=self.hub.slot(),
                        told=self.hub.health,
                        heard=self.hub.command,
                        brightness=self._settings.brightness,
                        stopping=self._stopping,
                    ).run(),
                    name=f"output {name}",
                )
                for name, make in self._wiring.make_outputs.items()
            ]
            self._tell_watchers(self.hub.view)
            await self._until_stopped([*watching, *showing])
            self.hub.end(self._settings.on_exit)
            await _end(watching, seconds=0.5)
            await asyncio.wait(showing, timeout=GOODBYE)
            await _end(showing, seconds=0.5)

    async def _until_stopped(self, tasks: list["asyncio.Task[None]"]) -> None:
        """Wait for `stop`; a task of ours that ends before is a fault that nobody foresaw."""
        stopped = asyncio.create_task(self._stopping.wait())
        await asyncio.wait({stopped, *tasks}, return_when=asyncio.FIRST_COMPLETED)
        ended = [task for task in tasks if task.done()]
        stopped.cancel()
        if ended and not self._stopping.is_set():
            self._stopping.set()
            for task in ended:
                task.result()

    def _tell_watchers(self, view: View) -> None:
        for watcher in self._wiring.watchers:
            watcher(view)

    def _report(self) -> dict[str, Any]:
        return {"pid": os.getpid(), **view_document(self.hub.view, self._dates.rfc3339)}


async def _end(tasks: Iterable["asyncio.Task[None]"], *, seconds: float) -> None:
    tasks = list(tasks)
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks, timeout=seconds)


def run_until_signalled(daemon_of: Callable[[], Daemon]) -> None:
    """Run a daemon until SIGTERM or SIGINT; the process ends within five seconds after it."""

    async def run() -> None:
        daemon = daemon_of()
        loop = asyncio.get_running_loop()

        def stop(*_: object) -> None:
            # By Python's own handler, not the loop's: it runs though the loop be blocked.
            last_resort = threading.Timer(LAST_RESORT, os._exit, args=(0,))
            last_resort.daemon = True
            last_resort.start()
            loop.call_soon_threadsafe(daemon.stop)

        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, stop)
        await daemon.run()

    asyncio.run(run())
