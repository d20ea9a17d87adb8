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
from busylight.core.appearance import AS_EVERYWHERE, Appearance
from busylight.core.knowledge import NotKnown, Trouble, Why
from busylight.core.light import OFF, LightState
from busylight.core.palette import Palette
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
    walkers, tasks, broken = begin(settings, stopping)
    if broken:
        raise CommandError(next(iter(broken)))
    try:
        for key in dict.fromkeys(key for palette in _palettes(settings) for key in palette):
            await _show(key, walkers, settings)
            await asyncio.sleep(seconds)
    finally:
        stopping.set()
        for walker in walkers:
            walker.slot.put(view_of(OFF, "off", settings, is_last=True))
        await asyncio.wait(tasks, timeout=GOODBYE)


async def _leave(settings: Settings, key: str) -> None:
    """Show one state as the last word, on every output that can be reached."""
    stopping = asyncio.Event()
    walkers, tasks, problems = begin(settings, stopping)
    lights = {walker: _palette_of(walker, settings)[key].light for walker in walkers}
    state = key.lower()
    shown = await asyncio.gather(
        *(each.show(view_of(light, state, settings)) for each, light in lights.items()),
        return_exceptions=True,
    )
    stopping.set()
    for walker, light in lights.items():
        walker.slot.put(view_of(light, state, settings, is_last=True))
    if tasks:
        await asyncio.wait(tasks, timeout=GOODBYE)
    problems += [str(each) for each in shown if isinstance(each, CommandError)]
    if problems:
        raise CommandError("; ".join(problems))


def begin(
    settings: Settings, stopping: asyncio.Event
) -> "tuple[list[Walker], list[asyncio.Task[None]], list[str]]":
    """Run every output, and say which cannot be."""
    wiring, broken = wiring_of(settings, visiting=True)
    walkers = [Walker(name, _appearance(settings, name)) for name in wiring.make_outputs]
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
                appearance=walker.appearance,
            ).run()
        )
        for walker in walkers
    ]
    return walkers, tasks, [f"output {name}: {problem}" for name, problem in broken.items()]


async def _show(key: str, walkers: "list[Walker]", settings: Settings) -> None:
    """Show one state everywhere, named once, and once more where it looks different."""
    common = settings.palette.get(key)
    if common is not None:
        print(_line(f"{key:<24}", common.light), flush=True)
    showing = []
    for walker in walkers:
        if (rule := _palette_of(walker, settings).get(key)) is None:
            continue  # this output has no rule of that name
        if common is None or rule.light != common.light:
            print(_line(f"{key} on {walker.name}", rule.light), flush=True)
        showing.append(walker.show(view_of(rule.light, key.lower(), settings)))
    await asyncio.gather(*showing)


def _line(name: str, light: LightState | None) -> str:
    return f"{swatch(light)} {name} {'release' if light is None else light}"


def _appearance(settings: Settings, name: str) -> Appearance:
    return settings.appearances.get(name, AS_EVERYWHERE)


def _palette_of(walker: "Walker", settings: Settings) -> Palette:
    return walker.appearance.palette or settings.palette


def _palettes(settings: Settings) -> list[Palette]:
    own = (_appearance(settings, name).palette for name in settings.outputs)
    return [settings.palette, *(palette for palette in own if palette is not None)]


class Walker:
    """Hands states to one output, and waits until each is shown."""

    def __init__(self, name: str, appearance: Appearance) -> None:
        self.name = name
        self.appearance = appearance
        self.slot = Slot()
        self._shown = asyncio.Event()
        self._error = "no answer"

    def told(self, _name: str, health: PartHealth) -> None:
        """Take in how the output is."""
        if health.state in (PartState.CONNECTED, PartState.RELEASED):
            self._shown.set()
        elif health.error is not None:
            self._error = health.error

    async def show(self, view: View) -> None:
        """Return when it is shown; raises `CommandError` with why it is not."""
        self._shown.clear()
        self.slot.put(view)
        try:
            async with asyncio.timeout(PATIENCE):
                await self._shown.wait()
        except TimeoutError:
            raise CommandError(f"output {self.name}: {self._error}") from None


def view_of(
    light: LightState | None, state: str, settings: Settings, *, is_last: bool = False
) -> View:
    """A view of nothing but a light."""
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
