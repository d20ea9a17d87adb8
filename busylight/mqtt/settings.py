"""`BUSYLIGHT_MQTT_…`."""

import re
from collections.abc import Iterable
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final, Self

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr

from busylight.core.reader import Role
from busylight.parts import INHERITED, Branch, CommaList, Fault


class Transport(StrEnum):
    """How the broker is reached."""

    TCP = "tcp"
    WEBSOCKETS = "websockets"


class Version(StrEnum):
    """Which MQTT is spoken."""

    AUTO = "auto"
    V5 = "5"
    V311 = "3.1.1"


BROKER_LATE: Final = 3
"""Seconds. mosquitto 2.0 counts whole seconds of silence and looks only every five: it finds a
client dead up to six seconds after 1.5 x keepalive, where two are promised. So the keepalive that
it is asked for is shorter by this, for 1.5 x 3 are the four seconds too many, and some."""
LEAST_KEEPALIVE: Final = 2
"""Seconds: less would take a busy machine for a dead one."""

_LABEL: Final = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)")
_TOPIC: Final = re.compile(r"[a-z0-9_-]{1,64}(/[a-z0-9_-]{1,64}){0,7}")
_FOLLOWED: Final = re.compile(r"[^/+#]{1,128}(/[^/+#]{1,128}){0,19}")
_CLIENT_ID: Final = re.compile(r"[A-Za-z0-9_.:-]{1,64}")


def _host(value: str) -> str:
    # An empty or over-long label would make the resolver raise UnicodeError much later.
    bare = value.removeprefix("[").removesuffix("]")
    if ":" in bare and re.fullmatch(r"[0-9A-Fa-f:.%a-z]+", bare):
        return bare
    name = value.removesuffix(".")
    if len(name) > 253 or not all(_LABEL.fullmatch(part) for part in name.split(".")):  # noqa: PLR2004 -- RFC 1035
        raise ValueError("is not a host name or an address (no scheme, no port)")
    return value


def _topic(value: str) -> str:
    if not _TOPIC.fullmatch(value):
        raise ValueError(
            "may have a-z, 0-9, _ and - in at most 8 levels of at most 64, parted by /"
        )
    return value


def _client_id(value: str) -> str:
    if not _CLIENT_ID.fullmatch(value):
        raise ValueError("may have letters, digits and _ . : - only, at most 64")
    return value


def _followed(value: object) -> object:
    """A comma list of whole topics, as they are: their case counts."""
    if not isinstance(value, str):
        return value
    topics = tuple(dict.fromkeys(word.strip() for word in value.split(",") if word.strip()))
    for topic in topics:
        if not _FOLLOWED.fullmatch(topic) or not topic.isprintable():
            raise ValueError(
                "may have no wildcard (+ #), no empty level and no more than 20 levels in a topic"
            )
    return topics


TopicList = Annotated[tuple[str, ...], BeforeValidator(_followed)]


def _unreadable(path: Path) -> str | None:
    try:
        with path.open("rb"):
            return None
    except FileNotFoundError:
        return "names no file that can be found"
    except OSError as error:
        return f"names a file that cannot be read: {error.strerror}"


class MqttSettings(Branch):
    """Where the broker is, and what is published there."""

    id: Annotated[str, INHERITED]
    name: Annotated[str, INHERITED]
    outputs: Annotated[CommaList, INHERITED] = ()
    state_dir: Annotated[Path | None, INHERITED] = None
    """Where it is remembered what was published; None: nowhere."""
    source: Annotated[str, INHERITED] = "graph"
    interval: Annotated[float, INHERITED] = 5.0
    reader: Annotated[Role | None, INHERITED] = None

    host: Annotated[str, AfterValidator(_host)] = Field(
        description="The broker's host name or address", examples=["homeassistant.local"]
    )
    port: int | None = Field(
        default=None,
        ge=1,
        le=65535,
        description="The broker's port; default 1883, or 8883 with TLS",
        examples=["1883"],
    )
    username: str | None = Field(
        default=None, description="User name at the broker", examples=["busylight"]
    )
    password: SecretStr | None = Field(
        default=None, description="Password at the broker", examples=["correct-horse"]
    )
    tls: bool = Field(
        default=False,
        description="Encrypt, and check the broker's certificate",
        examples=["true"],
    )
    ca_file: Path | None = Field(
        default=None,
        description="Trust the certificates in this PEM file instead of the system's",
        examples=["/etc/busylight/ca.pem"],
    )
    cert_file: Path | None = Field(
        default=None,
        description="Our own certificate for the broker, PEM",
        examples=["/etc/busylight/client.pem"],
    )
    key_file: Path | None = Field(
        default=None, description="Its private key, PEM", examples=["/etc/busylight/client.key"]
    )
    key_password: SecretStr | None = Field(
        default=None, description="The private key's password", examples=["correct-horse"]
    )
    transport: Transport = Field(
        default=Transport.TCP, description="tcp or websockets", examples=["tcp"]
    )
    version: Version = Field(
        default=Version.AUTO,
        description="auto: MQTT 5 where the broker has it, else 3.1.1",
        examples=["auto"],
    )
    keepalive: int = Field(
        default=10,
        ge=LEAST_KEEPALIVE,
        le=3600,
        description="Seconds: a dead connection is noticed after two of them, and a frozen "
        "program is unavailable after one and a half and two seconds (from 5 on)",
        examples=["10"],
    )
    client_id: Annotated[str, AfterValidator(_client_id)] | None = Field(
        default=None,
        description="Client id; default busylight-<ID>, with READER behind it. Each program needs "
        "its own",
        examples=["busylight-desk"],
    )
    topic: Annotated[str, AfterValidator(_topic)] = Field(
        default="busylight",
        description="Topic prefix: topics are <MQTT_TOPIC>/<ID>/…",
        examples=["busylight"],
    )
    discovery: bool = Field(
        default=True,
        description="Let Home Assistant find this light by itself",
        examples=["true"],
    )
    discovery_prefix: Annotated[str, AfterValidator(_topic)] = Field(
        default="homeassistant",
        description="Home Assistant's discovery prefix",
        examples=["homeassistant"],
    )
    discovery_users: int = Field(
        default=50,
        ge=0,
        le=1000,
        description="Of the people in GRAPH_USERS so many become devices in Home Assistant; "
        "beyond it they have topics only",
        examples=["50"],
    )
    sign_in: bool = Field(
        default=True,
        description="While sign-in is needed, publish its address and code (not retained)",
        examples=["true"],
    )
    status_message: bool = Field(
        default=False, description="Publish the Teams status message", examples=["false"]
    )
    account: bool = Field(
        default=False, description="Publish the account's name", examples=["false"]
    )

    source_topic: TopicList = Field(
        default=(),
        description="With SOURCE=mqtt: where presence is read, a comma list; the busiest wins",
        examples=["busylight/ada/presence"],
    )
    source_availability_topic: TopicList = Field(
        default=(),
        description="Where its publisher says that it lives, one topic for all or one for each; "
        "default for a topic of a Busylight's: its <base>/availability",
        examples=["teams/connected"],
    )
    source_stale_after: float = Field(
        default=0.0,
        ge=0,
        le=86_400,
        allow_inf_nan=False,
        description="Seconds of silence on MQTT_SOURCE_TOPIC until the light shows unknown; "
        "0: silence is no news",
        examples=["0"],
    )

    @property
    def port_in_force(self) -> int:
        """The port, chosen or usual."""
        return self.port or (8883 if self.tls else 1883)

    @property
    def keepalive_asked(self) -> int:
        """Seconds between signs of life that the broker is to expect."""
        return max(self.keepalive - BROKER_LATE, LEAST_KEEPALIVE)

    @property
    def client_id_in_force(self) -> str:
        """The daemon's client id."""
        role = "" if self.reader is None else f"-{self.reader}"
        return self.client_id or f"busylight-{self.id}{role}"

    @property
    def source_client_id(self) -> str:
        """The client id of the source: its connection is another than the output's."""
        return f"{self.client_id_in_force}-source"

    @property
    def base(self) -> str:
        """The topic under which everything of this light stands."""
        return f"{self.topic}/{self.id}"

    @property
    def following_the_other(self) -> Self:
        """With a spare reader: the settings of a source that hears what the other one says."""
        return self.model_copy(
            update={
                "source": "mqtt",
                # Beside a connection of SOURCE=mqtt, if that is what is read.
                "client_id": f"{self.client_id_in_force}-other",
                "source_topic": (f"{self.base}/presence",),
                "source_availability_topic": (),
                "source_stale_after": 0.0,
            }
        )

    def faults(self) -> Iterable[Fault]:
        """Say what does not go together."""
        yield from self._faults_of_reader()
        if (self.cert_file is None) != (self.key_file is None):
            have, lack = ("cert", "key") if self.cert_file else ("key", "cert")
            yield Fault(
                f"{lack}_file", f"is missing: MQTT_{have.upper()}_FILE is of no use without it"
            )
        if self.key_password is not None and self.key_file is None:
            yield Fault("key_file", "is missing: MQTT_KEY_PASSWORD is of no use without it")
        if not self.tls:
            for field in ("ca_file", "cert_file"):
                if getattr(self, field) is not None:
                    yield Fault("tls", f"must be true for MQTT_{field.upper()} to be used", "true")
        for field in ("ca_file", "cert_file", "key_file"):
            path: Path | None = getattr(self, field)
            if path is not None and (problem := _unreadable(path)):
                yield Fault(field, problem)
        if self.password is not None and self.username is None:
            yield Fault("username", "is missing: MQTT_PASSWORD is of no use without it")
        yield from self._faults_of_source()

    def _faults_of_reader(self) -> Iterable[Fault]:
        """Say what would make both readers one to the broker."""
        reader, client_id = self.reader, (self.client_id or "").lower()
        if reader is not None and client_id and reader not in client_id:
            yield Fault(
                "client_id",
                f"does not say that this is the {reader}: the other reader would have the same, "
                f"and the broker lets only one live; have {reader} in it, and {reader.other} in "
                "the other's",
                f"busylight-{self.id}-{reader}",
            )

    def _faults_of_source(self) -> Iterable[Fault]:
        """Say what is wrong with what is followed."""
        if self.source == "mqtt" and not self.source_topic:
            yield Fault("source_topic", "is missing: SOURCE=mqtt reads presence there")
        for field in ("source_topic", "source_availability_topic"):
            topics: tuple[str, ...] = getattr(self, field)
            own = [topic for topic in topics if f"{topic}/".startswith(f"{self.base}/")]
            if own:
                yield Fault(
                    field,
                    f"names {own[0]}, which this light publishes itself: give it an ID of its own, "
                    "other than that of the one it follows",
                )
        count = len(self.source_availability_topic)
        if count > 1 and count != len(self.source_topic):
            yield Fault(
                "source_availability_topic",
                f"names {count} topics for {len(self.source_topic)} in MQTT_SOURCE_TOPIC: it takes "
                "one for all, or one for each",
            )
