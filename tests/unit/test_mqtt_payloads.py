import json
import re
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from busylight.core.knowledge import Known, NotKnown, SignInPrompt, Trouble, Why
from busylight.core.override import Mode, Override, Press
from busylight.core.presence import Presence
from busylight.core.reader import Duty, Role
from busylight.core.view import ButtonEvent, Diagnostics, PartHealth, PartState, Person, View
from busylight.mqtt.settings import MqttSettings
from busylight.outputs.mqtt.payloads import (
    Payload,
    Told,
    alive_topic,
    alive_topics,
    button_message,
    json_payload,
    messages,
    standing_by_messages,
    topic_part,
)
from tests.support.mqtt import BASE, a_view, light, not_known, settings_of

GUID = "FA8BF3DC-eca7-46b7-bad1-db199b62afc3"
TALKATIVE = Presence("Busy", "InACall", status_message="ünter \U0001f6a7", user="ada@example.com")


def rfc3339(moment: float | None) -> str | None:
    if moment is None:
        return None
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def published(view: View, settings: MqttSettings | None = None) -> dict[str, bytes]:
    settings = settings or settings_of()
    return {
        topic.removeprefix(f"{settings.base}/"): payload.content
        for topic, payload in messages(view, settings, rfc3339).items()
    }


def document(view: View, end: str, **fields: Any) -> Any:
    return json.loads(published(view, settings_of(**fields))[end])


def test_a_known_presence_is_published_compactly_in_the_contracts_order() -> None:
    assert published(a_view())["presence"] == (
        b'{"availability":"Busy","activity":"InACall","fresh":true,'
        b'"since":"1970-01-01T00:16:40Z","read_at":"1970-01-01T00:16:41Z"}'
    )


@pytest.mark.parametrize("why", list(Why))
def test_what_is_not_known_is_published_as_null_with_its_reason(why: Why) -> None:
    view = a_view(knowledge=NotKnown(Trouble(why, "detail"), since=1000.0, read_at=None))
    assert document(view, "presence") == {
        "availability": None,
        "activity": None,
        "fresh": False,
        "reason": why.value,
        "since": "1970-01-01T00:16:40Z",
        "read_at": None,
    }


@pytest.mark.parametrize(
    ("fields", "more"),
    [
        ({}, {}),
        ({"status_message": True}, {"status_message": TALKATIVE.status_message}),
        ({"account": True}, {"user": TALKATIVE.user}),
    ],
)
def test_the_status_message_and_the_name_are_published_only_when_asked_for(
    fields: dict[str, bool], more: dict[str, str]
) -> None:
    view = a_view(knowledge=Known(TALKATIVE, 1.0, 1.0))
    found = document(view, "presence", **fields)
    assert {k: v for k, v in found.items() if k in ("status_message", "user")} == more


def test_half_a_character_in_a_status_message_does_not_break_the_payload() -> None:
    broken = Presence("Busy", "Busy", status_message="x\ud83dy")
    view = a_view(knowledge=Known(broken, 1.0, 1.0))
    assert document(view, "presence", status_message=True)["status_message"] == "x?y"


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_what_json_cannot_say_is_never_published(number: float) -> None:
    with pytest.raises(ValueError, match="JSON"):
        json_payload({"since": number})


def test_a_light_is_home_assistants_json_light() -> None:
    assert published(a_view("#ff8000 40% pulse"))["light"] == (
        b'{"state":"ON","brightness":102,"color_mode":"rgb",'
        b'"color":{"r":255,"g":128,"b":0},"effect":"pulse"}'
    )


@pytest.mark.parametrize("dark", ["off", "black", "red 0%"])
def test_a_dark_light_is_off_with_the_rest_of_its_fields(dark: str) -> None:
    found = document(a_view(dark), "light")
    assert found["state"] == "OFF"
    assert found.keys() == {"state", "brightness", "color_mode", "color", "effect"}


def test_a_released_light_is_off_and_nothing_more() -> None:
    assert published(a_view(None))["light"] == b'{"state":"OFF"}'


def test_without_an_override_the_mode_is_auto_and_the_override_null() -> None:
    found = published(a_view())
    assert (found["mode"], found["override"]) == (b"auto", b"null")


def test_an_override_says_its_mode_and_its_end() -> None:
    found = published(a_view(override=Override(Mode.DO_NOT_DISTURB, ends_at=60.0)))
    assert found["mode"] == b"do_not_disturb"
    assert found["override"] == b'{"mode":"do_not_disturb","ends_at":"1970-01-01T00:01:00Z"}'


def test_an_override_without_an_end_says_null() -> None:
    view = a_view(override=Override(Mode.MANUAL, light("red")))
    assert document(view, "override") == {"mode": "manual", "ends_at": None}


def test_diagnostics_have_what_the_contract_lists() -> None:
    diagnostics = Diagnostics(
        "graph",
        "1.2.3",
        started_at=0.0,
        signed_in=True,
        account="ada@example.com",
        last_success=5.0,
        last_error="boom",
        outputs={
            "mqtt": PartHealth(PartState.RELEASED),
            "serial": PartHealth(PartState.FAILED, "pull yourself together"),
        },
    )
    view = a_view(diagnostics=diagnostics)
    assert document(view, "diagnostics", account=True) == {
        "source": "graph",
        "signed_in": True,
        "account": "ada@example.com",
        "last_success": "1970-01-01T00:00:05Z",
        "last_error": "boom",
        "outputs": {
            "mqtt": {"state": "released"},
            "serial": {"state": "failed", "error": "pull yourself together"},
        },
        "version": "1.2.3",
        "started_at": "1970-01-01T00:00:00Z",
    }
    assert "account" not in document(view, "diagnostics")


def test_a_waiting_sign_in_is_published_but_not_retained() -> None:
    settings = settings_of()
    prompt = SignInPrompt("https://microsoft.com/devicelogin", "ABCD", expires_at=900.0)
    payload = messages(a_view(sign_in=prompt), settings, rfc3339)[f"{settings.base}/sign_in"]
    assert payload.retain is False
    assert json.loads(payload.content) == {
        "url": "https://microsoft.com/devicelogin",
        "code": "ABCD",
        "expires_at": "1970-01-01T00:15:00Z",
    }


def test_no_sign_in_is_null() -> None:
    assert published(a_view())["sign_in"] == b"null"


def test_the_sign_in_is_not_published_when_that_is_switched_off() -> None:
    prompt = SignInPrompt("https://microsoft.com/devicelogin", "ABCD", expires_at=900.0)
    found = published(a_view(sign_in=prompt), settings_of(sign_in=False))
    assert "sign_in" not in found
    assert not any(b"ABCD" in content for content in found.values())


def test_everything_but_the_sign_in_is_retained() -> None:
    people = {GUID: Person(not_known(), None)}
    found = messages(a_view(people=people), settings_of(), rfc3339)
    assert {topic for topic, payload in found.items() if not payload.retain} == {
        "busylight/desk/sign_in"
    }


def test_online_is_published_after_all_states() -> None:
    people = {GUID: Person(not_known(), None)}
    found = published(a_view(people=people))
    assert next(reversed(found)) == "availability"
    assert found["availability"] == b"online"


def test_each_of_several_people_has_topics_of_their_own_with_the_name_in_the_payload() -> None:
    people = {GUID: Person(Known(TALKATIVE, 1.0, 1.0), light("red"))}
    view = a_view(people=people)
    theirs = f"users/{GUID.lower()}"
    assert document(view, f"{theirs}/presence")["user"] == "ada@example.com"
    assert "status_message" not in document(view, f"{theirs}/presence")
    assert document(view, f"{theirs}/light")["state"] == "ON"


@given(st.text(min_size=1))
def test_every_topic_is_made_of_harmless_characters(person_id: str) -> None:
    view = a_view(people={person_id: Person(not_known(), None)})
    for topic in messages(view, settings_of(), rfc3339):
        assert all(re.fullmatch("[a-z0-9_-]{1,64}", part) for part in topic.split("/"))


@given(st.text(), st.text(), st.text())
def test_whatever_graph_says_becomes_json(word: str, other: str, message: str) -> None:
    view = a_view(knowledge=Known(Presence(word, other, message, message), 1.0, 1.0))
    found = document(view, "presence", status_message=True, account=True)
    assert found["fresh"] is True


def test_of_a_person_the_status_message_too_is_told_only_when_asked_for() -> None:
    view = a_view(people={"ada": Person(Known(TALKATIVE, 1.0, 1.0), None)})
    told = document(view, "users/ada/presence", status_message=True)
    assert told["status_message"] == TALKATIVE.status_message


def test_a_long_name_is_cut_where_a_topic_part_ends() -> None:
    assert topic_part("A" * 64 + "b") == "a" * 64
    assert topic_part("\u00c4da/Lovelace #1+") == "-da-lovelace--1-"


def test_somebody_may_say_that_a_light_lives_alone_or_as_one_of_two() -> None:
    assert set(alive_topics(BASE)) == {
        f"{BASE}/availability",
        f"{BASE}/reader/primary",
        f"{BASE}/reader/spare",
    }
    for settings in (settings_of(), *(settings_of(reader=role) for role in Role)):
        assert alive_topic(settings) in alive_topics(BASE)


def test_a_press_is_told_once_and_kept_by_nobody() -> None:
    event = ButtonEvent(Press.DOUBLE, 3, 5.0)
    assert button_message(event, settings_of()) == {
        f"{BASE}/button": Payload(b"double_press", retain=False)
    }


@pytest.mark.parametrize("reads", [True, False])
def test_a_primary_that_stands_by_says_that_it_lives_and_whether_it_reads(*, reads: bool) -> None:
    view = a_view(duty=Duty(reads=reads))
    assert standing_by_messages(view, settings_of(reader=Role.PRIMARY)) == {
        f"{BASE}/reader/primary/reads": Payload(b"true" if reads else b"false"),
        f"{BASE}/reader/primary": Payload(b"online"),
    }


def test_a_spare_that_stands_by_says_that_it_lives_and_nothing_more() -> None:
    assert standing_by_messages(a_view(), settings_of(reader=Role.SPARE)) == {
        f"{BASE}/reader/spare": Payload(b"online")
    }


@pytest.mark.parametrize("role", list(Role))
def test_one_of_two_that_leads_takes_back_that_somebody_is_alone(role: Role) -> None:
    found = messages(a_view(), settings_of(reader=role), rfc3339)
    assert found[f"{BASE}/availability"] == Payload(b"")
    assert next(reversed(found.items())) == (f"{BASE}/reader/{role}", Payload(b"online"))
    assert (f"{BASE}/reader/primary/reads" in found) is (role is Role.PRIMARY)


def test_the_same_view_is_always_the_same_bytes() -> None:
    assert published(a_view()) == published(a_view())


def test_of_many_people_only_who_has_changed_is_put_into_words_again() -> None:
    ada = Person(Known(Presence("Busy", "Busy"), 1, 1), light("red"))
    bob = Person(Known(Presence("Away", "Away"), 1, 1), light("blue"))
    told, settings = Told(), settings_of()
    first = messages(a_view(people={"a": ada, "b": bob}), settings, rfc3339, told)
    later = Person(Known(Presence("Busy", "InACall"), 2, 2), light("red"))
    people = {"a": later, "b": replace(bob)}
    second = messages(a_view(people=people), settings, rfc3339, told)
    assert second[f"{BASE}/users/a/presence"] != first[f"{BASE}/users/a/presence"]
    assert second.keys() == first.keys() - {
        f"{BASE}/users/b/{end}" for end in ("presence", "light")
    }
    third = messages(a_view(people={"b": bob}), settings, rfc3339, told)
    assert not [topic for topic in third if "/users/" in topic]
    back = messages(a_view(people={"a": later, "b": bob}), settings, rfc3339, told)
    assert back == second
    assert {*first} - {*messages(a_view(people=people), settings, rfc3339, told)} == {
        topic for topic in first if "/users/" in topic
    }


def test_the_topics_of_all_people_are_known_whoever_of_them_was_told_of_last() -> None:
    one = Person(Known(Presence("Busy", "Busy"), 1, 1), light("red"))
    told, settings, own = Told(), settings_of(), frozenset({"own"})
    for people in ("", "ab", "ab", "abc", "bc", "", "c"):
        told.news(dict.fromkeys(people, one), settings, rfc3339)
        ends = {f"{BASE}/users/{who}/{end}" for who in people for end in ("presence", "light")}
        assert told.topics(own, settings) == own | ends
        own = frozenset({f"own {people}"})
        assert told.topics(own, settings) is told.topics(own, settings)
        assert told.topics(own, settings) == own | ends


def test_when_the_clock_is_set_everybody_is_told_anew() -> None:
    ada = Person(Known(Presence("Busy", "Busy"), 1, 1), light("red"))
    view, told, settings = a_view(people={"a": ada}), Told(), settings_of()

    def an_hour_later(moment: float | None) -> str | None:
        return None if moment is None else rfc3339(moment + 3600)

    first = messages(view, settings, rfc3339, told)
    second = messages(view, settings, an_hour_later, told)
    assert first[f"{BASE}/users/a/presence"] != second[f"{BASE}/users/a/presence"]
