"""The settings `BUSYLIGHT_SERIAL_…`."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Annotated, Final

from pydantic import AfterValidator, Field

from busylight.outputs.serial.template import Template
from busylight.parts import Branch, Fault


class Protocol(StrEnum):
    """What is spoken on the line."""

    BUSYLIGHT = "busylight"
    TEMPLATE = "template"


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

    port: Annotated[str, AfterValidator(_device_path)] = Field(
        default=AUTO,
        description="Path of the device; the link by id survives replugging. Or auto: the one "
        "port whose USB names say that it is a light with our firmware; every other protocol "
        "needs a path",
        examples=[_BY_ID],
    )
    protocol: Protocol = Field(
        default=Protocol.BUSYLIGHT,
        description="What the light understands: busylight (our firmware), template",
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

    def faults(self) -> Iterable[Fault]:
        """Say what does not go together."""
        if self.protocol is Protocol.BUSYLIGHT:
            return
        if self.port == AUTO:
            yield Fault("port", f"is missing: SERIAL_PROTOCOL={self.protocol} needs a path")
        if self.template is None:
            yield Fault("template", f"is missing: SERIAL_PROTOCOL={self.protocol} writes it")
