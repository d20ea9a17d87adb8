"""The tree of settings itself: the program's own, and a branch for each part."""

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final, Self

from pydantic import AfterValidator, BaseModel, Field, SecretStr, model_validator
from pydantic_core import PydanticCustomError
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from busylight.core.adaptive import Adaptive
from busylight.core.appearance import Appearance
from busylight.core.button import DEFAULT_ACTIONS, parse_action
from busylight.core.hours import HOURS_EXAMPLE, Hours, parse_hours
from busylight.core.override import Press
from busylight.core.palette import PALETTES, Palette
from busylight.core.reader import Role
from busylight.mqtt.settings import MqttSettings
from busylight.outputs.gpio.settings import GpioSettings
from busylight.outputs.serial.settings import SerialSettings
from busylight.outputs.terminal.settings import TerminalSettings
from busylight.outputs.usb.settings import UsbSettings
from busylight.outputs.webhook.settings import WebhookSettings
from busylight.outputs.wled.settings import WledSettings
from busylight.parts import CommaList
from busylight.settings.outputs import kind_of
from busylight.sources.graph.settings import GraphSettings
from busylight.web.settings import WebSettings

BUILT_IN_SOURCES: Final[dict[str, type[BaseModel]]] = {
    "graph": GraphSettings,
    "mqtt": MqttSettings,
}
BUILT_IN_OUTPUTS: Final[dict[str, type[BaseModel]]] = {
    "gpio": GpioSettings,
    "mqtt": MqttSettings,
    "serial": SerialSettings,
    "terminal": TerminalSettings,
    "usb": UsbSettings,
    "webhook": WebhookSettings,
    "wled": WledSettings,
}
BUILT_IN_OTHERS: Final[dict[str, type[BaseModel]]] = {"web": WebSettings}
"""What has settings of its own, and is neither source nor output."""


class OnExit(StrEnum):
    """What lights show when the daemon ends."""

    OFF = "off"
    UNKNOWN = "unknown"
    KEEP = "keep"


class LogLevel(StrEnum):
    """How much is logged."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class LogFormat(StrEnum):
    """How it is logged."""

    TEXT = "text"
    JSON = "json"


def _outputs(value: tuple[str, ...]) -> tuple[str, ...]:
    if not value:
        raise ValueError("names no output")
    twice = sorted({name for name in value if value.count(name) > 1})
    if twice:
        raise ValueError(f"names {', '.join(twice)} more than once")
    return value


def _hours(value: str) -> str:
    parse_hours(value)
    return value


def _name(value: str) -> str:
    if not value.isprintable():
        raise ValueError("has a control character")
    return value


def _action(value: str) -> str:
    parse_action(value)
    return value


class Settings(BaseSettings):
    """Everything that can be set, checked and frozen."""

    model_config = SettingsConfigDict(
        frozen=True, extra="forbid", arbitrary_types_allowed=True, hide_input_in_errors=True
    )

    name: Annotated[str, AfterValidator(_name)] = Field(
        default="Busy light",
        max_length=64,
        description="What people call this light",
        examples=["Busy light"],
    )
    id: str = Field(
        default="busylight",
        pattern=r"^[a-z0-9_-]{1,64}$",
        description="Short name in topics and ids: a-z 0-9 _ - only",
        examples=["busylight"],
    )
    source: str = Field(
        default="graph",
        pattern=r"^[a-z][a-z0-9_-]*$",
        description="Where presence is read: graph, mqtt, or a plugin's name",
        examples=["graph"],
    )
    outputs: Annotated[CommaList, AfterValidator(_outputs)] = Field(
        default=("terminal",),
        description="Comma list of mqtt, serial, terminal, usb, gpio, wled, webhook, or plugins' "
        "names; a second one of a kind is serial:desk, with BUSYLIGHT_SERIAL_DESK_…",
        examples=["mqtt,serial"],
    )
    reader: Role | None = Field(
        default=None,
        description="With two programs of one ID on one broker: primary, or spare, which reads "
        "while the primary cannot. Empty: there is one program",
        examples=["spare"],
    )
    interval: float = Field(
        default=5.0,
        ge=1,
        le=3600,
        allow_inf_nan=False,
        description="Seconds between reads; or auto: 5 after a change and around full and half "
        "hours, else 15, and 60 in a quiet night",
        examples=["5"],
    )
    stale_after: float = Field(
        default=0.0,
        gt=0,
        le=86_400,
        allow_inf_nan=False,
        description="Seconds without a good reading until the light shows unknown; default: "
        "the larger of 60 and 3 x INTERVAL",
        examples=["60"],
    )
    token_cache: Path = Field(
        description="File of the sign-in's tokens; default token_cache.json in STATE_DIR",
        examples=["/var/lib/busylight/busylight/token_cache.json"],
    )
    state_dir: Path = Field(
        description="Directory for what must survive a restart; default /var/lib/busylight/<ID> "
        "for a service, ~/.local/state/busylight/<ID> otherwise",
        examples=["/var/lib/busylight/busylight"],
    )
    brightness: int = Field(
        default=100,
        ge=1,
        le=100,
        description="Percent, applied to physical lights",
        examples=["60"],
    )
    hours: Annotated[str, AfterValidator(_hours)] | None = Field(
        default=None,
        description="Working hours; outside of them the light shows COLOR_OUTSIDE_HOURS. Empty: "
        "always",
        examples=[HOURS_EXAMPLE],
    )
    timezone: str | None = Field(
        default=None,
        description="Time zone of HOURS; default: this machine's",
        examples=["Europe/Berlin"],
    )
    holidays_file: Path | None = Field(
        default=None,
        description="iCalendar file (.ics) of days on which nobody works, whatever HOURS says",
        examples=["/etc/busylight/holidays.ics"],
    )
    palette: Palette = Field(
        default_factory=Palette,
        description=f"Shipped colours, which COLOR_… changes: {', '.join(PALETTES)}; "
        "default: default",
        examples=["colour-blind"],
    )
    minimum_duration: float = Field(
        default=0.0,
        ge=0,
        le=60,
        allow_inf_nan=False,
        description="Seconds that a state is shown at least, so that the light does not flicker; "
        "a busier one comes at once",
        examples=["5"],
    )
    on_exit: OnExit = Field(
        default=OnExit.OFF,
        description="What lights show when the program ends: off, unknown or keep",
        examples=["off"],
    )
    button_press: Annotated[str, AfterValidator(_action)] = Field(
        default=DEFAULT_ACTIONS[Press.PRESS],
        description="What a press of the light's button does: MODE, MODE TIME, toggle MODE, "
        "toggle MODE TIME, auto, refresh or nothing",
        examples=["toggle busy 25m"],
    )
    button_double: Annotated[str, AfterValidator(_action)] = Field(
        default=DEFAULT_ACTIONS[Press.DOUBLE],
        description="What a double press does",
        examples=["busy 1h30m"],
    )
    button_long: Annotated[str, AfterValidator(_action)] = Field(
        default=DEFAULT_ACTIONS[Press.LONG],
        description="What a long press does",
        examples=["off"],
    )
    log_level: LogLevel = Field(
        default=LogLevel.INFO, description="debug, info, warning or error", examples=["info"]
    )
    log_format: LogFormat = Field(
        default=LogFormat.TEXT, description="text or json", examples=["text"]
    )

    adaptive: Adaptive | None = Field(default=None, exclude=True)
    """How reading adapts, with `INTERVAL=auto`; `interval` is then the shortest."""
    working_hours: Hours | None = Field(default=None, exclude=True)
    """Hours, time zone and holidays together."""
    graph: GraphSettings | None = Field(default=None, exclude=True)
    mqtt: MqttSettings | None = Field(default=None, exclude=True)
    serial: SerialSettings | None = Field(default=None, exclude=True)
    terminal: TerminalSettings = Field(default_factory=TerminalSettings, exclude=True)
    web: WebSettings = Field(default_factory=WebSettings, exclude=True)
    parts: dict[str, BaseModel] = Field(default_factory=dict, exclude=True)
    """The branches of all other parts: a second output of a kind, a plugin; by name."""
    broken: dict[str, str] = Field(default_factory=dict, exclude=True)
    """The outputs that cannot be used, and why."""
    appearances: dict[str, Appearance] = Field(default_factory=dict, exclude=True)
    """How each output differs from the others, by its name."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 -- pydantic-settings' signature
        init_settings: PydanticBaseSettingsSource,
        *_others: PydanticBaseSettingsSource,
        **_more: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take nothing but what `busylight.settings.load` has read: it knows the contract."""
        return (init_settings,)

    @model_validator(mode="before")
    @classmethod
    def _fill_stale_after(cls, values: dict[str, Any]) -> dict[str, Any]:
        if "stale_after" in values:
            return values
        try:
            interval = float(values.get("interval", 5.0))
        except (TypeError, ValueError):
            interval = 5.0  # its own fault is told by its own field
        return {**values, "stale_after": max(60.0, 3 * interval)}

    @model_validator(mode="after")
    def _stale_after_is_long_enough(self) -> Self:
        if self.stale_after < 2 * self.interval:
            raise PydanticCustomError(
                "stale_after",
                "is less than 2 x INTERVAL: one late answer would show unknown",
                {"field": "stale_after", "example": f"{3 * self.interval:g}"},
            )
        return self

    @model_validator(mode="after")
    def _two_readers_meet_on_one_broker(self) -> Self:
        brokers = [name for name in self.outputs if kind_of(name) == "mqtt"]
        if self.reader is None or brokers == ["mqtt"]:
            return self
        others = [name for name in self.outputs if name not in brokers]
        lack = f"has {', '.join(brokers)}, and one is right" if brokers else "has no output mqtt"
        raise PydanticCustomError(
            "outputs",
            "{lack}: the two of READER find each other on one broker, by the output mqtt",
            {"field": "outputs", "lack": lack, "example": ",".join(["mqtt", *others])},
        )

    @model_validator(mode="after")
    def _token_cache_is_a_file(self) -> Self:
        if os.path.exists(self.token_cache) and not os.path.isfile(self.token_cache):  # noqa: PTH110, PTH113 -- Path's own raise where one may not look
            raise PydanticCustomError("token_cache", "is not a file", {"field": "token_cache"})
        return self

    def part(self, name: str) -> BaseModel | None:
        """The branch of a source or output, by its name."""
        if name in TYPED_PARTS:
            branch: BaseModel | None = getattr(self, name)
            return branch
        return self.parts.get(name)


def secrets_of(settings: Settings) -> list[str]:
    """Every secret in the tree, so that no log will show one."""
    typed = (settings.graph, settings.mqtt, settings.serial, settings.web)
    branches = (*typed, *settings.parts.values())
    return list(_secrets_in(branches))


def _secrets_in(value: object) -> Iterator[str]:
    """Those in models and containers, too, and the texts of a secret that is a JSON document."""
    if isinstance(value, SecretStr):
        secret = value.get_secret_value()
        yield secret
        yield from _texts_of(secret)
    elif isinstance(value, BaseModel):
        for _, field in value:
            yield from _secrets_in(field)
    elif isinstance(value, list | tuple | set | frozenset | Mapping):
        for each in value.values() if isinstance(value, Mapping) else value:
            yield from _secrets_in(each)


_SHORT: Final = 4  # letters; a text of fewer in a JSON document would hide half the log


def _texts_of(secret: str) -> Iterable[str]:
    try:
        document = json.loads(secret)
    except (ValueError, RecursionError):
        return ()
    found, parts = [], [document]
    while parts:
        part = parts.pop()
        if isinstance(part, dict | list):
            parts += part.values() if isinstance(part, dict) else part
        elif isinstance(part, str) and len(part) >= _SHORT:
            found.append(part)
    return found


TYPED_PARTS: Final = frozenset({"graph", "mqtt", "serial", "terminal", "web"})
"""The parts whose branches commands ask for by their type."""

OWN_FIELDS: Final = tuple(
    name for name, field in Settings.model_fields.items() if field.exclude is not True
)
"""The fields that are variables of the program's own."""
