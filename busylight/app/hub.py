"""Where everything that happens meets: the only place where the situation changes."""

import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from busylight.app.person_faults import PersonFaults
from busylight.app.raised import told
from busylight.app.slot import Slot
from busylight.core.knowledge import Knowledge, Known, NotKnown, Reading, Trouble, Why
from busylight.core.light import OFF
from busylight.core.override import Command, Override, Pressed, Refresh, SetMode, Walk
from busylight.core.palette import Palette
from busylight.core.preferred_presence import PreferredHealth
from busylight.core.reader import BROKER, News, Peers, Reader, Shared, Turns, Written
from busylight.core.rules import Rules
from busylight.core.situation import Situation
from busylight.core.view import PartHealth, PartState, Standing, View
from busylight.edge import clock

_log: Final = logging.getLogger("busylight")

LONGEST_NAP: Final = 5.5
"""Seconds between two looks at the clock: timers stand still in suspend (see `sleep_until`).

A little more than the usual interval of readings: each reading is a look at the clock, too.
"""


class Hub:
    """Takes in what happens, and lays the newest view into every output's slot."""

    def __init__(
        self, rules: Rules, override: Override | None = None, reader: Reader | None = None
    ) -> None:
        """Begin knowing nothing; `override` is what was asked for before a restart.

        `reader`: this program is one of two.
        """
        self._wall_clock = clock.WallClock()
        self._situation = Situation(
            rules, started_at=clock.now(), epoch=self._wall_clock.epoch, reader=reader
        ).with_recalled(override)
        self._slots: list[tuple[Slot, Palette | None]] = []
        self._changed = clock.Bell()
        self._told: View | None = None
        self._ended = False
        self._troubles: dict[str, str | None] = {}
        self._people = PersonFaults()
        self.on_refresh: Callable[[], None] = lambda: None
        """Called when somebody asks for a reading now."""
        self._pace = 0.0
        self._changed_at = clock.now()
        self.on_pace: Callable[[float], None] = lambda _seconds: None
        """Called with the seconds that are to lie between two readings at least; 0: as set."""
        self._turns = self.turns
        self.on_turns: Callable[[Turns], None] = lambda _turns: None
        """Called when other sources are to run than before."""
        self.on_override: Callable[[Override | None], None] = lambda _override: None
        """Called with each new override, to be remembered."""
        self.on_asked: Callable[[Override | None, bool], None] = lambda _override, _others: None
        """Called with each new override, too; True: it is the other reader who answers for it."""
        self.on_written: Callable[[PreferredHealth], None] = lambda _health: None
        """Called with what the reader that leads says of what Teams was to be told."""
        self.on_leading: Callable[[], None] = lambda: None
        """Called again and again while this reader leads."""
        self.on_view: Callable[[View], None] = lambda _view: None
        """Called with each new view, for the program's own words to people."""

    @property
    def last_success(self) -> float | None:
        """When the last good reading was made; what a view says may be a minute behind."""
        return self._situation.last_success

    @property
    def view(self) -> View:
        """What is to be shown now."""
        return self._situation.view(clock.now())

    @property
    def turns(self) -> Turns:
        """Which sources are to run now."""
        return self._situation.turns(clock.now())

    def slot(self, palette: Palette | None = None) -> Slot:
        """A new output's place to take views from; `palette`: the output's own, if it has one."""
        slot = Slot()
        slot.put(self._situation.view(clock.now(), palette))
        self._situation = self._situation.after_showing(self.view)
        self._slots.append((slot, palette))
        return slot

    def heard(self, answer: Reading | Trouble) -> None:
        """Take in what the source says."""
        now = clock.now()
        if not self._situation.turns(now).own:
            return  # its turn is over, and it has not ended yet
        if isinstance(answer, Reading):
            self._people.heard(answer)
            self._situation = self._situation.after_reading(answer, now)
        else:
            # Whatever a part raises is told to everybody who may read the topics.
            answer = replace(answer, detail=told(answer.detail))
            self._situation = self._situation.after_trouble(answer, now)
        self._tell()

    def followed(self, answer: Reading | Trouble) -> None:
        """Take in what the other reader has published."""
        now = clock.now()
        if self._situation.turns(now).followed:
            self._situation = self._situation.after_followed(answer, now)
            self._tell()

    def command(self, command: Command | News) -> None:
        """Take in what somebody asks for, or what is heard of the other reader."""
        if isinstance(command, News):
            self._news(command)
            return
        if isinstance(command, Pressed):
            self._pressed(command)
            return
        if isinstance(command, Refresh):
            self.on_refresh()
            return
        now = clock.now()
        if isinstance(command, Walk):
            self._situation = self._situation.after_walk(command, now)
            self._tell()
            return
        self._situation = self._situation.after_command(command, now)
        self._overridden(is_others=self._situation.stands_by(now))

    def asked_here(self, command: Command | News) -> None:
        """Take in what somebody asks for at this machine, and not on the broker."""
        now = clock.now()
        if isinstance(command, SetMode | Refresh) and self._situation.stands_by(now):
            # Whoever leads is asked on the broker, where both hear it.
            self._situation = self._situation.after_asking(command, now)
            self._tell()
        else:
            self.command(command)

    def _pressed(self, pressed: Pressed) -> None:
        now = clock.now()
        asked = self._situation.asked_by(pressed.press, now)
        self._situation = self._situation.after_press(pressed.press, now)
        if asked is not None:
            self.asked_here(asked)
        self._tell()

    def _news(self, news: News) -> None:
        now = clock.now()
        if isinstance(news, Peers):
            led = self._situation.stands_by(now)
            self._situation = self._situation.after_peers(news, now)
            if self._situation.stands_by(now) and not led:
                self.on_refresh()  # the sooner it has read, the sooner it leads again
        elif self._situation.is_led(now):
            if isinstance(news, Written):
                self.on_written(news.health)
            else:
                self._shared(news, now)
        self._tell()

    def _shared(self, news: Shared, now: float) -> None:
        before, self._situation = self._situation, self._situation.after_shared(news.override, now)
        if self._situation is not before:  # the same is no new wish
            self._overridden(is_others=True)

    def _overridden(self, *, is_others: bool) -> None:
        self.on_override(self._situation.override)
        self.on_asked(self._situation.override, is_others)
        self._tell()

    def recalled(self, override: Override | None) -> None:
        """Take in what was asked for before a reboot, once the clock says what is left of it."""
        self._situation = self._situation.with_recalled(override)
        self._tell()

    def health(self, output: str, health: PartHealth) -> None:
        """Take in how an output is."""
        if health.error is not None:
            health = replace(health, error=told(health.error))
        before = self._situation.outputs.get(output)
        if before == health:
            return
        self._log_health(output, health)
        self._situation = self._situation.after_health(output, health)
        if output == BROKER and health.state in (PartState.CONNECTING, PartState.FAILED):
            self._situation = self._situation.after_cut(clock.now())
        self._tell()

    async def run(
        self, on_round: Callable[[], None] = lambda: None, longest_nap: float = LONGEST_NAP
    ) -> None:
        """Notice what changes by the mere passing of time, for ever.

        `on_round` is called at least every `longest_nap` seconds, after it was decided anew what
        is to be shown: as long as that goes on, the program lives.
        """
        self._look_at_the_wall_clock()
        self._pace_the_source(clock.now())
        on_round()
        while True:
            now = clock.now()
            due = self._situation.next_change(now)
            nap = longest_nap if due is None else min(due - now, longest_nap)
            if not await clock.nap(self._changed, nap):
                self._tell()
            self._changed.silence()
            on_round()

    def end(self, on_exit: str) -> None:
        """Lay the last view into every slot: what is known ends with the program."""
        now = clock.now()
        self._ended = True
        for slot, palette in self._slots:
            slot.put(self._last(on_exit, self._situation.view(now, palette), palette))

    def _last(self, on_exit: str, view: View, palette: Palette | None) -> View:
        trouble = Trouble(Why.STALE, "the program has ended")
        ended = NotKnown(trouble, clock.now(), view.knowledge.read_at)
        people = {
            who: replace(person, knowledge=replace(ended, read_at=person.knowledge.read_at))
            for who, person in view.people.items()
        }
        last = replace(view, knowledge=ended, people=people, sign_in=None, is_last=True)
        if on_exit == "off":
            return replace(last, light=OFF, state="off")
        if on_exit == "unknown":
            rule = (palette or self._situation.rules.palette)["UNKNOWN"]
            return replace(last, light=rule.light, state="unknown")
        return last

    def blocked(self, words: str) -> None:
        """Take in which part has blocked the program before this start."""
        self._situation = replace(self._situation, blocked=words)
        self._tell()

    def credential(self, words: str | None) -> None:
        """Take in that the app's own credential ends soon, or (None) does not."""
        if words != self._situation.credential:
            self._situation = replace(self._situation, credential=words)
            self._tell()

    def preferred_presence(self, health: PreferredHealth) -> None:
        """Take in what has become of what Teams was to be told."""
        if health.error is not None:
            health = replace(health, error=told(health.error))
        if health != self._situation.preferred_presence:
            self._situation = replace(self._situation, preferred_presence=health)
            self._tell()

    def _log_health(self, output: str, health: PartHealth) -> None:
        """Say each trouble once, however often it is tried again, and its end."""
        if health.state is PartState.FAILED:
            if self._troubles.get(output) != health.error:
                _log.warning("output %s: %s", output, health.error)
            self._troubles[output] = health.error
        elif health.state is not PartState.CONNECTING and self._troubles.pop(output, None):
            _log.info("output %s: %s again", output, health.state)

    def _look_at_the_wall_clock(self) -> None:
        """Notice that it was set."""
        epoch = self._wall_clock.epoch
        if epoch != self._situation.epoch:
            self._situation = replace(self._situation, epoch=epoch)

    def _pace_the_source(self, now: float) -> None:
        """Notice that it is time to read more or less often."""
        pace = self._situation.planned_interval(now, self._changed_at)
        if pace < self._pace:
            self._situation = self._situation.after_pace(pace, now)
        if pace != self._pace:
            self._pace = pace
            self.on_pace(pace)

    def _take_turns(self) -> None:
        if self._situation.leads(clock.now()):
            self.on_leading()
        turns = self.turns
        if turns == self._turns:
            return
        if (standing := self.view.diagnostics.reader) is not None:
            _log.info("%s", _words_of(standing))
        self._turns = turns
        self.on_turns(turns)

    def _tell(self) -> None:
        if self._ended:
            return
        self._look_at_the_wall_clock()
        self._take_turns()
        now = clock.now()
        self._situation = self._situation.drawn_at(now)
        view = self._situation.view(now)
        if self._told is not None and self._is_news(view, self._told):
            self._changed_at = now
        self._pace_the_source(now)
        self._changed.ring()
        if view == self._told:
            return
        if self._told is None or _words(self._told.knowledge) != _words(view.knowledge):
            _log.info("presence: %s", _words(view.knowledge))
        self._told = view
        self._situation = self._situation.after_showing(view)
        for slot, palette in self._slots:
            slot.put(view if palette is None else self._situation.view(now, palette))
        self.on_view(view)

    def _is_news(self, view: View, told: View) -> bool:
        """Whether more may soon change: somebody does something else, or is not known."""
        if self._situation.rules.adaptive is None:
            return False
        if isinstance(view.knowledge, NotKnown) or view.people != told.people:
            return True
        return _words(view.knowledge) != _words(told.knowledge)


def _words_of(standing: Standing) -> str:
    other = standing.role.other.value
    if standing.leads:
        return f"this reader, the {standing.role}, leads"
    return f"this reader, the {standing.role}, stands by: the {other} leads"


def _words(knowledge: Knowledge) -> str:
    if isinstance(knowledge, Known):
        return knowledge.presence.words
    return f"not known, {knowledge.why}: {knowledge.trouble.detail}"
