"""`busylight test-light`: every state of the palette, on every output."""

import argparse
import asyncio
import signal
from typing import Final

from busylight.app.daemon import wiring_of
from busylight.app.output_runner import OutputRunner
from busylight.app.slot import Slot
from busylight.cli.common import CommandError, Exit, settings_of, state_dir_of
from busylight.cli.swatch import swatch
from busylight.core.knowledge import NotKnown, Trouble, Why
from busylight.core.light import OFF, LightState
from busylight.core.view import Diagnostics, PartHealth, PartState, View
from busylight.edge import clock
from busylight.edge.state_dir import AlreadyRunningError, DaemonLock
from busylight.settings.tree import Settings

PATIENCE: Final = 15.0
"""Seconds that an output gets to show a state."""
GOODBYE: Final = 3.0
"""Seconds that all outputs together get to end."""


def main(args: argparse.Namespace) -> int:
    """Show each state and name it; the daemon must not be running, or the two would quarrel."""
    settings = settings_of(args, needs_source=False)
    try:
        with DaemonLock(state_dir_of(settings)):
            asyncio.run(
                _leave(settings, args.leave) if args.leave else _walk(settings, args.seconds)
            )
    except asyncio.CancelledError:
        return 128 + signal.SIGTERM  # what a shell says of a program that SIGTERM has ended
    except AlreadyRunningError as error:
        raise CommandError(f"{error}; stop it first") from None
    return Exit.OK


async def _walk(settings: Settings, seconds: float) -> None:
    walk = asyncio.current_task()
    if walk is not None:  # the light shall not stay as it was at that moment
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, walk.cancel)
    stopping = asyncio.Event()
    walkers, tasks, broken = _begin(settings, stopping)
    if broken:
        raise CommandError(next(iter(broken)))
    try:
        for rule in settings.palette.values():
            text = "release" if rule.light is None else str(rule.light)
            print(f"{swatch(rule.light)} {rule.key:<24} {text}", flush=True)
            view = _view(rule.light, rule.key.lower(), settings)
            await asyncio.gather(*(walker.show(view) for walker in walkers))
            await asyncio.sleep(seconds)
    finally:
        stopping.set()
        for walker in walkers:
            walker.slot.put(_view(OFF, "off", settings, is_last=True))
        await asyncio.wait(tasks, timeout=GOODBYE)


async def _leave(settings: Settings, key: str) -> None:
    """Show one state as the last word, on every output that can be reached."""
    stopping = asyncio.Event()
    walkers, tasks, problems = _begin(settings, stopping)
    light, state = settings.palette[key].light, key.lower()
    view = _view(light, state, settings)
    shown = await asyncio.gather(*(each.show(view) for each in walkers), return_exceptions=True)
    stopping.set()
    for walker in walkers:
        walker.slot.put(_view(light, state, settings, is_last=True))
    if tasks:
        await asyncio.wait(tasks, timeout=GOODBYE)
    problems += [str(each) for each in shown if isinstance(each, CommandError)]
    if problems:
        raise CommandError("; ".join(problems))


def _begin(
    settings: Settings, stopping: asyncio.Event
) -> "tuple[list[_Walker], list[asyncio.Task[None]], list[str]]":
    """Run every output, and say which cannot be."""
    wiring, broken = wiring_of(settings, visiting=True)
    walkers = [_Walker(name) for name in wiring.make_outputs]
    tasks = [
        asyncio.create_task(
            OutputRunner(
                name=walker.name,
                make=wiring.make_outputs[walker.name],
                slot=walker.slot,
                told=walker.told,
                heard=lambda _command: None,
                brightness=settings.brightness,
                stopping=stopping,
            ).run()
        )
        for walker in walkers
    ]
    return walkers, tasks, [f"output {name}: {problem}" for name, problem in broken.items()]


class _Walker:
    """Hands states to one output, and waits until each is shown."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.slot = Slot()
        self._shown = asyncio.Event()
        self._error = "no answer"

    def told(self, _name: str, health: PartHealth) -> None:
        if health.state in (PartState.CONNECTED, PartState.RELEASED):
            self._shown.set()
        elif health.error is not None:
            self._error = health.error

    async def show(self, view: View) -> None:
        self._shown.clear()
        self.slot.put(view)
        try:
            async with asyncio.timeout(PATIENCE):
                await self._shown.wait()
        except TimeoutError:
            raise CommandError(f"output {self.name}: {self._error}") from None


def _view(
    light: LightState | None, state: str, settings: Settings, *, is_last: bool = False
) -> View:
    now = clock.now()
    return View(
        light=light,
        state=state,
        knowledge=NotKnown(Trouble(Why.STARTING, "the light is being tested"), now),
        override=None,
        sign_in=None,
        diagnostics=Diagnostics(settings.source, version="", started_at=now),
        is_last=is_last,
    )
