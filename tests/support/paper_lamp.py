"""Plugins of other people's, as a package installer leaves them in a directory of modules."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

LAMP: Final = """
import json, os
from pathlib import Path
from pydantic import Field, SecretStr
from busylight.plugins import Branch, Device, Fault, OutputError

class Settings(Branch):
    file: Path = Field(description="Where the lamp is", examples=["/tmp/lamp"])
    token: SecretStr | None = Field(default=None, description="What it asks for", examples=["x"])
    watts: int = Field(default=5, ge=1, description="How much", examples=["5"])

    def faults(self):
        if self.watts > 9 and self.token is None:
            yield Fault("token", "is missing: so many watts need it")

class Lamp:
    Settings = Settings
    api_version = 1
    def __init__(self, settings):
        self._file = settings.file
    async def __aenter__(self):
        return self
    async def show(self, view):
        light = None if view.light is None else str(view.light)
        with self._file.open("a") as out:
            out.write(f"{view.state} {light}\\n")
    async def __aexit__(self, *_):
        pass
    @staticmethod
    async def check(settings):
        if not settings.file.parent.is_dir():
            raise OutputError(f"{settings.file.parent} is no directory; make it")
        return f"{settings.file} can be written"
    @staticmethod
    def devices():
        yield Device("A lamp of paper", {"file": "/srv/paper"})
"""
"""A whole output, which writes into a file."""

SOURCE: Final = """
import asyncio
from busylight.plugins import Branch, Presence, Reading, SourceError

class Settings(Branch):
    activity: str = "Available"

class Clock:
    Settings = Settings
    def __init__(self, settings):
        self._activity = settings.activity
    async def __aenter__(self):
        return self
    async def readings(self):
        while True:
            yield Reading({"me": Presence("Busy", self._activity)}, {})
            await asyncio.sleep(0.1)
    def refresh(self):
        pass
    async def __aexit__(self, *_):
        pass
"""
"""A whole source."""


def install(
    directory: Path,
    module: str,
    source: str,
    outputs: Mapping[str, str] | None = None,
    sources: Mapping[str, str] | None = None,
) -> Path:
    """Put a distribution into `directory`, which has to be on the path; returns that.

    `outputs` and `sources` map the registered name to what stands after `module:`.
    """
    directory.mkdir(exist_ok=True)
    (directory / f"{module}.py").write_text(source, "utf-8")
    info = directory / f"{module}-2.3.dist-info"
    info.mkdir(exist_ok=True)
    metadata = f"Metadata-Version: 2.1\nName: {module.replace('_', '-')}\nVersion: 2.3\n"
    (info / "METADATA").write_text(metadata, "utf-8")
    lines = []
    for group, parts in (("busylight.outputs", outputs), ("busylight.sources", sources)):
        lines.append(f"[{group}]")
        lines += [f"{name} = {module}:{value}" for name, value in (parts or {}).items()]
    (info / "entry_points.txt").write_text("\n".join(lines), "utf-8")
    return directory
