"""Graph's answers: checked for shape, then read. Pure; whatever comes in, only `AnswerError`.

An answer that is not as documented is a named error, never a guess.
"""

import base64
import html
import json
import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, Final

from busylight.core.presence import Presence
from busylight.sources.graph.errors import AnswerError
from busylight.sources.graph.settings import is_guid

_WORD: Final = re.compile(r"[A-Za-z][A-Za-z0-9]{0,63}")
_JSON: Final = re.compile(r"application/([a-z0-9.+-]+\+)?json")
_TAG: Final = re.compile(r"<[^<>]{0,200}>")
_LONGEST_MESSAGE: Final = 280  # letters; Teams allows as many
_LONGEST_CODE: Final = 64


def read_object(content_type: str, body: bytes) -> dict[str, Any]:
    """The JSON object that an answer is.

    A captive portal's page, `[]`, `null`, a body that was cut: `AnswerError`.
    """
    if not _JSON.fullmatch(content_type):
        shown = content_type[:40] or "nothing that it names"
        raise AnswerError(
            f"the answer is {shown!r} and not JSON",
            "somebody else answers: a captive portal or a proxy that asks for a sign-in?",
        )
    try:
        # Of bytes, json would take UTF-16 and UTF-32, too.
        value = json.loads(body.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise AnswerError("the answer is not UTF-8") from None
    except RecursionError:
        raise AnswerError("the answer is nested too deeply") from None
    except ValueError:
        raise AnswerError(f"the answer is no JSON, or was cut ({len(body)} bytes)") from None
    if not isinstance(value, dict):
        raise AnswerError(f"the answer is no JSON object, but {_kind(value)}")
    return value


def error_code(content_type: str, body: bytes) -> str | None:
    """Graph's own word in an error answer; None if this is no error answer of Graph's."""
    try:
        error = read_object(content_type, body).get("error")
    except AnswerError:
        return None
    code = error.get("code") if isinstance(error, dict) else None
    if not isinstance(code, str) or not code:
        return None
    return "".join(c if c.isprintable() else "?" for c in code[:_LONGEST_CODE])


def person_id(answer: Mapping[str, Any]) -> str:
    """The object id in an answer of `/users/{name}?$select=id`."""
    found = answer.get("id")
    if not isinstance(found, str) or not is_guid(found):
        raise AnswerError("the answer names no object id (GUID) of the person")
    return found.lower()


def one_presence(
    answer: Mapping[str, Any], person: str | None, user: str | None = None
) -> tuple[str | None, Presence]:
    """The presence of one person, from one object or from `{"value": […]}`.

    `person`: the object id that was asked for, where one was; who is in the answer must be it.
    `user`: the person's name, to be carried along. Returns the id that the answer has.
    """
    entries = [answer]
    if "value" in answer and "availability" not in answer:
        entries = _entries(answer)
        if len(entries) != 1:
            raise AnswerError(f"the answer has {len(entries)} people in place of one")
    found = _id_of(entries[0])
    if found is not None and person is not None and found != person.lower():
        raise AnswerError("the answer is about another person than the one that was asked for")
    return found, _presence(entries[0], user)


def many_presences(
    answer: Mapping[str, Any],
    people: Iterable[str],
    users: Mapping[str, str],
    before: Mapping[str, Presence] = MappingProxyType({}),
    same: dict[Presence, Presence] | None = None,
) -> tuple[dict[str, Presence], dict[str, AnswerError]]:
    """The presences of `people` (object ids), and why there is none of some.

    `users`: names by object id. `before`: what was said of the same people, with the same names,
    the last time. `same`: presences that are kept once, for thousands have the same; it grows. An
    entry about somebody who was not asked for is left out.
    """
    wanted: dict[str, str] = {}  # whoever asks has each id once, and so have we
    for person in people:
        lower = person.lower()
        wanted[lower] = person if person == lower else lower
    presences: dict[str, Presence] = {}
    faults: dict[str, AnswerError] = {}
    same = {} if same is None else same
    for entry in _entries(answer):
        found = entry.get("id")
        if not isinstance(found, str) or found not in wanted:
            found = _id_of(entry)
        if found not in wanted or found in presences:
            continue
        who = wanted[found]
        said = before.get(who)
        if said is not None and _says(entry, said):
            presences[who] = said
            continue
        try:
            presence = _presence(entry, users.get(who))
            presences[who] = same.setdefault(presence, presence)
        except AnswerError as error:
            faults[who] = error
    for person in wanted.keys() - presences.keys() - faults.keys():
        faults[wanted[person]] = AnswerError(
            "Graph's answer leaves this person out", "is the object id right, with a Teams licence?"
        )
    return presences, {who: why for who, why in faults.items() if who not in presences}


def _says(entry: Mapping[str, Any], presence: Presence) -> bool:
    """Whether an entry certainly says of the same person what was read of it before."""
    return (
        entry.get("availability") == presence.availability
        and entry.get("activity") == presence.activity
        and entry.get("statusMessage") is None
        and presence.status_message is None
        and _is_out_of_office(entry.get("outOfOfficeSettings")) is presence.out_of_office
    )


def _entries(answer: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    entries = answer.get("value")
    if not isinstance(entries, list):
        raise AnswerError(f'"value" is {_kind(entries)} in place of a list')
    for entry in entries:
        if not isinstance(entry, dict):
            raise AnswerError(f'"value" holds {_kind(entry)} in place of a presence')
    return entries


def _id_of(entry: Mapping[str, Any]) -> str | None:
    found = entry.get("id")
    if found is None:
        return None
    if not isinstance(found, str) or not is_guid(found):
        raise AnswerError('"id" is no object id (GUID)')
    return found.lower()


def _presence(entry: Mapping[str, Any], user: str | None) -> Presence:
    return Presence(
        availability=_word(entry, "availability"),
        activity=_word(entry, "activity"),
        status_message=_status_message(entry.get("statusMessage")),
        out_of_office=_is_out_of_office(entry.get("outOfOfficeSettings")),
        user=user,
    )


def _word(entry: Mapping[str, Any], name: str) -> str:
    word = entry.get(name)
    if not isinstance(word, str):
        raise AnswerError(f'"{name}" is {_kind(word)} in place of a word')
    if not _WORD.fullmatch(word):
        raise AnswerError(f'"{name}" is no word of letters and digits')
    return word


def _is_out_of_office(value: object) -> bool:
    """Whether automatic replies are on; what is odd says no: the words are what counts."""
    return isinstance(value, dict) and value.get("isOutOfOffice") is True


def _status_message(value: object) -> str | None:
    """The person's note as one line of plain text. It is decoration: what is odd is left out."""
    message = value.get("message") if isinstance(value, dict) else None
    content = message.get("content") if isinstance(message, dict) else None
    if not isinstance(message, dict) or not isinstance(content, str):
        return None
    content = content[: 20 * _LONGEST_MESSAGE]
    if message.get("contentType") == "html":
        content = html.unescape(_TAG.sub(" ", content))
    # Half a surrogate pair could be in JSON, and be sent nowhere later.
    content = content.encode("utf-8", "replace").decode("utf-8")
    line = " ".join("".join(c if c.isprintable() else " " for c in content).split())
    if len(line) > _LONGEST_MESSAGE:
        line = f"{line[: _LONGEST_MESSAGE - 1].rstrip()}…"
    return line or None


def _kind(value: object) -> str:
    """How JSON calls it."""
    match value:
        case None:
            return "null"
        case bool():
            return "a truth value"
        case int() | float():
            return "a number"
        case str():
            return "a string"
        case list():
            return "a list"
        case _:
            return "an object"


def read_client_info(value: object) -> str | None:
    """The account's id as msal has it: a token answer's `client_info`, decoded."""
    if not isinstance(value, str):
        return None
    try:
        info = json.loads(base64.urlsafe_b64decode(value + "=" * (-len(value) % 4)))
        return f"{info['uid']}.{info['utid']}"
    except (ValueError, RecursionError, KeyError, TypeError):
        return None
