"""A plugin that goes wrong on demand: an output and a source, installed as anybody's would be."""

import time
from typing import Final

from tests.support.meddling import prepend_path
from tests.support.program import Home

_MODULE: Final = """
import asyncio, os, threading, time
from pathlib import Path
from pydantic import BaseModel
from busylight.core.knowledge import Reading
from busylight.core.presence import Presence

HERE = Path(__file__).parent
leaked = []

def note(text):
    with (HERE / "log").open("a") as file:
        file.write(f"{time.monotonic()} {text}\\n")

async def misbehave():
    mode = (HERE / "mode").read_text()
    if mode == "raise":
        raise RuntimeError("a plugin's fault")
    if mode == "exit":
        raise SystemExit(7)
    if mode == "cancel":
        raise asyncio.CancelledError
    if mode == "unsayable":
        raise Unsayable
    if mode == "own exit":
        raise OwnExit
    if mode == "exit in a task":
        await asyncio.gather(asyncio.create_task(leave()))
    if mode == "endless words":
        raise RuntimeError("x " * 10**6)
    if mode == "hang":
        await asyncio.Event().wait()
    if mode == "swallow":
        while True:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                pass
    if mode == "thread":
        await asyncio.to_thread(time.sleep, 3600)
    if mode == "block":
        note("blocks")
        time.sleep(3600)
    if mode == "leak":
        leaked.append(asyncio.create_task(asyncio.sleep(3600)))
        raise RuntimeError("leaks")

class Unsayable(Exception):
    def __str__(self):
        raise KeyError("str")

class OwnExit(BaseException):
    pass

async def leave():
    raise SystemExit(7)

class Output:
    class Settings(BaseModel):
        pass
    def __init__(self, settings):
        note("made")
    async def __aenter__(self):
        return self
    async def show(self, view):
        await misbehave()
        note(f"shows {view.state}")
    async def __aexit__(self, *exc):
        pass

class Source:
    class Settings(BaseModel):
        pass
    def __init__(self, settings):
        note("made")
    async def __aenter__(self):
        return self
    def refresh(self):
        pass
    async def readings(self):
        while True:
            await misbehave()
            yield Reading({"someone": Presence("Busy", "InACall")}, {})
            await asyncio.sleep(0.5)
    async def __aexit__(self, *exc):
        pass
"""
_ENTRY_POINTS: Final = """[busylight.outputs]
faulty = faulty_part:Output
[busylight.sources]
faultysource = faulty_part:Source
"""


class FaultyPlugin:
    """The output `faulty` and the source `faultysource` of the program in `home`."""

    def __init__(self, home: Home) -> None:
        """Well at first. To be made before the program is started."""
        self._directory = home.directory / "plugin"
        information = self._directory / "faulty_part-1.0.dist-info"
        information.mkdir(parents=True)
        (information / "METADATA").write_text(
            "Metadata-Version: 2.1\nName: faulty-part\nVersion: 1.0\n"
        )
        (information / "entry_points.txt").write_text(_ENTRY_POINTS)
        (self._directory / "faulty_part.py").write_text(_MODULE)
        (self._directory / "log").touch()
        self.be("well")
        prepend_path(home, self._directory)

    def be(self, mode: str) -> None:
        """Behave so from now on; the modes are those of `misbehave` above, and `well`."""
        new = self._directory / "mode.new"
        new.write_text(mode)
        new.replace(self._directory / "mode")

    @property
    def log(self) -> list[tuple[float, str]]:
        """What it did, and when, in seconds of `time.monotonic`."""
        lines = (self._directory / "log").read_text().splitlines()
        return [(float(at), text) for at, _, text in (line.partition(" ") for line in lines)]

    def did(self, text: str, after: float = 0.0) -> float | None:
        """When it first did this after that moment; None: not yet."""
        return next((at for at, done in self.log if done == text and at > after), None)

    def forget(self) -> float:
        """The present moment, for `did`."""
        return time.monotonic()
