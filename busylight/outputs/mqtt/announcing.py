"""Who is announced to Home Assistant at this moment, and what with that stands on the broker."""

import logging
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from busylight.core.documents import Dates, light_document, presence_document
from busylight.core.knowledge import Known
from busylight.core.reader import Role
from busylight.core.view import PartState, View
from busylight.mqtt.settings import MqttSettings
from busylight.outputs.mqtt.discovery import announced_parts, announcements, device_topic
from busylight.outputs.mqtt.entities import BUTTON
from busylight.outputs.mqtt.memory import Announcement, Memory
from busylight.outputs.mqtt.payloads import (
    Payload,
    Told,
    json_payload,
    leader_topic,
    people_base,
    reader_topic,
    reads_topic,
)
from busylight.outputs.mqtt.published import Published, broker_of, removed_parts

_log: Final = logging.getLogger("busylight.mqtt")


def announced(view: View, settings: MqttSettings, memory: Memory) -> dict[str, Payload]:
    """The announcements for a view, by topic; none without discovery.

    A part that was announced before and is no more is told as removed, until that is noted.
    """
    return _announcement(view, settings, memory).payloads if settings.discovery else {}


def published(
    view: View,
    settings: MqttSettings,
    memory: Memory,
    payloads: Mapping[str, Payload],
    told: Told | None = None,
) -> Published | None:
    """What stands on the broker with `payloads`; None while not all people are known yet.

    `told`: those of whom they tell, and of whom was told before. Until somebody has been read
    nobody can say whose topics are none of ours any more.
    """
    if not view.duty.is_own or (not view.people and not isinstance(view.knowledge, Known)):
        return None
    stay = (t for t, payload in payloads.items() if payload.retain and payload.content)
    topics = reader_topics(settings).union(stay)
    if told is not None:
        people = people_base(settings)
        own = frozenset(topic for topic in topics if not topic.startswith(people))
        topics = told.topics(own, settings)
    return Published(
        broker_of(settings),
        settings.base,
        topics,
        _announcement(view, settings, memory).parts if settings.discovery else {},
    )


def _announcement(view: View, settings: MqttSettings, memory: Memory) -> Announcement:
    """What is announced; made anew only when it is about something else.

    It is the longest of all that a view makes us say, and changes least.
    """
    people = _people(view, settings, memory)
    has_button = _has_button(view, settings, memory)
    about = (settings, people, has_button)
    last = memory.announcement
    if last is None or last.about != about or last.before is not memory.published:
        parts = announced_parts(settings, people, has_button=has_button)
        removed = removed_parts(memory.published, broker_of(settings), parts)
        payloads = announcements(settings, people, removed, has_button=has_button)
        last = Announcement(about, memory.published, parts, payloads)
        memory.announcement = last
    return last


def standing_by(settings: MqttSettings, memory: Memory) -> Published:
    """What stands there while the other reader leads: what did before, and a reader's topics."""
    before = memory.published
    if before is None or (before.broker, before.base) != (broker_of(settings), settings.base):
        return Published(broker_of(settings), settings.base, reader_topics(settings))
    return replace(before, topics=before.topics | reader_topics(settings))


def reader_topics(settings: MqttSettings) -> frozenset[str]:
    """With a spare reader: the topics of both; whoever is alone one day clears them."""
    if settings.reader is None:
        return frozenset()
    alive = (reader_topic(settings, role) for role in Role)
    return frozenset((*alive, reads_topic(settings), leader_topic(settings)))


def unread(view: View, settings: MqttSettings, memory: Memory, dates: Dates) -> dict[str, Payload]:
    """What is told of the people of before while nobody has been read: that they are not known.

    A program that was killed has left its last word of each of them on the broker.
    """
    before = memory.published
    if before is None or before.base != settings.base:  # the broker may have another name now
        return {}
    if view.people or isinstance(view.knowledge, Known):
        return {}
    presence = json_payload(
        presence_document(view.knowledge, dates, status_message=False, user=False)
    )
    light = json_payload(light_document(view.unread_light))
    return {
        topic: presence if topic.endswith("/presence") else light
        for topic in sorted(before.topics)
        if topic.startswith(people_base(settings))
    }


def _has_button(view: View, settings: MqttSettings, memory: Memory) -> bool:
    """Whether a light has a button; while one is not connected, whether there was one before.

    A pulled cable takes no entity, and what is built upon it, out of Home Assistant.
    """
    health = view.diagnostics.outputs
    if any(each.has_button for each in health.values()):
        return True
    connected = (PartState.CONNECTED, PartState.RELEASED)
    if all(name in health and health[name].state in connected for name in settings.outputs):
        return False
    before = memory.published
    return (
        before is not None
        and before.broker == broker_of(settings)
        and BUTTON in before.devices.get(device_topic(settings), {})
    )


def _people(view: View, settings: MqttSettings, memory: Memory) -> dict[str, str | None]:
    """The names of those who become devices, by id."""
    # Whoever could not be found has no object id yet, and is announced when there is one.
    people = memory.found(view.people)
    most = settings.discovery_users
    if len(people) > most and memory.say_once("more people than devices"):
        _log.warning(
            "of %d people %d become devices in Home Assistant, the others have topics only: "
            "MQTT_DISCOVERY_USERS allows no more",
            len(people),
            most,
        )
    for person_id in people[:most]:
        knowledge = view.people[person_id].knowledge
        if isinstance(knowledge, Known) and knowledge.presence.user:
            memory.names[person_id] = knowledge.presence.user
    return {person_id: memory.names.get(person_id) for person_id in people[:most]}
