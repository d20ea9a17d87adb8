"""Puts the firmware on a board with MicroPython by mpremote, run as a program."""

import ast
import importlib.util
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from firmware_bridge.flashing import FlashError
from firmware_bridge.micropython import FILES, SETTINGS

TIME_LIMIT: Final = 120.0
"""Seconds that all copying may take."""
_MAKE_DIRECTORY: Final = (
    "import os\nif 'firmware_bridge' not in os.listdir():\n os.mkdir('firmware_bridge')"
)
_HAS_SETTINGS: Final = f"import os\nprint({SETTINGS!r} in os.listdir())"
_CHOICES: Final = {"KIND": ("neopixel", "pwm", "leds"), "ORDER": ("GRB", "RGB")}
_MOST: Final = {"PIXELS": 65_535, "LIMIT_MA": 65_535, "CHANNEL_MA": 255}
_ASSIGNMENT: Final = re.compile(r"^([A-Z_]+) = (.*)$", re.MULTILINE)


def flash(port: str, settings: Mapping[str, str]) -> None:
    """Copy all files, and restart the board; raises `FlashError`.

    Its light_settings.py is kept; but what `settings` names is changed in it.
    """
    if importlib.util.find_spec("mpremote") is None:
        raise FlashError("mpremote is not installed: pip install 'busylight-presence[firmware]'")
    has_settings = _mpremote(port, "exec", _HAS_SETTINGS).strip().endswith("True")
    with TemporaryDirectory(prefix="busylight-flash-") as directory:
        files = dict(FILES)
        if has_settings and not settings:
            del files[SETTINGS]
        else:
            text = FILES[SETTINGS].read_text("utf-8")
            if has_settings:
                text = _mpremote(port, "fs", "cat", f":{SETTINGS}").replace("\r\n", "\n")
            files[SETTINGS] = Path(directory) / SETTINGS
            files[SETTINGS].write_text(with_settings(text, settings), "utf-8")
        steps = ["exec", _MAKE_DIRECTORY]
        for place, path in files.items():
            steps += ["+", "fs", "cp", str(path), f":{place}"]
        _mpremote(port, *steps, "+", "reset")


def with_settings(text: str, settings: Mapping[str, str]) -> str:
    """A light_settings.py with some values changed; raises `FlashError`."""
    known = {found[1]: _plain(*found.groups()) for found in _ASSIGNMENT.finditer(text)}
    for name, value in settings.items():
        if name not in known:
            raise FlashError(f"{name}: settings of this board are {', '.join(known)}")
        known[name] = _value(name, value, known[name])
        text = re.sub(rf"^{name} = .*$", f"{name} = {known[name]!r}", text, flags=re.MULTILINE)
    _check(known)
    return text


def _check(settings: Mapping[str, object]) -> None:
    """Raise `FlashError` if a board would do something else than what is meant."""
    for name, choices in _CHOICES.items():
        if settings.get(name, choices[0]) not in choices:
            raise FlashError(f"{name}={settings[name]}: there are {', '.join(choices)}")
    for name, most in _MOST.items():
        value = settings.get(name, 1)
        if not isinstance(value, int) or not 1 <= value <= most:
            raise FlashError(f"{name}={value}: 1 to {most} is expected")
    pins = settings.get("PINS")
    if isinstance(pins, tuple) and "KIND" in settings:
        kind = settings["KIND"]
        wanted, example = (1, "PINS=0") if kind == "neopixel" else (3, "PINS=16,17,18")
        if len(pins) != wanted:
            raise FlashError(f"KIND={kind} takes {wanted} of PINS, not {len(pins)}: {example}")


def _plain(name: str, written: str) -> object:
    try:
        return ast.literal_eval(written)
    except (ValueError, SyntaxError):
        raise FlashError(
            f"{SETTINGS} on the board has {name} = {written}, which is no plain value: change it "
            "there by hand, or write the value out"
        ) from None


def _value(name: str, given: str, like: object) -> object:
    """The value, of the kind that the board has there."""
    if isinstance(like, str):
        return given
    try:
        value = ast.literal_eval(given)
    except (ValueError, SyntaxError):
        value = None
    if isinstance(like, tuple) and isinstance(value, int):
        value = (value,)
    if type(value) is not type(like):
        raise FlashError(f"{name}={given} is not of the kind of {like!r}")
    return value


def _mpremote(port: str, *steps: str) -> str:
    # `resume`: a soft reset would run main.py, or make a board with our USB names drop from USB.
    command = [sys.executable, "-m", "mpremote", "connect", port, "resume", *steps]
    try:
        done = subprocess.run(  # noqa: S603 -- mpremote, with files of ours and the user's port
            command,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=TIME_LIMIT,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except subprocess.TimeoutExpired:
        raise FlashError(
            f"{port} has not taken the files within {TIME_LIMIT:g} s: unplug the board, plug it in "
            "again, and try once more"
        ) from None
    if done.returncode:
        raise FlashError(remedy(port, done.stdout + done.stderr))
    return done.stdout


def remedy(port: str, said: str) -> str:
    """What helps, by what mpremote `said`."""
    if re.search(r"in use|resource busy|temporarily unavailable", said, re.IGNORECASE):
        return f"{port} is in use by another program: end it"
    if "could not enter raw repl" in said.lower():
        return (
            f"no MicroPython answers on {port}: put it on the board first (micropython.org has the "
            "file for each), and see that no other program runs there"
        )
    if re.search(r"ENOSPC|No space", said):
        return f"the board on {port} is full: take files off it with `mpremote rm`"
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    return f"mpremote failed: {lines[-1] if lines else 'it said nothing'}"
