"""`busylight check`: try every configured part for real, and say how to mend what fails."""

import argparse
import asyncio
import os
import socket
from collections.abc import AsyncIterator, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlsplit

from busylight.app.clash import clash
from busylight.cli.common import Exit, print_json, settings_of, state_dir_of
from busylight.core.hours import Hours
from busylight.edge.daemon_socket import ask_daemon
from busylight.edge.threads import Worker
from busylight.mqtt.settings import MqttSettings
from busylight.outputs.serial.settings import SerialSettings
from busylight.parts import PartError
from busylight.settings.installed import (
    OUTPUTS,
    SOURCES,
    PluginError,
    installed,
    part_class,
)
from busylight.settings.outputs import kind_of
from busylight.settings.tree import Settings
from busylight.sources.graph.credential_end import last_day, warning
from busylight.sources.graph.settings import GraphSettings
from busylight.web import output as page

_NAME_SECONDS: Final = 10.0
_PART_SECONDS: Final = 20.0
_BEFORE_WRITING: Final = ("sign-in", "sign-in server", "Graph")
"""What has to be well for it to be of use to try more."""


@dataclass(frozen=True, slots=True)
class Line:
    """What was tried, and how it went."""

    what: str
    ok: bool
    result: str
    remedy: str | None = None
    sign_in: bool = False
    """Whether all that is wrong is that nobody has signed in."""


def main(args: argparse.Namespace) -> int:
    """Try everything, one line each; changes nothing but perhaps a token that was due."""
    settings = settings_of(args)  # a fault ends it here, with 78: nothing else is tried
    state_dir_of(settings)
    lines = asyncio.run(_all(settings, quiet=args.json))
    if args.json:
        print_json({"checks": [asdict(line) for line in lines]})
    failed = [line for line in lines if not line.ok]
    if any(not line.sign_in for line in failed):
        return Exit.FAILED
    return Exit.SIGN_IN_NEEDED if failed else Exit.OK


async def _all(settings: Settings, *, quiet: bool) -> list[Line]:
    lines = []
    async for line in _lines(settings):
        lines.append(line)
        if not quiet:
            remedy = f"; {line.remedy}" if line.remedy else ""
            mark = "ok  " if line.ok else "FAIL"
            print(f"{mark} {line.what}: {line.result}{remedy}", flush=True)
    return lines


async def _lines(settings: Settings) -> AsyncIterator[Line]:
    yield Line("settings", ok=True, result="every value is good")
    if (problem := clash()) is not None:
        yield Line("installation", ok=False, result=problem[0], remedy=problem[1])
    if settings.working_hours is not None:
        yield Line("hours", ok=True, result=_hours(settings.working_hours))
    for line in _plugins(settings):
        yield line
    daemon = ask_daemon(settings.state_dir)
    running = "no daemon is running" if daemon is None else f"running as process {daemon['pid']}"
    yield Line("daemon", ok=True, result=running)
    if settings.source == "graph" and settings.graph is not None:
        async for line in _graph(settings.graph):
            yield line
        if (ends := _credential(settings.graph)) is not None:
            yield ends
    elif settings.source == "mqtt" and settings.mqtt is not None:
        from busylight.sources.mqtt import source  # noqa: PLC0415 -- loads paho

        yield await _tried("presence", source.check(settings.mqtt))
    else:
        yield await _part(settings.source, SOURCES, settings.part(settings.source))
    for name in settings.outputs:
        yield await check_output(name, settings, daemon)
    if settings.web.listen is not None:
        yield _of_daemon("web", daemon) if daemon else await _tried("web", page.check(settings.web))


async def _graph(settings: GraphSettings) -> AsyncIterator[Line]:
    from busylight.sources.graph import checking  # noqa: PLC0415 -- loads msal
    from busylight.sources.graph.session import GraphSession  # noqa: PLC0415 -- loads msal

    yield await _names(settings)
    async with GraphSession(settings) as session:
        found = await checking.check(session)
    if settings.write and all(each.ok for each in found if each.what in _BEFORE_WRITING):
        found.append(await checking.check_writing(settings))
    for each in found:
        yield Line(each.what, each.ok, each.detail, each.remedy, sign_in=each.what == "sign-in")


def _hours(hours: Hours) -> str:
    now = datetime.now(UTC)
    change = hours.next_change(now)
    until = "for a year" if change is None else f"until {change.astimezone(hours.zone):%a %F %R %Z}"
    return f"{'outside of' if hours.outside(now) else 'within'} the working hours {until}"


def _credential(graph: GraphSettings) -> Line | None:
    """Until when the app's own credential is good, where that can be known."""
    today = datetime.now(UTC).date()
    if (words := warning(graph, today)) is not None:
        problem, _, remedy = words.partition(": ")
        return Line("credential", ok=True, result=problem, remedy=remedy)  # the light works still
    end = last_day(graph)
    return None if end is None else Line("credential", ok=True, result=f"is good until {end}")


async def _names(graph: GraphSettings) -> Line:
    """Whether Microsoft's addresses are found."""
    if graph.proxy or os.environ.get("HTTPS_PROXY") or os.environ.get("https_proxy"):
        return Line("DNS", ok=True, result="is left to the proxy")
    worker = Worker("check names")
    hosts = sorted({urlsplit(url).hostname or "" for url in (graph.base, graph.authority)})
    for host in hosts:
        try:
            await worker.call(_NAME_SECONDS, socket.getaddrinfo, host, 443)
        except (OSError, TimeoutError, UnicodeError) as error:
            reason = getattr(error, "strerror", None) or "no answer"
            return Line(
                "DNS",
                ok=False,
                result=f"{host} is not found ({reason})",
                remedy="see that this machine is on the network and has a name server",
            )
    worker.close()
    return Line("DNS", ok=True, result=f"{' and '.join(hosts)} found")


async def check_output(name: str, settings: Settings, daemon: dict[str, Any] | None) -> Line:
    """Use an output for real, or hear of it from the `daemon` that does."""
    branch = settings.part(name)
    if isinstance(branch, MqttSettings):
        from busylight.outputs.mqtt import remote  # noqa: PLC0415 -- loads paho

        return await _tried(name, remote.check(branch))
    if name in settings.broken:
        return Line(name, ok=False, result=settings.broken[name])
    if isinstance(branch, SerialSettings):
        if daemon is not None:
            return _of_daemon(name, daemon)
        from busylight.outputs.serial.check import check  # noqa: PLC0415 -- loads pyserial

        return await _tried(name, check(branch))
    if daemon is not None:
        return _of_daemon(name, daemon)
    return await _part(name, OUTPUTS, branch)


async def _part(name: str, group: str, branch: Any) -> Line:
    """A part that is tried by its own `check`, if it has one."""
    try:
        attempt = getattr(part_class(group, name), "check", None)
    except PluginError as error:
        return Line(name, ok=False, result=str(error))
    if attempt is None:
        return Line(name, ok=True, result="can be loaded, and its settings are good")
    try:
        async with asyncio.timeout(_PART_SECONDS):
            return Line(name, ok=True, result=str(await attempt(branch)))
    except PartError as error:
        return Line(name, ok=False, result=str(error))
    except TimeoutError:
        return Line(name, ok=False, result=f"does not answer within {_PART_SECONDS:g} s")
    except (Exception, SystemExit) as error:  # noqa: BLE001 -- whatever it raises is its fault alone
        return Line(name, ok=False, result=f"{type(error).__name__}: {error}")


def _plugins(settings: Settings) -> Iterator[Line]:
    """Everybody else's parts that are installed; those in use are tried in their own lines."""
    used = {settings.source, *map(kind_of, settings.outputs)}
    for part in installed():
        if not part.is_built_in:
            kind = "source" if part.group == SOURCES else "output"
            state = part.refusal or ("in use" if part.name in used else "not in use")
            result = f"{kind} of {part.package} {part.version}, {state}"
            yield Line(f"plugin {part.name}", ok=True, result=result)


async def _tried(name: str, attempt: Any) -> Line:
    try:
        return Line(name, ok=True, result=await attempt)
    except PartError as error:
        return Line(name, ok=False, result=str(error))


def _of_daemon(name: str, daemon: dict[str, Any]) -> Line:
    """A port that the daemon holds is not opened a second time: the daemon knows how it is."""
    health = daemon["diagnostics"]["outputs"].get(name, {})
    state = health.get("state", "not driven by the running daemon; restart it")
    return Line(
        name,
        ok=state in ("connected", "released"),
        result=f"the daemon says: {health.get('error', state)}",
    )
