"""All that an output may show. A lamp looks at the light alone; MQTT publishes all of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from busylight.core.knowledge import Knowledge, SignInPrompt
from busylight.core.light import LightState
from busylight.core.override import Mode, Override, Press
from busylight.core.preferred_presence import PreferredHealth
from busylight.core.reader import Duty, Peers, Reader, Role


class PartState(StrEnum):
    """How an output is. The words stand in diagnostics."""

    CONNECTING = "connecting"
    CONNECTED = "connected"
    RELEASED = "released"
    """Connected, and the lamp is left to others."""
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class PartHealth:
    """One output's health."""

    state: PartState = PartState.CONNECTING
    error: str | None = None
    """What went wrong last and what to do about it; None while it is well."""
    has_button: bool = False
    """Whether it is connected to a light with a button."""


@dataclass(frozen=True, slots=True)
class ButtonEvent:
    """One press of a light's button."""

    press: Press
    number: int
    """Of the presses since the program began: no two of them are the same event."""
    at: float


@dataclass(frozen=True, slots=True)
class Standing:
    """How one of two readers stands."""

    role: Role
    leads: bool
    reads: bool
    """Whether its own readings go well."""
    peers: Peers | None
    """What is known of both; None while the broker is not there."""


def standing_of(reader: Reader, now: float) -> Standing:
    """How a reader stands; on what the other one's word rests is nobody's business."""
    peers = replace(reader.peers, good=None) if reader.joined and reader.peers else None
    return Standing(reader.role, reader.leads(now), reader.reads(now), peers)


@dataclass(frozen=True, slots=True)
class Diagnostics:
    """What the program says about itself."""

    source: str
    """The source's name."""
    version: str
    started_at: float
    signed_in: bool = False
    account: str | None = None
    last_success: float | None = None
    """When the last good reading was made, brought up to date at most once a minute."""
    last_error: str | None = None
    outputs: Mapping[str, PartHealth] = field(default_factory=lambda: MappingProxyType({}))
    faults: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    """How often each output, or the `source`, has failed since the start, if ever."""
    blocked: str | None = None
    """The part for which the program had to be started again, and why."""
    preferred_presence: PreferredHealth | None = None
    """What has become of what Teams was to be told; None: nothing is told to Teams."""
    credential: str | None = None
    """That the app's own secret or certificate ends soon, and what to do; None: it does not."""
    reader: Standing | None = None
    """With a spare reader: how this one of the two stands."""


@dataclass(frozen=True, slots=True)
class Person:
    """One of several people."""

    knowledge: Knowledge
    light: LightState | None


NO_PEOPLE: Final[Mapping[str, Person]] = MappingProxyType({})
"""Where not several people are watched."""


def same_people(before: Mapping[str, Person] | None, after: Mapping[str, Person]) -> bool:
    """Whether nothing can be new of anybody: it is the very same, and nobody can change it."""
    return after is before and type(after) is MappingProxyType


@dataclass(frozen=True, slots=True)
class View:
    """What is to be shown at this moment."""

    light: LightState | None
    """None: release the lamp."""
    state: str
    """What decided it: a rule's key in lower case, `off` or `manual`."""
    knowledge: Knowledge
    """Of the person (of several: the busiest) whom the light is about."""
    override: Override | None
    sign_in: SignInPrompt | None
    diagnostics: Diagnostics
    people: Mapping[str, Person] = field(default_factory=lambda: NO_PEOPLE)
    """By id, when several people are watched; else empty."""
    unread_light: LightState | None = None
    """While nothing is known: what the light of somebody who has not been read shows."""
    button: ButtonEvent | None = None
    """The last press."""
    walk_ends_at: float | None = None
    """When the walk through the palette ends that the light is on; None: it is on none."""
    duty: Duty = field(default_factory=Duty)
    """What is nobody's business but the output's that speaks for one of two readers."""
    is_last: bool = False
    """Whether the program ends after this one."""

    @property
    def mode(self) -> Mode:
        """What decides about the light."""
        return Mode.AUTO if self.override is None else self.override.mode
