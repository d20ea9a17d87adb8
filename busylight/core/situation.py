"""Everything that the program knows at a moment, as one frozen value.

Each thing that happens makes a new `Situation` out of the last one; `view` says what is to be
shown of it, and `next_change` when that will change by itself.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Final

from busylight.core.decide import Decision, decide
from busylight.core.hours import date_of, seconds_of
from busylight.core.knowledge import Knowledge, Known, Memory, Reading, SignInPrompt, Trouble, Why
from busylight.core.light import LightState
from busylight.core.override import (
    Override,
    Press,
    Refresh,
    SetLight,
    SetMode,
    Walk,
    override_after,
)
from busylight.core.palette import Palette
from busylight.core.people import Drawn, Look, People, drawn
from busylight.core.preferred_presence import PreferredHealth, seen_beside
from busylight.core.reader import (
    Asked,
    Duty,
    Good,
    Peers,
    Reader,
    Turns,
    asked_after,
    same_override,
)
from busylight.core.rules import Rules
from busylight.core.shown import Shown, shown_after
from busylight.core.view import (
    NO_PEOPLE,
    ButtonEvent,
    Diagnostics,
    PartHealth,
    PartState,
    View,
    standing_of,
)
from busylight.core.walk import step_of

SOURCE: Final = "source"
"""What the source is called among the parts that have failed."""
OUTSIDE_HOURS: Final = 60.0
"""Seconds between two readings outside of working hours, at least."""
_TOLD_EVERY: Final = 60.0
"""Seconds between two tellings of `last_success` if nothing else has changed."""


@dataclass(frozen=True, slots=True)
class Situation:
    """What is known, asked for, and wrong."""

    rules: Rules
    started_at: float
    epoch: float | None = None
    """When 1970 began, on the clock of `now`: the wall clock. None: there is none."""
    people: People = field(default_factory=People)
    """What is remembered of everybody."""
    drawn: Drawn | None = field(default=None, compare=False)
    """Everybody as shown last: who is the same now need not be drawn anew."""
    trouble: Trouble | None = None
    """What keeps the source from reading anything at all."""
    trouble_since: float = 0.0
    override: Override | None = None
    last_lit: LightState | None = None
    """The last light that was not dark."""
    shown: Shown | None = None
    """The presence that the light has shown last, by itself."""
    button: ButtonEvent | None = None
    """The last press of a light's button."""
    walk_began: float | None = None
    """When a walk through the palette was asked for last."""
    reader: Reader | None = None
    """With a spare reader: how this one of the two stands; None: it is alone."""
    followed: bool = False
    """Whether what is remembered is what the other reader has published."""
    asked: tuple[Asked, ...] = ()
    """What was last asked of the other reader."""
    commands: int = 0
    """How many commands for the light have been taken in."""
    signed_in: bool = False
    account: str | None = None
    last_success: float | None = None
    told_success: float | None = None
    outputs: Mapping[str, PartHealth] = field(default_factory=lambda: MappingProxyType({}))
    faults: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    """How often each output, or the `source`, has failed."""
    credential: str | None = None
    preferred_presence: PreferredHealth | None = None
    blocked: str | None = None

    def after_reading(self, reading: Reading, now: float) -> "Situation":
        """What holds when the source has answered."""
        # A reading is whole: who is not in it is not watched any more, as after a change of
        # account, and what was known of him is nobody's presence now.
        people = self._people_after(reading, now, followed=False)
        told = self.told_success
        if told is None or self.trouble is not None or now - told >= _TOLD_EVERY:
            told = now
        after = replace(
            self,
            people=people,
            followed=False,
            reader=self.reader and self.reader.after_reading(now, reading.slowed_to),
            trouble=None,
            signed_in=True,
            account=reading.account or self.account,
            last_success=now,
            told_success=told,
            shown=self.shown_at(now),
        )
        return replace(after, shown=after.shown_at(now))

    def after_trouble(self, trouble: Trouble, now: float) -> "Situation":
        """What holds when the source could not read anything.

        Where the other reader leads now, it knows: its word holds, and not our trouble.
        """
        same = self.trouble is not None and self.trouble.why is trouble.why
        reader = self.reader and self.reader.after_failure(certain=trouble.is_certain)
        led = reader is not None and reader.stands_by(now)
        return replace(
            self,
            reader=reader,
            people=self.people if led else self.people.in_trouble(trouble, now),
            trouble=trouble,
            trouble_since=self.trouble_since if same else now,
            signed_in=self.signed_in and trouble.why is not Why.SIGNED_OUT,
            told_success=self.last_success,
            faults=self._faults_with(SOURCE),
        )

    def after_followed(self, answer: Reading | Trouble, now: float) -> "Situation":
        """What holds when the other reader has published what it knows."""
        if isinstance(answer, Trouble):
            return replace(self, people=self.people.in_trouble(answer, now))
        people = self._people_after(answer, now, followed=True)
        good = None if self.reader is None else self.reader.others_good
        people = people.of_other(good, now, still_told=True)
        after = replace(self, people=people, followed=True, shown=self.shown_at(now))
        return replace(after, shown=after.shown_at(now))

    def _people_after(self, reading: Reading, now: float, *, followed: bool) -> People:
        before = self.people
        if followed is not self.followed and len(before) == 1 and not self.rules.many:
            said = {*reading.presences, *reading.troubles}
            if len(said) == 1:
                # The same person, whom the other reader calls by another name.
                before = before.called(said.pop())
        nothing = Memory(self.started_at)
        return before.after_reading(reading, now, nothing, self.rules.stale_after)

    def after_peers(self, peers: Peers, now: float) -> "Situation":
        """What holds when the broker has told how the two readers are."""
        if self.reader is None:
            return self
        return self._with_reader(self.reader.after_peers(peers, now), now)

    def after_cut(self, now: float) -> "Situation":
        """What holds when the broker, and with it the other reader, is lost."""
        return self if self.reader is None else self._with_reader(self.reader.after_cut(), now)

    def _with_reader(self, reader: Reader, now: float) -> "Situation":
        """Our own trouble holds again when we lead, and is forgotten when we read no more."""
        before, turns = self.turns(now), reader.turns(now)
        after = replace(self, reader=reader)
        ends = before.followed and not turns.followed
        if before.followed and self.followed:
            people = self.people.of_other(reader.others_good, now, still_told=not ends)
            after = replace(after, people=people)
        if not turns.own:
            return replace(after, trouble=None)
        if ends and self.trouble is not None:
            return replace(after, people=after.people.in_trouble(self.trouble, now))
        return after

    def after_shared(self, override: Override | None, now: float) -> "Situation":
        """What holds when the reader that leads has told its override."""
        if same_override(override, self._override(now)):
            return self
        return self.with_recalled(override)

    def after_asking(self, command: SetMode | Refresh, now: float) -> "Situation":
        """What holds when the reader that leads is to be asked for something."""
        return replace(self, asked=asked_after(self.asked, command, now))

    def stands_by(self, now: float) -> bool:
        """Whether another reader leads, and would hear what is asked of it."""
        return self.reader is not None and self.reader.stands_by(now)

    def leads(self, now: float) -> bool:
        """Whether this program leads; one that is alone does."""
        return self.reader is None or self.reader.leads(now)

    def is_led(self, now: float) -> bool:
        """Whether the other reader's override holds: it leads, or did while we were away."""
        return self.reader is not None and (not self.reader.joined or self.reader.stands_by(now))

    def turns(self, now: float) -> Turns:
        """Which sources run."""
        return Turns() if self.reader is None else self.reader.turns(now)

    def after_walk(self, command: Walk, now: float) -> "Situation":
        """What holds when somebody has asked for a walk through the palette, or for its end."""
        return replace(self, walk_began=now if command.on else None)

    def after_pace(self, pace: float, now: float) -> "Situation":
        """What holds when reading is slowed less than before: what was read slowly ends sooner."""
        return replace(self, people=self.people.after_pace(pace, now, self.rules.stale_after))

    def after_command(self, command: SetMode | SetLight, now: float) -> "Situation":
        """What holds when somebody has asked for a light or a mode."""
        # Whoever asks for a light is not interested in the rest of a walk.
        still = replace(self, walk_began=None)
        view = still.view(now)
        before = still.after_showing(view)
        override = override_after(command, view.light, before.last_lit, now)
        return replace(before, override=override, commands=self.commands + 1)

    def after_showing(self, view: View) -> "Situation":
        """What holds when this view has been shown: a light that is not dark is remembered.

        A view changes by the mere passing of time, too, so each one that is shown is noted here.
        """
        light = view.light
        if view.walk_ends_at is not None or light is None or light.is_dark:
            return self
        if light == self.last_lit:
            return self
        return replace(self, last_lit=light)

    def with_recalled(self, override: Override | None) -> "Situation":
        """What holds when an override of before a restart is in force again."""
        kept = None if override is None else override.light
        if kept is None or kept.is_dark:
            kept = self.last_lit
        return replace(self, override=override, last_lit=kept)

    def after_press(self, press: Press, now: float) -> "Situation":
        """What holds when a light's button was pressed, but for what the press asks for."""
        number = 1 if self.button is None else self.button.number + 1
        return replace(self, button=ButtonEvent(press, number, now))

    def asked_by(self, press: Press, now: float) -> SetMode | Refresh | None:
        """What a press of a light's button asks for now."""
        return self.rules.buttons[press].command(self.view(now).mode)

    def after_health(self, output: str, health: PartHealth) -> "Situation":
        """What holds when an output has told how it is."""
        return replace(
            self,
            outputs=MappingProxyType({**self.outputs, output: health}),
            faults=self._faults_with(output) if health.state is PartState.FAILED else self.faults,
        )

    def drawn_at(self, now: float) -> "Situation":
        """The same, with everybody drawn as at this moment: views share that."""
        if not self._shows_people:
            return self if self.drawn is None else replace(self, drawn=None)
        found = self._drawn(self.rules.palette, now)
        return self if found is self.drawn else replace(self, drawn=found)

    @property
    def _shows_people(self) -> bool:
        return self.rules.many and not self.followed

    def _drawn(self, palette: Palette, now: float) -> Drawn:
        look = Look(palette, self.outside_hours(now))
        return drawn(self.people, now, self.rules.stale_after, look, self.drawn)

    def view(self, now: float, palette: Palette | None = None) -> View:
        """What is to be shown at the moment `now`; `palette` is of an output with its own."""
        override = self._override(now)
        knowledge = self._busiest(now)
        palette = palette or self.rules.palette
        step = step_of(self.walk_began, self.rules.palette, now)
        decision = self._decision(knowledge, palette, now) if step is None else step.on(palette)
        return View(
            light=decision.light,
            state=decision.state,
            knowledge=knowledge,
            override=override,
            sign_in=self._sign_in(now),
            unread_light=self._unread_light(knowledge, palette, now),
            button=self.button,
            walk_ends_at=None if step is None else step.ends_at,
            diagnostics=Diagnostics(
                source=self.rules.source,
                version=self.rules.version,
                started_at=self.started_at,
                signed_in=self.signed_in,
                account=self.account,
                last_success=self.told_success,
                last_error=None if self.trouble is None else self.trouble.detail,
                outputs=self.outputs,
                faults=self.faults,
                blocked=self.blocked,
                credential=self.credential,
                preferred_presence=seen_beside(self.preferred_presence, knowledge),
                reader=None if self.reader is None else standing_of(self.reader, now),
            ),
            people=self._drawn(palette, now).people if self._shows_people else NO_PEOPLE,
            duty=Duty(
                reads=self.reader is None or (self.reader.joined and self.reader.reads(now)),
                is_own=not self.followed,
                asked=self.asked,
                good=self._good(now),
                commands=self.commands,
            ),
        )

    def _unread_light(self, nothing: Knowledge, palette: Palette, now: float) -> LightState | None:
        """An override, or a walk, is about the one light, and says nothing of anybody."""
        if isinstance(nothing, Known):
            return None
        return decide(nothing, None, palette, now, outside_hours=self.outside_hours(now)).light

    def _good(self, now: float) -> Good | None:
        if self.reader is None or (self.followed and self.reader.others_good is None):
            return None
        return self.people.first_to_end(now, self.rules.stale_after)

    def _override(self, now: float) -> Override | None:
        override = self.override
        if override is not None and override.ends_at is not None and now >= override.ends_at:
            return None
        return override

    def _decision(self, knowledge: Knowledge, palette: Palette, now: float) -> Decision:
        """What the one light shows of what is known."""
        if isinstance(knowledge, Known) and (shown := self._shown_of(knowledge, now)) is not None:
            knowledge = replace(knowledge, presence=shown.presence)
        return decide(
            knowledge,
            self._override(now),
            palette,
            now,
            outside_hours=self.outside_hours(now),
        )

    def _busiest(self, now: float) -> Knowledge:
        nobody = Memory(self.started_at, trouble=self.trouble, trouble_since=self.trouble_since)
        return self.people.busiest(now, self.rules.stale_after, nobody)

    def shown_at(self, now: float) -> Shown | None:
        """What the light shows of whoever is known: nothing is held over what is not known."""
        if not self.rules.minimum_duration:
            return None
        knowledge = self._busiest(now)
        return self._shown_of(knowledge, now) if isinstance(knowledge, Known) else None

    def _shown_of(self, knowledge: Known, now: float) -> Shown | None:
        return shown_after(self.shown, knowledge.presence, now, self.rules.minimum_duration)

    def next_change(self, now: float) -> float | None:
        """When the view changes although nothing happens; None: never."""
        moments = [
            ends
            for memory in self.people.memories()
            if (ends := memory.stale_at(self.rules.stale_after)) is not None
        ]
        if not self.people:
            moments.append(self.started_at + self.rules.stale_after)
        if self.override is not None and self.override.ends_at is not None:
            moments.append(self.override.ends_at)
        if (prompt := self._sign_in(now)) is not None:
            moments.append(prompt.expires_at)
        if (step := step_of(self.walk_began, self.rules.palette, now)) is not None:
            moments.append(step.next_at)
        if self.shown is not None:
            moments.append(self.shown.since + self.rules.minimum_duration)
        if self.reader is not None and self.reader.late_at is not None:
            moments.append(self.reader.late_at)
        if (edge := self._next_edge(now)) is not None:
            moments.append(edge)
        return min((moment for moment in moments if moment > now), default=None)

    def outside_hours(self, now: float) -> bool:
        """Whether `now` is outside of the working hours."""
        if self.rules.hours is None or self.epoch is None:
            return False
        return self.rules.hours.outside(date_of(now - self.epoch))

    def planned_interval(self, now: float, changed_at: float) -> float:
        """Seconds that are to lie between two readings at least; 0: as it is set.

        `changed_at`: when what is known has changed last.
        """
        if self.outside_hours(now):
            return OUTSIDE_HOURS
        if self.rules.adaptive is None or self.epoch is None or self.trouble is not None:
            return 0.0  # who fails to read tries again at a pace of his own
        return self.rules.adaptive.planned_interval(date_of(now - self.epoch), now - changed_at)

    def _next_edge(self, now: float) -> float | None:
        if self.rules.hours is None or self.epoch is None:
            return None
        edge = self.rules.hours.next_change(date_of(now - self.epoch))
        return None if edge is None else self.epoch + seconds_of(edge)

    def _faults_with(self, part: str) -> Mapping[str, int]:
        return MappingProxyType({**self.faults, part: self.faults.get(part, 0) + 1})

    def _sign_in(self, now: float) -> SignInPrompt | None:
        prompt = None if self.trouble is None else self.trouble.sign_in
        return prompt if prompt is not None and now < prompt.expires_at else None
