"""Logs without secrets."""

import base64
import json
import logging
import string
from urllib.parse import quote, quote_plus, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from busylight.edge import log

TOKEN_LETTERS = string.ascii_letters + string.digits + "-_."
tokens = st.text(TOKEN_LETTERS, min_size=8, max_size=300).filter(lambda text: text.strip("."))
fields = st.sampled_from(
    ["access_token", "refresh_token", "id_token", "device_code", "code", "client_secret",
     "client_assertion"]
)  # fmt: skip
around = st.text(" \n.,:;abcXYZ(){}", max_size=20)


@pytest.fixture(autouse=True)
def forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test conceals for itself."""
    monkeypatch.setattr(log, "_concealed", {})
    monkeypatch.setattr(log, "_pattern", None)


def record(message: object, *args: object, **others: object) -> logging.LogRecord:
    made = logging.LogRecord("x", logging.ERROR, __file__, 1, message, args, None)
    for name, value in others.items():
        setattr(made, name, value)
    return made


def written(made: logging.LogRecord) -> str:
    assert log.Redactor().filter(made)
    return logging.Formatter().format(made)


@given(fields, tokens, around, around)
def test_token_values_are_taken_out_of_json_forms_and_reprs(
    field: str, token: str, before: str, after: str
) -> None:
    answer = {"a": before, field: token, "b": after}
    for text in (
        json.dumps(answer),
        json.dumps(answer, indent=4),
        json.dumps(json.dumps(answer)),
        repr(answer),
        f"{before}{json.dumps({field: token})}{after}",
        f"{json.dumps({field: token})}<!-- junk -->",
        urlencode({field: token, "b": after}),
        urlencode({"a": before, field: token}),
        f"https://login.example/x?{urlencode({field: token})}",
    ):
        assert token not in log.redact(text) or token in (before, after, field)


@given(tokens, around)
def test_bearer_tokens_are_taken_out(token: str, after: str) -> None:
    for text in (
        f"Authorization: Bearer {token} {after}",
        f"[('authorization', 'bearer {token}')]",
    ):
        shown = log.redact(text)
        assert f"earer {token}" not in shown
        assert "earer ***" in shown


@given(st.dictionaries(st.text(), st.text()), st.binary(max_size=80))
def test_jwts_are_taken_out_wherever_they_stand(claims: dict[str, str], signature: bytes) -> None:
    def part(raw: bytes) -> str:
        return base64.urlsafe_b64encode(raw).decode().rstrip("=")

    jwt = ".".join([part(b'{"alg":"RS256"}'), part(json.dumps(claims).encode()), part(signature)])
    assert "eyJ" not in log.redact(f"the token {jwt} was refused")


@given(st.text(TOKEN_LETTERS, min_size=80, max_size=2000))
def test_long_opaque_words_are_taken_out(word: str) -> None:
    assert log.redact(f"got {word}, then").count(word) == 0


@given(st.text(min_size=4).filter(lambda text: not set(text) <= set("* \n\t")), around, around)
def test_a_concealed_secret_is_never_shown_in_any_quoting(
    secret: str, before: str, after: str
) -> None:
    if secret in "***" or secret in before + after:
        return
    log._concealed.clear()
    log.conceal(secret)
    for form in (
        secret,
        quote(secret, errors="replace"),
        json.dumps(secret),
        repr(secret),
    ):
        shown = log.redact(f"{before} {form} {after}")
        assert secret not in shown.replace(before, "").replace(after, "") or "*" in secret


def test_a_concealed_secret_with_signs_is_hidden_in_forms_and_addresses() -> None:
    log.conceal("p&ss w+rd/ä")
    assert log.redact(f"x={quote_plus('p&ss w+rd/ä')}&y=1") == "x=***&y=1"
    assert log.redact(f"{quote('p&ss w+rd/ä')} end") == "*** end"


def test_a_short_secret_is_hidden_where_it_stands_alone() -> None:
    log.conceal("abc")
    log.conceal("")
    assert log.redact("abc is it; alphabc is not") == "*** is it; alphabc is not"


def test_of_two_secrets_the_longer_one_is_hidden_whole() -> None:
    log.conceal("horse")
    log.conceal("horse-battery")
    assert log.redact("it is horse-battery") == "it is ***"


def test_a_password_in_an_address_is_taken_out() -> None:
    assert log.redact("via http://me:pw@proxy:3128/") == "via http://***@proxy:3128/"


@pytest.mark.parametrize(
    "text",
    [
        "Graph answers with status code: 404",
        "enter the code ABCD2345 at https://microsoft.com/devicelogin",
        "the password was changed (AADSTS50173)",
        "error code=5 of the driver",
        "/var/lib/busylight/busylight/token_cache.json cannot be written",
        "unreachable: graph.microsoft.com did not answer within 10 s",
    ],
)
def test_what_people_need_to_read_stays(text: str) -> None:
    assert log.redact(text) == text


def test_a_record_is_redacted_with_its_arguments_traceback_and_stack() -> None:
    token = "eyJhbGciOiJub25lIn0.eyJzdWIi.c2ln"
    with pytest.raises(ValueError, match="refused") as raised:
        int(f"refused {token}")
    kind = (raised.type, raised.value, raised.tb)
    made = record("answer: %s", json.dumps({"access_token": "T0ken"}), exc_info=kind)
    made.stack_info = f"Stack with {token}"
    text = written(made)
    assert "T0ken" not in text
    assert "eyJ" not in text
    assert "refused ***" in text
    assert "Stack with ***" in text


def test_a_message_that_does_not_fit_its_arguments_is_redacted_all_the_same() -> None:
    text = written(record("%d and %s", "Bearer abcdefgh"))
    assert "abcdefgh" not in text


def test_handlers_are_protected_once_and_libraries_kept_quiet() -> None:
    handler = logging.StreamHandler()
    log.protect([handler])
    log.protect([handler])
    assert len(handler.filters) == 1
    assert not logging.getLogger("msal.application").isEnabledFor(logging.INFO)
    assert not logging.getLogger("httpx").isEnabledFor(logging.INFO)
    assert not logging.getLogger("httpcore.http11").isEnabledFor(logging.DEBUG)
