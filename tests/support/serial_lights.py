"""Views for lamps, and settings that lead to a virtual light."""

from busylight.core.knowledge import Known, NotKnown, Trouble, Why
from busylight.core.light import parse_light
from busylight.core.presence import Presence
from busylight.core.view import Diagnostics, View
from busylight.outputs.serial.settings import Protocol, SerialSettings
from firmware_bridge.virtual_light import TEMPLATE, VirtualLight

DIAGNOSTICS = Diagnostics("graph", version="0", started_at=0.0)
NOTHING = NotKnown(Trouble(Why.STARTING, "nothing has been read yet"), 0.0)


def view(
    light: str, state: str = "busy", *, presence: str | None = None, is_last: bool = False
) -> View:
    """A view of `light`, written as users write it; `presence` is `Availability/Activity`."""
    knowledge = NOTHING
    if presence is not None:
        availability, _, activity = presence.partition("/")
        return View(
            parse_light(light),
            state,
            Known(Presence(availability, activity), 0.0, 0.0),
            None,
            None,
            DIAGNOSTICS,
            is_last=is_last,
        )
    return View(parse_light(light), state, knowledge, None, None, DIAGNOSTICS, is_last=is_last)


def settings(light: VirtualLight, template: str = TEMPLATE, baud: int = 115_200) -> SerialSettings:
    """The settings under which the output writes to `light`."""
    return SerialSettings(
        port=str(light.path), protocol=Protocol.TEMPLATE, template=template, baud=baud
    )
