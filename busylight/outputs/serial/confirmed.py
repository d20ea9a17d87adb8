"""The port that a person has confirmed to be our light's, kept in the state directory.

Boards behind a bridge chip (CH340, CP210x), and some others, cannot say by their USB names what
they are: one is named once, answers as our light does, and is found by `auto` from then on.
"""

import json
import os
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from busylight.edge.files import write_private
from busylight.outputs.serial.identity import Device, Identity, identity_of, same_device

FILE: Final = "serial_light.json"


def device_of(path: str, ports: Sequence[Device]) -> Device:
    """The device on `path`; one that is not on USB is known by its path alone."""
    real = os.path.realpath(path)
    return next((port for port in ports if port.path == real), Device(path, None))


def remember(state_dir: Path, path: str, ports: Sequence[Device]) -> None:
    """Keep the device on `path` among the `ports` there are now; raises OSError."""
    device = device_of(path, ports)
    identity = identity_of(device, ports)
    usb = None if identity is None else asdict(identity)
    document = json.dumps({"path": device.path, "usb": usb}, indent=1)
    write_private(state_dir / FILE, document.encode())


def recall(state_dir: Path) -> Device | None:
    """What was confirmed; None if nothing was, or the file is none of ours."""
    try:
        kept: Any = json.loads((state_dir / FILE).read_bytes())
        usb = kept["usb"]
        identity = None if usb is None else Identity(**usb)
        return Device(str(kept["path"]), identity)
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return None


def find_again(confirmed: Device, ports: Sequence[Device]) -> str | None:
    """The path that the confirmed device has now; None if it is not plugged in."""
    if confirmed.identity is not None:
        device = same_device(ports, confirmed.identity)
        return None if device is None else device.path
    taken = any(port.path == confirmed.path and port.identity is not None for port in ports)
    return confirmed.path if not taken and Path(confirmed.path).exists() else None
