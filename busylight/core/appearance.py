"""How the same view looks on one of several outputs: its brightness, its colours, its wiring."""

from dataclasses import dataclass, replace
from typing import Final

from busylight.core.light import dimmed, reordered
from busylight.core.palette import Palette
from busylight.core.view import View

RGB: Final = "rgb"


@dataclass(frozen=True, slots=True)
class Appearance:
    """What is set for one output; what is not is as everywhere."""

    brightness: int | None = None
    """Percent, in the place of the program's; on an output that is no lamp, too."""
    palette: Palette | None = None
    """The whole table for this output; None: the program's."""
    color_order: str = RGB
    """In which order a lamp takes red, green and blue."""

    def applied(self, view: View, brightness: int, *, is_lamp: bool) -> View:
        """The view as this output shall show it; `brightness` is the program's, in percent.

        What is no lamp is dimmed only if that was asked for of it alone, and has no wires.
        """
        if view.light is None:
            return view
        percent = self.brightness
        if percent is None:
            percent = brightness if is_lamp else 100
        light = dimmed(view.light, percent)
        return replace(view, light=reordered(light, self.color_order) if is_lamp else light)


AS_EVERYWHERE: Final = Appearance()
