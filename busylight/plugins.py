"""All that a plugin imports: `from busylight.plugins import View, OutputError`.

What stands in `__all__` keeps its name and its meaning while `API_VERSION` is what it is. Every
other module of Busylight may change at any time. docs/plugins.md tells how to write one.
"""

from busylight.core.knowledge import (
    Knowledge,
    Known,
    NotKnown,
    Reading,
    SignInPrompt,
    Trouble,
    Why,
)
from busylight.core.light import Effect, LightState, shown_rgb
from busylight.core.override import Command, Mode, Override, Refresh, SetLight, SetMode
from busylight.core.presence import Presence
from busylight.core.view import View
from busylight.edge.threads import Worker
from busylight.outputs.blinker import Blinker
from busylight.parts import (
    API_VERSION,
    INHERITED,
    Branch,
    CommaList,
    Device,
    Fault,
    HearingOutput,
    Output,
    OutputError,
    Source,
    SourceError,
    UntilLost,
)

__all__ = [
    "API_VERSION",
    "INHERITED",
    "Blinker",
    "Branch",
    "CommaList",
    "Command",
    "Device",
    "Effect",
    "Fault",
    "HearingOutput",
    "Knowledge",
    "Known",
    "LightState",
    "Mode",
    "NotKnown",
    "Output",
    "OutputError",
    "Override",
    "Presence",
    "Reading",
    "Refresh",
    "SetLight",
    "SetMode",
    "SignInPrompt",
    "Source",
    "SourceError",
    "Trouble",
    "UntilLost",
    "View",
    "Why",
    "Worker",
    "shown_rgb",
]
