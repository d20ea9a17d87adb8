"""Does for real what the conversation of `busylight setup` wants tried, shown or written."""

import asyncio
import contextlib
import os
import shutil
import signal
import stat
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from busylight.cli.common import CommandError
from busylight.cli.setup_show import LightShow
from busylight.edge.files import write_private
from busylight.edge.state_dir import StateDirError, prepare
from busylight.parts import PartError
from busylight.service.install import ServiceError, install
from busylight.settings.envfile import updated
from busylight.settings.faults import SettingsError
from busylight.settings.tree import Settings
from busylight.settings.variables import PREFIX
from busylight.setup.steps import (
    Action,
    FindBrokers,
    FindLights,
    FoundLight,
    Outcome,
    Save,
    Show,
    SignIn,
    TryOutput,
    TrySource,
    Values,
)
from busylight.sources.graph import credential_end
from busylight.sources.graph.errors import GraphError, SignedOutError
from busylight.sources.graph.settings import GraphSettings

_DIRECTORY: Final = 0o750


class Doer:
    """Does one step at a time. A context manager: what it has opened ends with it."""

    def __init__(
        self,
        file: Path,
        settings_of: Callable[[Values], Settings],
        *,
        written: Iterable[str],
        not_written: Iterable[str],
    ) -> None:
        """`written`: names that the file has; `not_written`: names that the environment has."""
        self._file = file
        self._settings_of = settings_of
        self._written = frozenset(written)
        self._not_written = frozenset(not_written)
        self._stack = contextlib.ExitStack()
        self._signed_in = False
        self._light_show: LightShow | None = None

    def __enter__(self) -> Self:
        # A sign-in is kept here until the settings are written: Ctrl-C leaves nothing of it.
        self._own = Path(
            self._stack.enter_context(tempfile.TemporaryDirectory(prefix="busylight-"))
        )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stack.close()

    def state_dir(self, values: Values) -> Path:
        """The state directory that these values lead to, whatever else is wrong with them."""
        place = {name: value for name, value in values.items() if name in ("ID", "STATE_DIR")}
        no_source = {"SOURCE": "mqtt", "MQTT_HOST": "localhost", "MQTT_SOURCE_TOPIC": "x"}
        return self._settings_of({**no_source, **place}).state_dir

    def do(self, action: Action) -> Outcome:
        """Do it; what goes wrong is the outcome."""
        if not isinstance(action, Show):
            self._end_show()
        try:
            return self._done(action)
        except (PartError, CommandError, GraphError) as error:
            return Outcome(ok=False, text=str(error))
        except SettingsError as error:
            return Outcome(ok=False, text="; ".join(map(str, error.faults)))

    def _done(self, action: Action) -> Outcome:
        match action:
            case FindLights():
                return _find_lights(self.state_dir(action.values))
            case FindBrokers():
                from busylight.cli.setup_brokers import find_brokers  # noqa: PLC0415 -- zeroconf

                return Outcome(ok=True, brokers=tuple(find_brokers()))
            case TryOutput():
                return asyncio.run(_try_output(self._settings(action.values), action.output))
            case TrySource():
                return asyncio.run(_try_source(self._settings(action.values)))
            case SignIn():
                outcome = asyncio.run(self._sign_in(action))
                self._signed_in = self._signed_in or outcome.ok
                return outcome
            case Show():
                return self._show(action)
            case Save():
                return self._save(action)

    def _settings(self, values: Values) -> Settings:
        """The settings as far as they go: a source that is not chosen yet is no fault."""
        try:
            return self._settings_of(values)
        except SettingsError:
            later = {name: value for name, value in values.items() if not name.startswith("GRAPH_")}
            stand_in = {"GRAPH_CLIENT_ID": "00000000-0000-0000-0000-000000000000"}
            return self._settings_of({**later, **stand_in, "SOURCE": "graph"})

    # -- Signing in ---------------------------------------------------------------------------

    async def _sign_in(self, action: SignIn) -> Outcome:
        from busylight.cli.browser_login import sign_in_by_browser  # noqa: PLC0415 -- msal, httpx
        from busylight.cli.sign_in_prompt import show_prompt  # noqa: PLC0415 -- the same
        from busylight.sources.graph.checking import check  # noqa: PLC0415 -- the same
        from busylight.sources.graph.session import GraphSession  # noqa: PLC0415 -- the same

        settings = self._settings_of(action.values)
        graph = self._with_own_cache(settings)
        async with GraphSession(graph, writes=graph.write) as session:
            try:
                if graph.is_app_permission:
                    who = "as the app itself"
                elif action.by_browser:
                    who = f"as {await sign_in_by_browser(session, switch=False)}"
                else:
                    who = f"as {await session.sign_in(show_prompt)}"
            except SignedOutError as error:
                return Outcome(ok=False, text=str(error), aadsts=error.aadsts)
            lines = await check(session)
        failed = [line for line in lines if not line.ok]
        if failed:
            told = "; ".join(f"{line.detail}; {line.remedy}" for line in failed)
            return Outcome(ok=False, text=told.rstrip("; "))
        ends = credential_end.warning(graph, datetime.now(UTC).date())
        text = f"signed in {who}; {lines[-1].what}: {lines[-1].detail}"
        return Outcome(ok=True, text=text if ends is None else f"{text}\n! {ends}")

    def _with_own_cache(self, settings: Settings) -> GraphSettings:
        if settings.graph is None:
            raise CommandError("there is nothing to sign in to")
        cache = self._own / settings.token_cache.name
        # An app's secret is tried for real: a token that another secret has brought proves nothing.
        if not cache.exists() and not settings.graph.is_app_permission:
            for path in _sign_in_files(settings.token_cache):
                with contextlib.suppress(OSError):
                    shutil.copyfile(path, self._own / path.name)
        return settings.graph.model_copy(update={"token_cache": cache})

    # -- The light ----------------------------------------------------------------------------

    def _show(self, action: Show) -> Outcome:
        settings = self._settings_of({**action.values, "OUTPUTS": action.output})
        show = self._light_show
        if show is None or show.settings.appearances != settings.appearances:
            self._end_show()
            show = self._light_show = LightShow(settings)
            self._stack.callback(self._end_show)
        show.show(action.light)
        return Outcome(ok=True)

    def _end_show(self) -> None:
        if self._light_show is not None:
            self._light_show.end()
            self._light_show = None

    # -- The end ------------------------------------------------------------------------------

    def _save(self, action: Save) -> Outcome:
        """From here on it is too late for Ctrl-C."""
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            return self._saved(action)
        except OSError as error:
            return Outcome(ok=False, text=f"{error.filename or self._file}: {error.strerror}")
        except (ServiceError, StateDirError) as error:
            return Outcome(ok=False, text=f"{self._file} is written, but: {error}")
        finally:
            signal.signal(signal.SIGINT, before)

    def _saved(self, action: Save) -> Outcome:
        settings = self._settings_of(action.values)
        wanted = {
            f"{PREFIX}{name}": value
            for name, value in action.values.items()
            if name not in self._not_written
        }
        gone = {f"{PREFIX}{name}": None for name in self._written if name not in action.values}
        _write(self._file, {**wanted, **gone})
        told = [f"Wrote {self._file}."]
        if action.service:
            program = Path(sys.prefix) / "bin" / "busylight"
            install(program, self._file, None, told.append)
        if self._signed_in and not _is_app(settings):
            self._keep_sign_in(settings)
        elif settings.source == "graph" and not _is_app(settings):
            told.append("Now sign in: busylight login")
        return Outcome(ok=True, text="\n".join(told))

    def _keep_sign_in(self, settings: Settings) -> None:
        files = {path.name: path for path in _sign_in_files(settings.token_cache)}
        contents = {path: path.read_bytes() for path in self._own.iterdir() if path.name in files}
        self._stack.close()  # what root has made, its owner could not take away
        prepare(settings.state_dir)  # as root, this is the directory's owner from here on
        settings.token_cache.parent.mkdir(parents=True, exist_ok=True)
        for path, content in contents.items():
            write_private(files[path.name], content)


def _is_app(settings: Settings) -> bool:
    return settings.graph is not None and settings.graph.is_app_permission


def _sign_in_files(cache: Path) -> tuple[Path, Path]:
    return cache, cache.with_name(f"{cache.stem}.account.json")


def _write(file: Path, values: dict[str, str | None]) -> None:
    """Change the file in one step; who may read it stays as it was, but for everybody else."""
    file.parent.mkdir(mode=_DIRECTORY, parents=True, exist_ok=True)
    try:
        text, status = file.read_text("utf-8"), file.stat()
    except FileNotFoundError:
        text, status = "", None
    write_private(file, updated(text, values).encode())
    if status is not None:
        os.chown(file, status.st_uid, status.st_gid)
        file.chmod(stat.S_IMODE(status.st_mode) & 0o640)


async def _try_output(settings: Settings, name: str) -> Outcome:
    from busylight.cli.check import check_output  # noqa: PLC0415 -- only when it is asked for

    line = await check_output(name, settings, None)
    return Outcome(line.ok, f"{line.result}{f'; {line.remedy}' if line.remedy else ''}")


async def _try_source(settings: Settings) -> Outcome:
    if settings.source == "mqtt" and settings.mqtt is not None:
        from busylight.sources.mqtt import source  # noqa: PLC0415 -- loads paho

        return Outcome(ok=True, text=await source.check(settings.mqtt))
    if settings.source != "graph" or settings.graph is None:
        return Outcome(ok=True, text=f"{settings.source} is a plugin, and its settings are good")
    from busylight.sources.graph.session import GraphSession  # noqa: PLC0415 -- loads msal, httpx

    async with GraphSession(settings.graph) as session:
        await session.find_tenant()
        reached = await session.reach()
    return Outcome(ok=True, text=f"the tenant is there, and {reached}")


def _find_lights(state_dir: Path) -> Outcome:
    """Everything that may be a light; the text names the kinds that cannot be looked for."""
    from busylight.cli.devices import devices_found  # noqa: PLC0415 -- only when it is asked for

    found = devices_found()
    lights = [*_serial_lights(state_dir), *(each for one in found for each in _lights_of(one))]
    text = "\n".join(f"{one['output']}: {one['error']}" for one in found if one["error"])
    return Outcome(ok=True, text=text, lights=tuple(lights))


def _serial_lights(state_dir: Path) -> Iterable[FoundLight]:
    """The serial ports, first those that `auto` would take."""
    from busylight.outputs.serial.confirmed import recall  # noqa: PLC0415 -- only when it is asked for
    from busylight.outputs.serial.finding import marked  # noqa: PLC0415 -- the same
    from busylight.outputs.serial.ports import list_ports  # noqa: PLC0415 -- loads pyserial

    ports = marked(list_ports(), recall(state_dir))
    auto = [port for port in ports if port.is_confirmed] or [port for port in ports if port.is_ours]
    for port in sorted(ports, key=lambda port: port not in auto):
        path = "auto" if auto == [port] else port.by_id or port.path
        yield FoundLight(
            f"{port.path}: {port.kind}, {port.description}",
            {"OUTPUTS": "serial", "SERIAL_PORT": path},
            is_ours=port in auto,
            problem=port.problem,
        )


def _lights_of(document: Mapping[str, Any]) -> Iterable[FoundLight]:
    """What another output has found."""
    for device in document["devices"]:
        lines = (line.partition("=")[::2] for line in device["settings"])
        values = {name.removeprefix(PREFIX): value for name, value in lines}
        yield FoundLight(
            device["name"],
            {"OUTPUTS": document["output"], **values},
            is_ours=True,
            problem=device["problem"],
        )
