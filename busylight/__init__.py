"""Busylight: a person's Microsoft Teams presence, shown truthfully on a physical light."""

__version__ = "0.1.0"
