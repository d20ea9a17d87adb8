"""Many people: asked for by the slice, and looked into only where an answer is a new one."""

import hashlib
import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from busylight.core.knowledge import Reading, Trouble, Why
from busylight.core.presence import Presence
from busylight.edge.clock import now
from busylight.sources.graph import answers
from busylight.sources.graph.api import GraphApi
from busylight.sources.graph.errors import AnswerError, ForbiddenError, NotThereError
from busylight.sources.graph.http import ONE_PERSON, Answer
from busylight.sources.graph.names import Names, Remembered
from busylight.sources.graph.settings import Users, is_guid
from busylight.sources.graph.tokens import Tokens

_LOG: Final = logging.getLogger(__name__.rpartition(".")[0])

SLICE: Final = 650
"""People in one request: Graph's own limit."""

NAMES_A_ROUND: Final = 200
"""Principal names that are looked up in one reading: the others are read meanwhile."""
_SAME_LIMIT: Final = 1000  # presences that are kept once for all who have them
_A_PERSON: Final = 4096  # bytes that each person's entry in a bulk answer may have


@dataclass(frozen=True, slots=True)
class _Whom:
    """Whom to ask for many people."""

    users: Users
    people: Sequence[str]
    """Their object ids."""
    names: Mapping[str, str]
    """By object id, of those whom the settings name so."""
    troubles: Mapping[str, Trouble]
    """Of those whose object id is not known."""
    until: float
    """When a name has to be looked up next."""


@dataclass(frozen=True, slots=True)
class _Slice:
    """An answer about some of many people, as far as it is remembered."""

    digest: bytes
    faults: Mapping[str, Trouble]


@dataclass(frozen=True, slots=True)
class _Round:
    """The last answers about all of many people, and what they came to."""

    whom: _Whom
    slices: Sequence[_Slice]
    presences: Mapping[str, Presence]


class ManyPeople:
    """Reads the presence of all whom the settings, or their file, name."""

    def __init__(self, api: GraphApi, tokens: Tokens, names: Names, remembered: Remembered) -> None:
        """Ask nothing yet."""
        self._api = api
        self._tokens = tokens
        self._names = names
        self._remembered = remembered
        self._whom_before: _Whom | None = None
        self._round: _Round | None = None
        self._same: dict[Presence, Presence] = {}

    def read(self) -> Reading:
        """Read all of them once; raises a `GraphError`."""
        token = self._tokens.token()
        whom = self._whom()
        last = self._round if self._round is not None and self._round.whom is whom else None
        before: Mapping[str, Presence] = {} if last is None else last.presences
        asked = [whom.people[at : at + SLICE] for at in range(0, len(whom.people), SLICE)]
        slices: list[_Slice] = []
        news: dict[int, dict[str, Presence]] = {}
        for number, some in enumerate(asked):
            answer = self._post_ids(some)
            digest = _digest(answer)
            if last is not None and last.slices[number].digest == digest:
                slices.append(last.slices[number])
                continue
            document = answers.read_object(answer.content_type, answer.body)
            found, faults = answers.many_presences(document, some, whom.names, before, self._same)
            news[number] = found
            slices.append(_Slice(digest, {who: error.trouble for who, error in faults.items()}))
        if news or last is None:
            if len(self._same) > _SAME_LIMIT:
                self._same = {}
            presences: dict[str, Presence] = {}
            for number, some in enumerate(asked):
                if number in news:
                    presences.update(news[number])
                else:
                    presences.update((who, before[who]) for who in some if who in before)
            self._round = last = _Round(whom, slices, MappingProxyType(presences))
        troubles = dict(whom.troubles)
        for each in slices:
            troubles.update(each.faults)
        return Reading(last.presences, troubles, token.account.name if token.account else None)

    def _whom(self) -> _Whom:
        """Whom to ask for; the very same as before while no name has to be looked up."""
        users, before = self._people(), self._whom_before
        if before is not None and before.users is users and now() < before.until:
            return before
        names: dict[str, str] = {}
        troubles: dict[str, Trouble] = {}
        found: dict[str, None] = {}
        until = math.inf
        asked_before = self._names.asked
        for user in users.people:
            if self._names.asked - asked_before >= NAMES_A_ROUND and not self._names.is_settled(
                user
            ):
                troubles[user] = Trouble(Why.STARTING, "the name has not been looked up yet")
                until = 0.0
                continue
            try:
                person = self._names.resolve(user)
            except (NotThereError, ForbiddenError, AnswerError) as error:
                if error.retry_after is not None:
                    raise
                troubles[user] = error.trouble  # the others are read all the same
                until = min(until, self._names.unknown_until(user))
                continue
            found[person] = None
            if not is_guid(user):
                names[person] = user
        self._whom_before = whom = _Whom(users, list(found), names, troubles, until)
        return whom

    def _post_ids(self, people: Sequence[str]) -> Answer:
        ids = '","'.join(people)  # of object ids nothing has to be quoted
        return self._api.answer(
            "POST",
            "/communications/getPresencesByUserId",
            content=f'{{"ids":["{ids}"]}}'.encode(),
            limit=ONE_PERSON + _A_PERSON * len(people),
        )

    def _people(self) -> Users:
        """Whom to read now: a file of people is read again when it has changed."""
        remembered = self._remembered
        try:
            remembered.users = remembered.users.again()
        except ValueError as error:
            if remembered.said != str(error):
                remembered.said = str(error)
                _LOG.warning("BUSYLIGHT_GRAPH_USERS %s; the people of before are read on", error)
        return remembered.users


def _digest(answer: Answer) -> bytes:
    """What tells one answer from another."""
    digest = hashlib.blake2b(answer.content_type.encode(), digest_size=32)
    digest.update(b"\n")
    digest.update(answer.body)
    return digest.digest()
