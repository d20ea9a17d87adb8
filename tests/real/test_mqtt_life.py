"""The announced device's life on a real broker: born, told again, changed, and gone."""

import json
import stat
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from busylight.core.backoff import birth_delay
from busylight.core.knowledge import SignInPrompt
from busylight.core.override import Mode, Override
from busylight.core.view import Person, View
from busylight.edge.clock import now
from busylight.mqtt.settings import MqttSettings, Version
from busylight.outputs.mqtt import published
from busylight.outputs.mqtt.output import MqttOutput
from busylight.outputs.mqtt.unpublish import unpublish
from busylight.parts import OutputError
from tests.support.broker import Broker, Recorder, eventually
from tests.support.mqtt import AVAILABILITY, BASE, a_view, light, not_known, settings_for

DEVICE = "homeassistant/device/busylight_desk/config"
STATUS = "homeassistant/status"
GUIDS = [f"0000000{n}-eca7-46b7-bad1-db199b62afc3" for n in range(3)]


@pytest.fixture
def settings(broker: Broker, tmp_path: Path) -> MqttSettings:
    return changed(broker, tmp_path)


def changed(broker: Broker, tmp_path: Path, **fields: Any) -> MqttSettings:
    """Settings with the same state directory, as a person edits them."""
    return settings_for(
        broker, **{"discovery": True, "outputs": "mqtt", "state_dir": tmp_path, **fields}
    )


def people(*guids: str) -> dict[str, Person]:
    return {guid: Person(not_known(), None) for guid in guids}


def standing(broker: Broker) -> dict[str, bytes]:
    """All that is retained on the broker now."""
    with Recorder(broker) as late:
        late.publish("end/of/what/is/retained", "x")
        while not late.last("end/of/what/is/retained"):
            pass
        return {message.topic: message.payload for message in late.heard if message.retained}


def remembered(tmp_path: Path) -> published.Published | None:
    return published.recall(tmp_path)


async def live(settings: MqttSettings, tmp_path: Path, view: View | None = None) -> None:
    """One life of the output, until all is in order."""
    async with MqttOutput(settings) as output:
        await output.show(view or a_view())
        await eventually(
            lambda: (
                (kept := remembered(tmp_path)) is not None
                and kept.base == settings.base
                and (DEVICE.replace("homeassistant", settings.discovery_prefix) in kept.topics)
                == settings.discovery
                and len([topic for topic in kept.topics if "/users/" in topic])
                == 2 * len((view or a_view()).people)
            )
        )


async def test_the_device_is_announced_before_the_states_and_retained(
    broker: Broker, recorder: Recorder, settings: MqttSettings, tmp_path: Path
) -> None:
    await live(settings, tmp_path)
    await eventually(lambda: recorder.last(AVAILABILITY) == b"offline")
    assert recorder.heard[0].topic == DEVICE
    assert json.loads(standing(broker)[DEVICE])["device"]["identifiers"] == ["busylight_desk"]
    file = tmp_path / published.FILE
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


async def test_at_home_assistants_birth_everything_is_told_again_once(
    recorder: Recorder, settings: MqttSettings, tmp_path: Path
) -> None:
    async with MqttOutput(settings) as output:
        await output.show(a_view())
        await eventually(lambda: remembered(tmp_path) and recorder.last(AVAILABILITY))
        before = [m.topic for m in recorder.heard]
        recorder.forget()
        for _ in range(3):
            recorder.publish(STATUS, "online")
        recorder.publish(STATUS, "offline")
        await eventually(lambda: recorder.last(AVAILABILITY) == b"online")
        told = [m.topic for m in recorder.heard if m.topic != STATUS]
        assert told.count(DEVICE) == 1
        assert set(told) == set(before)
        assert told.index(DEVICE) < told.index(f"{BASE}/light") < told.index(AVAILABILITY)
        recorder.forget()
        recorder.publish(STATUS, "online")
        await eventually(lambda: recorder.last(AVAILABILITY) == b"online")


def test_the_answer_to_a_birth_is_neither_at_once_nor_late() -> None:
    assert birth_delay(draw=0.0) == 0.5
    assert birth_delay(draw=1.0) == 3.0


async def test_a_waiting_sign_in_reaches_whoever_has_found_the_device_just_now(
    recorder: Recorder, settings: MqttSettings
) -> None:
    prompt = SignInPrompt("https://microsoft.com/devicelogin", "ABCD", expires_at=now() + 900)
    view = a_view(knowledge=not_known(), sign_in=None)
    async with MqttOutput(settings) as output:
        await output.show(view)
        await output.show(a_view(knowledge=not_known(), sign_in=prompt))
        await eventually(lambda: len(recorder.payloads(f"{BASE}/sign_in")) == 3)
        assert b"ABCD" in (recorder.last(f"{BASE}/sign_in") or b"")


async def test_started_again_with_the_same_settings_nothing_is_cleared(
    broker: Broker, recorder: Recorder, tmp_path: Path
) -> None:
    await live(changed(broker, tmp_path), tmp_path)
    await live(changed(broker, tmp_path), tmp_path)
    assert all(message.payload for message in recorder.heard)


@pytest.mark.parametrize("version", [Version.V5, Version.V311])
@pytest.mark.parametrize(
    "fields",
    [
        {"topic": "house/lights"},
        {"discovery_prefix": "ha"},
        {"discovery": False},
        {"id": "study"},
    ],
)
async def test_what_settings_have_ended_is_cleared_and_nothing_of_anybody_else(
    broker: Broker, tmp_path: Path, fields: dict[str, Any], version: Version
) -> None:
    others = {
        "homeassistant/device/busylight_desk2/config": b"{}",
        "busylight/desk2/light": b"theirs",
        f"{BASE}/more/light": b"a light within our tree",
    }
    with Recorder(broker) as recorder:
        for topic, payload in others.items():
            recorder.publish(topic, payload, retain=True)
    await live(changed(broker, tmp_path, version=version), tmp_path)
    after = changed(broker, tmp_path, version=version, **fields)
    if after.id == "study":
        async with MqttOutput(after) as output:
            await output.show(a_view())
            await eventually(
                lambda: (kept := remembered(tmp_path)) is not None and kept.base == after.base
            )
    else:
        await live(after, tmp_path)
    kept = remembered(tmp_path)
    assert kept is not None
    assert standing(broker).keys() == {*others, *kept.topics}


async def test_only_what_is_retained_is_cleared(broker: Broker, tmp_path: Path) -> None:
    await live(changed(broker, tmp_path), tmp_path)
    broker.restart()
    with Recorder(broker) as recorder:
        await live(changed(broker, tmp_path, discovery_prefix="ha", topic="house"), tmp_path)
        assert all(message.payload for message in recorder.heard)


async def test_a_base_that_another_program_has_taken_over_is_left_alone(
    broker: Broker, tmp_path: Path
) -> None:
    await live(changed(broker, tmp_path), tmp_path)
    async with MqttOutput(settings_for(broker, client_id="other")) as other:
        await other.show(a_view("blue"))
        await live(changed(broker, tmp_path, topic="house"), tmp_path)
        assert standing(broker)[AVAILABILITY] == b"online"
        assert f"{BASE}/light" in standing(broker)


async def test_nothing_is_cleared_on_another_broker(broker: Broker, tmp_path: Path) -> None:
    await live(changed(broker, tmp_path), tmp_path)
    with Broker(tmp_path / "second") as second:
        with Recorder(second) as recorder:
            recorder.publish(f"{BASE}/light", "theirs", retain=True)
        await live(changed(second, tmp_path, topic="house"), tmp_path)
        assert standing(second)[f"{BASE}/light"] == b"theirs"


async def test_a_person_who_is_watched_no_more_goes_with_device_and_topics(
    broker: Broker, tmp_path: Path
) -> None:
    await live(changed(broker, tmp_path), tmp_path, a_view(people=people(*GUIDS)))
    assert f"homeassistant/device/busylight_desk_{GUIDS[2]}/config" in standing(broker)
    await live(changed(broker, tmp_path), tmp_path, a_view(people=people(*GUIDS[:2])))
    assert [topic for topic in standing(broker) if GUIDS[2] in topic] == []
    assert f"{BASE}/users/{GUIDS[1]}/presence" in standing(broker)


async def test_a_person_who_is_back_has_device_and_topics_again_also_if_it_was_meanwhile(
    broker: Broker, recorder: Recorder, tmp_path: Path
) -> None:
    device, theirs = f"homeassistant/device/busylight_desk_{GUIDS[1]}/config", people_of(GUIDS[1])
    both, one = a_view(people=people(*GUIDS[:2])), a_view(people=people(GUIDS[0]))
    topics = [device, *theirs]

    def are_remembered() -> bool:
        return (kept := remembered(tmp_path)) is not None and set(topics) <= kept.topics

    async with MqttOutput(changed(broker, tmp_path)) as output:
        await output.show(both)
        await eventually(are_remembered)
        await output.show(one)
        await eventually(lambda: not any(recorder.last(topic) for topic in topics))
        await output.show(both)
        await eventually(lambda: all(recorder.last(topic) for topic in topics))
        await eventually(are_remembered)
        await output.show(one)
        await eventually(lambda: not recorder.last(device))
        await output.show(both)  # the topics are not cleared yet: Home Assistant is waited for
        recorder.forget()
        await eventually(lambda: any(message.payload == b"" for message in recorder.heard))
        await eventually(lambda: all(recorder.last(topic) for topic in topics))


async def test_a_person_who_is_there_for_a_moment_alone_leaves_nothing(
    broker: Broker, recorder: Recorder, tmp_path: Path
) -> None:
    both, one = a_view(people=people(*GUIDS[:2])), a_view(people=people(GUIDS[0]))
    theirs = people_of(GUIDS[1])
    await live(changed(broker, tmp_path), tmp_path, one)
    async with MqttOutput(changed(broker, tmp_path)) as output:
        for view in (one, both, one):
            await output.show(view)
        await eventually(lambda: all(recorder.last(topic) == b"" for topic in theirs))


def people_of(guid: str) -> list[str]:
    return [f"{BASE}/users/{guid}/{end}" for end in ("presence", "light")]


async def test_of_a_broker_that_has_another_name_now_its_people_are_not_forgotten(
    broker: Broker, recorder: Recorder, tmp_path: Path
) -> None:
    await live(changed(broker, tmp_path), tmp_path, a_view(people=people(*GUIDS)))
    devices = [f"homeassistant/device/busylight_desk_{guid}/config" for guid in GUIDS[1:]]
    # Of the one of these nobody can say that it is ours, for it tells of other topics.
    recorder.publish(devices[1], '{"availability_topic":"theirs"}', retain=True)
    renamed = changed(broker, tmp_path, host="localhost")
    left, stays = people_of(GUIDS[1])[0], people_of(GUIDS[0])[0]
    async with MqttOutput(renamed) as output:
        recorder.forget()
        await output.show(a_view(knowledge=not_known()))
        await eventually(lambda: recorder.last(left))  # not known, in place of the last word
        await output.show(a_view(people=people(GUIDS[0])))
        await eventually(lambda: recorder.last(left) == recorder.last(devices[0]) == b"")
    assert stays in standing(broker)
    assert standing(broker)[devices[1]] == b'{"availability_topic":"theirs"}'


async def test_before_anybody_was_read_no_person_is_cleared(
    broker: Broker, recorder: Recorder, tmp_path: Path
) -> None:
    await live(changed(broker, tmp_path), tmp_path, a_view(people=people(*GUIDS)))
    async with MqttOutput(changed(broker, tmp_path)) as output:
        await output.show(a_view(knowledge=not_known()))
        recorder.forget()

        def is_told_again() -> bool:
            recorder.publish(STATUS, "online")  # until it listens to that
            return recorder.last(AVAILABILITY) == b"online"

        await eventually(is_told_again)
    assert f"{BASE}/users/{GUIDS[1]}/presence" in standing(broker)


async def test_until_somebody_is_read_nothing_is_known_of_the_people_of_before(
    broker: Broker, recorder: Recorder, tmp_path: Path
) -> None:
    read = {guid: Person(a_view().knowledge, light("red")) for guid in GUIDS[:2]}
    await live(changed(broker, tmp_path), tmp_path, a_view(people=read))
    theirs = f"{BASE}/users/{GUIDS[1]}"
    assert json.loads(standing(broker)[f"{theirs}/presence"])["fresh"]
    await eventually(lambda: recorder.last(AVAILABILITY) == b"offline")
    recorder.forget()
    async with MqttOutput(changed(broker, tmp_path)) as output:
        violet = light("violet 40% pulse 3")
        unread = a_view("violet 40% pulse 3", knowledge=not_known(), unread_light=violet)
        await output.show(unread)
        await eventually(lambda: recorder.last(AVAILABILITY) == b"online")
        told = [message.topic for message in recorder.heard]
        assert told.index(f"{theirs}/presence") < told.index(AVAILABILITY)
        assert not json.loads(recorder.last(f"{theirs}/presence") or b"")["fresh"]
        assert recorder.last(f"{theirs}/light") == recorder.last(f"{BASE}/light")
        # An override, or a walk, is about the one light, and says nothing of anybody.
        stays = recorder.last(f"{theirs}/light")
        await output.show(replace(unread, light=light("red"), override=Override(Mode.BUSY)))
        await output.show(replace(unread, light=light("green"), walk_ends_at=now() + 9))
        await eventually(lambda: b'"g":128' in (recorder.last(f"{BASE}/light") or b""))
        assert recorder.last(f"{theirs}/light") == stays


async def test_a_part_that_was_switched_off_is_told_once_by_its_platform_alone(
    broker: Broker, recorder: Recorder, tmp_path: Path
) -> None:
    await live(changed(broker, tmp_path, account=True), tmp_path)
    await eventually(lambda: recorder.last(AVAILABILITY) == b"offline")
    recorder.forget()
    async with MqttOutput(changed(broker, tmp_path)) as output:
        await output.show(a_view())
        await eventually(lambda: len(recorder.payloads(DEVICE)) == 2)
    first, last = (json.loads(payload)["components"] for payload in recorder.payloads(DEVICE))
    assert first["account"] == {"platform": "sensor"}
    assert "account" not in last


@pytest.mark.parametrize(
    "junk", [b"", b"null", b"{}", b"[" * 9999, b'{"broker":"b","base":"c","topics":["#"]}']
)
async def test_a_memory_that_cannot_be_read_is_said_and_replaced(
    broker: Broker, tmp_path: Path, junk: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / published.FILE).write_bytes(junk)
    settings = changed(broker, tmp_path)
    async with MqttOutput(settings) as output:
        await output.show(a_view())
        await eventually(lambda: (tmp_path / published.FILE).read_bytes() != junk)
    assert sum("is forgotten" in record.getMessage() for record in caplog.records) == 1
    assert remembered(tmp_path) is not None


async def test_a_card_that_cannot_be_written_is_said_and_the_light_shown(
    broker: Broker, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with MqttOutput(changed(broker, tmp_path, state_dir=tmp_path / "none")) as output:
        await output.show(a_view())
        await eventually(
            lambda: any("cannot be remembered" in r.getMessage() for r in caplog.records)
        )
        assert standing(broker)[AVAILABILITY] == b"online"


async def test_a_broker_that_forbids_the_announcement_is_told_of_and_all_else_goes_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with Broker(tmp_path / "strict", acl="topic readwrite busylight/#\n") as broker:
        async with MqttOutput(changed(broker, tmp_path)) as output:
            await output.show(a_view("red"))
            await output.show(a_view("blue"))
    said = [r.getMessage() for r in caplog.records if "finds no device" in r.getMessage()]
    assert len(said) == 1
    assert "allow anonymous clients to write homeassistant/device/#" in said[0]


# -- unpublish --------------------------------------------------------------------------------


async def test_unpublished_nothing_of_the_light_stands_and_all_of_the_others(
    broker: Broker, tmp_path: Path
) -> None:
    others = {
        "homeassistant/device/busylight_desk_two/config": json.dumps(
            {"availability_topic": "busylight/desk_two/availability"}
        ).encode(),
        "homeassistant/device/busylight_desk_three/config": b"junk",
        "homeassistant/device/zigbee/config": b"[]",
        "busylight/desk_two/light": b"theirs",
        f"{BASE}/more/light": b"a light within our tree",
        "busylight/availability": b"online",
    }
    with Recorder(broker) as recorder:
        for topic, payload in others.items():
            recorder.publish(topic, payload, retain=True)
        recorder.publish(f"{BASE}/mode/set", "busy", retain=True)
    settings = changed(broker, tmp_path)
    await live(settings, tmp_path, a_view(people=people(*GUIDS)))
    cleared = await unpublish(settings, None)
    assert DEVICE in cleared
    assert f"homeassistant/device/busylight_desk_{GUIDS[0]}/config" in cleared
    assert f"{BASE}/mode/set" in cleared
    assert standing(broker) == others
    assert await unpublish(settings, None) == []


async def test_the_device_goes_before_its_topics(
    recorder: Recorder, settings: MqttSettings, tmp_path: Path
) -> None:
    await live(settings, tmp_path)
    await eventually(lambda: recorder.last(AVAILABILITY) == b"offline")
    recorder.forget()
    cleared = await unpublish(settings, remembered(tmp_path))
    await eventually(lambda: len(recorder.heard) == len(cleared))
    assert recorder.heard[0].topic == DEVICE
    assert all(message.payload == b"" for message in recorder.heard)


async def test_what_the_settings_of_before_have_left_is_unpublished_too(
    broker: Broker, tmp_path: Path
) -> None:
    await live(changed(broker, tmp_path, discovery_prefix="ha"), tmp_path)
    after = changed(broker, tmp_path, topic="house")
    assert "ha/device/busylight_desk/config" in await unpublish(after, remembered(tmp_path))
    assert standing(broker) == {}


async def test_a_light_whose_daemon_lives_elsewhere_is_not_unpublished(
    broker: Broker, settings: MqttSettings
) -> None:
    async with MqttOutput(settings) as output:
        await output.show(a_view())
        with pytest.raises(OutputError, match="a daemon says online"):
            await unpublish(settings, None)
    assert DEVICE in standing(broker)


async def test_what_may_not_be_cleared_is_said(tmp_path: Path) -> None:
    acl = "user root\ntopic readwrite #\nuser lamp\ntopic readwrite busylight/#\ntopic read #\n"
    words = {"root": "x", "lamp": "y"}
    with Broker(tmp_path / "strict", acl=acl, passwords=words) as broker:
        await live(changed(broker, tmp_path, username="root", password="x"), tmp_path)
        with pytest.raises(OutputError, match="refuses what we publish on homeassistant/device"):
            await unpublish(changed(broker, tmp_path, username="lamp", password="y"), None)
