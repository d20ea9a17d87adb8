"""The settings `BUSYLIGHT_WLED_…`."""

import re
from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, Field

from busylight.parts import Branch


class Mode(StrEnum):
    """How WLED is spoken to."""

    REALTIME = "realtime"
    JSON = "json"


def _host(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9_.:-]{0,253}[A-Za-z0-9.])?", value):
        raise ValueError("is not a host name or address")
    return value


class WledSettings(Branch):
    """Where the light is, and how it is spoken to."""

    host: Annotated[str, AfterValidator(_host)] = Field(
        description="The light's name or address", examples=["wled-desk.local"]
    )
    mode: Mode = Field(
        default=Mode.REALTIME,
        description="realtime: the light goes back to its own state by itself when this program "
        "is gone; json: it does pulse and breathe by itself, and stays as it is",
        examples=["json"],
    )
    lifetime: int = Field(
        default=10,
        ge=2,
        le=254,
        description="With realtime: seconds without a word from us until the light goes back",
        examples=["10"],
    )
    port: int = Field(default=80, ge=1, le=65535, description="Its web port", examples=["80"])
    realtime_port: int = Field(
        default=21324,
        ge=1,
        le=65535,
        description="Its UDP port (Sync Interfaces)",
        examples=["21324"],
    )
