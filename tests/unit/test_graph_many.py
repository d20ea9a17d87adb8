"""Many people: what a client remembers of the last answers changes nothing of what it reads."""

import json
from collections.abc import Mapping
from typing import Any
from unittest import mock

from hypothesis import example, given, settings
from hypothesis import strategies as st

from busylight.sources.graph import answers, many
from busylight.sources.graph.client import GraphClient
from busylight.sources.graph.errors import GraphError
from busylight.sources.graph.http import Answer
from busylight.sources.graph.names import Remembered
from busylight.sources.graph.settings import GraphSettings, Users
from busylight.sources.graph.tokens import Token

IDS = [f"{number:08x}-aaaa-4000-8000-000000000000" for number in range(4)]
BUSY: dict[str, Any] = {"availability": "Busy", "activity": "InACall"}
NOTE: dict[str, Any] = {"statusMessage": {"message": {"content": "at lunch"}}}
AWAY: dict[str, Any] = {"outOfOfficeSettings": {"isOutOfOffice": True}}
NAMED = "ada@contoso.example"
JSON = "application/json"


class _Tokens:
    """A token, always."""

    def token(self) -> Token:
        return Token("t", None, 1e9)

    def is_app(self) -> bool:
        return True

    def get_ready(self) -> None:
        """Nothing is to be loaded for it."""


class _Graph:
    """Answers as it is told to."""

    def __init__(self) -> None:
        self.says: dict[str, dict[str, Any]] = {}
        self.content_type = JSON
        self.status = 200
        self.cut = 0

    def fetch(self, method: str, _: str, *, content: bytes | None = None, **_more: Any) -> Answer:
        headers = {"content-type": self.content_type}
        if method == "GET":
            return Answer(200, {"content-type": JSON}, json.dumps({"id": IDS[0]}).encode())
        asked = json.loads(content or b"")["ids"]
        value = [{"id": who, **self.says[who]} for who in asked if who in self.says]
        body = json.dumps({"value": value}).encode()
        return Answer(self.status, headers, body[: len(body) - self.cut])


def _client(graph: _Graph, remembered: Remembered) -> GraphClient:
    where = GraphSettings.model_construct(
        users=remembered.users, user=None, base_url="https://graph.example/v1.0", cloud="global"
    )
    return GraphClient(where, _Tokens(), graph.fetch, remembered)  # type: ignore[arg-type]


def _read(client: GraphClient, asked: int) -> Any:
    try:
        reading = client.read()
    except GraphError as error:
        return str(error)
    assert not reading.presences.keys() & reading.troubles.keys()
    assert len(reading.presences) + len(reading.troubles) == asked
    return list(reading.presences.items()), dict(reading.troubles)


entries = st.fixed_dictionaries(
    {
        "availability": st.sampled_from(["Busy", "Busy", "Busy", "no word", 7]),
        "activity": st.sampled_from(["InACall", "InACall", "InACall", "Away"]),
    },
    optional={
        "statusMessage": st.sampled_from([None, *NOTE.values()]),
        "outOfOfficeSettings": st.sampled_from([None, *AWAY.values()]),
    },
)
changes: st.SearchStrategy[Any] = st.one_of(
    st.dictionaries(st.sampled_from(IDS), entries | st.none(), min_size=1, max_size=2),
    st.dictionaries(st.sampled_from(IDS), entries | st.none(), min_size=1, max_size=2),
    st.dictionaries(st.sampled_from(IDS), entries | st.none(), min_size=1, max_size=2),
    st.just({}),
    st.sampled_from([IDS, IDS[::-1], IDS[:3], [NAMED, *IDS[1:]], [*IDS, NAMED]]),
    st.sampled_from([("text/html", 200, 0), (JSON, 503, 0), (JSON, 200, 1), (JSON, 200, 0)]),
)


@settings(max_examples=500)
@example({IDS[1]: BUSY}, [{IDS[1]: BUSY | NOTE}, {IDS[1]: BUSY}, {IDS[1]: BUSY | AWAY}])
@given(st.dictionaries(st.sampled_from(IDS), entries), st.lists(changes, max_size=12))
def test_what_is_remembered_of_the_last_answers_changes_nothing(
    first: dict[str, dict[str, Any]], steps: list[Any]
) -> None:
    graph = _Graph()
    graph.says = first
    remembered = Remembered(Users(tuple(IDS)))
    reader = _client(graph, remembered)
    with mock.patch.object(many, "SLICE", 2):
        for step in [{}, *steps]:
            match step:
                case list():
                    remembered.users = Users(tuple(step))
                case (content_type, status, cut):
                    graph.content_type, graph.status, graph.cut = content_type, status, cut
                case Mapping():
                    changed = {**graph.says, **step}
                    graph.says = {who: entry for who, entry in changed.items() if entry}
            anew = _client(graph, Remembered(remembered.users, dict(remembered.ids)))
            asked = len({IDS[0] if who == NAMED else who for who in remembered.users.people})
            assert _read(reader, asked) == _read(anew, asked)


def test_answers_that_are_the_same_give_the_very_same_reading_and_are_not_looked_into() -> None:
    graph = _Graph()
    graph.says = {who: {"availability": "Busy", "activity": "Busy"} for who in IDS}
    reader = _client(graph, Remembered(Users(tuple(IDS))))
    with mock.patch.object(many, "SLICE", 2):
        first = reader.read()
        with mock.patch.object(answers, "many_presences", side_effect=AssertionError):
            again = reader.read()
        assert again.presences is first.presences
        graph.says[IDS[3]] = {"availability": "Away", "activity": "Away"}
        changed = reader.read()
    assert changed.presences is not first.presences
    assert changed.presences[IDS[2]] is first.presences[IDS[2]]
    assert changed.presences[IDS[3]].availability == "Away"
    # All who do the same share one presence, whatever answer told it.
    assert len({id(each) for each in first.presences.values()}) == 1
