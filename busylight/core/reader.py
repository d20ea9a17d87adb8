"""Two programs for one light, a primary and a spare: who of them leads.

Whoever leads reads, and is the only one to publish. The other follows what is published. Reading
twice is harmless, so all that has to be certain is who publishes; what each of them knows of
the other comes in as plain values.
"""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from busylight.core.override import Mode, Override, Refresh, SetMode
from busylight.core.preferred_presence import PreferredHealth

BROKER: Final = "mqtt"
"""The output by which the two hear of each other."""
FAILURES: Final = 2
"""So many failed readings in a row are no accident."""
LATE: Final = 2.0
"""Seconds that a reading may be late, beyond two intervals: then it counts as failed twice."""
ASKED_LIMIT: Final = 16
"""Things asked of the other reader are kept until they are passed on; of more the oldest go."""
_SAME_END: Final = 2.0
"""Seconds: two ends of an override that lie no further apart are one, told in whole seconds."""


class Role(StrEnum):
    """Which of the two a program is. The words stand in topics."""

    PRIMARY = "primary"
    SPARE = "spare"

    @property
    def other(self) -> "Role":
        """The other one of the two."""
        return Role.SPARE if self is Role.PRIMARY else Role.PRIMARY


@dataclass(frozen=True, slots=True)
class Good:
    """The good reading on which rests what is told."""

    at: float
    """When it was made."""
    holds: float
    """Seconds after which nothing is known any more."""


@dataclass(frozen=True, slots=True)
class Peers:
    """What stands on the broker about the two of them."""

    primary_online: bool = False
    spare_online: bool = False
    primary_reads: bool = False
    """Whether the primary says that it reads well."""
    leader: Role | None = None
    """Whose states stand there, as that one has said itself."""
    good: Good | None = None
    """On what the other one's word rests, if it leads and has said so."""

    def online(self, role: Role) -> bool:
        """Whether that one lives, as far as the broker knows."""
        return self.primary_online if role is Role.PRIMARY else self.spare_online


def leading(role: Role, peers: Peers, *, reads: bool) -> bool:
    """Whether this one of the two leads; `reads`: the primary reads well, as it knows itself.

    The spare leads while the primary is gone or cannot read. A primary that is alone leads
    whatever it reads. One that is back leads when it reads well, and the spare has let go.
    """
    if role is Role.SPARE:
        return not (peers.primary_online and peers.primary_reads)
    return not peers.spare_online or (reads and peers.leader is not Role.SPARE)


@dataclass(frozen=True, slots=True)
class Turns:
    """Which sources run."""

    own: bool = True
    """That of the settings."""
    followed: bool = False
    """What the other one publishes."""


@dataclass(frozen=True, slots=True)
class Reader:
    """One of the two: what it has heard of the other one, and how its own readings go."""

    role: Role
    interval: float
    """Seconds between two readings."""
    peers: Peers | None = None
    """What was heard last; None: nothing yet."""
    joined: bool = False
    """Whether the broker is there, so that this is news."""
    failures: int = 0
    """Failed readings in a row."""
    good_at: float | None = None
    """When the last good reading was made."""
    slowed_to: float = 0.0
    """Seconds until the next reading, where it comes later than usual on purpose."""

    def after_peers(self, peers: Peers, now: float) -> "Reader":
        """What holds when the broker has told who is there.

        Whoever is led from now on has to read once more before it leads again: what it has read
        before may be older than what the other one has published since.
        """
        after = replace(self, peers=peers, joined=True)
        if self.stands_by(now) or not after.stands_by(now):
            return after
        return replace(after, good_at=None)

    def after_cut(self) -> "Reader":
        """What holds when the broker is lost."""
        return replace(self, joined=False)

    def after_reading(self, now: float, slowed_to: float) -> "Reader":
        """What holds after a good reading."""
        return replace(self, failures=0, good_at=now, slowed_to=slowed_to)

    def after_failure(self, *, certain: bool) -> "Reader":
        """What holds after a failed reading; who is `certain` needs no second one."""
        return replace(self, failures=FAILURES if certain else self.failures + 1)

    def reads(self, now: float) -> bool:
        """Whether its own readings go well: not while it has read nothing, or nothing lately."""
        late_at = self.late_at
        return late_at is not None and self.failures < FAILURES and now < late_at

    @property
    def late_at(self) -> float | None:
        """When it counts as failed if nothing is read until then; None: nothing was read yet."""
        if self.good_at is None:
            return None
        return self.good_at + 2 * max(self.interval, self.slowed_to) + LATE

    @property
    def others_good(self) -> Good | None:
        """On what the other one's word rests, if it has said so."""
        return None if self.peers is None else self.peers.good

    def leads(self, now: float) -> bool:
        """Whether it leads: a primary that is cut off does, for its own lights.

        A spare that is cut off stays what it was: it cannot know whether the primary lives.
        """
        if self.peers is None or (self.role is Role.PRIMARY and not self.joined):
            return self.role is Role.PRIMARY
        return leading(self.role, self.peers, reads=self.reads(now))

    def stands_by(self, now: float) -> bool:
        """Whether the other one leads, and hears what is said on the broker."""
        return self.joined and not self.leads(now)

    def turns(self, now: float) -> Turns:
        """Which sources run: a primary always reads, to know when it can."""
        leads = self.leads(now)
        # Who does not lead, though it has heard of the other one, has heard that this one lives.
        followed = self.peers is not None and not leads
        return Turns(own=leads or self.role is Role.PRIMARY, followed=followed)


@dataclass(frozen=True, slots=True)
class Asked:
    """What a button on a light of the one that stands by asks of the one that leads."""

    command: SetMode | Refresh
    at: float
    number: int
    """Of all that was asked since the program began: no two of them are the same."""


def asked_after(
    asked: tuple[Asked, ...], command: SetMode | Refresh, now: float
) -> tuple[Asked, ...]:
    """What was asked last, with one thing more: whoever passes them on may have missed some."""
    number = asked[-1].number + 1 if asked else 1
    return (*asked, Asked(command, now, number))[-ASKED_LIMIT:]


@dataclass(frozen=True, slots=True)
class Duty:
    """What the output that speaks for one of two readers has to know besides what is shown."""

    reads: bool = True
    """Whether the program's own readings go well, and it knows who else is there."""
    is_own: bool = True
    """Whether it has read itself what is known, and not the other one."""
    asked: tuple[Asked, ...] = ()
    """What was to be passed on to the other one last, oldest first."""
    good: Good | None = None
    """On what rests what is known, if that is known."""
    commands: int = 0
    """How many commands for the light have been taken in: each is answered, changed or not."""


@dataclass(frozen=True, slots=True)
class Shared:
    """The override that the other one has published as leader."""

    override: Override | None


@dataclass(frozen=True, slots=True)
class Written:
    """What has become of what Teams was to be told, as the other one has published as leader."""

    health: PreferredHealth


News = Peers | Shared | Written
"""What is heard of the other one."""


def same_override(one: Override | None, other: Override | None) -> bool:
    """Whether two overrides are the same, as far as can be told through the broker."""
    if one is None or other is None:
        return one is other
    if one.mode is not other.mode or (one.ends_at is None) is not (other.ends_at is None):
        return False
    if one.ends_at is not None and other.ends_at is not None:
        return abs(one.ends_at - other.ends_at) <= _SAME_END
    if one.mode is not Mode.MANUAL or one.light is None or other.light is None:
        return one.mode is not Mode.MANUAL
    # A period is not told.
    return replace(one.light, period=None) == replace(other.light, period=None)
