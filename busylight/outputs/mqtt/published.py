"""What this light has standing on the broker, remembered in the state directory.

Settings change: the topics of before are cleared by whoever remembers them, and by nobody else.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from busylight.edge.files import write_private
from busylight.mqtt.settings import MqttSettings

FILE: Final = "mqtt_published.json"


@dataclass(frozen=True, slots=True)
class Published:
    """What is retained of ours on one broker."""

    broker: str
    """`host:port`: what stands on another broker is another matter."""
    base: str
    topics: frozenset[str]
    """All that are retained, announcements of devices among them."""
    devices: Mapping[str, Mapping[str, str]] = field(default_factory=lambda: MappingProxyType({}))
    """The platform of each announced part, by topic and key."""


def broker_of(settings: MqttSettings) -> str:
    """Which broker it is."""
    return f"{settings.host}:{settings.port_in_force}"


def gone(before: Published | None, now: Published) -> frozenset[str]:
    """The topics of before that are none of ours any more.

    The same broker may have another name now: at our own topics all is ours that has our names.
    """
    if before is None or (before.broker != now.broker and before.base != now.base):
        return frozenset()
    return before.topics - now.topics


def removed_parts(
    before: Published | None, broker: str, devices: Mapping[str, Mapping[str, str]]
) -> dict[str, dict[str, str]]:
    """The parts of before that devices which stay have no more: platforms by topic and key."""
    if before is None or before.broker != broker:
        return {}
    return {
        topic: removed
        for topic, parts in devices.items()
        if (
            removed := {
                key: platform
                for key, platform in before.devices.get(topic, {}).items()
                if key not in parts
            }
        )
    }


def recall(state_dir: Path) -> Published | None:
    """What was published before; None if that is not known. Raises OSError, ValueError."""
    try:
        kept: Any = json.loads((state_dir / FILE).read_bytes())
        return Published(
            str(kept["broker"]),
            str(kept["base"]),
            frozenset(_words(kept["topics"])),
            {
                str(topic): {str(key): str(platform) for key, platform in parts.items()}
                for topic, parts in kept["devices"].items()
            },
        )
    except FileNotFoundError:
        return None
    except (TypeError, KeyError, AttributeError, RecursionError) as error:
        raise ValueError(f"it has not the form that is expected: {error!r}") from None


def _words(value: Iterable[Any]) -> Iterable[str]:
    for word in value:
        # A message to a topic with a wildcard would end the connection.
        if not isinstance(word, str) or not word or set(word) & set("+#\0"):
            raise TypeError(f"{word!r} is no topic")
        yield word


def remember(state_dir: Path, published: Published) -> None:
    """Keep it; raises OSError."""
    document = {
        "broker": published.broker,
        "base": published.base,
        "topics": sorted(published.topics),
        "devices": {topic: dict(parts) for topic, parts in published.devices.items()},
    }
    write_private(state_dir / FILE, json.dumps(document, indent=1).encode())


def forget(state_dir: Path) -> None:
    """Nothing of ours stands on the broker any more; raises OSError."""
    (state_dir / FILE).unlink(missing_ok=True)
