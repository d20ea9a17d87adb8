"""The override that outlives the program: a small private file in the state directory."""

import asyncio
import contextlib
import json
import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from busylight.core.light import Effect, LightState
from busylight.core.override import LONGEST, Mode, Override
from busylight.edge.clock import now
from busylight.edge.files import write_private
from busylight.edge.threads import Worker

_log: Final = logging.getLogger("busylight.app")

_FILE: Final = "override.json"
_CARD_SECONDS: Final = 10.0
_LOOK_AT_CLOCK: Final = 2.0
"""Seconds between two looks at the wall clock, while an override of before a reboot is kept."""
_STEP: Final = 2.0
"""Seconds: a clock that is put forward or back by more was set."""
_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")


class RememberedOverride:
    """Keeps the newest override on the card, and brings it back after a restart."""

    def __init__(self, state_dir: Path) -> None:
        self._path = state_dir / _FILE
        self._worker = Worker("override memory")
        self._newest: Override | None = None
        self._changed = asyncio.Event()
        self._by_date: dict[str, Any] | None = None
        self._clock_offset = 0.0
        self.on_recalled: Callable[[Override | None], None] = lambda _override: None
        """Called when the clock was set after a reboot, with what that makes of the override."""

    def note(self, override: Override | None) -> None:
        """Have this one kept; returns at once, for a card may take its time."""
        self._by_date = None  # the last word wins
        self._newest = override
        self._changed.set()

    async def run(self) -> None:
        """Keep what is noted, the newest only, for ever; what is left when it is cancelled."""
        try:
            while True:
                await self._next_change()
                await self._keep()
        except asyncio.CancelledError:
            if self._changed.is_set():
                await self._keep()
            raise
        finally:
            self._worker.close()

    async def _next_change(self) -> None:
        """Wait for something to keep, and look at the clock while the date decides."""
        while self._by_date is not None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_AT_CLOCK):
                    await self._changed.wait()
                    return
            self._look_at_clock()
        await self._changed.wait()

    def _look_at_clock(self) -> None:
        """After a reboot the clock may be set late: only then it is known how much is left."""
        kept, offset = self._by_date, time.time() - now()
        if kept is None:
            return
        if abs(offset - self._clock_offset) > _STEP:
            self._clock_offset = offset
            self.on_recalled(_from_json(kept))
        if time.time() >= float(kept["ends"]["utc"]):
            self._by_date = None  # ended, by whatever clock

    async def _keep(self) -> None:
        self._changed.clear()
        try:
            await self._worker.call(_CARD_SECONDS, self.remember, self._newest)
        except TimeoutError as error:
            problem = str(error) or "the card takes too long"
            _log.warning("the override will not outlive a restart: %s: %s", self._path, problem)

    def remember(self, override: Override | None) -> None:
        """Keep this one now; None forgets. A card that cannot be written costs the memory only."""
        try:
            if override is None:
                self._path.unlink(missing_ok=True)
            else:
                write_private(self._path, json.dumps(_as_json(override)).encode())
        except OSError as error:
            _log.warning(
                "the override will not outlive a restart: %s cannot be written: %s",
                self._path,
                error.strerror,
            )

    def recall(self) -> Override | None:
        """The override of before, unless it has ended or cannot be read."""
        try:
            kept = json.loads(self._path.read_bytes())
            override = _from_json(kept)
            if kept.get("ends") is not None and kept["ends"]["boot"] != _boot_id():
                self._by_date, self._clock_offset = kept, time.time() - now()
            return override  # noqa: TRY300 -- what is read is what may fail
        except FileNotFoundError:
            return None
        except (OSError, ValueError, TypeError, KeyError, RecursionError, OverflowError) as error:
            _log.warning("the override of before is lost: %s: %r", self._path, error)
            return None


def _boot_id() -> str:
    with contextlib.suppress(OSError):
        return _BOOT_ID.read_text("ascii").strip()
    return ""


def _as_json(override: Override) -> dict[str, Any]:
    kept: dict[str, Any] = {"mode": override.mode.value}
    if (light := override.light) is not None:
        kept["light"] = [*light.rgb, light.brightness, light.effect.value, light.period]
    if override.ends_at is not None:
        kept["ends"] = {
            "boot": _boot_id(),
            "boottime": override.ends_at,
            "utc": time.time() + override.ends_at - now(),
            "kept_at_utc": time.time(),
        }
    return kept


def _from_json(kept: Any) -> Override | None:
    if not isinstance(kept, dict):
        raise ValueError("it is no JSON object")  # noqa: TRY004 -- told like every other content
    light = None
    if "light" in kept:
        red, green, blue, brightness, effect, period = kept["light"]
        if not all(type(value) is int for value in (red, green, blue, brightness)):
            raise ValueError("its colour is not of whole numbers")
        light = LightState(red, green, blue, brightness, Effect(effect), period)
    ends_at = None
    if (ends := kept.get("ends")) is not None:
        left = _seconds_left(ends)
        if not 0 < left <= LONGEST:
            return None
        ends_at = now() + left
    mode = Mode(kept["mode"])
    goes_with = {Mode.AUTO: (), Mode.MANUAL: (True,), Mode.OFF: (True, False)}.get(mode, (False,))
    if (light is not None) not in goes_with:
        raise ValueError(f"{mode} does not go with what else was kept")
    return Override(mode, light, ends_at)


def _seconds_left(ends: dict[str, Any]) -> float:
    # All are read each time: what is broken is found at the start, not when the clock is set.
    boottime, utc, kept_at = (float(ends[name]) for name in ("boottime", "utc", "kept_at_utc"))
    if ends["boot"] == _boot_id():
        return boottime - now()
    utc_now = time.time()
    if utc_now < kept_at:
        return 0.0  # the clock has not been set since the start: how much is left is not known
    return utc - utc_now
