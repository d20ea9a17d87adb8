"""Which files make a board with MicroPython a light."""

from pathlib import Path
from typing import Final

_HERE: Final = Path(__file__).parent
_BOARD: Final = _HERE / "boards" / "micropython"
SETTINGS: Final = "light_settings.py"
"""What the builder changes."""

FILES: Final = {
    **{
        f"firmware_bridge/{name}.py": _HERE / f"{name}.py"
        for name in ("__init__", "protocol", "light", "board", "button", "usb_names")
    },
    SETTINGS: _BOARD / SETTINGS,
    "main.py": _BOARD / "main.py",
    # The last, as the board has other USB names from its next start on.
    "boot.py": _BOARD / "boot.py",
}
"""Where each belongs on the board, and where it is here; to be copied in this order."""
