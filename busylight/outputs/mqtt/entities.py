"""The entities that Home Assistant finds: of the light, and of each of several people.

Every part reads the topics that are published anyway, through templates that say `None` (unknown)
for whatever is not known or not documented: an enum sensor would keep its old value otherwise.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from busylight.core.light import Effect
from busylight.core.override import Mode, Press
from busylight.core.presence import ACTIVITIES, AVAILABILITIES, PRESENCE_UNKNOWN
from busylight.core.reader import Role
from busylight.mqtt.settings import MqttSettings
from busylight.outputs.mqtt.payloads import leader_topic, person_base, topic_part

BUTTON: Final = "light_button"
"""The key of the part that is announced with a button alone."""

_CALLS: Final = ("InACall", "InAConferenceCall", "Presenting")
_MEETINGS: Final = ("InAMeeting",)
_BUSY: Final = ("Busy", "BusyIdle", "DoNotDisturb")
_DIAGNOSTIC: Final = {"entity_category": "diagnostic"}


@dataclass(frozen=True, slots=True)
class Part:
    """One entity of the device."""

    key: str
    """Stable: Home Assistant knows the entity by it."""
    platform: str
    about: str
    """What it says or does, for the documentation."""
    config: Mapping[str, Any]
    """What Home Assistant is told besides platform and unique id."""


def parts(settings: MqttSettings, *, has_button: bool = False) -> list[Part]:
    """All entities of the light; `has_button`: there is one on it."""
    base = settings.base
    found = [
        Part(
            "light",
            "light",
            "What the lamp shows. Turned on or off or given a colour it is set by hand "
            "(mode `manual`, or `off`)",
            {
                "name": None,  # the device's main feature bears the device's name
                "icon": "mdi:alarm-light",
                "schema": "json",
                "state_topic": f"{base}/light",
                "command_topic": f"{base}/light/set",
                "supported_color_modes": ["rgb"],
                "brightness": True,
                "effect": True,
                "effect_list": [effect.value for effect in Effect],
                "flash": False,
                "transition": False,
            },
        ),
        *_presence_parts(settings, f"{base}/presence"),
    ]
    if settings.account:
        found.append(
            Part(
                "account",
                "sensor",
                "Who is signed in. Only with `MQTT_ACCOUNT=true`",
                {
                    "name": "Account",
                    "icon": "mdi:account",
                    "state_topic": f"{base}/diagnostics",
                    "value_template": "{{ value_json.account | default(None) }}",
                    **_DIAGNOSTIC,
                },
            )
        )
    found += [
        Part(
            "mode",
            "select",
            "What decides about the light: `auto` (the presence), or what was asked for. "
            "`manual` keeps the present light",
            {
                "name": "Mode",
                "icon": "mdi:tune-variant",
                "state_topic": f"{base}/mode",
                "command_topic": f"{base}/mode/set",
                "options": [mode.value for mode in Mode],
            },
        ),
        Part(
            "refresh",
            "button",
            "Reads the presence now",
            {
                "name": "Refresh",
                "icon": "mdi:refresh",
                "command_topic": f"{base}/refresh/set",
            },
        ),
        *([_button_part(settings)] if has_button else []),
        _sign_in_part(settings),
        *_diagnostic_parts(settings),
    ]
    return found


def person_parts(settings: MqttSettings, person_id: str) -> list[Part]:
    """All entities of one of several people."""
    return _presence_parts(settings, f"{person_base(settings, person_id)}/presence")


def _presence_parts(settings: MqttSettings, topic: str) -> list[Part]:
    found = [
        Part(
            "availability",
            "sensor",
            "Microsoft's word for how far the person may be disturbed; a word that Microsoft "
            "does not document reads unknown",
            {
                "name": "Availability",
                "icon": "mdi:account-circle",
                "device_class": "enum",
                "options": list(AVAILABILITIES),
                "state_topic": topic,
                "value_template": _listed("availability", AVAILABILITIES),
            },
        ),
        Part(
            "activity",
            "sensor",
            "Microsoft's word for what the person does; likewise",
            {
                "name": "Activity",
                "icon": "mdi:account-details",
                "device_class": "enum",
                "options": list(ACTIVITIES),
                "state_topic": topic,
                "value_template": _listed("activity", ACTIVITIES),
            },
        ),
        _one_of(topic, "In a call", "mdi:phone-in-talk", "activity", _CALLS),
        _one_of(topic, "In a meeting", "mdi:calendar-account", "activity", _MEETINGS),
        _one_of(topic, "Busy", "mdi:minus-circle", "availability", _BUSY),
        Part(
            "problem",
            "binary_sensor",
            "On while the presence is not known, with the attributes `reason` and `since`",
            {
                "name": "Problem",
                "device_class": "problem",
                "state_topic": topic,
                "value_template": "{{ 'ON' if value_json.reason | default('starting') "
                "!= 'starting' else 'OFF' }}",
                "json_attributes_topic": topic,
                "json_attributes_template": "{{ ({'reason': value_json.reason, "
                "'since': value_json.since} if value_json.reason is defined else {}) | tojson }}",
                **_DIAGNOSTIC,
            },
        ),
    ]
    if settings.status_message:
        found.append(
            Part(
                "status_message",
                "sensor",
                "The person's own note in Teams, its first 255 characters. "
                "Only with `MQTT_STATUS_MESSAGE=true`",
                {
                    "name": "Status message",
                    "icon": "mdi:message-text",
                    "state_topic": topic,
                    "value_template": "{{ (value_json.status_message | default('', true) "
                    "| trim)[:255] or None }}",
                },
            )
        )
    return found


def _button_part(settings: MqttSettings) -> Part:
    return Part(
        BUTTON,
        "event",
        "A press, double press or long press of the button on the light. Only with a light that "
        "has one",
        {
            "name": "Light button",
            "icon": "mdi:gesture-tap-button",
            "device_class": "button",
            "event_types": [press.value for press in Press],
            "state_topic": f"{settings.base}/button",
            "value_template": "{{ {'event_type': value} | tojson }}",
        },
    )


def _sign_in_part(settings: MqttSettings) -> Part:
    config: dict[str, Any] = {
        "name": "Sign-in needed",
        "icon": "mdi:account-key",
        "device_class": "problem",
        # Of what is retained, so that it is right after a restart of Home Assistant, too.
        "state_topic": f"{settings.base}/presence",
        "value_template": "{{ 'ON' if value_json.reason | default('') == 'signed_out' "
        "else 'OFF' }}",
    }
    if settings.sign_in:
        config |= {
            "json_attributes_topic": f"{settings.base}/sign_in",
            "json_attributes_template": "{{ (value_json or {}) | tojson }}",
        }
    return Part(
        "sign_in_needed",
        "binary_sensor",
        "On while somebody has to sign in to Microsoft, with the attributes `url`, `code` and "
        "`expires_at` while a sign-in waits (not with `MQTT_SIGN_IN=false`)",
        config,
    )


def _diagnostic_parts(settings: MqttSettings) -> Iterable[Part]:
    topic = f"{settings.base}/diagnostics"
    yield Part(
        "signed_in",
        "binary_sensor",
        "Whether the program is signed in to Microsoft",
        {
            "name": "Signed in",
            "icon": "mdi:account-check",
            "state_topic": topic,
            "value_template": "{{ 'ON' if value_json.signed_in else 'OFF' }}",
            **_DIAGNOSTIC,
        },
    )
    if settings.reader is not None:
        yield Part(
            "reader",
            "sensor",
            "Which of two readers leads, `primary` or `spare`. Only with `BUSYLIGHT_READER`",
            {
                "name": "Reader",
                "icon": "mdi:account-switch",
                "device_class": "enum",
                "options": [role.value for role in Role],
                "state_topic": leader_topic(settings),
                **_DIAGNOSTIC,
            },
        )
    yield Part(
        "last_update",
        "sensor",
        "When the presence was last read; at most once a minute. Off until you enable it",
        {
            "name": "Last update",
            "device_class": "timestamp",
            "enabled_by_default": False,
            "state_topic": topic,
            "value_template": "{{ value_json.last_success }}",
            **_DIAGNOSTIC,
        },
    )
    for name in settings.outputs:
        found = f"value_json.outputs.get('{name}', {{}})"
        yield Part(
            f"output_{topic_part(name)}",
            "binary_sensor",
            "Whether the program reaches this output, with the attribute `error` if not",
            {
                "name": f"Output {name}",
                "device_class": "connectivity",
                "state_topic": topic,
                "value_template": f"{{{{ 'ON' if {found}.state | default('') in "
                "['connected', 'released'] else 'OFF' }}",
                "json_attributes_topic": topic,
                "json_attributes_template": "{% set error = "
                f"{found}.error | default(None) %}}"
                "{{ ({'error': error} if error else {}) | tojson }}",
                **_DIAGNOSTIC,
            },
        )


def _listed(field: str, words: Iterable[str]) -> str:
    return f"{{{{ value_json.{field} if value_json.{field} in {list(words)} else None }}}}"


def _one_of(topic: str, name: str, icon: str, field: str, words: tuple[str, ...]) -> Part:
    known = AVAILABILITIES if field == "availability" else ACTIVITIES
    others = [word for word in known if word not in (*words, PRESENCE_UNKNOWN)]
    return Part(
        name.lower().replace(" ", "_"),
        "binary_sensor",
        f"On while the {field} is {', '.join(words)}; unknown while that is not known",
        {
            "name": name,
            "icon": icon,
            "state_topic": topic,
            "value_template": f"{{{{ 'ON' if value_json.{field} in {list(words)} "
            f"else 'OFF' if value_json.{field} in {others} else None }}}}",
        },
    )
