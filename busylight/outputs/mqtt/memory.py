"""What the output remembers of a broker from one connection to the next."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final
from weakref import WeakKeyDictionary

from busylight.core.view import Person, same_people
from busylight.edge.threads import Worker
from busylight.mqtt.memory import BrokerMemory
from busylight.mqtt.settings import MqttSettings
from busylight.outputs.mqtt.payloads import Payload
from busylight.outputs.mqtt.published import Published

_GUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Announcement:
    """The announcements that were made last."""

    about: object
    """Whom and what they are about: equal where they would be the same."""
    before: Published | None
    """What stood on the broker."""
    parts: Mapping[str, Mapping[str, str]]
    """The platform of each part, by topic and key."""
    payloads: dict[str, Payload]
    """By topic."""


@dataclass(eq=False)
class Memory(BrokerMemory):
    """Kept for as long as the settings that name the broker live."""

    published: Published | None = None
    """What stood on the broker when that was last noted; None: not known."""
    recalled: bool = False
    """Whether that was looked up on the card."""
    names: dict[str, str] = field(default_factory=dict)
    """The last known name of each of the people who are devices, by id."""
    announcement: Announcement | None = None
    people: Mapping[str, Person] = field(default_factory=dict)
    """Of whom `found` was asked last."""
    found_people: Sequence[str] = ()
    """What it has answered."""
    card: Worker = field(default_factory=lambda: Worker("mqtt-card"))
    """Reads and writes what is remembered across restarts."""

    def found(self, people: Mapping[str, Person]) -> Sequence[str]:
        """The ids of those who have an object id, in order; not sorted anew for the same people."""
        if not same_people(self.people, people):
            if people.keys() != self.people.keys():
                self.found_people = sorted(who for who in people if _GUID.fullmatch(who))
            self.people = people
        return self.found_people


_MEMORIES: Final[WeakKeyDictionary[MqttSettings, Memory]] = WeakKeyDictionary()


def memory_of(settings: MqttSettings) -> Memory:
    """What is remembered of the broker that `settings` names."""
    return _MEMORIES.setdefault(settings, Memory())
