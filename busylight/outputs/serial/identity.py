"""Which of the USB devices that are plugged in is the light that was there before.

Unplugged and plugged in again, `/dev/ttyUSB0` may have become `/dev/ttyUSB1`. Pure.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

_SHORT: Final = 5  # characters; "0001" is what every CP2102 leaves its factory with


@dataclass(frozen=True, slots=True)
class Identity:
    """What a USB device says of itself, and the jack that it is in."""

    vid: int
    pid: int
    serial_number: str | None
    location: str | None


@dataclass(frozen=True, slots=True)
class Device:
    """A serial port there is, and its USB identity if it has one."""

    path: str
    """As the kernel names it."""
    identity: Identity | None


def identity_of(device: Device, ports: Sequence[Device]) -> Identity | None:
    """What tells `device` from the other `ports`.

    A serial number that two devices share, or a factory's default, tells nothing and is left
    out: then only the jack does.
    """
    identity = device.identity
    if identity is None or identity.serial_number is None:
        return identity
    namesakes = [port for port in ports if _same_number(port.identity, identity)]
    if len(identity.serial_number) < _SHORT or len(namesakes) > 1:
        return replace(identity, serial_number=None)
    return identity


def same_device(ports: Sequence[Device], identity: Identity) -> Device | None:
    """The one port that is the device `identity`; None if none is, or nobody can tell.

    By its serial number in whatever jack; without one, by the kind of device in the same jack.
    CH340 and CP210x are in Zigbee sticks and printers as well: nothing is ever guessed.
    """
    if identity.serial_number is not None:
        found = [port for port in ports if _same_number(port.identity, identity)]
    else:
        found = [port for port in ports if _same_jack(port.identity, identity)]
    return found[0] if len(found) == 1 else None


def choose(path: str, resolved: str, ports: Sequence[Device], identity: Identity | None) -> str:
    """The port to open where `path` (a link to `resolved`, perhaps) is set.

    The path itself, unless the device that was behind it last time has another name by now.
    """
    if identity is None:
        return path
    device = same_device(ports, identity)
    return path if device is None or device.path == resolved else device.path


def _same_number(one: Identity | None, other: Identity) -> bool:
    return one is not None and (one.vid, one.pid, one.serial_number) == (
        other.vid,
        other.pid,
        other.serial_number,
    )


def _same_jack(one: Identity | None, other: Identity) -> bool:
    return (
        one is not None
        and other.location is not None
        and (one.vid, one.pid, one.location) == (other.vid, other.pid, other.location)
    )
