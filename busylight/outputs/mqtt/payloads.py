"""What stands on the broker, computed from a view: topic by topic, nothing sent yet."""

import json
import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from busylight.core.documents import (
    Dates,
    diagnostics_document,
    light_document,
    override_document,
    presence_document,
    sign_in_document,
)
from busylight.core.light import LightState
from busylight.core.override import Mode
from busylight.core.reader import Role
from busylight.core.view import ButtonEvent, Person, View, same_people
from busylight.mqtt.settings import MqttSettings

ONLINE: Final = b"online"
OFFLINE: Final = b"offline"

_ENCODER: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False)


class Payload(NamedTuple):
    """What is published on one topic."""

    content: bytes
    retain: bool = True


def alive_topic(settings: MqttSettings) -> str:
    """Where the daemon says that it lives; also the topic of its last will."""
    if settings.reader is not None:
        return reader_topic(settings, settings.reader)
    return availability_topic(settings.base)


def availability_topic(base: str) -> str:
    """Where a daemon that is alone says that it lives."""
    return f"{base}/availability"


def reader_topic(settings: MqttSettings, role: Role) -> str:
    """Where one of two readers says that it lives."""
    return f"{settings.base}/reader/{role}"


def alive_topics(base: str) -> tuple[str, ...]:
    """All on which somebody might say that this light lives: alone, or one of two."""
    return (availability_topic(base), *(f"{base}/reader/{role}" for role in Role))


def reads_topic(settings: MqttSettings) -> str:
    """Where the primary says whether it reads well."""
    return f"{reader_topic(settings, Role.PRIMARY)}/reads"


def leader_topic(settings: MqttSettings) -> str:
    """Where the one of two readers that leads says so."""
    return f"{settings.base}/reader/leader"


def age_topic(settings: MqttSettings) -> str:
    """Where the one that leads says how old its word is."""
    return f"{settings.base}/reader/age"


def person_base(settings: MqttSettings, person_id: str) -> str:
    """The topic under which everything of one of several people stands."""
    return f"{people_base(settings)}{topic_part(person_id)}"


def people_base(settings: MqttSettings) -> str:
    """How the topics of all of several people begin."""
    return f"{settings.base}/users/"


class Told:
    """Of whom the last messages were, so that of many only the few are told who have changed.

    All that was put into messages is taken to be published: when that is lost, begin a new one.
    """

    def __init__(self) -> None:
        self._people: Mapping[str, Person] = {}
        self._epoch: str | None = None
        self._lights: dict[LightState | None, Payload] = {}
        self._own: frozenset[str] = frozenset()
        self._topics: frozenset[str] | None = frozenset()

    def news(
        self, people: Mapping[str, Person], settings: MqttSettings, rfc3339: Dates
    ) -> dict[str, Payload]:
        """The messages about those who have changed since the last time; at first, about all."""
        epoch = rfc3339(0.0)
        # Dates wander when the wall clock is set: then everybody is told again.
        before = self._people if epoch == self._epoch else {}
        if same_people(before, people):
            return {}
        payloads: dict[str, Payload] = {}
        presences: dict[int, Payload] = {}  # thousands do the same since the same moment
        come = 0
        for person_id, person in people.items():
            told = before.get(person_id)
            if told is person:
                continue
            come += told is None
            if told != person:
                theirs = person_base(settings, person_id)
                presence = presences.get(id(person.knowledge))
                if presence is None:
                    presence = _presence_of(person, settings, rfc3339)
                    presences[id(person.knowledge)] = presence
                payloads[f"{theirs}/presence"] = presence
                payloads[f"{theirs}/light"] = self._light_of(person)
        if come == len(people):
            self._own, self._topics = frozenset(), frozenset(payloads)
        elif come > 0 or len(people) != len(before):
            self._topics = None
        self._people, self._epoch = people, epoch
        return payloads

    def _light_of(self, person: Person) -> Payload:
        if person.light not in self._lights:
            self._lights[person.light] = json_payload(light_document(person.light))
        return self._lights[person.light]

    def topics(self, own: frozenset[str], settings: MqttSettings) -> frozenset[str]:
        """The topics of everybody of whom was told, and `own`; the very same while they are."""
        if self._topics is None:
            ends = ("presence", "light")
            self._topics = own | {
                f"{person_base(settings, person_id)}/{end}"
                for person_id in self._people
                for end in ends
            }
        elif own != self._own:
            self._topics = (self._topics - self._own) | own
        self._own = own
        return self._topics


def messages(
    view: View, settings: MqttSettings, rfc3339: Dates, told: Told | None = None
) -> dict[str, Payload]:
    """All that is published for `view`, in the order in which a new connection publishes it.

    `online` comes last: whoever reads it finds the states true already. With `told`, of people
    only what is new since it was asked last.
    """
    base = settings.base
    light = {f"{base}/light": json_payload(light_document(view.light))}
    override = {
        f"{base}/mode": Payload(view.mode.value.encode()),
        f"{base}/override": json_payload(override_document(view.override, rfc3339)),
    }
    payloads = _reads(view, settings) | {
        f"{base}/presence": json_payload(
            presence_document(
                view.knowledge,
                rfc3339,
                status_message=settings.status_message,
                user=settings.account,
            )
        ),
    }
    # The other reader takes a light for one that was set by hand while the override says so.
    ends_first = settings.reader is not None and view.mode is not Mode.MANUAL
    payloads |= override | light if ends_first else light | override
    payloads[f"{base}/diagnostics"] = json_payload(
        diagnostics_document(view.diagnostics, rfc3339, account=settings.account)
    )
    if settings.sign_in:
        payloads[f"{base}/sign_in"] = json_payload(
            sign_in_document(view.sign_in, rfc3339), retain=False
        )
    payloads |= (told or Told()).news(view.people, settings, rfc3339)
    if settings.reader is not None:
        payloads[availability_topic(base)] = Payload(b"")  # nobody is alone here any more
    payloads[alive_topic(settings)] = Payload(ONLINE)
    return payloads


def _reads(view: View, settings: MqttSettings) -> dict[str, Payload]:
    """With a spare reader: whether the primary reads well."""
    if settings.reader is not Role.PRIMARY:
        return {}
    return {reads_topic(settings): Payload(b"true" if view.duty.reads else b"false")}


def standing_by_messages(view: View, settings: MqttSettings) -> dict[str, Payload]:
    """All that one of two readers publishes while the other one leads."""
    return _reads(view, settings) | {alive_topic(settings): Payload(ONLINE)}


def _presence_of(person: Person, settings: MqttSettings, rfc3339: Dates) -> Payload:
    # Whose presence it is has to be readable where there are many: the setting that hides
    # the account's name is about who is signed in.
    return json_payload(
        presence_document(
            person.knowledge, rfc3339, status_message=settings.status_message, user=True
        )
    )


def button_message(event: ButtonEvent, settings: MqttSettings) -> dict[str, Payload]:
    """What is published when a light's button was pressed: once, and never again."""
    return {f"{settings.base}/button": Payload(event.press.value.encode(), retain=False)}


def json_payload(document: Mapping[str, Any] | None, *, retain: bool = True) -> Payload:
    """A document as it is published: compact, in UTF-8."""
    text = _ENCODER.encode(document)
    # A status message can hold half a character (a lone surrogate), which UTF-8 cannot.
    return Payload(text.encode(errors="replace"), retain)


def topic_part(text: str) -> str:
    """The text as a part of a topic, of harmless characters only."""
    return re.sub(r"[^a-z0-9_-]", "-", text.lower())[:64]
