"""A patch of colour in the terminal, where the terminal can show one."""

import os
import sys

from busylight.core.light import LightState, shown_rgb


def swatch(light: LightState | None) -> str:
    """Two cells in the light's colour; a plain mark where there are no colours."""
    if not sys.stdout.isatty() or os.environ.get("NO_COLOR"):
        return "--" if light is None or light.is_dark else "##"
    if light is None:
        return "--"
    red, green, blue = shown_rgb(light)
    return f"\x1b[48;2;{red};{green};{blue}m  \x1b[0m"
