"""The settings `BUSYLIGHT_SERIAL_…`."""

from collections.abc import Iterable
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

from pydantic import AfterValidator, Field

from busylight.outputs.serial.adalight import HEADER
from busylight.outputs.serial.template import Template
from busylight.parts import INHERITED, Branch, Fault


class Protocol(StrEnum):
    """What is spoken on the line."""

    BUSYLIGHT = "busylight"
    WLED = "wled"
    ADALIGHT = "adalight"
    TEMPLATE = "template"


_BITS_A_BYTE: Final = 10  # with start and stop
_LONGEST_FRAME: Final = 0.4  # seconds: a blink is half a second on

AUTO: Final = "auto"
"""The port that says by its USB names that it is our light."""


def _device_path(value: str) -> str:
    if value != AUTO and not value.startswith("/"):
        raise ValueError(
            "is neither auto nor the path of a device; `busylight devices` lists the ports"
        )
    return value


def _template(value: str) -> str:
    Template.parse(value)
    return value


_BY_ID: Final = "/dev/serial/by-id/usb-1a86_USB_Serial-if00-port0"


class SerialSettings(Branch):
    """Which port, and what is written to it."""

    state_dir: Annotated[Path | None, INHERITED] = None
    """Where it is kept which port was confirmed; None: nowhere."""

    port: Annotated[str, AfterValidator(_device_path)] = Field(
        default=AUTO,
        description="Path of the device; the link by id survives replugging. Or auto: the one "
        "port whose USB names say that it is a light with our firmware, or that was confirmed "
        "(`busylight devices --ours`); every other protocol needs a path",
        examples=[_BY_ID],
    )
    protocol: Protocol = Field(
        default=Protocol.BUSYLIGHT,
        description="What the light understands: busylight (our firmware), wled (its JSON), "
        "adalight, template",
        examples=["template"],
    )
    template: Annotated[str, AfterValidator(_template)] | None = Field(
        default=None,
        description="What is written at each change and every 10 s: {r} {g} {b} {hex} "
        "{brightness} {effect} {state}, formats :02x :03d :d, escapes \\n \\r \\t \\\\ \\xHH",
        examples=["{r},{g},{b}\\n"],
    )
    baud: int = Field(
        default=115_200, ge=50, le=4_000_000, description="Bits a second", examples=["115200"]
    )

    pixels: int | None = Field(
        default=None,
        ge=1,
        le=2000,
        description="How many pixels the strip has; for adalight, which needs it",
        examples=["24"],
    )

    def faults(self) -> Iterable[Fault]:
        """Say what does not go together."""
        if self.protocol is Protocol.BUSYLIGHT:
            return
        if self.port == AUTO:
            yield Fault("port", f"is missing: SERIAL_PROTOCOL={self.protocol} needs a path")
        if self.protocol is Protocol.TEMPLATE and self.template is None:
            yield Fault("template", f"is missing: SERIAL_PROTOCOL={self.protocol} writes it")
        if self.protocol is Protocol.ADALIGHT:
            yield from self._strip_faults()

    def _strip_faults(self) -> Iterable[Fault]:
        if self.pixels is None:
            yield Fault("pixels", "is missing: SERIAL_PROTOCOL=adalight tells every pixel")
            return
        seconds = (HEADER + 3 * self.pixels) * _BITS_A_BYTE / self.baud
        if seconds > _LONGEST_FRAME:
            yield Fault(
                "baud",
                f"is too slow: a frame for {self.pixels} pixels takes {seconds:.1f} s, "
                f"{_LONGEST_FRAME:g} s at most are left for it",
                "460800",
            )
