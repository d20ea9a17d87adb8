"""`busylight firmware simulate`: a virtual light on a pseudo-terminal, drawn in the terminal."""

import argparse
import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Final

from busylight.cli.common import env_file_is_there
from busylight.demo.audience import light_of
from busylight.outputs.terminal.picture import Depth, draw, light_words
from busylight.outputs.terminal.screen import Screen
from firmware_bridge import protocol
from firmware_bridge.simulate import Painting, SimulatedLight

_FRAME_SECONDS: Final = 0.1
_STATES: Final = {
    protocol.IDLE: "nobody has told it anything",
    protocol.SHOWING: "shown",
    protocol.RELEASED: "released",
    protocol.LOST: "host lost",
}


def run(args: argparse.Namespace) -> None:
    """Show what the light shows, until Ctrl-C or SIGTERM."""
    env_file_is_there(args)
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    with SimulatedLight(None if args.link is None else _free(Path(args.link))) as light:
        print(f"BUSYLIGHT_OUTPUTS=serial\nBUSYLIGHT_SERIAL_PORT={light.path}", flush=True)
        if sys.stdout.isatty():
            _draw(light, ended)
        else:
            _tell(light, ended)


def _free(path: Path) -> Path:
    """`path`, on which nothing but an old link may stand."""
    if path.exists() and not path.is_symlink():
        raise FileExistsError(f"{path} is there already, and is no link of ours: name another path")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"{path.parent} is not there: make it, or name another path")
    return path


def _tell(light: SimulatedLight, ended: threading.Event) -> None:
    told: str | None = None
    while not ended.wait(_FRAME_SECONDS):
        words = _words(light.last)
        if words is not None and words != told:
            told = words
            print(words, flush=True)


def _words(painting: Painting | None) -> str | None:
    if painting is None:
        return None
    return f"{light_words(light_of(painting))} ({_STATES[painting.state]})"


def _draw(light: SimulatedLight, ended: threading.Event) -> None:
    depth = Depth.of(os.environ)
    shown, since = None, time.monotonic()
    with Screen(sys.stdout.fileno()) as screen:
        while not ended.wait(_FRAME_SECONDS):
            painting = light.last
            state = None if painting is None else light_of(painting)
            if state != shown:
                shown, since = state, time.monotonic()
            words = [_words(painting) or "", f"SERIAL_PORT={light.path}", "Ctrl-C ends it"]
            screen.paint(draw(state, time.monotonic() - since, words, depth))
