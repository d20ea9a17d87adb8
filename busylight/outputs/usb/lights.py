"""The lights that are plugged in, by `busylight-core`: found, opened, painted. All of it blocks."""

import os
from typing import Any

import busylight_core

from busylight.outputs.usb.rules import HOW, RULES
from busylight.outputs.usb.settings import UsbSettings
from busylight.parts import OutputError

RGB = tuple[int, int, int]


def found(settings: UsbSettings) -> list[tuple[Any, Any]]:
    """The class and the hardware of each light that the settings mean."""
    return [
        (cls, hardware)
        for cls, devices in busylight_core.Light.available_hardware().items()
        for hardware in devices
        if _is_meant(hardware, settings)
    ]


def _is_meant(hardware: Any, settings: UsbSettings) -> bool:
    number, device = settings.serial_number, settings.device
    return (number is None or hardware.serial_number == number) and (
        device is None or device.lower() == f"{hardware.vendor_id:04x}:{hardware.product_id:04x}"
    )


class Lights:
    """Those that are open; a light that is plugged in later joins them."""

    def __init__(self, settings: UsbSettings) -> None:
        self._settings = settings
        self._open: dict[bytes, Any] = {}

    def open(self) -> list[str]:
        """Open what is not open yet; the names of these. Raises `OutputError` if none is."""
        new = [each for each in found(self._settings) if each[1].path not in self._open]
        names, problems = [], []
        for cls, hardware in new:
            try:
                light = cls(hardware, reset=False, exclusive=True)
            except Exception as error:  # noqa: BLE001 -- hidapi, pyserial and busylight-core each raise theirs
                problems.append(_problem(hardware, error))
                continue
            light.add_task = _no_task  # it would speak to the light from a thread of its own
            self._open[hardware.path] = light
            names.append(f"{light.vendor()} {light.name}")
        if not self._open:
            raise OutputError(problems[0] if problems else _absent(self._settings))
        return names

    def paint(self, rgb: RGB) -> None:
        """Show it on all of them; raises `OutputError`."""
        for light in list(self._open.values()):
            self._told(light, lambda light=light: light.on(rgb))

    def live(self) -> None:
        """Tell those who want to know it that we live, and find out who has gone."""
        for light in list(self._open.values()):
            alive = getattr(light, "keepalive", None) or light.update
            self._told(light, alive)

    def close(self) -> None:
        """Let go; what they show stays."""
        for light in self._open.values():
            light.release()
        self._open.clear()

    def _told(self, light: Any, say: Any) -> None:
        try:
            say()
        except Exception as error:
            name = f"{light.vendor()} {light.name}"
            raise OutputError(f"the {name} has gone: plug it in again") from error


def _no_task(*_: object, **__: object) -> None:
    """What busylight-core would do by itself again and again is done by us."""


def _absent(settings: UsbSettings) -> str:
    which = "".join(
        [
            f" with serial number {settings.serial_number}" if settings.serial_number else "",
            f" of kind {settings.device}" if settings.device else "",
        ]
    )
    return f"no USB light{which} is plugged in; `busylight devices` lists them"


def _problem(hardware: Any, error: Exception) -> str:
    path = hardware.path.decode("utf-8", "replace")
    name = f"the light on {path}"
    if os.path.exists(path) and not os.access(path, os.R_OK | os.W_OK):  # noqa: PTH110 -- a device
        return f"{name} may not be opened: {HOW}"
    return (
        f"{name} cannot be opened ({error!r}): see that no other program uses it; if {RULES} is "
        f"missing, {HOW}"
    )


def describe() -> list[tuple[str, Any, str | None]]:
    """Each light that is plugged in: its name, its hardware, and why it cannot be opened."""
    lights = []
    for cls, hardware in found(UsbSettings()):
        path = hardware.path.decode("utf-8", "replace")
        closed = os.path.exists(path) and not os.access(path, os.R_OK | os.W_OK)  # noqa: PTH110 -- a device
        problem = f"may not be opened: {HOW}" if closed else None
        name = cls.supported_device_ids[hardware.device_id]
        lights.append((f"{cls.vendor()} {name}", hardware, problem))
    return lights


def supported() -> list[tuple[str, str, list[tuple[int, int]]]]:
    """Vendor, name and USB ids of every light that is known."""
    return [
        (cls.vendor(), name, sorted(i for i, n in cls.supported_device_ids.items() if n == name))
        for cls in busylight_core.Light.subclasses()
        for name in cls.unique_device_names()
    ]
