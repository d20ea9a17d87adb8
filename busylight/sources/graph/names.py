"""Whose object id belongs to a principal name: asked for once, and remembered."""

from dataclasses import dataclass, field
from typing import Final
from urllib.parse import quote

from busylight.edge.clock import now
from busylight.sources.graph import answers
from busylight.sources.graph.api import CONSENT, GraphApi, Need
from busylight.sources.graph.errors import ForbiddenError, GraphError, NotThereError
from busylight.sources.graph.settings import Users, is_guid

_UNRESOLVED_SECONDS: Final = 900.0  # until a name that Graph does not know is asked for again


@dataclass(slots=True)
class _Unresolved:
    """A principal name whose object id is not to be had, and until when that is believed."""

    error: GraphError
    until: float


@dataclass(slots=True)
class Remembered:
    """What outlives a client, which goes with its connections."""

    users: Users
    """Whom a file of people has named last."""
    ids: dict[str, str] = field(default_factory=dict)
    """The object ids of names that were looked up."""
    said: str = ""
    """What was last said to be wrong with the file."""


class Names:
    """Looks up names."""

    def __init__(self, api: GraphApi, ids: dict[str, str]) -> None:
        """Ask nothing yet; `ids` are those that were found before, and get those to come."""
        self._api = api
        self._ids = ids
        self._unresolved: dict[str, _Unresolved] = {}
        self.asked = 0
        """How many have been asked for."""

    def resolve(self, user: str) -> str:
        """The object id of a person; a principal name is asked for once. Raises a `GraphError`."""
        if is_guid(user):
            return user if user.islower() else user.lower()
        if (known := self._ids.get(user)) is not None:
            return known
        before = self._unresolved.get(user)
        if before is not None and now() < before.until:
            raise before.error.with_traceback(None)
        self.asked += 1
        try:
            answer = self._api.get(
                f"/users/{quote(user, safe='@')}?$select=id",
                Need(
                    "User.ReadBasic.All",
                    f"{CONSENT}, or give the object id (GUID) of {user} in place of the name",
                ),
            )
            person = answers.person_id(answer)
        except NotThereError:
            error: GraphError = NotThereError(
                f"Graph knows nobody called {user}", "check the name, or give the object id (GUID)"
            )
        except ForbiddenError as forbidden:
            error = forbidden
        else:
            self._ids[user] = person
            self._unresolved.pop(user, None)
            return person
        self._unresolved[user] = _Unresolved(error, now() + _UNRESOLVED_SECONDS)
        raise error

    def is_settled(self, user: str) -> bool:
        """Whether nothing has to be asked to know who it is, or that nobody is."""
        if is_guid(user) or user in self._ids:
            return True
        before = self._unresolved.get(user)
        return before is not None and now() < before.until

    def unknown_until(self, user: str) -> float:
        """When it will be asked for again who that is; 0: at once."""
        before = self._unresolved.get(user)
        return 0.0 if before is None else before.until
