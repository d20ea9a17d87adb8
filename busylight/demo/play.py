"""The demo as a whole: the stage, the program on it, the day, and somebody who looks."""

import asyncio
import signal
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from busylight.app.daemon import Daemon, wiring_of
from busylight.core.palette import Rule
from busylight.demo.audience import Audience, PictureAudience, PlainAudience
from busylight.demo.day import Step
from busylight.demo.player import Player
from busylight.demo.stage import Stage, stage
from busylight.settings.variables import Variables

_APPROVAL_SECONDS: Final = 2.0
"""How long the person in the play takes to enter the sign-in's code, at speed 1."""
_SLOWEST_READS: Final = 1.0
_FASTEST_READS: Final = 0.05
"""Seconds between two reads: as often as the speed asks for, within these."""


@dataclass(frozen=True, slots=True)
class Options:
    """How the day is played and shown."""

    speed: float
    once: bool
    plain: bool


async def play(variables: Variables, options: Options) -> None:
    """Play until a signal, or one day; raises `NotShownError` and `SettingsError`."""
    interval = min(max(_SLOWEST_READS / options.speed, _FASTEST_READS), _SLOWEST_READS)
    with stage(variables, interval=interval) as set_stage:
        set_stage.lookalike.entra.auto_approve_after = _APPROVAL_SECONDS / options.speed
        audience = PlainAudience() if options.plain else PictureAudience(set_stage.light)
        await _perform(set_stage, audience, options)


async def _perform(set_stage: Stage, audience: Audience, options: Options) -> None:
    set_stage.settings.state_dir.mkdir(mode=0o700)
    wiring, broken = wiring_of(set_stage.settings)
    wiring.watchers.append(audience.saw)
    daemon = Daemon(set_stage.settings, wiring, broken)

    def shown(step: Step, rule: Rule) -> None:
        audience.shown(step, rule)

    async def days() -> None:
        player = Player(set_stage, options.speed, shown)
        await player.play_day()
        while not options.once:
            await player.play_day()

    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    running = asyncio.ensure_future(daemon.run())
    playing = asyncio.ensure_future(days())
    waiting = asyncio.ensure_future(ended.wait())
    async with audience:
        await asyncio.wait({running, playing, waiting}, return_when=asyncio.FIRST_COMPLETED)
        daemon.stop()
        await running
    waiting.cancel()
    playing.cancel()
    with suppress(asyncio.CancelledError):
        await playing
