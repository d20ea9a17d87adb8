"""The JSON in which the program speaks of itself: on MQTT, on its socket, in `--json` outputs.

One form for one thing, wherever it is read. `Dates` turns a moment into RFC 3339 in UTC.
"""

from collections.abc import Callable
from typing import Any

from busylight.core.knowledge import Knowledge, Known, SignInPrompt
from busylight.core.light import LightState
from busylight.core.override import Override
from busylight.core.preferred_presence import PreferredHealth
from busylight.core.reader import Role
from busylight.core.view import Diagnostics, Standing, View

Dates = Callable[[float | None], str | None]
"""`busylight.edge.clock.WallClock.rfc3339`, or a fake of it."""


def presence_document(
    knowledge: Knowledge, dates: Dates, *, status_message: bool, user: bool
) -> dict[str, Any]:
    """What is known of a presence; the person's words and name only where they are wanted."""
    if not isinstance(knowledge, Known):
        return {
            "availability": None,
            "activity": None,
            "fresh": False,
            "reason": knowledge.why.value,
            "since": dates(knowledge.since),
            "read_at": dates(knowledge.read_at),
        }
    presence = knowledge.presence
    document: dict[str, Any] = {
        "availability": presence.availability,
        "activity": presence.activity,
        "fresh": True,
        "since": dates(knowledge.since),
        "read_at": dates(knowledge.read_at),
    }
    if presence.out_of_office:
        document["out_of_office"] = True
    if status_message and presence.status_message is not None:
        document["status_message"] = presence.status_message
    if user and presence.user is not None:
        document["user"] = presence.user
    return document


def light_document(light: LightState | None) -> dict[str, Any]:
    """A light as Home Assistant's JSON light has it; a released one is `OFF`."""
    if light is None:
        return {"state": "OFF"}
    return {
        "state": "OFF" if light.is_dark else "ON",
        "brightness": light.brightness,
        "color_mode": "rgb",
        "color": {"r": light.red, "g": light.green, "b": light.blue},
        "effect": light.effect.value,
    }


def sign_in_document(prompt: SignInPrompt | None, dates: Dates) -> dict[str, Any] | None:
    """What a person has to type where, and until when."""
    if prompt is None:
        return None
    return {"url": prompt.url, "code": prompt.code, "expires_at": dates(prompt.expires_at)}


def override_document(override: Override | None, dates: Dates) -> dict[str, Any] | None:
    """What was asked for, and until when."""
    if override is None:
        return None
    return {"mode": override.mode.value, "ends_at": dates(override.ends_at)}


def diagnostics_document(
    diagnostics: Diagnostics, dates: Dates, *, account: bool
) -> dict[str, Any]:
    """How the program is; the account's name only where it is wanted."""
    document: dict[str, Any] = {
        "source": diagnostics.source,
        "signed_in": diagnostics.signed_in,
        "last_success": dates(diagnostics.last_success),
        "last_error": diagnostics.last_error,
        "outputs": {
            name: {"state": health.state.value}
            | ({} if health.error is None else {"error": health.error})
            for name, health in diagnostics.outputs.items()
        },
        "version": diagnostics.version,
        "started_at": dates(diagnostics.started_at),
    }
    if account and diagnostics.account is not None:
        document["account"] = diagnostics.account
    if diagnostics.faults:
        document["faults"] = dict(diagnostics.faults)
    if diagnostics.blocked is not None:
        document["blocked"] = diagnostics.blocked
    if diagnostics.credential is not None:
        document["credential"] = diagnostics.credential
    if diagnostics.preferred_presence is not None:
        document["preferred_presence"] = _preferred_document(diagnostics.preferred_presence, dates)
    if diagnostics.reader is not None:
        document["reader"] = _standing_document(diagnostics.reader)
    return document


def _preferred_document(health: PreferredHealth, dates: Dates) -> dict[str, Any]:
    document: dict[str, Any] = {"state": health.state.value, "availability": health.availability}
    if health.since is not None:
        document["since"] = dates(health.since)
    if health.error is not None:
        document["error"] = health.error
    return document


def _standing_document(standing: Standing) -> dict[str, Any]:
    """How one of two readers stands; `null` is what is not known without the broker."""
    peers = standing.peers
    words = ("offline", "online")
    is_primary = standing.role is Role.PRIMARY
    return {
        "role": standing.role.value,
        "leads": standing.leads,
        "primary": None if peers is None else words[peers.primary_online],
        "primary_reads": standing.reads if is_primary else peers and peers.primary_reads,
        "spare": None if peers is None else words[peers.spare_online],
    }


def view_document(view: View, dates: Dates) -> dict[str, Any]:
    """All of it, for people on this machine."""
    return {
        "state": view.state,
        "light": light_document(view.light),
        "presence": presence_document(view.knowledge, dates, status_message=True, user=True),
        "mode": view.mode.value,
        "override": override_document(view.override, dates),
        "sign_in": sign_in_document(view.sign_in, dates),
        "diagnostics": diagnostics_document(view.diagnostics, dates, account=True),
    }
