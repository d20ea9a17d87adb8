"""Where everything that happens meets: the only place where the situation changes."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from busylight.app.slot import Slot
from busylight.core.knowledge import Knowledge, Known, NotKnown, Reading, Trouble, Why
from busylight.core.light import OFF
from busylight.core.override import Command, Override, Refresh
from busylight.core.situation import Rules, Situation
from busylight.core.view import PartHealth, PartState, View
from busylight.edge import clock
from busylight.edge.log import redact

_log: Final = logging.getLogger("busylight")

_LONGEST_NAP: Final = 5.0  # seconds; see clock.sleep_until: timers stand still in suspend


class Hub:
    """Takes in what happens, and lays the newest view into every output's slot."""

    def __init__(self, rules: Rules, override: Override | None = None) -> None:
        """Begin knowing nothing; `override` is what was asked for before a restart."""
        self._situation = Situation(rules, started_at=clock.now(), override=override)
        self._slots: list[Slot] = []
        self._changed = asyncio.Event()
        self._told: View | None = None
        self._ended = False
        self._troubles: dict[str, str | None] = {}
        self.on_refresh: Callable[[], None] = lambda: None
        """Called when somebody asks for a reading now."""
        self.on_override: Callable[[Override | None], None] = lambda _override: None
        """Called with each new override, to be remembered."""
        self.on_view: Callable[[View], None] = lambda _view: None
        """Called with each new view, for the program's own words to people."""

    @property
    def view(self) -> View:
        """What is to be shown now."""
        return self._situation.view(clock.now())

    def slot(self) -> Slot:
        """A new output's place to take views from."""
        slot = Slot()
        slot.put(self.view)
        self._slots.append(slot)
        return slot

    def heard(self, answer: Reading | Trouble) -> None:
        """Take in what the source says."""
        now = clock.now()
        if isinstance(answer, Reading):
            self._situation = self._situation.after_reading(answer, now)
        else:
            # Whatever a part raises is told to everybody who may read the topics.
            answer = replace(answer, detail=redact(answer.detail))
            self._situation = self._situation.after_trouble(answer, now)
        self._tell()

    def command(self, command: Command) -> None:
        """Take in what somebody asks for."""
        if isinstance(command, Refresh):
            self.on_refresh()
            return
        self._situation = self._situation.after_command(command, clock.now())
        self.on_override(self._situation.override)
        self._tell()

    def recalled(self, override: Override | None) -> None:
        """Take in what was asked for before a reboot, once the clock says what is left of it."""
        self._situation = replace(self._situation, override=override)
        self._tell()

    def health(self, output: str, health: PartHealth) -> None:
        """Take in how an output is."""
        if health.error is not None:
            health = replace(health, error=redact(health.error))
        before = self._situation.outputs.get(output)
        if before == health:
            return
        self._log_health(output, health)
        self._situation = self._situation.after_health(output, health)
        self._tell()

    async def run(self) -> None:
        """Notice what changes by the mere passing of time, for ever."""
        while True:
            now = clock.now()
            due = self._situation.next_change(now)
            nap = _LONGEST_NAP if due is None else min(due - now, _LONGEST_NAP)
            try:
                async with asyncio.timeout(None if due is None else nap):
                    await self._changed.wait()
            except TimeoutError:
                self._situation = self._situation.after_showing(clock.now())
                self._tell()
            self._changed.clear()

    def end(self, on_exit: str) -> None:
        """Lay the last view into every slot: what is known ends with the program."""
        view = self.view
        trouble = Trouble(Why.STALE, "the program has ended")
        ended = NotKnown(trouble, clock.now(), view.knowledge.read_at)
        people = {
            who: replace(person, knowledge=replace(ended, read_at=person.knowledge.read_at))
            for who, person in view.people.items()
        }
        last = replace(view, knowledge=ended, people=people, sign_in=None, is_last=True)
        if on_exit == "off":
            last = replace(last, light=OFF, state="off")
        elif on_exit == "unknown":
            rule = self._situation.rules.palette["UNKNOWN"]
            last = replace(last, light=rule.light, state="unknown")
        self._ended = True
        for slot in self._slots:
            slot.put(last)

    def _log_health(self, output: str, health: PartHealth) -> None:
        """Say each trouble once, however often it is tried again, and its end."""
        if health.state is PartState.FAILED:
            if self._troubles.get(output) != health.error:
                _log.warning("output %s: %s", output, health.error)
            self._troubles[output] = health.error
        elif health.state is not PartState.CONNECTING and self._troubles.pop(output, None):
            _log.info("output %s: %s again", output, health.state)

    def _tell(self) -> None:
        if self._ended:
            return
        view = self.view
        self._changed.set()
        if view == self._told:
            return
        if self._told is None or _words(self._told.knowledge) != _words(view.knowledge):
            _log.info("presence: %s", _words(view.knowledge))
        self._told = view
        for slot in self._slots:
            slot.put(view)
        self.on_view(view)


def _words(knowledge: Knowledge) -> str:
    if isinstance(knowledge, Known):
        return knowledge.presence.words
    return f"not known, {knowledge.why}: {knowledge.trouble.detail}"
