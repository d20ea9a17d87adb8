from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from tests.support.mqtt import settings_of


@pytest.mark.parametrize(
    ("fields", "port"), [({}, 1883), ({"tls": True}, 8883), ({"port": 5, "tls": True}, 5)]
)
def test_the_port_is_the_usual_one_unless_it_is_chosen(fields: dict[str, Any], port: int) -> None:
    assert settings_of(**fields).port_in_force == port


def test_the_client_id_is_made_of_the_lights_id_unless_it_is_chosen() -> None:
    assert settings_of().client_id_in_force == "busylight-desk"
    assert settings_of(client_id="mine").client_id_in_force == "mine"


def test_the_base_topic_is_prefix_and_id() -> None:
    assert settings_of(topic="home/lights").base == "home/lights/desk"


@pytest.mark.parametrize(
    ("host", "taken"),
    [
        ("ha.local", "ha.local"),
        ("ha.local.", "ha.local."),
        ("[::1]", "::1"),
        ("fe80::1", "fe80::1"),
    ],
)
def test_names_and_addresses_are_hosts(host: str, taken: str) -> None:
    assert settings_of(host=host).host == taken


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("host", "a..b"),
        ("host", "x" * 64 + ".local"),
        ("host", "mqtt://ha.local"),
        ("host", ".".join(["abcdefgh"] * 40)),
        ("topic", "Home"),
        ("topic", "a//b"),
        ("topic", "a/#"),
        ("topic", "/".join("abcdefghi")),
        ("client_id", "a b"),
        ("keepalive", 1),
        ("version", "4"),
        ("transport", "udp"),
    ],
)
def test_what_could_not_work_is_refused(field: str, value: object) -> None:
    with pytest.raises(ValidationError):
        settings_of(**{field: value})


@pytest.mark.parametrize(("keepalive", "asked"), [(10, 7), (60, 57), (5, 2), (4, 2), (2, 2)])
def test_the_broker_is_asked_for_less_because_it_looks_late(keepalive: int, asked: int) -> None:
    assert settings_of(keepalive=keepalive).keepalive_asked == asked


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "file.pem"
    path.touch()
    return path


def faults(**fields: Any) -> dict[str, str]:
    return {fault.field: fault.problem for fault in settings_of(**fields).faults()}


def test_settings_that_go_together_have_no_fault(file: Path) -> None:
    files = {"ca_file": file, "cert_file": file, "key_file": file}
    assert not faults(tls=True, **files, key_password="x", username="ada", password="x")


def test_a_certificate_needs_its_key_and_the_reverse(file: Path) -> None:
    assert "MQTT_CERT_FILE is of no use" in faults(tls=True, cert_file=file)["key_file"]
    assert "MQTT_KEY_FILE is of no use" in faults(tls=True, key_file=file)["cert_file"]


def test_a_keys_password_needs_a_key() -> None:
    assert "MQTT_KEY_PASSWORD is of no use" in faults(key_password="x")["key_file"]


def test_certificates_need_tls(file: Path) -> None:
    assert "MQTT_CA_FILE" in faults(ca_file=file)["tls"]


def test_a_password_needs_a_user_name() -> None:
    assert "username" in faults(password="x")


def test_a_missing_file_and_one_that_cannot_be_read_are_told_apart(tmp_path: Path) -> None:
    found = faults(tls=True, ca_file=tmp_path / "none.pem", cert_file=tmp_path, key_file=tmp_path)
    assert "can be found" in found["ca_file"]
    assert "cannot be read: Is a directory" in found["cert_file"]


def _problems(**fields: Any) -> list[tuple[str, str]]:
    return [(fault.field, fault.problem) for fault in settings_of(**fields).faults()]


def test_what_is_followed_keeps_its_case_and_is_parted_by_commas() -> None:
    settings = settings_of(source_topic=" Teams/Status,teams/in-call ,Teams/Status")
    assert settings.source_topic == ("Teams/Status", "teams/in-call")


@pytest.mark.parametrize(
    "topic", ["a/#", "a/+/b", "/a", "a//b", "a/", "a\x00b", "/".join("a" * 21)]
)
def test_what_is_no_single_topic_cannot_be_followed(topic: str) -> None:
    with pytest.raises(ValidationError):
        settings_of(source_topic=topic)


def test_who_follows_says_whom() -> None:
    assert _problems(source="mqtt") == [
        ("source_topic", "is missing: SOURCE=mqtt reads presence there")
    ]
    assert _problems(source="graph") == []


@pytest.mark.parametrize("field", ["source_topic", "source_availability_topic"])
@pytest.mark.parametrize("topic", ["busylight/desk", "busylight/desk/presence"])
def test_nobody_follows_himself(field: str, topic: str) -> None:
    ((found, problem),) = _problems(**{field: topic})
    assert found == field
    assert "publishes itself: give it an ID of its own" in problem
    assert _problems(**{field: "busylight/desktop/presence"}) == []


def test_liveness_topics_are_one_for_all_or_one_for_each() -> None:
    three = "a/x,b/x,c/x"
    assert _problems(source_topic=three, source_availability_topic="alive") == []
    assert _problems(source_topic=three, source_availability_topic="a/y,b/y,c/y") == []
    ((field, problem),) = _problems(source_topic=three, source_availability_topic="a/y,b/y")
    assert (field, problem[:34]) == (
        "source_availability_topic",
        "names 2 topics for 3 in MQTT_SOURC",
    )


def test_the_source_has_a_client_id_of_its_own() -> None:
    assert settings_of().source_client_id == "busylight-desk-source"
