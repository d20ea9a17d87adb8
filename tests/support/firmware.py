"""Settings that lead to a light of our own firmware, and one that loses what it is told to."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

from busylight.outputs.serial.settings import SerialSettings
from firmware_bridge import protocol
from firmware_bridge.simulate import SimulatedLight

Look = tuple[int, int, int]

DEAF: Final = 1.6
"""Seconds after a light was greeted in which a press may be one of before: no sign ends it."""


def settings_for(light: SimulatedLight) -> SerialSettings:
    """Our own protocol, on the light's port."""
    return SerialSettings(port=str(light.path))


def shows(rgb: Look, state: int = protocol.SHOWING) -> Callable[[SimulatedLight], bool]:
    """Whether a light shows a colour, before gamma."""

    def does(light: SimulatedLight) -> bool:
        last = light.last
        return last is not None and (last.look[:3], last.state) == (rgb, state)

    return does


class LossyLight(SimulatedLight):
    """Loses the next `deaf` pieces that come, and the next `mute` answers."""

    def __init__(self, path: Path | None = None) -> None:
        super().__init__(path)
        self.deaf = 0
        self.mute = 0

    def took(self, content: bytes) -> None:
        if self.deaf:
            self.deaf -= 1
            return
        super().took(content)

    def say(self, content: bytes) -> bool:
        if self.mute:
            self.mute -= 1
            return False
        return super().say(content)
