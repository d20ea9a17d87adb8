"""What is written to a light, and when: bytes and moments. Pure."""

import math
from dataclasses import dataclass
from typing import Final, Protocol

from busylight.core.light import OFF, Effect, LightState

_ROUNDING: Final = 1e-6  # halves of a blink; a moment that was waited for is never before itself


class Wording(Protocol):
    """How a light is told on the wire what to show."""

    @property
    def moves(self) -> bool:
        """Whether the light makes its effects itself; else the host blinks."""
        ...

    def render(self, light: LightState, state: str, *, lit: bool = True) -> bytes:
        """The bytes that show `light`, whose rule is `state`; `lit` is False in a blink's dark."""
        ...


@dataclass(frozen=True, slots=True)
class Rhythm:
    """The seconds that govern a line without answers."""

    repeat: float = 10.0
    """How often the present state is said again, for a light that lost power or a line."""
    deaf: float = 2.5
    """Many boards reset when the port is opened and hear nothing for about 2 s: said once more."""
    half_blink: float = 0.5
    """Contract: 1 Hz, half on."""


@dataclass(frozen=True, slots=True)
class Scene:
    """One state of the light, as bytes."""

    lit: bytes
    dark: bytes | None = None
    """The other half of a blink; None where nothing blinks."""
    left_alone: bool = False
    """Written once and never again: the lamp is left to others."""

    @classmethod
    def of(cls, wording: Wording, light: LightState | None, state: str) -> "Scene":
        """What `wording` makes of a light; None is release: off once, then left alone."""
        if light is None:
            return cls(wording.render(OFF, state), left_alone=True)
        lit, dark = wording.render(light, state), wording.render(light, state, lit=False)
        blinks = light.effect is Effect.BLINK and lit != dark and not wording.moves
        return cls(lit, dark if blinks else None)

    def frame(self, elapsed: float, rhythm: Rhythm) -> bytes:
        """What is to be written `elapsed` seconds after the scene began."""
        if self.dark is None or _halves(elapsed, rhythm) % 2 == 0:
            return self.lit
        return self.dark

    def due(self, rhythm: Rhythm, *, began: float, opened: float, written: float) -> float:
        """When something is to be written again, of what was `written` last; perhaps never."""
        if self.left_alone:
            return math.inf
        if self.dark is not None:
            return began + (_halves(written - began, rhythm) + 1) * rhythm.half_blink
        if written < opened + rhythm.deaf:
            return min(opened + rhythm.deaf, written + rhythm.repeat)
        return written + rhythm.repeat


def _halves(elapsed: float, rhythm: Rhythm) -> int:
    return math.floor(elapsed / rhythm.half_blink + _ROUNDING)
