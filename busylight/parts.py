"""The faces behind which every source and every output works, ours and other people's.

Whatever is hard (trying again, only the newest state, time limits, health, dimming) is done by
the program around a part, never by the part.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Annotated, Final, NoReturn, Protocol, Self, runtime_checkable

from pydantic import BaseModel, BeforeValidator, ConfigDict

from busylight.core.knowledge import Reading, Trouble
from busylight.core.override import Command
from busylight.core.preferred_presence import Preferred
from busylight.core.reader import News
from busylight.core.view import View

API_VERSION: Final = 1
"""The version of these faces: it grows when a part that was written for the last one would fail.

A part says which one it was written for by `api_version`; without it, 1.
"""


@dataclass(frozen=True, slots=True)
class Device:
    """Something that an output could drive, as `busylight devices` lists it."""

    name: str
    """What it is, for people: `Luxafor Flag`."""
    settings: Mapping[str, str]
    """The settings that select it, by the field of the output's `Settings`; may be empty."""
    problem: str | None = None
    """What keeps this user from it, and what helps."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong with the settings of a part."""

    field: str
    """The setting's field, as the part's `Settings` has it."""
    problem: str
    """What is wrong, as the rest of a sentence that begins with the variable."""
    example: str | None = None
    """A value that would be right, where the field's own example is not to the point."""


class _Inherited:
    def __repr__(self) -> str:
        return "INHERITED"


INHERITED: Final = _Inherited()
"""Marks a field of a part's settings that takes the program's own setting of the same name."""


def _comma_list(value: object) -> object:
    if not isinstance(value, str):
        return value
    return tuple(word.strip().lower() for word in value.split(",") if word.strip())


CommaList = Annotated[tuple[str, ...], BeforeValidator(_comma_list)]
"""The type of a setting that is a list of words, parted by commas."""


class Branch(BaseModel):
    """The settings of one part: plain fields with `description` and `examples`.

    Each field is an environment variable with the part's prefix; a `SecretStr` may also be
    given as `…_FILE`. A field marked `Annotated[…, INHERITED]` is no variable of the part's: it
    takes the value of the program's own setting of that name (`id`, `name`, `interval`, …).
    What no single field can know is said by `faults`.
    """

    # Deferred: pydantic compiles a model when it is first used, and most kinds of light never are.
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    def faults(self) -> Iterable[Fault]:
        """Say what is wrong with fields that are each right by themselves."""
        return ()


class PartError(Exception):
    """A part cannot do its work now; the text says what to do about it. It is tried again."""


class NotTakenError(PartError):
    """What was to be written was not taken."""

    def __init__(self, problem: str, *, wait: float | None = 0.0) -> None:
        """`wait`: seconds for which it is of no use to try again; None: it never will be.

        0: nobody can tell, and it may have been taken after all.
        """
        super().__init__(problem)
        self.wait = wait


class OutputError(PartError):
    """An output cannot show anything now."""


class SourceError(PartError):
    """A source cannot read anything now."""


class Output(Protocol):
    """A light, or anything else that shows what is known.

    The class has `Settings`, and is called with them. Entering connects, leaving says goodbye;
    all is called by one task, and after any error the object is thrown away and a new one made.
    What is shown is dimmed by `BRIGHTNESS` already, and only when more than the diagnostics has
    changed, unless the class says `dimmed = False`: it is no lamp, and is shown everything.

    Three things the class may have besides: `async def check(settings) -> str`, a static method
    that tries what the settings name without changing what it shows, and says what it found or
    raises `OutputError`; `def devices() -> Iterable[Device]`, a static method that lists what
    could be driven (it may block, and is called in a thread with a time limit); and `def
    seconds_to_show(self, view) -> float`, for a view that may take longer than ten seconds.
    """

    @property
    def Settings(self) -> type[BaseModel]:  # noqa: N802 -- a class within the class
        """The model of the output's settings."""
        ...

    async def __aenter__(self) -> Self:
        """Connect; raise `OutputError`."""
        ...

    async def show(self, view: View) -> None:
        """Show it, and return when it is shown; raise `OutputError`."""
        ...

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None:
        """Let go."""
        ...


@runtime_checkable
class HearingOutput(Protocol):
    """An output that hears, too: commands from MQTT, a button on the light, a pulled cable.

    One that is connected to a light with a button has `has_button` true, for whoever shows that.
    """

    def events(self) -> AsyncIterator[Command | News]:
        """Yield what is asked for, as long as the connection lives; raise `OutputError`."""
        ...


class UntilLost(AsyncIterator[Command]):
    """The events of an output that asks for nothing, but notices at once when it is cut off."""

    def __init__(self, lost: "asyncio.Future[OutputError]") -> None:
        """`lost` gets its result, why nothing can be shown any more, as soon as that is known."""
        self._lost = lost

    async def __anext__(self) -> NoReturn:
        """Wait for the end."""
        error = await asyncio.shield(self._lost)
        raise type(error)(*error.args)


class Source(Protocol):
    """Where presence comes from.

    It says something (the same trouble again, perhaps) before `STALE_AFTER` has passed. One that
    is silent for a minute longer is taken to hang and begun anew, unless its attribute
    `may_be_silent` says how many seconds it may take.
    """

    async def __aenter__(self) -> Self:
        """Begin; raise `SourceError`."""
        ...

    def readings(self) -> AsyncIterator[Reading | Trouble]:
        """Yield what is read, and what kept us from reading, for ever."""
        ...

    def refresh(self) -> None:
        """Read as soon as may be."""
        ...

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None:
        """Let go."""
        ...


@runtime_checkable
class PacedSource(Protocol):
    """A source that asks, and can be told to ask less often for a time."""

    def pace(self, seconds: float) -> None:
        """Leave so many seconds between two readings at least; 0: as it is set.

        A reading that is the later for it says so: `Reading.slowed_to`.
        """
        ...


@runtime_checkable
class WritingSource(Protocol):
    """A source where a person's preferred presence can be set, too."""

    async def prefer(self, wanted: Preferred | None, seconds: int) -> None:
        """Set it for so long; None: clear it. Raises `NotTakenError`. Reading goes on meanwhile."""
        ...
