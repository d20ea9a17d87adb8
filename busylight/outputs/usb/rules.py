"""The udev rules that let people open lights from the shop. Text only: nothing is touched here."""

from collections.abc import Iterable
from pathlib import Path
from typing import Final

RULES: Final = Path("/etc/udev/rules.d/61-busylight-usb.rules")
"""Where they belong."""
HOW: Final = (
    f"run `busylight devices --udev-rules | sudo tee {RULES}` and `sudo udevadm control --reload`, "
    "and plug it in again"
)
"""What helps where they are missing."""

_HEAD: Final = f"""\
# Lights from the shop, for the output usb. `busylight devices --udev-rules` has written this.
# To {RULES}, then: sudo udevadm control --reload, and plug it in again.
# Whoever sits before the machine may open them, and the group plugdev.
"""


def udev_rules(lights: Iterable[tuple[str, str, list[tuple[int, int]]]]) -> str:
    """Rules for these lights: maker, name and USB ids of each."""
    names: dict[tuple[int, int], list[str]] = {}
    for maker, name, ids in lights:
        for each in ids:
            names.setdefault(each, []).append(f"{maker} {name}")
    lines: list[str] = []
    for (vendor, product), known in sorted(names.items()):
        lines += ["", f"# {', '.join(known)}"]
        access = 'MODE="0660", GROUP="plugdev", TAG+="uaccess"'
        for subsystem, which in (("usb", "ATTR"), ("hidraw|tty", "ATTRS")):
            numbers = f'{which}{{idVendor}}=="{vendor:04x}", {which}{{idProduct}}=="{product:04x}"'
            lines.append(f'SUBSYSTEM=="{subsystem}", {numbers}, {access}')
    return _HEAD + "\n".join(lines) + "\n"
