"""A light that runs WLED: it is told in JSON, and says what it shows if its TX pin is free."""

import asyncio
import logging
from typing import Any, Final

from busylight.outputs.serial.line import Line
from busylight.outputs.serial.one_way_output import OneWayOutput
from busylight.outputs.serial.scene import Rhythm
from busylight.outputs.serial.settings import SerialSettings
from busylight.outputs.serial.wled import Answers, Wled, difference

_log: Final = logging.getLogger("busylight.outputs.serial")

PATIENCE: Final = (0.6, 1.0, 1.4)
"""Seconds that an answer is waited for before the same is said again: it is a few kilobytes."""


class WledOutput(OneWayOutput):
    """Shows each view until WLED says that it does.

    One that has never answered is taken for mute, and gone on with; one that has, and does no
    more, is lost.
    """

    def __init__(self, settings: SerialSettings, rhythm: Rhythm | None = None) -> None:
        super().__init__(settings, Wled(), rhythm or Rhythm())
        self._answers = Answers()
        self._state: dict[str, Any] | None = None
        self._answered = asyncio.Event()
        self._is_mute: bool | None = None

    async def _tell(self, line: Line, frame: bytes) -> None:
        self._answered.clear()
        if self._is_mute:
            await line.write(frame)
            return
        other: str | None = None
        for seconds in PATIENCE:
            await line.write(frame)
            try:
                async with asyncio.timeout(seconds):
                    await self._answered.wait()
            except TimeoutError:
                continue
            other = difference(frame, self._state or {})
            if other is None:
                return
            self._answered.clear()
        if other is not None:
            line.lose(f"the WLED on {self._settings.port} says {other}, which it was not told")
        elif self._is_mute is False:
            line.lose(f"the WLED on {self._settings.port} answers no more: it hangs or restarts")
        else:
            self._is_mute = True
            _log.info(
                "the WLED on %s confirms nothing (its TX pin may be in use): what it is told is "
                "said again every %g s",
                self._settings.port,
                self._rhythm.repeat,
            )
            return
        raise line.reason()

    def _took(self, content: bytes) -> None:
        for state in self._answers.feed(content):
            self._state = state
            self._is_mute = False
            self._answered.set()
