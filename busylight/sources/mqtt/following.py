"""What is known from the messages heard so far. Pure: time comes in with what happens.

A presence holds as long as its publisher lives (its liveness topic, and, where silence counts
as death, its newest message), never by the publisher's clock.
"""

import re
from dataclasses import dataclass, field
from typing import Final

from busylight.core.knowledge import Reading, Trouble, Why
from busylight.core.presence import Presence
from busylight.sources.mqtt.payloads import Message, is_live, parse

_OURS: Final = re.compile(r"(?P<base>.+?)(/users/[^/]+)?/presence")
_NOT_IN_A_CALL: Final = Presence("Available", "Available")


@dataclass(slots=True)
class _Followed:
    """One presence topic, and what it has said."""

    topic: str
    liveness: tuple[str, ...]
    """Its publisher lives while one of these says so; empty: nobody tells."""
    must_live: bool
    """Whether silence on all of them means that the publisher does not live."""
    message: Message | None = None
    heard_at: float | None = None
    """When the newest message came that was not retained: those tell nothing of their age."""
    refused: bool = False


@dataclass(slots=True)
class Following:
    """Takes in messages, and says what they mean together."""

    topics: tuple[str, ...]
    """Where presence is published."""
    liveness: tuple[str, ...] = ()
    """Where their publishers say that they live: one for all, or one for each; empty: as
    Busylight does it, `<base>/availability` (with a spare reader, `<base>/reader/…`)."""
    stale_after: float = 0.0
    """Seconds of silence after which a publisher is taken for dead; 0: never."""
    _followed: dict[str, _Followed] = field(init=False)
    _lives: dict[str, bool] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._followed = {}
        for place, topic in enumerate(self.topics):
            if self.liveness:
                chosen = self.liveness[place if len(self.liveness) > 1 else 0]
                self._followed[topic] = _Followed(topic, (chosen,), must_live=True)
            else:
                self._followed[topic] = _Followed(topic, _liveness_of(topic), must_live=False)

    @property
    def subscriptions(self) -> tuple[str, ...]:
        """All that has to be listened to, liveness first: retained messages come in order."""
        liveness = (topic for one in self._followed.values() for topic in one.liveness)
        return tuple(dict.fromkeys((*liveness, *self.topics)))

    def heard(self, topic: str, payload: bytes, now: float, *, retained: bool) -> None:
        """Take in a message; `retained`: it stood on the broker already when we came."""
        one = self._followed.get(topic)
        if one is not None:
            one.message = parse(topic, payload)
            one.heard_at = None if retained else now
        if any(topic in other.liveness for other in self._followed.values()):
            if payload:
                self._lives[topic] = is_live(payload)
            else:
                self._lives.pop(topic, None)

    def refused(self, topic: str) -> None:
        """Take in that the broker does not let us listen to `topic`."""
        if topic in self._followed:
            self._followed[topic].refused = True

    def is_complete(self, now: float) -> bool:
        """Whether nothing is missing: no topic is silent, and no publisher dead."""
        return all(isinstance(self._meaning(one, now), Message) for one in self._followed.values())

    def answer(self, now: float) -> Reading | Trouble:
        """What is known at this moment: by topic, for the busiest wins; or why nothing is."""
        presences: dict[str, Presence] = {}
        troubles: dict[str, Trouble] = {}
        for topic, one in self._followed.items():
            meaning = self._meaning(one, now)
            if isinstance(meaning, Trouble):
                troubles[topic] = meaning
            elif meaning.presence is not None:
                presences[topic] = meaning.presence
        if presences:
            return Reading(presences, troubles)
        if troubles:
            return next(iter(troubles.values()))
        # Flags alone, and all of them off: whoever follows nothing else asks just this.
        return Reading({self.topics[0]: _NOT_IN_A_CALL}, {})

    def next_change(self, now: float) -> float | None:
        """When the answer changes by mere silence; None: never."""
        if not self.stale_after:
            return None
        ends = (
            one.heard_at + self.stale_after
            for one in self._followed.values()
            if one.heard_at is not None
        )
        return min((moment for moment in ends if moment > now), default=None)

    def _meaning(self, one: _Followed, now: float) -> Message | Trouble:
        message = one.message
        if one.refused:
            return Trouble(
                Why.FORBIDDEN,
                f"the broker refuses to send us {one.topic}: allow this user to read it in the "
                "broker's access rules (ACL)",
            )
        if (dead := self._dead(one, must_live=message is not None and message.is_ours)) is not None:
            return dead
        if message is None:
            return Trouble(
                Why.STALE,
                f"nothing is published on {one.topic}: is the topic right, does its publisher "
                "run, and may this user read it (ACL)?",
            )
        if message.trouble is not None:
            return message.trouble
        if self.stale_after and not self._is_young(one, now):
            return Trouble(
                Why.STALE, f"{one.topic} has been silent for more than {self.stale_after:g} s"
            )
        return message

    def _is_young(self, one: _Followed, now: float) -> bool:
        return one.heard_at is not None and now < one.heard_at + self.stale_after

    def _dead(self, one: _Followed, *, must_live: bool) -> Trouble | None:
        """Why the publisher is not alive, if it is not."""
        heard = [self._lives[topic] for topic in one.liveness if topic in self._lives]
        if any(heard) or not (heard or must_live or one.must_live):
            return None
        says = "does not say that it lives" if heard else "has not said that it lives"
        return Trouble(Why.STALE, f"the publisher of {one.topic} {says} on {one.liveness[0]}")


def base_of(topic: str) -> str | None:
    """The base under which a Busylight would publish that presence; None: none would."""
    found = _OURS.fullmatch(topic)
    return None if found is None else found["base"]


def _liveness_of(topic: str) -> tuple[str, ...]:
    base = base_of(topic)
    if base is None:
        return ()
    return (f"{base}/availability", f"{base}/reader/primary", f"{base}/reader/spare")
