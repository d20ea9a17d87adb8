"""Tells Teams what a person has asked of the light: the newest wish, once, and as it is taken."""

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable
from typing import Final

from busylight.core.backoff import full_jitter
from busylight.core.knowledge import Knowledge, Known
from busylight.core.override import Override
from busylight.core.preferred_presence import (
    WITHOUT_END,
    Preferred,
    PreferredHealth,
    PreferredState,
    preferred,
)
from busylight.edge import clock
from busylight.parts import NotTakenError

_log: Final = logging.getLogger("busylight.app")

_SPACING: Final = 1.0
"""Seconds between two tries at least: somebody may play with the button."""
_FIRST_RETRY: Final = 2.0
_LAST_RETRY: Final = 60.0
_TRY_LIMIT: Final = 60.0
"""Seconds that one try may take; its requests have limits of their own."""
_SAME_TIME: Final = 2.0
"""Seconds: the other reader's clock is not ours, and tells whole seconds."""
_GRACE: Final = 30.0
"""Seconds that Teams may hold something for longer than it was told to: its clock is not ours."""
_NAP: Final = 5.0
"""Seconds between two looks at the clock: timers stand still in suspend."""


class PreferredPresence:
    """Holds one wish, the newest, and tries until it is taken or its time has passed.

    What Teams holds ends by itself, with the override; so whatever happens to this program,
    nobody stays busy for ever.

    Of two readers the one tells Teams that was asked as leader. The other one keeps the wish, open,
    until the leader says that Teams has taken it: whoever leads next tells Teams what is open. At
    worst Teams is told twice.
    """

    def __init__(
        self,
        *,
        prefer: Callable[[Preferred | None, int], Awaitable[None]],
        told: Callable[[PreferredHealth], None],
        read_now: Callable[[], None],
        knowledge: Callable[[], Knowledge],
        in_force: Override | None,
    ) -> None:
        """Wish for nothing; `in_force` is an override of before a restart.

        `prefer` sets or clears it, `told` is told what has become of it, `read_now` called after
        each change, `knowledge` asked what Teams says.
        """
        self._prefer = prefer
        self._told = told
        self._read_now = read_now
        self._knowledge = knowledge
        self._changed = asyncio.Event()
        self._wanted: Preferred | None = None
        self._ends_at = math.inf
        self._is_open = False
        """Whether it is not certain that Teams has been told what is wanted."""
        self._is_ours = True
        """Whether it is this program that tells it."""
        self._number = 0
        self._failures = 0
        self._try_at = 0.0
        """Until when this wish waits after a failure; a newer one does not."""
        self._not_before = 0.0
        """Until when nothing may be asked, whatever the wish."""
        self._held_until = 0.0
        """Until when Teams may hold something of ours."""
        self._told_at = -math.inf
        """When this program has told Teams something, if the other one has said nothing since."""
        self._health = PreferredHealth()
        self.recalled(in_force)

    def recalled(self, override: Override | None) -> None:
        """Take over what was asked for before a restart: Teams was told then."""
        if not self._number:  # the last word wins
            self._held_until = 0.0
            self._take_over(override)

    def asked(self, override: Override | None, is_others: bool) -> None:  # noqa: FBT001 -- a callback's
        """Take in what was asked for; `is_others`: another reader answers, and tells Teams."""
        if not is_others:
            self.wish(override)
            return
        if self._is_due and preferred(override) == self._wanted:
            self._ends_at = _end_of(override)
            self._changed.set()
            return  # until the other one has said that Teams has it
        self._number += 1
        self._is_open, self._is_ours = True, False
        self._take_over(override)

    def _take_over(self, override: Override | None) -> None:
        self._wanted, self._ends_at = preferred(override), _end_of(override)
        if self._wanted is not None:
            until = min(self._ends_at, clock.now() + WITHOUT_END)
            self._held_until = max(self._held_until, until)
        state = PreferredState.UNKNOWN if self._holds else PreferredState.NONE
        self._tell(PreferredHealth(state, self._availability))
        self._changed.set()

    def written(self, health: PreferredHealth) -> None:
        """Take in what the reader that leads says of its wish, which is ours, too."""
        if health.state in (PreferredState.WAITING, PreferredState.FAILED):
            if not self._is_due:
                self._is_open, self._is_ours = True, False
            if self._wanted is None:  # there is something to be cleared
                self._held_until = max(self._held_until, clock.now() + WITHOUT_END)
            return
        if health.state is PreferredState.UNKNOWN or health.availability != self._availability:
            return
        since = -math.inf if health.since is None else health.since
        if since + _SAME_TIME < self._told_at:
            return  # Teams was told something else since, by us while we were cut off
        self._number += 1  # a try that is under way settles nothing any more
        self._is_open, self._told_at = False, -math.inf
        self._held_until = 0.0
        if self._wanted is not None:
            self._held_until = min(self._ends_at, clock.now() + WITHOUT_END) + _GRACE
        self._tell(health)
        self._changed.set()

    def leads(self) -> None:
        """Tell Teams what is open from now on: this reader leads."""
        if self._is_ours:
            return
        self._is_ours = True
        self._is_open = self._is_open and (self._wanted is not None or self._holds)
        if self._is_open:
            self._failures, self._try_at = 0, 0.0
            self._tell(PreferredHealth(PreferredState.WAITING, self._availability))
        self._changed.set()

    def wish(self, override: Override | None) -> None:
        """Take in what was asked for; returns at once."""
        self._number += 1
        self._failures, self._try_at = 0, 0.0
        self._wanted, self._ends_at = preferred(override), _end_of(override)
        self._is_open, self._is_ours = self._wanted is not None or self._holds, True
        if self._is_open:
            self._tell(PreferredHealth(PreferredState.WAITING, self._availability))
        else:
            self._tell(PreferredHealth())
        self._changed.set()

    async def run(self) -> None:
        """Tell Teams what is wished for, for ever."""
        while True:
            self._changed.clear()
            now = clock.now()
            self._look_at(now)
            if self._is_due and now >= self._next_try:
                await self._try()
                continue
            due = min(self._next_try if self._is_due else math.inf, self._ends_at)
            await self._wait_until(due)

    @property
    def _is_due(self) -> bool:
        return self._is_open and self._is_ours

    @property
    def _next_try(self) -> float:
        return max(self._try_at, self._not_before)

    @property
    def _holds(self) -> bool:
        return clock.now() < self._held_until

    @property
    def _availability(self) -> str | None:
        return None if self._wanted is None else self._wanted.availability

    async def _wait_until(self, moment: float) -> None:
        nap = None if moment == math.inf else max(min(moment - clock.now(), _NAP), 0.0)
        try:
            async with asyncio.timeout(nap):
                await self._changed.wait()
        except TimeoutError:
            return

    def _look_at(self, now: float) -> None:
        """End what ends by the mere passing of time."""
        if now >= self._ends_at:
            ended, self._wanted, self._ends_at = self._wanted, None, math.inf
            # Teams ends it by itself at this moment. It is cleared besides, for its clock is not
            # ours; but not what the person has chosen in Teams since.
            self._is_open = self._holds and self._still_shows(ended)
            self._failures, self._try_at = 0, 0.0
            self._number += 1
            if not self._is_due:
                self._tell(PreferredHealth())
        if self._is_open and self._wanted is None and not self._holds:
            self._is_open = False  # what was to be cleared has ended
            self._tell(PreferredHealth())

    def _still_shows(self, ended: Preferred | None) -> bool:
        known = self._knowledge()
        return (
            ended is None
            or not isinstance(known, Known)
            or known.presence.availability == ended.availability
        )

    async def _try(self) -> None:
        number, wanted = self._number, self._wanted
        began = clock.now()
        self._not_before = began + _SPACING
        held_before, told_before = self._held_until, self._told_at
        self._told_at = began
        seconds = math.ceil(min(self._ends_at - began, WITHOUT_END))
        if wanted is not None:  # it may be taken though the answer is lost
            self._held_until = max(held_before, began + seconds + _GRACE)
        try:
            async with asyncio.timeout(_TRY_LIMIT):
                await self._prefer(wanted, seconds)
        except NotTakenError as error:
            if error.wait != 0.0:
                self._held_until, self._told_at = held_before, told_before
            self._failed(number, str(error), error.wait)
        except TimeoutError:
            self._failed(number, f"no answer within {_TRY_LIMIT:g} s", 0.0)
        except Exception as error:  # noqa: BLE001 -- whatever it is, the light goes on
            _log.debug("the preferred presence could not be set", exc_info=True)
            self._failed(number, f"{type(error).__name__}: {error}", 0.0)
        else:
            self._taken(number, wanted)

    def _taken(self, number: int, wanted: Preferred | None) -> None:
        self._told_at = clock.now()
        if wanted is None:
            self._held_until = 0.0
            _log.info("Teams: the preferred presence is cleared")
        else:
            _log.info("Teams: the preferred presence is set to %s", wanted.availability)
        if number == self._number:
            self._is_open = False
            state = PreferredState.NONE if wanted is None else PreferredState.SET
            self._tell(PreferredHealth(state, self._availability, clock.now()))
        self._read_now()

    def _failed(self, number: int, problem: str, wait: float | None) -> None:
        if number != self._number:
            return  # nobody wants that any more
        self._failures += 1
        if wait is None:
            self._is_open = False
        else:
            retry = full_jitter(self._failures, base=_FIRST_RETRY, cap=_LAST_RETRY)
            self._try_at = clock.now() + (wait or retry)
        if self._health.error != problem:
            done = "cleared" if self._wanted is None else "set"
            _log.warning("Teams: the preferred presence is not %s: %s", done, problem)
        self._tell(PreferredHealth(PreferredState.FAILED, self._availability, None, problem))

    def _tell(self, health: PreferredHealth) -> None:
        self._health = health
        self._told(health)


def _end_of(override: Override | None) -> float:
    ends_at = None if override is None else override.ends_at
    return math.inf if ends_at is None else ends_at
