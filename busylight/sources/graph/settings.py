"""The settings `BUSYLIGHT_GRAPH_…`."""

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Annotated, Final
from urllib.parse import SplitResult, urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr

from busylight.parts import INHERITED, Branch, Fault
from busylight.sources.graph.clouds import CLOUDS, PERSONAL_TENANT, Cloud

GUID: Final = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_PRINCIPAL_NAME: Final = re.compile(r"[^\s@/?#%\\]{1,64}@[A-Za-z0-9.-]{1,255}")
_TENANT: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]{0,254}")
_GUID_EXAMPLE: Final = "66825e03-7ef5-42da-9069-724602c31f6b"


def is_guid(user: str) -> bool:
    """Whether a person is named by object id, the only form that Graph's presence takes."""
    return GUID.fullmatch(user) is not None


def _user(value: str) -> str:
    if not is_guid(value) and not _PRINCIPAL_NAME.fullmatch(value):
        raise ValueError("is neither an object id (GUID) nor a user principal name")
    return value.lower() if is_guid(value) else value


def _client_id(value: str) -> str:
    if not is_guid(value):
        raise ValueError("is not an application (client) id, which is a GUID")
    return value


def _tenant(value: str) -> str:
    if not _TENANT.fullmatch(value):
        raise ValueError("is neither a tenant id nor a domain nor organizations")
    if value.lower() in ("consumers", PERSONAL_TENANT):
        raise ValueError("is for personal accounts, and Microsoft offers no presence for those")
    return value


def _cloud(value: str) -> str:
    name = value.lower()
    if name == "china":
        raise ValueError(
            "cannot be china: Microsoft offers no presence in the cloud operated by 21Vianet"
        )
    if name not in CLOUDS:
        raise ValueError(f"is none of {', '.join(CLOUDS)} (GCC is global, GCC High is usgov)")
    return name


def _has_good_port(parts: SplitResult) -> bool:
    try:
        return parts.port != 0
    except ValueError:
        return False


def _https(value: str) -> str:
    parts = urlsplit(value)
    if not _has_good_port(parts):
        raise ValueError("has a port that is none: 1 to 65535")
    if parts.scheme != "https" or not parts.hostname or parts.username or parts.query:
        raise ValueError("is not an https:// address without user, password and query")
    if not parts.path.strip("/"):
        raise ValueError("lacks its path (the tenant, or the version)")
    return value.rstrip("/")


def _proxy(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname or not _has_good_port(parts):
        raise ValueError("is not the http:// or https:// address of a proxy")
    return value


@dataclass(frozen=True, slots=True)
class Users:
    """Many people, perhaps out of a file."""

    people: tuple[str, ...] = ()
    file: Path | None = None
    stamp: tuple[int, int, int] | None = None
    """What tells that the file has changed."""

    def __bool__(self) -> bool:
        return bool(self.people)

    def again(self) -> "Users":
        """The same, or what the file says now. Raises ValueError when it says nothing usable."""
        if self.file is None or self.stamp == _stamp(self.file):
            return self
        return users_of(self.file)


def _stamp(file: Path) -> tuple[int, int, int] | None:
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns


def users_of(file: Path) -> Users:
    """Read a person a line; `#` begins a comment."""
    stamp = _stamp(file)
    try:
        lines = file.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"names a file that cannot be read: {error}") from error
    people: dict[str, None] = {}
    for number, line in enumerate(lines, start=1):
        person = line.partition("#")[0].strip()
        try:
            if person:
                people[_user(person)] = None
        except ValueError as error:
            raise ValueError(f"names a file whose line {number} {error}") from error
    if stamp != _stamp(file):
        raise ValueError("names a file that is being written")
    if not people:
        raise ValueError("names a file in which nobody stands")
    return Users(tuple(people), file, stamp)


def _users(value: object) -> object:
    """Read the comma list, or the file that `@` names."""
    if isinstance(value, str) and value.startswith("@"):
        return users_of(Path(value[1:]))
    if isinstance(value, str):
        value = [word.strip() for word in value.split(",") if word.strip()]
    if isinstance(value, list | tuple):
        return Users(tuple(dict.fromkeys(_user(str(word)) for word in value)))
    return value


class GraphSettings(Branch):
    """The app registration, whose presence is read, and where Graph is."""

    interval: Annotated[float, INHERITED]
    token_cache: Annotated[Path, INHERITED]

    client_id: Annotated[str, AfterValidator(_client_id)] = Field(
        description="Application (client) id of the app registration; "
        "docs/app-registration.md shows how to get one",
        examples=["11111111-2222-3333-4444-555555555555"],
    )
    tenant_id: Annotated[str, AfterValidator(_tenant)] = Field(
        default="organizations",
        description="Directory (tenant) id or domain",
        examples=["contoso.onmicrosoft.com"],
    )
    client_secret: SecretStr | None = Field(
        default=None,
        description="Client secret: reads by app permission, nobody signs in",
        examples=["8Q~secret"],
    )
    client_secret_ends: date | None = Field(
        default=None,
        description="The client secret's last day, as Entra shows it: the program warns 30 days "
        "before. It cannot be read from Microsoft without more permissions",
        examples=["2027-05-31"],
    )
    certificate_file: Path | None = Field(
        default=None,
        description="Certificate and private key (PEM or PFX) in place of a client secret",
        examples=["/etc/busylight/app.pem"],
    )
    certificate_password: SecretStr | None = Field(
        default=None, description="Password of the certificate file", examples=["correct-horse"]
    )
    user: Annotated[str, AfterValidator(_user)] | None = Field(
        default=None,
        description="Object id or principal name of the person; default: who is signed in",
        examples=[_GUID_EXAMPLE],
    )
    users: Annotated[Users, BeforeValidator(_users)] = Field(
        default=Users(),
        description="Many people, comma list or @file (a person a line, read again when it "
        "changes); the light shows the busiest",
        examples=[f"{_GUID_EXAMPLE},adele@contoso.com"],
    )
    write: bool = Field(
        default=False,
        description="Set the signed-in person's preferred presence in Teams, too, while a mode is "
        "asked for (button, Home Assistant, busylight set); needs the permission "
        "Presence.ReadWrite",
        examples=["true"],
    )
    cloud: Annotated[str, AfterValidator(_cloud)] = Field(
        default="global",
        description="global (also GCC), usgov (L4, GCC High) or dod (L5)",
        examples=["global"],
    )
    authority_url: Annotated[str, AfterValidator(_https)] | None = Field(
        default=None,
        description="Another sign-in endpoint, with its tenant",
        examples=["https://login.example.com/contoso"],
    )
    base_url: Annotated[str, AfterValidator(_https)] | None = Field(
        default=None,
        description="Another Graph endpoint, with its version",
        examples=["https://graph.example.com/v1.0"],
    )
    ca_file: Path | None = Field(
        default=None,
        description="Trust the certificates in this PEM file, too",
        examples=["/etc/busylight/company-ca.pem"],
    )
    proxy: Annotated[str, AfterValidator(_proxy)] | None = Field(
        default=None,
        description="Proxy for Graph and sign-in; default: HTTPS_PROXY",
        examples=["http://proxy.example.com:3128"],
    )

    @property
    def is_app_permission(self) -> bool:
        """Whether the program signs in as itself, not for a person."""
        return self.client_secret is not None or self.certificate_file is not None

    @property
    def cloud_in_force(self) -> Cloud:
        """The national cloud."""
        return CLOUDS[self.cloud]

    @property
    def base(self) -> str:
        """Graph's address with its version."""
        return self.base_url or f"https://{self.cloud_in_force.graph_host}/v1.0"

    @property
    def authority(self) -> str:
        """The sign-in address with its tenant."""
        return self.authority_url or (f"https://{self.cloud_in_force.login_host}/{self.tenant_id}")

    def faults(self) -> Iterable[Fault]:
        """Say what does not go together."""
        if self.client_secret is not None and self.certificate_file is not None:
            yield Fault(
                "certificate_file", "is given together with GRAPH_CLIENT_SECRET, and one is enough"
            )
        if self.certificate_password is not None and self.certificate_file is None:
            yield Fault(
                "certificate_file", "is missing: GRAPH_CERTIFICATE_PASSWORD is of no use without it"
            )
        if self.user is not None and self.users:
            yield Fault("users", "is given together with GRAPH_USER, and one is enough")
        if self.is_app_permission and self.user is None and not self.users:
            yield Fault(
                "user",
                "is missing: with app permission nobody is signed in, so a person must be named",
            )
        yield from self._refused_to_write()
        shared = self.tenant_id.lower() in ("organizations", "common")
        if self.is_app_permission and shared and not self.authority_url:
            yield Fault(
                "tenant_id", "must name the tenant: with app permission there is no common one"
            )
        yield from self._faulty_files()

    def _refused_to_write(self) -> Iterable[Fault]:
        """Say why nobody's presence may be set but that of whoever has signed in."""
        if not self.write:
            return
        if self.is_app_permission:
            secret = self.client_secret is not None
            own = "GRAPH_CLIENT_SECRET" if secret else "GRAPH_CERTIFICATE_FILE"
            yield Fault(
                "write",
                f"is refused with {own}: as an app the program could set the presence of "
                f"everybody in the organisation. Leave {own} and GRAPH_USER out, and sign in as "
                "the person (`busylight login`)",
                "false",
            )
        elif self.user is not None or self.users:
            named = "GRAPH_USER" if self.user is not None else "GRAPH_USERS"
            yield Fault(
                "write",
                f"is refused with {named}: nobody's presence is set but that of the person who has "
                f"signed in. Leave {named} out, and sign in as that person (`busylight login`)",
                "false",
            )

    def _faulty_files(self) -> Iterable[Fault]:
        """Say which file is not there, or does not hold what it should."""
        for field in ("certificate_file", "ca_file"):
            path: Path | None = getattr(self, field)
            if path is None:
                continue
            if not os.path.isfile(path):  # noqa: PTH113 -- Path's own raises where one may not look
                yield Fault(field, "names no file that can be found")
            elif field == "ca_file":
                yield from _faults_of_ca(path)
            elif self.client_secret is None:
                yield from _faults_of_certificate(path, self.certificate_password)


def _faults_of_ca(path: Path) -> Iterable[Fault]:
    import ssl  # noqa: PLC0415 -- only where there is one

    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(path)
    except (OSError, ssl.SSLError) as error:
        yield Fault("ca_file", f"holds no certificates in PEM form ({error.strerror or error})")


def _faults_of_certificate(path: Path, password: SecretStr | None) -> Iterable[Fault]:
    from busylight.sources.graph.certificate import (  # noqa: PLC0415 -- cryptography is large
        read_certificate,
    )

    try:
        secret = None if password is None else password.get_secret_value().encode()
        read_certificate(path, secret)
    except ValueError as error:
        yield Fault("certificate_file", str(error))
