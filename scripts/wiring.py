"""The three lights of docs/build-a-light.md: what is joined to what. Data, drawn by draw_wiring."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Use(StrEnum):
    """What a wire is for."""

    POWER = "5 V"
    GROUND = "ground"
    DATA = "data"
    BUTTON = "button"


@dataclass(frozen=True, slots=True)
class Joint:
    """One pin of the board that is used."""

    edge: str
    """`top` or `bottom`, the board lying with its USB jack to the left."""
    place: int
    """Counted from the USB jack, from 0."""
    use: Use


@dataclass(frozen=True, slots=True)
class Build:
    """One light."""

    file: str
    title: str
    board: str
    """What is printed on the drawn board."""
    color: str
    top: tuple[str, ...]
    """The pins of the upper edge from the USB jack on, as they are printed on the board."""
    bottom: tuple[str, ...]
    joints: tuple[Joint, ...]
    strip: str
    pixels: int
    note: str = ""

    def pin(self, use: Use) -> str:
        """The name of the board's pin that has this use."""
        joint = self.joint(use)
        assert joint is not None, use  # noqa: S101 -- of the data below
        return (self.top if joint.edge == "top" else self.bottom)[joint.place]

    def joint(self, use: Use) -> Joint | None:
        """The pin that has this use, if one has."""
        return next((joint for joint in self.joints if joint.use is use), None)


_PICO_TOP: Final = (
    *("VBUS", "VSYS", "GND", "3V3_EN", "3V3", "VREF", "GP28", "GND", "GP27", "GP26"),
    *("RUN", "GP22", "GND", "GP21", "GP20", "GP19", "GP18", "GND", "GP17", "GP16"),
)
_PICO_BOTTOM: Final = (
    *("GP0", "GP1", "GND", "GP2", "GP3", "GP4", "GP5", "GND", "GP6", "GP7"),
    *("GP8", "GP9", "GND", "GP10", "GP11", "GP12", "GP13", "GND", "GP14", "GP15"),
)
_NANO_TOP: Final = (
    *("D12", "D11", "D10", "D9", "D8", "D7", "D6", "D5", "D4", "D3", "D2"),
    *("GND", "RST", "RX0", "TX1"),
)
_NANO_BOTTOM: Final = (
    *("D13", "3V3", "REF", "A0", "A1", "A2", "A3", "A4", "A5", "A6", "A7"),
    *("5V", "RST", "GND", "VIN"),
)

BUILDS: Final = (
    Build(
        file="wiring-pico.svg",
        title="Raspberry Pi Pico and a stick of eight WS2812 pixels",
        board="Raspberry Pi Pico",
        color="#1d6b47",
        top=_PICO_TOP,
        bottom=_PICO_BOTTOM,
        joints=(
            Joint("top", 0, Use.POWER),
            Joint("top", 2, Use.GROUND),
            Joint("bottom", 0, Use.DATA),
        ),
        strip="stick of WS2812",
        pixels=8,
    ),
    Build(
        file="wiring-nano.svg",
        title="Arduino Nano and WS2812 pixels",
        board="Arduino Nano",
        color="#0d5a78",
        top=_NANO_TOP,
        bottom=_NANO_BOTTOM,
        joints=(
            Joint("bottom", 11, Use.POWER),
            Joint("bottom", 13, Use.GROUND),
            Joint("top", 6, Use.DATA),
        ),
        strip="WS2812 strip",
        pixels=8,
    ),
    Build(
        file="wiring-esp32-c3.svg",
        title="ESP32-C3 with WS2812 pixels and a button",
        board="ESP32-C3 Super Mini",
        color="#2b2f38",
        top=("5V", "G", "3.3", "4", "3", "2", "1", "0"),
        bottom=("5", "6", "7", "8", "9", "10", "20", "21"),
        joints=(
            Joint("top", 0, Use.POWER),
            Joint("top", 1, Use.GROUND),
            Joint("top", 3, Use.BUTTON),
            Joint("bottom", 0, Use.DATA),
        ),
        strip="WS2812 strip",
        pixels=8,
    ),
)
