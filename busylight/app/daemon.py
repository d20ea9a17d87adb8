"""The program itself: wires source, hub and outputs together, and ends in order."""

import asyncio
import faulthandler
import logging
import os
import signal
from collections.abc import Callable, Iterable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final

from busylight import __version__
from busylight.app import credential_watch
from busylight.app.control_socket import control_socket
from busylight.app.hub import LONGEST_NAP, Hub
from busylight.app.last_in_line import LastInLine
from busylight.app.output_runner import OutputRunner, output_maker
from busylight.app.preferred_presence import PreferredPresence
from busylight.app.remembered import RememberedOverride
from busylight.app.source_runner import SourceRunner
from busylight.app.turns import SourceTurns
from busylight.app.watch import Watch
from busylight.core.appearance import AS_EVERYWHERE
from busylight.core.button import parse_action
from busylight.core.documents import view_document
from busylight.core.override import Override, Press
from busylight.core.reader import BROKER, Reader
from busylight.core.rules import Rules
from busylight.core.view import PartHealth, PartState, View
from busylight.edge import clock
from busylight.edge.clock import WallClock
from busylight.edge.current_part import OTHER_READER, SOURCE, note_owners, output_part
from busylight.edge.systemd import Supervisor
from busylight.parts import Output, Source, SourceError
from busylight.settings.installed import OUTPUTS, SOURCES, PluginError, part_class
from busylight.settings.outputs import kind_of
from busylight.settings.tree import Settings
from busylight.sources.graph.settings import GraphSettings
from busylight.web.output import PAGE, Page

_log: Final = logging.getLogger("busylight")

GOODBYE: Final = 2.5
"""Seconds that all outputs together get to show the last view."""


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
    make_followed: Callable[[], Source] | None = None
    """With a spare reader: the source of what the other one has published."""


def wiring_of(settings: Settings, *, visiting: bool = False) -> tuple[Wiring, dict[str, str]]:
    """The parts that the settings name, and those that cannot be loaded, with the reason.

    `visiting`: in the daemon's place for a moment; what this means on MQTT, its output knows.
    """
    broken = dict(settings.broken)
    outputs: dict[str, Callable[[], Output]] = {}
    for name in settings.outputs:
        if name in broken:
            continue
        try:
            more = {"visiting": True} if visiting and kind_of(name) == "mqtt" else {}
            outputs[name] = output_maker(part_class(OUTPUTS, name), settings.part(name), **more)
        except PluginError as error:
            broken[name] = str(error)
    wiring = Wiring(
        _source_maker(settings.source, settings.part(settings.source)),
        outputs,
        state_dir=settings.state_dir,
    )
    if settings.reader is not None and settings.mqtt is not None:
        wiring.make_followed = _source_maker("mqtt", settings.mqtt.following_the_other)
    return wiring, broken


def reader_of(settings: Settings) -> Reader | None:
    """Which of two readers the program is; None: it is alone."""
    if settings.reader is None:
        return None
    return Reader(settings.reader, settings.interval)


def _source_maker(name: str, branch: Any) -> Callable[[], Source]:
    try:
        cls = part_class(SOURCES, name)
    except PluginError as error:
        problem = str(error)  # told when it is tried: some commands need no source

        def fail() -> Source:
            raise SourceError(problem)

        return fail

    def make() -> Source:
        source: Source = cls(branch)
        return source

    return make


def rules_of(settings: Settings) -> Rules:
    """What the settings say about what is shown."""
    return Rules(
        palette=settings.palette,
        stale_after=settings.stale_after,
        source=settings.source,
        version=__version__,
        many=settings.graph is not None and bool(settings.graph.users),
        hours=settings.working_hours,
        adaptive=settings.adaptive,
        minimum_duration=settings.minimum_duration,
        buttons={
            Press.PRESS: parse_action(settings.button_press),
            Press.DOUBLE: parse_action(settings.button_double),
            Press.LONG: parse_action(settings.button_long),
        },
    )


def writes(settings: Settings) -> bool:
    """Whether the person's preferred presence is set, too."""
    return settings.source == "graph" and settings.graph is not None and settings.graph.write


class Daemon:
    """Watches presence and drives every output until it is told to stop."""

    def __init__(
        self,
        settings: Settings,
        wiring: Wiring,
        broken: dict[str, str],
        supervisor: Supervisor | None = None,
        watch: Watch | None = None,
    ) -> None:
        """Wire `settings` and `wiring`; `broken` outputs are only reported.

        `supervisor` and `watch` are told that the program goes on, or nobody is.
        """
        self._settings = settings
        self._supervisor = supervisor or Supervisor({})
        self._watch = watch
        self._is_ready = False
        self._fed_at = 0.0
        self._wiring = wiring
        self._memory = None if wiring.state_dir is None else RememberedOverride(wiring.state_dir)
        self.hub = Hub(
            rules_of(settings),
            self._memory.recall() if self._memory else None,
            reader_of(settings),
        )
        self._source = SourceRunner(wiring.make_source, self.hub.heard, settings.stale_after)
        self._line = LastInLine(self.hub, wiring.make_outputs, wiring.state_dir)
        self._stopping = asyncio.Event()
        self._dates = WallClock()
        self.hub.on_refresh = self._source.refresh
        self.hub.on_pace = self._source.pace
        self._teams = self._preferred_presence() if writes(settings) else None
        if self._teams is not None:
            self.hub.on_asked = self._teams.asked
            self.hub.on_written = self._teams.written
            self.hub.on_leading = self._teams.leads
        if self._memory is not None:
            self.hub.on_override = self._memory.note
            self._memory.on_recalled = self._recalled
        self.hub.on_view = self._tell_watchers
        if settings.web.listen is not None:
            page = Page(settings.web, lambda: self.hub.last_success)
            wiring.make_outputs[PAGE] = page.output
            wiring.watchers.append(page.day.note)
        for name, problem in broken.items():
            self.hub.health(name, PartHealth(PartState.FAILED, problem))

    def stop(self) -> None:
        """Begin to end: show the last view everywhere, then return from `run`."""
        _log.info("ending")
        self._supervisor.stopping()
        self._stopping.set()

    def refresh(self) -> None:
        """Read now; a file of people is looked at, too."""
        _log.info("reading now, as SIGHUP asks")
        self.hub.on_refresh()

    def _preferred_presence(self) -> PreferredPresence:
        return PreferredPresence(
            prefer=self._source.prefer,
            told=self.hub.preferred_presence,
            read_now=self._source.refresh,
            knowledge=lambda: self.hub.view.knowledge,
            in_force=self.hub.view.override,
        )

    def _recalled(self, override: Override | None) -> None:
        self.hub.recalled(override)
        if self._teams is not None:
            self._teams.recalled(override)

    async def run(self) -> None:
        """Work until `stop` is called, then say goodbye within five seconds."""
        async with AsyncExitStack() as stack:
            if self._wiring.state_dir is not None:
                await stack.enter_async_context(
                    control_socket(self._wiring.state_dir, self._report)
                )
            note_owners(asyncio.get_running_loop())
            self._line.tell()
            watching = [
                asyncio.create_task(self.hub.run(self._round, self._longest_nap), name="hub"),
                asyncio.create_task(self._read(), name="source"),
            ]
            if (graph := self._graph_with_credential) is not None:
                watching.append(
                    asyncio.create_task(
                        credential_watch.watch(graph, self.hub.credential), name="credential"
                    )
                )
            if self._teams is not None:
                watching.append(asyncio.create_task(self._teams.run(), name="preferred presence"))
            if self._memory is not None:
                watching.append(asyncio.create_task(self._memory.run(), name="override memory"))
            showing = [
                asyncio.create_task(
                    self._line.work(
                        output_part(name),
                        OutputRunner(
                            name=name,
                            make=make,
                            slot=self.hub.slot(appearance.palette),
                            told=self.hub.health,
                            heard=self.hub.asked_here if name == PAGE else self.hub.command,
                            brightness=self._settings.brightness,
                            stopping=self._stopping,
                            appearance=appearance,
                        ).run,
                    ),
                    name=output_part(name),
                )
                for name, make in _lamps_first(self._wiring.make_outputs)
                for appearance in [self._settings.appearances.get(name, AS_EVERYWHERE)]
            ]
            self._tell_watchers(self.hub.view)
            await self._until_stopped([*watching, *showing])
            self.hub.end(self._settings.on_exit)
            await _end(watching, seconds=0.5)
            await asyncio.wait(showing, timeout=GOODBYE)
            await _end(showing, seconds=0.5)

    async def _read(self) -> None:
        """Run the source; with a spare reader, it or what the other one publishes."""
        own = partial(self._line.work, SOURCE, self._source.run)
        if self._wiring.make_followed is None:
            await own()
            return
        followed = SourceRunner(
            self._wiring.make_followed,
            self.hub.followed,
            self._settings.stale_after,
            part=OTHER_READER,
        )
        following = partial(self._line.work, OTHER_READER, followed.run)
        turns = SourceTurns(own, following, self.hub.turns)
        self.hub.on_turns = turns.take
        await turns.run()

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

    @property
    def _graph_with_credential(self) -> GraphSettings | None:
        """The settings of Graph, if the program signs in as itself."""
        graph = self._settings.graph if self._settings.source == "graph" else None
        return graph if graph is not None and graph.is_app_permission else None

    def _round(self) -> None:
        """Say that the program goes on: loop, hub and decision."""
        if self._watch is not None:
            self._watch.beat()
        if not self._is_ready:
            self._is_ready = True
            self._supervisor.ready()
        patience = self._supervisor.watchdog
        if patience is not None and clock.now() - self._fed_at >= patience / 4:
            self._fed_at = clock.now()
            self._supervisor.alive()

    @property
    def _longest_nap(self) -> float:
        # A quarter: so at most half of the watchdog's patience lies between two signs of life.
        return min(LONGEST_NAP, (self._supervisor.watchdog or 60.0) / 4)

    def _tell_watchers(self, view: View) -> None:
        for watcher in self._wiring.watchers:
            watcher(view)

    def _report(self) -> dict[str, Any]:
        return {"pid": os.getpid(), **view_document(self.hub.view, self._dates.rfc3339)}


def _lamps_first(
    outputs: Mapping[str, Callable[[], Output]],
) -> list[tuple[str, Callable[[], Output]]]:
    """The outputs in the order in which they are told: the broker last.

    It has the most to say, and a lamp that is told behind it waits for all of that.
    """
    return sorted(outputs.items(), key=lambda each: each[0] == BROKER)


async def _end(tasks: Iterable["asyncio.Task[None]"], *, seconds: float) -> None:
    tasks = list(tasks)
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks, timeout=seconds)


def run_until_signalled(
    daemon_of: Callable[[Supervisor, Watch], Daemon], state_dir: Path | None = None
) -> None:
    """Run a daemon until SIGTERM or SIGINT; the process ends within five seconds after it.

    SIGHUP has it read at once.

    What blocks the loop is ended, too: with exit code 1, for a supervisor to start it again.
    """
    faulthandler.enable()  # a watchdog's SIGABRT leaves the stack behind, whatever holds Python up

    async def run() -> None:
        watch = Watch(state_dir)
        # Unwatched: to load all parts takes a slow machine longer than anything may hang, and to be
        # ended for it would be so again at each start.
        daemon = daemon_of(Supervisor(), watch)
        with watch:
            loop = asyncio.get_running_loop()

            def stop(*_: object) -> None:
                loop.call_soon_threadsafe(daemon.stop)

            def look_again(*_: object) -> None:
                loop.call_soon_threadsafe(daemon.refresh)

            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, stop)
            signal.signal(signal.SIGHUP, look_again)
            await daemon.run()

    asyncio.run(run())
