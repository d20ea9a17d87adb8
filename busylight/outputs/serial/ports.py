"""The serial ports that are there, and the setting that would select each. None is opened."""

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from serial.tools import list_ports as pyserial
from serial.tools.list_ports_common import ListPortInfo

from busylight.outputs.serial import access
from busylight.outputs.serial.identity import Device, Identity
from firmware_bridge import usb_names

BY_ID: Final = Path("/dev/serial/by-id")

_OURS: Final = usb_names.PRODUCT.lower()

# Bridges between USB and a serial line, which say nothing of what is behind them.
_BRIDGES: Final = {
    (0x1A86, 0x7523): "CH340",
    (0x1A86, 0x55D4): "CH9102",
    (0x10C4, 0xEA60): "CP210x",
    (0x0403, 0x6001): "FT232",
    (0x0403, 0x6015): "FT231X",
    (0x067B, 0x2303): "PL2303",
}
# Makers of boards, whose USB ports are boards.
_BOARDS: Final = {
    0x2341: "an Arduino",
    0x2A03: "an Arduino",
    0x239A: "a board of Adafruit's",
    0x2E8A: "a Raspberry Pi Pico or a board like it",
    0x303A: "an ESP32 board",
}


@dataclass(frozen=True, slots=True)
class Port:
    """A serial port."""

    path: str
    by_id: str | None
    """The link that stays the same through replugging, if there is one."""
    description: str
    """What the device says of itself; `path`'s name if nothing."""
    identity: Identity | None
    """None: it is not on USB."""
    problem: str | None
    """Why this user may not open it and what helps; None if nothing is in the way."""

    is_ours: bool = False
    """Whether it says by its USB names that it is a light of our firmware."""
    is_confirmed: bool = False
    """Whether it is the one that a person has said to be our light, and `auto` takes."""

    @property
    def kind(self) -> str:
        """What it probably is. What is behind a bridge chip nobody can tell without asking it."""
        if self.is_ours:
            return "a light with Busylight's firmware"
        if self.identity is None:
            return "a serial port of this machine"
        if (board := _BOARDS.get(self.identity.vid)) is not None:
            return f"probably {board}"
        chip = _BRIDGES.get((self.identity.vid, self.identity.pid))
        if chip is not None:
            return f"unknown device behind a {chip} (lights, Zigbee sticks and printers have it)"
        return "unknown device"

    @property
    def setting(self) -> str:
        """The line of the env file that selects it."""
        return f"BUSYLIGHT_SERIAL_PORT={self.by_id or self.path}"


def list_ports() -> tuple[Port, ...]:
    """The ports there are now, those on USB first."""
    return ports_of(pyserial.comports(), links(BY_ID))


def ports_of(found: Iterable[ListPortInfo], by_id: Mapping[str, str]) -> tuple[Port, ...]:
    """The ports that pyserial `found`, each with its link if `by_id` has one for it."""
    ports = [
        Port(
            path=info.device,
            by_id=by_id.get(info.device),
            description=_described(info),
            identity=_identity(info),
            problem=access.problem(info.device),
            is_ours=_is_ours(info),
        )
        for info in sorted(found)
    ]
    return tuple(sorted(ports, key=lambda port: port.identity is None))


def devices() -> list[Device]:
    """The same, as far as it matters for telling one device from another."""
    return [Device(info.device, _identity(info)) for info in pyserial.comports()]


def links(directory: Path) -> dict[str, str]:
    """The links by id, by the device that each leads to."""
    try:
        return {os.path.realpath(link): str(link) for link in sorted(directory.iterdir())}
    except OSError:
        return {}  # no udev, or no USB serial port: both are well


def describe(port: Port) -> str:
    """A port for people, a few lines."""
    usb = ""
    if port.identity is not None:
        usb = f" ({port.identity.vid:04x}:{port.identity.pid:04x})"
    lines = [f"{port.path}  {port.description}{usb}", f"  {port.kind}", f"  {port.setting}"]
    if port.is_confirmed:
        lines.append("  confirmed as our light: BUSYLIGHT_SERIAL_PORT=auto takes it")
    if port.problem is not None:
        lines.append(f"  cannot be opened: {port.problem}")
    return "\n".join(lines)


def port_document(port: Port) -> dict[str, Any]:
    """A port as JSON."""
    identity = port.identity
    return {
        "path": port.path,
        "by_id": port.by_id,
        "description": port.description,
        "kind": port.kind,
        "usb": None
        if identity is None
        else {
            "vid": f"{identity.vid:04x}",
            "pid": f"{identity.pid:04x}",
            "serial_number": identity.serial_number,
            "location": identity.location,
        },
        "setting": port.setting,
        "confirmed": port.is_confirmed,
        "problem": port.problem,
    }


def named(ports: Sequence[Port]) -> str:
    """What is there, in half a sentence of an error."""
    usb = [port for port in ports if port.identity is not None]
    if not usb:
        return "no USB serial port is plugged in"
    return "there are " + ", ".join(f"{port.path} ({port.description})" for port in usb)


def _identity(info: ListPortInfo) -> Identity | None:
    if info.vid is None or info.pid is None:
        return None
    return Identity(info.vid, info.pid, _printable(info.serial_number), info.location)


def _described(info: ListPortInfo) -> str:
    maker, product = _printable(info.manufacturer), _printable(info.product)
    if maker and product and maker not in product:
        return f"{maker} {product}"
    return product or maker or info.name


def _is_ours(info: ListPortInfo) -> bool:
    return any(_OURS in (name or "").lower() for name in (info.manufacturer, info.product))


def _printable(text: str | None) -> str | None:
    """What a device says of itself goes to a terminal: no control characters."""
    if text is None:
        return None
    return "".join(each if each.isprintable() else "?" for each in text).strip() or None
