"""What Home Assistant is told of the device; tests/ha has its own code judge it."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from busylight import __version__
from busylight.core.knowledge import Known, NotKnown, SignInPrompt, Trouble, Why
from busylight.core.override import Mode, Override, Press
from busylight.core.presence import Presence
from busylight.core.reader import Peers, Role
from busylight.core.view import (
    ButtonEvent,
    Diagnostics,
    PartHealth,
    PartState,
    Person,
    Standing,
    View,
)
from busylight.mqtt.settings import MqttSettings
from busylight.outputs.mqtt.announcing import announced, published
from busylight.outputs.mqtt.discovery import announced_parts, device, is_announced_by
from busylight.outputs.mqtt.entities import parts
from busylight.outputs.mqtt.memory import Memory
from busylight.outputs.mqtt.payloads import button_message, messages
from busylight.outputs.mqtt.published import Published
from tests.support.mqtt import a_view, light, not_known, settings_of
from tests.unit.test_mqtt_payloads import rfc3339

SNAPSHOTS = Path(__file__).resolve().parents[1] / "snapshots"
GUIDS = [f"0000000{n}-eca7-46b7-bad1-db199b62afc3" for n in range(4)]


def announcing(**fields: Any) -> MqttSettings:
    return settings_of(discovery=True, outputs="mqtt,serial", **fields)


def _people(count: int) -> dict[str, Person]:
    return {guid: Person(not_known(), None) for guid in reversed(GUIDS[:count])}


# -- Every payload that is sent, as it was reviewed -------------------------------------------


def _diagnostics(**changes: Any) -> Diagnostics:
    fields: dict[str, Any] = {
        "signed_in": True,
        "account": "ada@example.com",
        "last_success": 60.0,
        "outputs": {
            "mqtt": PartHealth(PartState.CONNECTED),
            "serial": PartHealth(PartState.FAILED, "the port is gone: plug the light in again"),
        },
    }
    return Diagnostics("graph", "1.2.3", started_at=0.0, **(fields | changes))


def _cases() -> Iterator[tuple[str, View, MqttSettings]]:
    busy = Known(Presence("Busy", "InACall", "writing", "ada@example.com"), 30.0, 60.0)
    yield "plain", a_view("red pulse", knowledge=busy, diagnostics=_diagnostics()), announcing()
    yield (
        "everything_told",
        a_view(
            "#ff8000 40% breathe",
            knowledge=busy,
            override=Override(Mode.MANUAL, light("#ff8000 40% breathe"), ends_at=3600.0),
            diagnostics=_diagnostics(),
        ),
        announcing(account=True, status_message=True, discovery_prefix="ha", topic="house/lights"),
    )
    trouble = Trouble(Why.SIGNED_OUT, "sign in again")
    prompt = SignInPrompt("https://microsoft.com/devicelogin", "ABCD1234", expires_at=900.0)
    yield (
        "signed_out",
        a_view(
            "white blink",
            knowledge=NotKnown(trouble, since=30.0, read_at=20.0),
            sign_in=prompt,
            diagnostics=_diagnostics(signed_in=False, last_error="sign in again"),
        ),
        announcing(),
    )
    yield (
        "sign_in_kept_off_the_broker",
        a_view(None, sign_in=prompt, diagnostics=_diagnostics()),
        announcing(sign_in=False),
    )
    peers = Peers(primary_online=True, spare_online=True, leader=Role.SPARE)
    standing = Standing(Role.SPARE, leads=True, reads=True, peers=peers)
    yield (
        "spare_reader",
        a_view("red pulse", knowledge=busy, diagnostics=_diagnostics(reader=standing)),
        announcing(reader=Role.SPARE),
    )
    people = {
        GUIDS[0]: Person(busy, light("red")),
        GUIDS[1]: Person(NotKnown(trouble, since=30.0), light("white")),
        "nobody@example.com": Person(not_known(), None),
    }
    yield (
        "people",
        a_view("red", knowledge=busy, people=people, diagnostics=_diagnostics()),
        announcing(),
    )
    outputs = {"serial": PartHealth(PartState.CONNECTED, has_button=True)}
    yield (
        "light_with_a_button",
        a_view(
            "red",
            knowledge=busy,
            diagnostics=_diagnostics(outputs=outputs),
            button=ButtonEvent(Press.DOUBLE, number=1, at=60.0),
        ),
        announcing(),
    )


CASES = {name: (view, settings) for name, view, settings in _cases()}


@pytest.mark.parametrize("name", sorted(CASES))
def test_every_payload_is_what_was_reviewed(name: str) -> None:
    """A file that is missing is written, and to be looked at before it is committed."""
    view, settings = CASES[name]
    payloads = announced(view, settings, Memory()) | messages(view, settings, rfc3339)
    if view.button is not None:
        payloads |= button_message(view.button, settings)
    found = [
        {
            "topic": topic,
            "retain": payload.retain,
            "payload": _readable(payload.content.decode().replace(__version__, "VERSION")),
        }
        for topic, payload in payloads.items()
    ]
    text = json.dumps(found, indent=1, ensure_ascii=False) + "\n"
    file = SNAPSHOTS / f"mqtt_{name}.json"
    if not file.exists():
        file.write_text(text, "utf-8")
        pytest.fail(f"{file.name} was missing and has been written: review and commit it")
    assert text == file.read_text("utf-8"), f"if it is meant so: rm {file} and run this again"


def _readable(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


# -- What the snapshots cannot say ------------------------------------------------------------


def test_the_ids_follow_from_the_id_and_from_nothing_else() -> None:
    plain = device(announcing())
    other = device(announcing(name="Other", host="other", topic="elsewhere", account=True))
    assert plain[0] == other[0] == "homeassistant/device/busylight_desk/config"
    for topic, document in (plain, other):
        assert document["device"]["identifiers"] == ["busylight_desk"]
        ids = {key: part["unique_id"] for key, part in document["components"].items()}
        assert ids == {key: f"busylight_desk_{key}" for key in ids}
        assert re.fullmatch(r"[a-z]+/device/[a-zA-Z0-9_-]+/config", topic)


def test_every_state_and_command_topic_is_one_of_the_contracts() -> None:
    settings = announcing(account=True, status_message=True)
    states = messages(a_view(), settings, rfc3339).keys()
    commands = {f"{settings.base}/{end}/set" for end in ("light", "mode", "refresh")}
    used = set()
    for part in parts(settings):
        assert {part.config.get("state_topic"), part.config.get("json_attributes_topic")} <= {
            *states,
            None,
        }
        used.add(part.config.get("command_topic"))
    assert used == {*commands, None}


def test_a_part_says_its_name_and_an_icon_or_a_class_that_has_one() -> None:
    for part in parts(announcing(account=True, status_message=True)):
        assert "name" in part.config
        assert part.config.keys() & {"icon", "device_class"}


def test_without_discovery_nothing_is_announced() -> None:
    assert announced(a_view(people=_people(2)), settings_of(discovery=False), Memory()) == {}


def test_each_person_is_a_device_by_way_of_the_light_up_to_the_number_that_is_set(
    caplog: pytest.LogCaptureFixture,
) -> None:
    settings = announcing(discovery_users=2)
    memory = Memory()
    for _ in range(2):  # what is beyond it is said once
        topics = list(announced(a_view(people=_people(3)), settings, memory))
        assert topics == [
            f"homeassistant/device/busylight_desk{end}/config"
            for end in ("", f"_{GUIDS[0]}", f"_{GUIDS[1]}")
        ]
    found = announced(a_view(people=_people(3)), settings, memory)
    person = json.loads(found[f"homeassistant/device/busylight_desk_{GUIDS[0]}/config"].content)
    assert person["device"]["via_device"] == "busylight_desk"
    (said,) = caplog.records
    assert said.getMessage().startswith("of 3 people 2 become devices in Home Assistant")


def test_a_persons_device_keeps_its_name_while_the_presence_is_not_known() -> None:
    settings = announcing(id="names")
    memory = Memory()
    topic = f"homeassistant/device/busylight_names_{GUIDS[0]}/config"

    def name(person: Person) -> str:
        found = announced(a_view(people={GUIDS[0]: person}), settings, memory)[topic]
        return str(json.loads(found.content)["device"]["name"])

    assert name(Person(not_known(), None)) == "Person 00000000"
    known = Known(Presence("Busy", "Busy", user="Ada"), 1.0, 1.0)
    assert name(Person(known, None)) == "Ada"
    assert name(Person(not_known(), None)) == "Ada"


def test_a_part_that_is_no_more_is_told_with_its_platform_alone_until_that_is_noted() -> None:
    before = announcing(account=True)
    settings = announcing()
    memory = Memory()
    view = a_view()
    memory.published = published(view, before, memory, announced(view, before, memory))
    topic, _ = device(settings)
    told = json.loads(announced(view, settings, memory)[topic].content)["components"]
    assert told["account"] == {"platform": "sensor"}
    memory.published = published(view, settings, memory, announced(view, settings, memory))
    assert (
        "account" not in json.loads(announced(view, settings, memory)[topic].content)["components"]
    )


def test_an_announcement_is_made_anew_only_when_it_is_about_something_else() -> None:
    settings, memory = announcing(), Memory()
    first = announced(a_view(), settings, memory)
    assert announced(a_view("#ff0000"), settings, memory) is first
    with_person = announced(a_view(people=_people(1)), settings, memory)
    assert with_person.keys() > first.keys()
    assert announced(a_view(), settings, memory) == first
    memory.published = published(a_view(), announcing(account=True), memory, first)
    assert announced(a_view(), settings, memory) != first  # one that is no more has to be told


def _with_light(state: PartState, *, has_button: bool = False) -> View:
    outputs = {
        "mqtt": PartHealth(PartState.CONNECTED),
        "serial": PartHealth(state, has_button=has_button),
    }
    return a_view(diagnostics=_diagnostics(outputs=outputs))


def test_a_button_is_announced_with_a_light_that_has_one_and_stays_while_its_cable_is_out() -> None:
    settings, memory = announcing(), Memory()
    topic, _ = device(settings)

    def told(view: View) -> Any:
        payloads = announced(view, settings, memory)
        memory.published = published(view, settings, memory, payloads)
        return json.loads(payloads[topic].content)["components"].get("light_button")

    assert told(_with_light(PartState.CONNECTING)) is None
    with_button = told(_with_light(PartState.CONNECTED, has_button=True))
    assert with_button["event_types"] == ["press", "double_press", "long_press"]
    assert with_button["state_topic"] == "busylight/desk/button"
    assert told(_with_light(PartState.FAILED)) == with_button
    assert told(a_view(diagnostics=_diagnostics(outputs={}))) == with_button  # begun anew
    # Another light, without one: now it is certain.
    assert told(_with_light(PartState.CONNECTED)) == {"platform": "event"}
    assert told(_with_light(PartState.FAILED)) is None


def test_what_was_told_to_another_broker_is_not_removed_here() -> None:
    settings = announcing()
    topic, _ = device(settings)
    memory = Memory()
    memory.published = Published(
        "elsewhere:1883", "busylight/desk", frozenset(), {topic: {"old": "sensor"}}
    )
    assert b"old" not in announced(a_view(), settings, memory)[topic].content


def test_before_anybody_was_read_nobody_can_say_what_is_no_more() -> None:
    settings = announcing()
    assert published(a_view(knowledge=not_known()), settings, Memory(), {}) is None
    assert published(a_view(), settings, Memory(), {}) is not None
    people = _people(1)
    known = published(a_view(knowledge=not_known(), people=people), settings, Memory(), {})
    assert known is not None
    assert known.devices == announced_parts(settings, people)


OURS = "homeassistant/device/busylight_desk/config"


@pytest.mark.parametrize(
    ("topic", "payload", "is_ours"),
    [
        (OURS, b'{"availability_topic":"busylight/desk/availability"}', True),
        (OURS, b'{"availability_topic":"theirs"}', False),
        ("homeassistant/device/other/config", b'{"availability_topic":"x"}', False),
        (OURS, b"[]", False),
        (OURS, b'{"availability_topic":{}}', False),
        (OURS, b"junk", False),
        ("light", b"{}", False),
        ("", b"", False),
    ],
)
def test_whatever_stands_where_a_device_was_it_is_ours_only_if_it_says_so(
    topic: str, payload: bytes, *, is_ours: bool
) -> None:
    assert is_announced_by(settings_of(), topic, payload) is is_ours
