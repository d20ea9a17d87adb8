"""Adalight, which Prismatik, Hyperion and many sketches for strips speak: a colour a pixel. Pure.

The header is `Ada`, the number of pixels less one (high byte first), and both of its bytes
exclusive-or 0x55; then red, green and blue of each pixel.
https://github.com/adafruit/Adalight
"""

from dataclasses import dataclass
from typing import ClassVar, Final

from busylight.core.light import OFF, LightState, shown_rgb
from busylight.outputs.serial.scene import Rhythm

RHYTHM: Final = Rhythm(repeat=1.0)
"""Sketches go dark, and WLED goes back to its own light, when nothing comes for some seconds."""
HEADER: Final = 6
"""Bytes before the colours."""


@dataclass(frozen=True, slots=True)
class Adalight:
    """All pixels of a strip in one colour."""

    pixels: int
    moves: ClassVar[bool] = False

    def render(self, light: LightState, state: str, *, lit: bool = True) -> bytes:  # noqa: ARG002 -- a Wording's
        """One frame."""
        high, low = divmod(self.pixels - 1, 256)
        header = b"Ada" + bytes((high, low, high ^ low ^ 0x55))
        return header + bytes(shown_rgb(light if lit else OFF)) * self.pixels
