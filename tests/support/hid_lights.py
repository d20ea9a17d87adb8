"""Lights from the shop below `busylight-core`: hidapi's place is taken, and bytes are read.

What stands above (finding, claiming, encoding) is the library's own code.
"""

from typing import Any, ClassVar

RGB = tuple[int, int, int]


class FakeHid:
    """What `import hid` would bring."""

    def __init__(self) -> None:
        self.plugged: dict[bytes, HidLight] = {}
        self.opened = 0

    def enumerate(self) -> list[dict[str, Any]]:
        """As hidapi lists devices."""
        return [light.description for light in self.plugged.values()]

    def device(self) -> "Handle":
        """A new handle."""
        return Handle(self)


class HidLight:
    """A light; `rgb` is what it was told."""

    kinds: ClassVar[dict[str, tuple[int, int, str, str]]] = {
        "flag": (0x04D8, 0xF372, "Luxafor", "LUXAFOR FLAG"),
        "blink1": (0x27B8, 0x01ED, "ThingM", "blink(1) mk2"),
        "omega": (0x27BB, 0x3BCD, "Plenom", "Busylight Omega"),
    }

    def __init__(self, hid: FakeHid, kind: str, path: bytes, serial_number: str = "") -> None:
        self.kind = kind
        self.rgb: RGB = (7, 7, 7)
        self.told: list[bytes] = []
        self._hid, self.path = hid, path
        vendor, product, maker, name = self.kinds[kind]
        self.description = {
            "path": path,
            "vendor_id": vendor,
            "product_id": product,
            "serial_number": serial_number,
            "release_number": 1,
            "manufacturer_string": maker,
            "product_string": name,
            "usage_page": 1,
            "usage": 1,
            "interface_number": 0,
        }
        self.plug()

    def plug(self) -> None:
        """Be there."""
        self._hid.plugged[self.path] = self

    def unplug(self) -> None:
        """Be gone."""
        self._hid.plugged.pop(self.path, None)

    def take(self, content: bytes) -> None:
        """Understand what it is told, as its maker documents it."""
        self.told.append(content)
        if (self.kind == "flag" and content[0] == 1) or (
            self.kind == "blink1" and content[1] == ord("c")
        ):  # 1, LEDs, red, green, blue
            self.rgb = (content[2], content[3], content[4])
        elif self.kind == "omega" and content[0] == 0x10:  # a step: red, green, blue in percent
            red, green, blue = (round(c * 255 / 100) for c in content[2:5])
            self.rgb = (red, green, blue)


class Handle:
    """An open device of hidapi."""

    def __init__(self, hid: FakeHid) -> None:
        self._hid = hid
        self._path = b""

    def open_path(self, path: bytes) -> None:
        if path not in self._hid.plugged:
            raise OSError("open failed")
        self._path = path
        self._hid.opened += 1

    def write(self, content: bytes) -> int:
        if self._path not in self._hid.plugged:
            raise OSError("write error")
        self._hid.plugged[self._path].take(bytes(content))
        return len(content)

    send_feature_report = write

    def close(self) -> None:
        self._hid.opened -= 1
