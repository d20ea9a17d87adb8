"""The settings `BUSYLIGHT_GPIO_…`."""

from collections.abc import Iterable

from pydantic import Field

from busylight.parts import Branch, Fault


class GpioSettings(Branch):
    """What hangs on which pin; numbers are those of the chip (GPIO17), not of the header."""

    red: int | None = Field(
        default=None, ge=0, le=53, description="GPIO number of the red LED", examples=["17"]
    )
    green: int | None = Field(
        default=None, ge=0, le=53, description="GPIO number of the green LED", examples=["27"]
    )
    blue: int | None = Field(
        default=None,
        ge=0,
        le=53,
        description="GPIO number of the blue LED",
        examples=["22"],
    )
    yellow: int | None = Field(
        default=None,
        ge=0,
        le=53,
        description="GPIO number of the yellow LED, of a traffic light; red, green and blue "
        "without it are an RGB LED",
        examples=["23"],
    )
    active_high: bool = Field(
        default=True,
        description="false: a pin that is low lights its LED (common anode)",
        examples=["false"],
    )

    @property
    def pins(self) -> dict[str, int]:
        """The number of each LED's pin, by its colour."""
        every = {"red": self.red, "green": self.green, "blue": self.blue, "yellow": self.yellow}
        return {color: pin for color, pin in every.items() if pin is not None}

    @property
    def is_rgb(self) -> bool:
        """Whether they are one LED that mixes its colours, and not single ones."""
        return self.pins.keys() == {"red", "green", "blue"}

    def faults(self) -> Iterable[Fault]:
        """Say what does not go together."""
        if not self.pins:
            yield Fault("red", "is missing: no pin is named at all")
        for color, pin in self.pins.items():
            if list(self.pins.values()).index(pin) != list(self.pins).index(color):
                yield Fault(color, "is a pin that another LED has, too")
