"""The names in `OUTPUTS`, and what can be set of every output, whatever its kind.

A name is a kind (`serial`), or a kind and the name of one of several (`serial:desk`).
"""

import re
from collections.abc import Iterable
from typing import Annotated, Final

from pydantic import AfterValidator, Field

from busylight.core.appearance import RGB
from busylight.parts import Branch

_INSTANCE: Final = re.compile(r"[a-z][a-z0-9]*")


def _color_order(value: str) -> str:
    if sorted(value.lower()) != sorted(RGB):
        raise ValueError("is not an order of r, g and b")
    return value.lower()


class Look(Branch):
    """What every output knows besides its own settings and `COLOR_<STATE>`."""

    brightness: int | None = Field(
        default=None,
        ge=1,
        le=100,
        description="Percent, on this output alone; default: BRIGHTNESS, which is for lamps",
        examples=["40"],
    )
    color_order: Annotated[str, AfterValidator(_color_order)] = Field(
        default=RGB,
        description="The order in which the lamp takes red, green and blue, if colours change "
        "places on it",
        examples=["grb"],
    )


COLOR: Final = "COLOR_"
"""What stands before the name of a state in a variable."""
COLOR_ORDER: Final = "COLOR_ORDER"


def kind_of(name: str) -> str:
    """`serial` of `serial:desk`."""
    return name.partition(":")[0]


def prefix_of(name: str) -> str:
    """What the variables of a part begin with, after our own prefix: `SERIAL_DESK_`."""
    return f"{name.upper().replace('-', '_').replace(':', '_')}_"


def problem_of_instance(name: str, suffixes: Iterable[str]) -> str | None:
    """What is wrong with a name like `serial:desk`; `suffixes` are its kind's settings."""
    kind, colon, instance = name.partition(":")
    if not colon:
        return None
    if not _INSTANCE.fullmatch(instance):
        return (
            f"names {name!r}: what stands after the colon begins with a letter and has nothing "
            "but a-z and 0-9"
        )
    reserved = {suffix.split("_")[0] for suffix in suffixes}
    if instance.upper() in reserved | {"COLOR", "BRIGHTNESS"}:
        return (
            f"names {name!r}, but settings of {kind} begin with {instance.upper()}: take another "
            f"name, such as {kind}:desk"
        )
    return None
