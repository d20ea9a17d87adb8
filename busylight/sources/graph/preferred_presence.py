"""Sets a person's preferred presence in Teams, and never holds up reading for it."""

from typing import Final

from busylight.core.preferred_presence import Preferred
from busylight.edge.clock import now
from busylight.parts import NotTakenError, SourceError
from busylight.sources.graph.errors import (
    ForbiddenError,
    GraphError,
    NotThereError,
    RefusedQuestionError,
    SignedOutError,
)
from busylight.sources.graph.session import GraphSession
from busylight.sources.graph.settings import GraphSettings

_LOOK_FOR_SIGN_IN: Final = 5.0
"""Seconds between two looks at what is stored here, whether somebody has signed in again."""
_LOOK_FOR_TEAMS: Final = 60.0
_LOOK_FOR_PERMISSION: Final = 300.0


class PreferredPresenceWriter:
    """Asks with connections, a thread and a token of its own; the limits are the reader's, too."""

    def __init__(self, settings: GraphSettings, reading: GraphSession, *, deadline: float) -> None:
        """Open nothing before there is something to write; `reading` is the reader's session."""
        self._settings = settings
        self._reading = reading
        self._deadline = deadline
        self._opened: GraphSession | None = None
        self._is_closed = False

    async def prefer(self, wanted: Preferred | None, seconds: int) -> None:
        """Set it for so long; None: clear it. Raises `NotTakenError`."""
        if self._is_closed:
            raise NotTakenError("the source is begun anew", wait=1.0)
        left = self._reading.not_before - now()
        if left > 0:
            raise NotTakenError(f"Microsoft asks to be left alone for {left:.0f} s", wait=left)
        try:
            session = await self._session()
            await session.prefer(wanted, seconds)
        except SourceError as error:
            raise NotTakenError(str(error)) from error
        except GraphError as error:
            if error.retry_after is not None:  # the limit is the app's: it is the reader's, too
                until = now() + error.retry_after
                self._reading.not_before = max(self._reading.not_before, until)
            raise _not_taken(error) from error

    async def close(self) -> None:
        """Close connections, and end what is being asked."""
        self._is_closed = True
        if self._opened is not None:
            opened, self._opened = self._opened, None
            await opened.__aexit__(None, None, None)

    async def _session(self) -> GraphSession:
        if self._opened is None:
            session = GraphSession(self._settings, deadline=self._deadline, writes=True)
            self._opened = await session.__aenter__()
        return self._opened


def _not_taken(error: GraphError) -> NotTakenError:
    if isinstance(error, SignedOutError):
        return NotTakenError(str(error), wait=_LOOK_FOR_SIGN_IN)
    if isinstance(error, ForbiddenError):
        return NotTakenError(str(error), wait=_LOOK_FOR_PERMISSION)
    if isinstance(error, NotThereError):
        return NotTakenError(str(error), wait=_LOOK_FOR_TEAMS)
    if isinstance(error, RefusedQuestionError):
        return NotTakenError(str(error), wait=None)
    return NotTakenError(str(error), wait=error.retry_after or 0.0)
