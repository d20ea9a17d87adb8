"""What is known of a person's presence, and why not when it is not.

"We do not know" is a value here, never an exception and never an old reading.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from busylight.core.presence import Presence

SLOWED_HOLDS: Final = 2.5
"""So many of the intervals to which reading is slowed on purpose a reading holds at least."""

SOON: Final = 0.5
"""So much of `STALE_AFTER` a reading holds yet when reading is slowed no more: the next one is due
at once, and may take its time. No less than INTERVAL, for `STALE_AFTER` is at least twice that."""


class Why(StrEnum):
    """Why nothing is known. The words stand on MQTT."""

    STARTING = "starting"
    UNREACHABLE = "unreachable"
    SIGNED_OUT = "signed_out"
    FORBIDDEN = "forbidden"
    STALE = "stale"


@dataclass(frozen=True, slots=True)
class SignInPrompt:
    """What a person has to type where, to sign in."""

    url: str
    code: str
    expires_at: float
    """When the code ends, on the clock that counts through suspend."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """A source could not read: why, in words that say what to do next."""

    why: Why
    detail: str
    sign_in: SignInPrompt | None = None
    """With `SIGNED_OUT`: the sign-in that waits for the person, when there is one."""
    at_once: bool = False
    """Whether an `UNREACHABLE` ends what was known now: who says so has waited already."""

    @property
    def is_certain(self) -> bool:
        """Whether it ends what was known at once.

        A network that fails may be back before the last reading is too old; who has been
        signed out, or is forbidden to read, has been told so.
        """
        return self.at_once or self.why is not Why.UNREACHABLE


@dataclass(frozen=True, slots=True)
class Reading:
    """One answer of a source: the people that it could read, and for whom it could not."""

    presences: Mapping[str, Presence]
    """By the person's id; a source that reads one person has one entry.

    A `MappingProxyType` says that nobody changes it any more: one that comes again says the same.
    """
    troubles: Mapping[str, Trouble]
    """By the person's id; who is here is not among the `presences`."""
    account: str | None = None
    """Who is signed in, for people to read."""
    slowed_to: float = 0.0
    """Seconds until the next reading, where it comes later than usual on purpose."""


@dataclass(frozen=True, slots=True)
class Known:
    """A presence that is young enough to be shown."""

    presence: Presence
    since: float
    """When this state was first read."""
    read_at: float
    """When the reading that changed it was made."""


@dataclass(frozen=True, slots=True)
class NotKnown:
    """No presence that may be shown."""

    trouble: Trouble
    since: float
    """Since when it is not known for this reason."""
    read_at: float | None = None
    """When the last good reading was made, if there was any."""

    @property
    def why(self) -> Why:
        """The reason, as MQTT has it."""
        return self.trouble.why


Knowledge = Known | NotKnown


@dataclass(frozen=True, slots=True)
class Memory:
    """What has been read of one person so far; `knowledge` says what that is worth now."""

    started_at: float
    presence: Presence | None = None
    """The last good reading, unless the source has since been certain that it knows nothing."""
    since: float = 0.0
    changed_at: float = 0.0
    good_at: float | None = None
    """When the last good reading was made."""
    trouble: Trouble | None = None
    """What is wrong since the last good reading."""
    trouble_since: float = 0.0
    holds: float = 0.0
    """Seconds that the last good reading holds at least: the next one is planned so late."""

    def after_presence(
        self, presence: Presence, now: float, stale_after: float, slowed_to: float = 0.0
    ) -> "Memory":
        """What is remembered after a good reading; `slowed_to` as in `Reading`."""
        # A state that was lost from sight is a new one when it comes back: nobody knows what
        # the person did in between.
        ends = self.stale_at(stale_after)
        known = self.presence if ends is not None and now < ends else None
        same_words = known is not None and known.words == presence.words
        return Memory(
            started_at=self.started_at,
            presence=presence,
            since=self.since if same_words else now,
            changed_at=self.changed_at if known == presence else now,
            good_at=now,
            holds=SLOWED_HOLDS * slowed_to,
        )

    def after_trouble(self, trouble: Trouble, now: float) -> "Memory":
        """What is remembered after a failed reading."""
        same = self.trouble is not None and self.trouble.why is trouble.why
        return replace(
            self,
            # What has ended once does not come back because the next failure is a milder one.
            presence=None if trouble.is_certain else self.presence,
            trouble=trouble,
            trouble_since=self.trouble_since if same else now,
        )

    def after_pace(self, pace: float, now: float, stale_after: float) -> "Memory":
        """What is remembered when reading is slowed less, to `pace` (0: not at all)."""
        if self.good_at is None:
            return self
        until_next = now - self.good_at + SOON * stale_after
        holds = min(self.holds, max(SLOWED_HOLDS * pace, until_next))
        return self if holds == self.holds else replace(self, holds=holds)

    def stale_at(self, stale_after: float) -> float | None:
        """When what is known now ends by itself, if nothing is read until then."""
        if self.presence is None or self.good_at is None:
            return None
        return self.good_at + max(stale_after, self.holds)

    def knowledge(self, now: float, stale_after: float) -> Knowledge:
        """What may be said of the person at this moment."""
        silent = Trouble(Why.STALE, "the source has fallen silent")
        ends = self.stale_at(stale_after)
        if ends is not None:
            if self.presence is not None and now < ends:
                return Known(self.presence, self.since, self.changed_at)
            return NotKnown(self.trouble or silent, ends, self.good_at)
        if self.trouble is not None and (self.trouble.is_certain or self.good_at is not None):
            return NotKnown(self.trouble, self.trouble_since, self.good_at)
        ends = self.started_at + stale_after  # nothing has ever been read
        if now < ends:
            detail = self.trouble.detail if self.trouble else "nothing has been read yet"
            return NotKnown(Trouble(Why.STARTING, detail), self.started_at)
        return NotKnown(self.trouble or silent, ends)
