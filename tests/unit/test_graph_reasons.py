"""Microsoft's reasons for refusing a sign-in, in words that say what to do."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from busylight.sources.graph import reasons
from busylight.sources.graph.aadsts import REASONS, Reason, Way, Who
from busylight.sources.graph.errors import (
    EntraUnreachableError,
    SignedOutError,
    SignInRefusedError,
)


def refused(number: int, text: str = "Text of Microsoft's.", **others: Any) -> dict[str, Any]:
    return {
        "error": "invalid_grant",
        "error_description": f"AADSTS{number}: {text} Trace ID: 0a1b Correlation ID: 2c "
        "Timestamp: 2026-11-23 20:00:00Z",
        "error_codes": [number],
        **others,
    }


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (700082, "expired"),
        (50173, "password was changed"),
        (50076, "multi-factor"),
        (65001, "consented"),
        (53003, "Conditional Access"),
        (50057, "disabled"),
        (7000218, "Allow public client flows"),
        (7000222, "client secret has expired"),
        (7000215, "client secret is wrong"),
        (700016, "GRAPH_CLIENT_ID"),
        (90002, "GRAPH_TENANT_ID"),
        (700024, "clock"),
        (50105, "assign"),
    ],
)
def test_reasons_that_people_meet_are_told_plainly_with_their_number(
    number: int, words: str
) -> None:
    error = reasons.refusal(refused(number))
    assert isinstance(error, SignedOutError)
    assert words in str(error)
    assert f"AADSTS{number}" in str(error)
    assert error.aadsts == number
    assert "Trace" not in str(error)


@pytest.mark.parametrize(("number", "reason"), REASONS.items())
def test_every_reason_says_what_it_means_what_to_do_and_which_other_way_there_is(
    number: int, reason: Reason
) -> None:
    assert reason.meaning
    assert reason.remedy
    assert not reason.meaning.endswith(".")
    assert not reason.remedy.endswith(".")
    assert reason.ways
    assert Way.BROWSER not in reason.ways[1:], "the easiest first"
    told = str(reasons.refusal(refused(number)))
    assert told.startswith(f"{reason.meaning} (AADSTS{number}); ")
    if reason.who is Who.ADMIN:
        assert "ask an administrator" in told
    if reason.who is Who.OWNER:
        assert "the owner of the app registration" in told
    if reason.who is not Who.YOU:
        assert all(way.value in told for way in reason.ways)


def test_what_people_meet_most_has_a_text_of_our_own() -> None:
    met = [
        50020, 50034, 50057, 50058, 50059, 50076, 50079, 50105, 50126, 50158, 50173, 53000, 53003,
        530003, 65001, 65004, 7000112, 7000215, 7000218, 7000222, 700016, 700082, 90002, 90094,
        900144,
    ]  # fmt: skip
    assert [number for number in met if number not in REASONS] == []


@pytest.mark.parametrize("number", [53003, 7000218])
def test_where_codes_are_blocked_the_browser_is_offered(number: int) -> None:
    assert "`busylight login --browser`" in str(reasons.refusal(refused(number)))


def test_where_the_company_blocks_the_sign_in_another_way_is_offered() -> None:
    assert "app permission" in str(reasons.refusal(refused(53003)))


def test_another_number_is_told_in_microsofts_own_first_sentence() -> None:
    text = "The moon is full. Wait, says app 11111111-2222-3333-4444-555555555555."
    error = reasons.refusal(refused(123456, text))
    assert 'Microsoft says "The moon is full" (AADSTS123456)' in str(error)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ({"error": "authorization_declined"}, "declined"),
        ({"error": "expired_token", "error_description": "x"}, "in time"),
        ({"error": "strange_error"}, "strange_error"),
        ({}, "nor a reason"),
        ({"error": None, "error_description": 7, "error_codes": "x"}, "nor a reason"),
        ({"error": "x", "error_codes": ["700082"]}, "x"),
    ],
)
def test_an_answer_without_a_number_is_told_as_far_as_it_goes(
    answer: dict[str, Any], words: str
) -> None:
    assert words in str(reasons.refusal(answer, of_sign_in=True))


def test_the_answer_to_a_sign_in_is_a_refused_sign_in() -> None:
    assert isinstance(reasons.refusal(refused(53003), of_sign_in=True), SignInRefusedError)
    assert not isinstance(reasons.refusal(refused(53003)), SignInRefusedError)


@pytest.mark.parametrize(
    "answer", [refused(90033), {"error": "temporarily_unavailable"}, {"error": "server_error"}]
)
def test_trouble_of_entras_own_signs_nobody_out(answer: dict[str, Any]) -> None:
    assert isinstance(reasons.refusal(answer), EntraUnreachableError)


def test_the_number_is_found_in_the_description_too() -> None:
    assert reasons.number({"error_description": "x AADSTS50057: disabled"}) == 50057


@given(st.dictionaries(st.sampled_from(["error", "error_description", "error_codes"]), st.text()
       | st.none() | st.integers() | st.lists(st.integers() | st.text())))  # fmt: skip
def test_whatever_the_answer_there_is_one_printable_line(answer: dict[str, Any]) -> None:
    text = str(reasons.refusal(answer))
    assert text
    assert "\n" not in reasons.first_sentence(answer.get("error_description"))
    assert len(reasons.first_sentence(answer.get("error_description"))) <= 201
