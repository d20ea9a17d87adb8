import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from busylight.core.documents import presence_document
from busylight.core.knowledge import Known, NotKnown, Trouble, Why
from busylight.core.presence import ACTIVITIES, AVAILABILITIES, Presence
from busylight.sources.mqtt.payloads import LARGEST, Message, is_live, parse

TOPIC = "home/ada"


def words_of(payload: str | bytes, topic: str = TOPIC) -> str | None:
    data = payload if isinstance(payload, bytes) else payload.encode()
    presence = parse(topic, data).presence
    return None if presence is None else presence.words


def trouble_of(payload: bytes, topic: str = TOPIC) -> Trouble:
    trouble = parse(topic, payload).trouble
    assert trouble is not None
    return trouble


@pytest.mark.parametrize(
    ("payload", "words"),
    [
        ("Busy", "Busy/Busy"),
        ('"Busy"', "Busy/Busy"),
        ("  busy\n", "Busy/Busy"),
        ("DO NOT DISTURB", "DoNotDisturb/DoNotDisturb"),
        ("do_not_disturb", "DoNotDisturb/DoNotDisturb"),
        ("'be-right-back'", "BeRightBack/BeRightBack"),
        ("In a call", "Busy/InACall"),
        ("in_a_meeting", "Busy/InAMeeting"),
        ("Presenting", "DoNotDisturb/Presenting"),
        ("OutOfOffice", "Away/OutOfOffice"),
        ("off work", "Offline/OffWork"),
        ("BusyIdle", "BusyIdle/Busy"),
        ("PresenceUnknown", "PresenceUnknown/PresenceUnknown"),
        ('{"status":"do_not_disturb","statusCode":3,"clientId":"x"}', "DoNotDisturb/DoNotDisturb"),
        ('{"Availability":"busy","ACTIVITY":"in a call"}', "Busy/InACall"),
        ('{"availability":"Away","activity":null}', "Away/Away"),
        ("out to lunch", "OutToLunch/OutToLunch"),
    ],
)
def test_a_presence_is_understood_however_it_is_written(payload: str, words: str) -> None:
    assert words_of(payload) == words


@pytest.mark.parametrize(
    ("topic", "words"),
    [
        ("teams/in-call", "Busy/InACall"),
        ("teams/camera", "Busy/InACall"),
        ("teams/microphone", "Busy/InACall"),
        ("teams/screen-sharing", "DoNotDisturb/Presenting"),
        ("teams/incoming-call", "Busy/Ringing"),
        ("statestream/binary_sensor/ada_in_meeting/state", "Busy/InAMeeting"),
        ("statestream/input_boolean/do_not_enter/state", "Busy/Busy"),
        ("state", "Busy/Busy"),
    ],
)
def test_a_flag_that_is_on_means_what_its_topic_says(topic: str, words: str) -> None:
    for payload in ("true", "on", '"ON"', "1"):
        assert words_of(payload, topic) == words


@pytest.mark.parametrize("payload", [b"speaking", b"silent", b"muted"])
def test_a_microphone_in_a_call_is_a_call_however_quiet_it_is(payload: bytes) -> None:
    assert words_of(payload, "teams/microphone") == "Busy/InACall"


@pytest.mark.parametrize("payload", [b"false", b"off", b"0", b'"False"', b"Not in a call"])
def test_a_flag_that_is_off_says_nothing_else(payload: bytes) -> None:
    assert parse("teams/microphone", payload) == Message()


@pytest.mark.parametrize(
    "payload", [b"unknown", b"unavailable", b'{"status":"unknown","statusCode":-1}', b'"None"']
)
def test_a_source_that_does_not_know_is_not_known(payload: bytes) -> None:
    assert trouble_of(payload).why is Why.STALE


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b" ",
        b"[]",
        b'["Busy"]',
        b"{",
        b"\xff\xfe",
        b"{}",
        b'{"state":"Busy"}',
        b'{"availability":7}',
        b'{"availability":"Busy","activity":7}',
        b'{"availability":"Busy","activity":"/"}',
        b'{"availability":""}',
        b"42",
        b"<html>",
        b"x" * 65,
        b"Busy" + b" " * LARGEST,
        b"[" * LARGEST,
        b'{"a":' * 3000,
        b'{"availability":' + b"9" * 5000 + b"}",
    ],
)
def test_what_is_no_presence_is_named_and_not_guessed(payload: bytes) -> None:
    message = parse(TOPIC, payload)
    assert message.presence is None
    assert trouble_of(payload).is_certain
    assert TOPIC in trouble_of(payload).detail


@given(st.binary(max_size=200) | st.text(max_size=60).map(lambda text: text.encode("utf-8")))
@example(b'{"fresh":true}')
def test_whatever_comes_in_it_is_a_message(payload: bytes) -> None:
    message = parse(TOPIC, payload)
    assert message.presence is None or message.trouble is None
    is_live(payload)


_json = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=6,
)


@given(
    st.dictionaries(
        st.sampled_from(["availability", "Status", "activity", "fresh", "reason", "user"]),
        _json | st.sampled_from([*AVAILABILITIES, *ACTIVITIES]),
    )
)
def test_whatever_stands_in_an_object_only_words_become_a_presence(content: dict[str, Any]) -> None:
    presence = parse(TOPIC, json.dumps(content).encode()).presence
    if presence is not None:
        assert presence.availability.isalnum()
        assert presence.activity.isalnum()
        assert content.get("fresh", True) is True


@given(
    availability=st.sampled_from(AVAILABILITIES),
    activity=st.sampled_from(ACTIVITIES),
    note=st.none() | st.text(alphabet=st.characters(exclude_categories=["C", "Z"]), min_size=1),
    out_of_office=st.booleans(),
)
def test_what_a_busylight_publishes_is_what_its_follower_understands(
    availability: str, activity: str, note: str | None, *, out_of_office: bool
) -> None:
    note = None if note is None else note[:280]
    presence = Presence(availability, activity, note, "ada@contoso.com", out_of_office)
    document = presence_document(
        Known(presence, 0, 0), lambda _moment: None, status_message=True, user=True
    )
    assert parse(TOPIC, json.dumps(document).encode()) == Message(presence, is_ours=True)


@pytest.mark.parametrize("why", list(Why))
def test_what_a_busylight_does_not_know_its_follower_does_not_know_for_the_same_reason(
    why: Why,
) -> None:
    document = presence_document(
        NotKnown(Trouble(why, "for a reason"), 0),
        lambda _moment: None,
        status_message=False,
        user=False,
    )
    message = parse(TOPIC, json.dumps(document).encode())
    assert message.is_ours
    assert message.trouble is not None
    assert message.trouble.why is why
    assert message.trouble.is_certain


@pytest.mark.parametrize(
    ("payload", "lives"),
    [
        (b"online", True),
        (b"true", True),
        (b'{"state":"online"}', True),
        (b"Connected", True),
        (b"offline", False),
        (b"false", False),
        (b"", False),
        (b'{"state":"offline"}', False),
        (b"{", False),
        (b"online" * LARGEST, False),
        (b"\xff", False),
    ],
)
def test_only_who_says_so_lives(payload: bytes, *, lives: bool) -> None:
    assert is_live(payload) is lives
