"""What stands on the broker, computed from a view: topic by topic, nothing sent yet."""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from busylight.core.knowledge import Knowledge, Known, SignInPrompt
from busylight.core.light import LightState
from busylight.core.override import Override
from busylight.core.view import Diagnostics, View
from busylight.outputs.mqtt.settings import MqttSettings

ONLINE: Final = b"online"
OFFLINE: Final = b"offline"


class Payload(NamedTuple):
    """What is published on one topic."""

    content: bytes
    retain: bool = True


Rfc3339 = Callable[[float | None], str | None]
"""Turns a moment on the clock of ages into a date; None stays None."""


def availability_topic(settings: MqttSettings) -> str:
    """Where the daemon says that it lives; also the topic of its last will."""
    return f"{settings.base}/availability"


def messages(view: View, settings: MqttSettings, rfc3339: Rfc3339) -> dict[str, Payload]:
    """All that is published for `view`, in the order in which a new connection publishes it.

    `online` comes last: whoever reads it finds the states true already.
    """
    base = settings.base
    payloads = {
        f"{base}/presence": _json(_presence(view.knowledge, settings, rfc3339)),
        f"{base}/light": _json(_light(view.light)),
        f"{base}/mode": Payload(view.mode.value.encode()),
        f"{base}/override": _json(_override(view.override, rfc3339)),
        f"{base}/diagnostics": _json(_diagnostics(view.diagnostics, settings, rfc3339)),
    }
    if settings.sign_in:
        payloads[f"{base}/sign_in"] = _json(_sign_in(view.sign_in, rfc3339), retain=False)
    for person_id, person in view.people.items():
        theirs = f"{base}/users/{_topic_part(person_id)}"
        # Whose presence it is has to be readable where there are many: the setting that hides
        # the account's name is about who is signed in.
        payloads[f"{theirs}/presence"] = _json(
            _presence(person.knowledge, settings, rfc3339, named=True)
        )
        payloads[f"{theirs}/light"] = _json(_light(person.light))
    payloads[availability_topic(settings)] = Payload(ONLINE)
    return payloads


def _json(document: Mapping[str, Any] | None, *, retain: bool = True) -> Payload:
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    # A status message can hold half a character (a lone surrogate), which UTF-8 cannot.
    return Payload(text.encode("utf-8", errors="replace"), retain)


def _topic_part(text: str) -> str:
    return re.sub(r"[^a-z0-9_-]", "-", text.lower())[:64]


def _presence(
    knowledge: Knowledge, settings: MqttSettings, rfc3339: Rfc3339, *, named: bool = False
) -> dict[str, Any]:
    times = {"since": rfc3339(knowledge.since), "read_at": rfc3339(knowledge.read_at)}
    if not isinstance(knowledge, Known):
        unknown = {"availability": None, "activity": None, "fresh": False}
        return {**unknown, "reason": knowledge.why.value, **times}
    presence = knowledge.presence
    document = {
        "availability": presence.availability,
        "activity": presence.activity,
        "fresh": True,
        **times,
    }
    if settings.status_message and presence.status_message is not None:
        document["status_message"] = presence.status_message
    if (settings.account or named) and presence.user is not None:
        document["user"] = presence.user
    return document


def _light(light: LightState | None) -> dict[str, Any]:
    if light is None:
        return {"state": "OFF"}
    red, green, blue = light.rgb
    return {
        "state": "OFF" if light.is_dark else "ON",
        "brightness": light.brightness,
        "color_mode": "rgb",
        "color": {"r": red, "g": green, "b": blue},
        "effect": light.effect.value,
    }


def _override(override: Override | None, rfc3339: Rfc3339) -> dict[str, Any] | None:
    if override is None:
        return None
    return {"mode": override.mode.value, "ends_at": rfc3339(override.ends_at)}


def _sign_in(prompt: SignInPrompt | None, rfc3339: Rfc3339) -> dict[str, Any] | None:
    if prompt is None:
        return None
    return {"url": prompt.url, "code": prompt.code, "expires_at": rfc3339(prompt.expires_at)}


def _diagnostics(
    diagnostics: Diagnostics, settings: MqttSettings, rfc3339: Rfc3339
) -> dict[str, Any]:
    document: dict[str, Any] = {"source": diagnostics.source, "signed_in": diagnostics.signed_in}
    if settings.account and diagnostics.account is not None:
        document["account"] = diagnostics.account
    return {
        **document,
        "last_success": rfc3339(diagnostics.last_success),
        "last_error": diagnostics.last_error,
        "outputs": {
            name: {"state": health.state.value}
            | ({} if health.error is None else {"error": health.error})
            for name, health in diagnostics.outputs.items()
        },
        "version": diagnostics.version,
        "started_at": rfc3339(diagnostics.started_at),
    }
