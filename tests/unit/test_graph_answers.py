"""Graph's answers: each documented shape is read, and everything else is a named error."""

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from busylight.core.presence import Presence
from busylight.sources.graph import answers
from busylight.sources.graph.errors import AnswerError

ADELE = "fa8bf3dc-eca7-46b7-bad1-db199b62afc3"
ALEX = "66825e03-7ef5-42da-9069-724602c31f6b"
JSON = "application/json"

json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
entries = st.fixed_dictionaries(
    {},
    optional={
        "id": st.sampled_from([ADELE, ADELE.upper(), ALEX]) | json_values,
        "availability": st.sampled_from(["Busy", "Away", ""]) | json_values,
        "activity": st.sampled_from(["InACall", "Away"]) | json_values,
        "statusMessage": json_values
        | st.fixed_dictionaries(
            {
                "message": st.fixed_dictionaries(
                    {"content": st.text() | json_values},
                    optional={"contentType": st.sampled_from(["html", "text"])},
                )
            }
        ),
        "value": json_values,
    },
)
answers_of_any_kind = json_values | entries | st.fixed_dictionaries({"value": st.lists(entries)})


def presence(**fields: Any) -> dict[str, Any]:
    return {"id": ADELE, "availability": "Busy", "activity": "InACall", **fields}


def is_sane(result: Presence) -> bool:
    message = result.status_message
    if message is not None:
        message.encode()  # what cannot be sent on would fail here
        assert message
        assert message == message.strip()
        assert len(message) <= 280
        assert message.isprintable()
    return all(word.isascii() and word.isalnum() for word in (result.availability, result.activity))


@pytest.mark.parametrize("shape", [presence(), {"value": [presence()]}])
def test_one_object_and_a_list_of_one_are_read_alike(shape: dict[str, Any]) -> None:
    assert answers.one_presence(shape, ADELE, "Adele") == (
        ADELE,
        Presence("Busy", "InACall", None, "Adele"),
    )


def test_the_object_id_is_compared_whatever_its_case() -> None:
    assert answers.one_presence(presence(id=ADELE.upper()), ADELE)[0] == ADELE


def test_an_answer_without_an_id_is_about_whom_was_asked_for() -> None:
    assert answers.one_presence({"availability": "Busy", "activity": "Busy"}, ADELE)[0] is None


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (presence(id=ALEX), "another person"),
        (presence(id="adele"), "no object id"),
        (presence(id=7), "no object id"),
        (presence(availability=None), '"availability" is null'),
        (presence(availability=7), '"availability" is a number'),
        (presence(availability=True), '"availability" is a truth value'),
        (presence(availability=["Busy"]), '"availability" is a list'),
        (presence(availability={}), '"availability" is an object'),
        (presence(activity=""), '"activity" is no word'),
        (presence(activity="In a call"), '"activity" is no word'),
        (presence(activity="x" * 65), '"activity" is no word'),
        (presence(activity="Büsy"), '"activity" is no word'),
        ({}, '"availability" is null'),
        ({"value": []}, "0 people"),
        ({"value": [presence(), presence()]}, "2 people"),
        ({"value": "Busy"}, '"value" is a string'),
        ({"value": None}, '"value" is null'),
        ({"value": [None]}, '"value" holds null'),
        ({"value": [[presence()]]}, '"value" holds a list'),
    ],
)
def test_what_is_not_as_documented_is_a_named_error(answer: dict[str, Any], problem: str) -> None:
    with pytest.raises(AnswerError, match=problem):
        answers.one_presence(answer, ADELE)


@pytest.mark.parametrize("word", ["A", "Hibernating", "x" * 64, "Busy2"])
def test_a_word_nobody_documented_is_carried_as_it_is(word: str) -> None:
    found = answers.one_presence(presence(activity=word), ADELE)[1]
    assert found.activity == word


@pytest.mark.parametrize(
    ("content", "kind", "line"),
    [
        ("Back at 3", "text", "Back at 3"),
        ("  two\n\tlines\x00 ", "text", "two lines"),
        ("<b>At</b> lunch &amp; out", "html", "At lunch & out"),
        ("a < b", "text", "a < b"),
        ("x" * 300, "text", "x" * 279 + "…"),
        ("\ud83d half", "text", "? half"),
        ("", "text", None),
        (" \n ", "text", None),
        (None, "text", None),
        (["x"], "text", None),
    ],
)
def test_the_status_message_is_one_line_of_plain_text(
    content: object, kind: str, line: str | None
) -> None:
    message = {"message": {"content": content, "contentType": kind}}
    assert answers.one_presence(presence(statusMessage=message), None)[1].status_message == line


@pytest.mark.parametrize("message", [None, 7, "x", [], {}, {"message": None}, {"message": "x"}])
def test_a_status_message_of_another_shape_is_left_out(message: object) -> None:
    assert answers.one_presence(presence(statusMessage=message), None)[1].status_message is None


def test_of_many_each_person_has_a_presence_or_a_reason() -> None:
    stranger = "dc74d9bb-6afe-433d-8eaa-e39d80d3a647"
    absent = "00000000-0000-0000-0000-000000000001"
    answer = {
        "value": [
            presence(),
            presence(availability="Away"),
            presence(id=ALEX, activity=5),
            presence(id=stranger),
        ]
    }
    found, faults = answers.many_presences(answer, [ADELE, ALEX, absent], {ADELE: "Adele"})
    assert found == {ADELE: Presence("Busy", "InACall", None, "Adele")}
    assert {who: str(why).partition(";")[0] for who, why in faults.items()} == {
        ALEX: '"activity" is a number in place of a word',
        absent: "Graph's answer leaves this person out",
    }


@pytest.mark.parametrize(
    ("kind", "body", "problem"),
    [
        ("text/html", b"<html>", "is 'text/html' and not JSON"),
        ("", b"{}", "nothing that it names"),
        ("application/jsonp", b"{}", "not JSON"),
        (JSON, b"", r"no JSON, or was cut \(0 bytes\)"),
        (JSON, b'{"a": ', "was cut"),
        (JSON, b"[]", "no JSON object, but a list"),
        (JSON, b"null", "no JSON object, but null"),
        (JSON, b'"x"', "no JSON object, but a string"),
        (JSON, b"7", "no JSON object, but a number"),
        (JSON, b'{"a":"\xff"}', "not UTF-8"),
        (JSON, "{}".encode("utf-16"), "not UTF-8"),
        (JSON, b'{"value":' + b"[" * 100_000, "nested too deeply"),
        (JSON, b'{"value":' + b"9" * 5000 + b"}", "no JSON"),
        (JSON, b"{} <!-- a proxy was here -->", "no JSON"),
    ],
)
def test_a_body_that_is_no_object_of_json_is_a_named_error(
    kind: str, body: bytes, problem: str
) -> None:
    with pytest.raises(AnswerError, match=problem):
        answers.read_object(kind, body)


@pytest.mark.parametrize("kind", [JSON, "application/problem+json"])
def test_an_object_is_read_with_or_without_a_byte_order_mark(kind: str) -> None:
    assert answers.read_object(kind, b'\xef\xbb\xbf{"a":1}') == {"a": 1}


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b'{"error":{"code":"Forbidden","message":""}}', "Forbidden"),
        (b'{"error":{"code":"a\\nb"}}', "a?b"),
        (b'{"error":{"code":""}}', None),
        (b'{"error":{"code":7}}', None),
        (b'{"error":"invalid_grant"}', None),
        (b"{}", None),
        (b"<html>", None),
    ],
)
def test_only_an_error_of_graphs_has_a_code(body: bytes, code: str | None) -> None:
    assert answers.error_code(JSON, body) == code


def test_the_object_id_of_a_person_is_a_guid() -> None:
    assert answers.person_id({"id": ALEX.upper()}) == ALEX
    for wrong in ({}, {"id": None}, {"id": "alex@contoso.example"}, {"id": [ALEX]}):
        with pytest.raises(AnswerError, match="no object id"):
            answers.person_id(wrong)


def test_client_info_gives_the_accounts_id() -> None:
    raw = base64.urlsafe_b64encode(json.dumps({"uid": "a", "utid": "b"}).encode()).decode()
    assert answers.read_client_info(raw.rstrip("=")) == "a.b"


@given(st.none() | st.text() | st.binary().map(lambda raw: base64.b64encode(raw).decode()))
def test_whatever_client_info_is_it_never_fails(value: object) -> None:
    found = answers.read_client_info(value)
    assert found is None or "." in found


@given(st.text(), st.binary() | json_values.map(lambda value: json.dumps(value).encode()))
def test_any_bytes_are_an_object_or_a_named_error(kind: str, body: bytes) -> None:
    for content_type in (JSON, kind):
        try:
            assert isinstance(answers.read_object(content_type, body), dict)
        except AnswerError as error:
            assert str(error)
        code = answers.error_code(content_type, body)
        assert code is None or code.isprintable()


@given(answers_of_any_kind, st.sampled_from([None, ADELE]))
def test_any_answer_is_a_presence_or_a_named_error(answer: Any, person: str | None) -> None:
    body = json.dumps(answer).encode()
    try:
        found, result = answers.one_presence(answers.read_object(JSON, body), person, "x")
    except AnswerError as error:
        assert str(error)
    else:
        assert is_sane(result)
        assert person is None or found in (None, person)


@given(answers_of_any_kind)
def test_any_answer_about_many_has_each_of_them_once(answer: Any) -> None:
    people = [ADELE, ALEX]
    try:
        found, faults = answers.many_presences(
            answers.read_object(JSON, json.dumps(answer).encode()), people, {}
        )
    except AnswerError as error:
        assert str(error)
    else:
        assert sorted([*found, *faults]) == sorted(people)
        assert all(is_sane(result) for result in found.values())


@pytest.mark.parametrize(
    ("settings", "out"),
    [
        ({"isOutOfOffice": True, "message": "on leave"}, True),
        ({"isOutOfOffice": False}, False),
        ({"isOutOfOffice": "yes"}, False),
        (None, False),
        ([], False),
    ],
)
def test_automatic_replies_are_out_of_office_and_what_is_odd_is_not(
    settings: object, *, out: bool
) -> None:
    answer = {"availability": "Offline", "activity": "Offline", "outOfOfficeSettings": settings}
    assert answers.one_presence(answer, None)[1].out_of_office is out
