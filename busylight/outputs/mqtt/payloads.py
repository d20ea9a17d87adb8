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
from busylight.core.override import Mode
from busylight.core.reader import Role
from busylight.core.view import ButtonEvent, Person, View
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
    """What was last told of each person, so that of many only the few are told who changed."""

    def __init__(self) -> None:
        self._people: dict[str, tuple[Person, str | None, dict[str, Payload]]] = {}

    def of(
        self, people: Mapping[str, Person], settings: MqttSettings, rfc3339: Dates
    ) -> dict[str, Payload]:
        """The messages about all of them."""
        # Dates wander when the wall clock is set: then everybody is told again.
        epoch = rfc3339(0.0)
        payloads: dict[str, Payload] = {}
        before, self._people = self._people, {}
        for person_id, person in people.items():
            told = before.get(person_id)
            if told is None or told[0] != person or told[1] != epoch:
                told = (person, epoch, _of_person(person_id, person, settings, rfc3339))
            self._people[person_id] = told
            payloads |= told[2]
        return payloads


def messages(
    view: View, settings: MqttSettings, rfc3339: Dates, told: Told | None = None
) -> dict[str, Payload]:
    """All that is published for `view`, in the order in which a new connection publishes it.

    `online` comes last: whoever reads it finds the states true already. `told` remembers what
    the messages about people were.
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
    payloads |= (told or Told()).of(view.people, settings, rfc3339)
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


def _of_person(
    person_id: str, person: Person, settings: MqttSettings, rfc3339: Dates
) -> dict[str, Payload]:
    theirs = person_base(settings, person_id)
    # Whose presence it is has to be readable where there are many: the setting that hides
    # the account's name is about who is signed in.
    presence = presence_document(
        person.knowledge, rfc3339, status_message=settings.status_message, user=True
    )
    return {
        f"{theirs}/presence": json_payload(presence),
        f"{theirs}/light": json_payload(light_document(person.light)),
    }


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
