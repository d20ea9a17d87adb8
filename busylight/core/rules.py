"""What the settings say about what is shown."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from busylight.core.adaptive import Adaptive
from busylight.core.button import DEFAULT_ACTIONS, Action, parse_action
from busylight.core.hours import Hours
from busylight.core.override import Press
from busylight.core.palette import Palette


@dataclass(frozen=True, slots=True)
class Rules:
    """What does not change while the program runs."""

    palette: Palette
    stale_after: float
    """Seconds without a good reading until a presence is not known any more."""
    source: str
    """The source's name."""
    version: str
    many: bool = False
    """Whether several people are watched."""
    hours: Hours | None = None
    """Working hours; None: always."""
    adaptive: Adaptive | None = None
    """How reading adapts; None: it does not."""
    minimum_duration: float = 0.0
    """Seconds that a presence is shown at least; what is busier comes at once."""
    buttons: Mapping[Press, Action] = field(
        default_factory=lambda: MappingProxyType(
            {press: parse_action(text) for press, text in DEFAULT_ACTIONS.items()}
        )
    )
    """What each kind of press of the light's button asks for."""
