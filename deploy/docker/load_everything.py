"""Loads what the program loads when it runs, so that Python leaves it behind compiled.

It is also the first try of everything that was installed: what cannot be loaded ends the build.
"""

from importlib import import_module
from importlib.metadata import entry_points

from busylight.cli import COMMANDS

EXTRAS = {"busylight_core", "gpiozero"}
"""Loaded by outputs that the image may lack."""

for command in ("run", "health", "login", "check", "status"):
    assert command in COMMANDS  # noqa: S101 -- the build shall end if one has another name now
    import_module(f"busylight.cli.{command}")
# These are loaded on the way to a command.
for module in ("cli.arguments", "edge.core_dumps", "edge.standard_streams"):
    import_module(f"busylight.{module}")
for group in ("busylight.sources", "busylight.outputs"):
    for part in entry_points(group=group):
        try:
            part.load()
        except ModuleNotFoundError as error:
            if error.name not in EXTRAS:
                raise
# These are loaded by the first request.
for module in ("busylight.sources.graph.session", "httpcore", "encodings.idna"):
    import_module(module)
import_module("busylight.addon")
