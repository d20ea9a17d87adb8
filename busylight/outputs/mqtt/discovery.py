"""The device that Home Assistant finds, in the one message that announces it.

Home Assistant's device discovery: one retained message with everything in it.

https://www.home-assistant.io/integrations/mqtt/#device-discovery-payload
"""

import contextlib
import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

from busylight import __version__
from busylight.core.reader import Role
from busylight.mqtt.settings import MqttSettings
from busylight.outputs.mqtt.entities import Part, parts, person_parts
from busylight.outputs.mqtt.payloads import (
    Payload,
    alive_topics,
    availability_topic,
    json_payload,
    reader_topic,
    topic_part,
)

SUPPORT_URL: Final = "https://github.com/busylight/busylight-presence"


def unique_id(settings: MqttSettings, person_id: str | None = None) -> str:
    """What Home Assistant knows the light (or one of several people) by, for ever."""
    own = f"busylight_{settings.id}"
    return own if person_id is None else f"{own}_{topic_part(person_id)}"


def device_topic(settings: MqttSettings, person_id: str | None = None) -> str:
    """Where the device is announced."""
    return f"{settings.discovery_prefix}/device/{unique_id(settings, person_id)}/config"


def birth_topics(settings: MqttSettings) -> list[str]:
    """Where Home Assistant says that it has started: by default, or moved with the prefix."""
    return sorted({"homeassistant/status", f"{settings.discovery_prefix}/status"})


def device(
    settings: MqttSettings, removed: Mapping[str, str] | None = None, *, has_button: bool = False
) -> tuple[str, dict[str, Any]]:
    """The light's topic and document.

    `removed` are parts of before, key and platform, that Home Assistant shall forget.
    """
    identity = {
        "identifiers": [unique_id(settings)],
        "name": settings.name,
        "manufacturer": "Busylight",
        "model": "Presence light",
        "sw_version": __version__,
    }
    its_parts = parts(settings, has_button=has_button)
    return device_topic(settings), _document(settings, None, identity, its_parts, removed)


def person_device(
    settings: MqttSettings, person_id: str, name: str | None, removed: Mapping[str, str] | None
) -> tuple[str, dict[str, Any]]:
    """One person's topic and document; who has no name yet is called by the id's first part."""
    identity = {
        "identifiers": [unique_id(settings, person_id)],
        "name": name or f"Person {topic_part(person_id)[:8]}",
        "manufacturer": "Busylight",
        "model": "Person",
        "via_device": unique_id(settings),
    }
    document = _document(settings, person_id, identity, person_parts(settings, person_id), removed)
    return device_topic(settings, person_id), document


def announcements(
    settings: MqttSettings,
    people: Mapping[str, str | None],
    removed: Mapping[str, Mapping[str, str]],
    *,
    has_button: bool = False,
) -> dict[str, Payload]:
    """All announcements by topic: the light first, for people are connected by way of it.

    `people` are names by id; `removed` what `removed_parts` found, by topic.
    """
    topic = device_topic(settings)
    made = [device(settings, removed.get(topic), has_button=has_button)]
    for person_id, name in people.items():
        topic = device_topic(settings, person_id)
        made.append(person_device(settings, person_id, name, removed.get(topic)))
    return {topic: json_payload(document) for topic, document in made}


def announced_parts(
    settings: MqttSettings, people: Iterable[str], *, has_button: bool = False
) -> dict[str, dict[str, str]]:
    """The platform of each part that is announced, by topic and key."""
    found = {device_topic(settings): parts(settings, has_button=has_button)}
    for person_id in people:
        found[device_topic(settings, person_id)] = person_parts(settings, person_id)
    return {topic: {part.key: part.platform for part in theirs} for topic, theirs in found.items()}


def _document(
    settings: MqttSettings,
    person_id: str | None,
    identity: dict[str, Any],
    its_parts: list[Part],
    removed: Mapping[str, str] | None,
) -> dict[str, Any]:
    components: dict[str, Any] = {
        part.key: {
            "platform": part.platform,
            "unique_id": f"{unique_id(settings, person_id)}_{part.key}",
            **part.config,
        }
        for part in its_parts
    }
    for key, platform in (removed or {}).items():
        components[key] = {"platform": platform}  # nothing else: that removes it
    return {
        "device": identity,
        "origin": {
            "name": "busylight-presence",
            "sw_version": __version__,
            "support_url": SUPPORT_URL,
        },
        **_availability(settings),
        "qos": 1,
        "components": components,
    }


def _availability(settings: MqttSettings) -> dict[str, Any]:
    """What the device's being available depends on: with a spare reader, on either."""
    if settings.reader is None:
        return {"availability_topic": availability_topic(settings.base)}
    topics = [{"topic": reader_topic(settings, role)} for role in Role]
    return {"availability": topics, "availability_mode": "any"}


def vouched_by(document: Any) -> set[str]:
    """The topics on which a device's being available depends, of anybody's announcement."""
    if not isinstance(document, dict):
        return set()
    several = document.get("availability")
    listed = several if isinstance(several, list) else []
    topics = [each.get("topic") for each in listed if isinstance(each, dict)]
    return {topic for topic in (document.get("availability_topic"), *topics) if topic}


def is_announced_by(settings: MqttSettings, topic: str, payload: bytes) -> bool:
    """Whether it is the device of this light, or of one of its people."""
    name = topic.rpartition("/")[0].rpartition("/")[2]
    own = unique_id(settings)
    if name != own and not name.startswith(f"{own}_"):
        return False
    with contextlib.suppress(ValueError, RecursionError, TypeError):
        return not vouched_by(json.loads(payload)).isdisjoint(alive_topics(settings.base))
    return False
