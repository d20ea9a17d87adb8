"""The terminal has no settings of its own."""

from busylight.parts import Branch


class TerminalSettings(Branch):
    """Nothing to set."""
