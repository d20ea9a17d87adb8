"""The settings `BUSYLIGHT_USB_…`."""

from pydantic import Field

from busylight.parts import Branch


class UsbSettings(Branch):
    """Which of the lights that are plugged in."""

    serial_number: str | None = Field(
        default=None,
        description="Drive the light with this serial number, and no other; default: every light "
        "that is plugged in. `busylight devices` lists them",
        examples=["3A2B1C00"],
    )
    device: str | None = Field(
        default=None,
        pattern=r"^[0-9A-Fa-f]{4}:[0-9A-Fa-f]{4}$",
        description="Drive lights with this USB vendor and product only, for kinds without serial "
        "numbers",
        examples=["27bb:3bcd"],
    )
