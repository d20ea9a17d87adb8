"""Puts a built firmware on an AVR board by avrdude, and turns its errors into what to do next."""

import re
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from serial import Serial, SerialException
from serial.tools import list_ports

from firmware_bridge.flashing import AvrBoard, FlashError

TIME_LIMIT: Final = 180.0
"""Seconds that avrdude may take."""
BOOTLOADER_LIMIT: Final = 8.0
"""Seconds until the bootloader's port is there after the touch; it stays for about 8 s."""
_TOUCH_BAUD: Final = 1200

_NO_ANSWER: Final = re.compile(
    r"not in sync|not responding|no device present|unable to open (programmer|port)"
    r"|initialization failed|butterfly|programmer does not",
    re.IGNORECASE,
)
_OTHER_CHIP: Final = re.compile(
    r"signature\W.*?(0x[0-9a-f]{6}|(?:1e [0-9a-f]{2} [0-9a-f]{2}))", re.IGNORECASE
)
_BUSY: Final = re.compile(r"resource busy|temporarily unavailable", re.IGNORECASE)


def flash(board: AvrBoard, port: str, firmware: Path) -> None:
    """Write `firmware`, an Intel HEX file, and read it back; raises `FlashError`."""
    program = shutil.which("avrdude")
    if program is None:
        raise FlashError("avrdude is not installed; on Debian: sudo apt-get install avrdude")
    command = [
        *(program, "-p", board.part, "-c", board.programmer, "-P", port, "-b", str(board.baud)),
        *("-D", "-U", f"flash:w:{firmware}:i"),
    ]
    try:
        done = subprocess.run(  # noqa: S603 -- avrdude, with a board of the table and the user's port
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
            f"avrdude has not ended within {TIME_LIMIT:g} s: unplug the board, plug it in again"
        ) from None
    if done.returncode:
        raise FlashError(remedy(board, port, done.stdout + done.stderr))


def remedy(board: AvrBoard, port: str, said: str) -> str:
    """What helps, by what avrdude `said`."""
    if _BUSY.search(said):
        return f"{port} is in use by another program: end it"
    if "permission denied" in said.lower():
        return f"{port} may not be opened by you: `busylight devices` says what helps"
    if re.search(
        r"expected signature|signature .*(wrong|invalid)|double check chip", said, re.IGNORECASE
    ):
        found = _OTHER_CHIP.search(said)
        which = f" (signature {found[1]})" if found else ""
        return f"{port} has no {board.part}{which}, as a {board.title} has: choose another board"
    if "verif" in said.lower() and re.search(r"mismatch|differ|error", said, re.IGNORECASE):
        return (
            "what was read back is not what was written: try again, with another cable, and "
            "without LEDs on the board"
        )
    if _NO_ANSWER.search(said):
        return (
            f"the bootloader of the {board.title} on {port} does not answer at {board.baud} baud: "
            f"{board.no_answer}"
        )
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    return f"avrdude failed: {'; '.join(lines[-4:]) or 'it said nothing'}"


def device_files() -> set[str]:
    """The serial ports there are."""
    return {port.device for port in list_ports.comports()}


def bootloader_port(port: str, ports: Callable[[], set[str]] = device_files) -> str:
    """Open `port` at 1200 baud, which starts the bootloader; the port that it has then.

    A board that was reset by hand has its bootloader on `port` already: that one is given then.
    """
    before = ports()
    try:
        touched = Serial(port, _TOUCH_BAUD)
        touched.dtr = False
        touched.close()
    except (SerialException, OSError):
        pass  # it may be gone already, and that is what is wanted
    deadline = time.monotonic() + BOOTLOADER_LIMIT
    while time.monotonic() < deadline:
        now = ports()
        if new := now - before:
            return min(new)
        before &= now  # one that went and comes again is new
        time.sleep(0.1)
    return port
