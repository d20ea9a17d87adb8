"""From variables to the tree: finds what is unknown, and lists every fault at once."""

import difflib
import logging
import os
from collections.abc import Mapping
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from busylight.core.hours import Closure, Hours, HoursSyntaxError, parse_hours
from busylight.core.light import LIGHT_EXAMPLE, LightState, LightSyntaxError, parse_light
from busylight.core.palette import PALETTES, Palette, is_key, judge_key
from busylight.parts import INHERITED, Branch
from busylight.settings.faults import SettingFault, SettingsError, printable, problem_of
from busylight.settings.installed import SOURCES, known_outputs, known_sources, plugins
from busylight.settings.tree import BUILT_IN_OUTPUTS, BUILT_IN_SOURCES, OWN_FIELDS, Settings
from busylight.settings.variables import (
    PREFIX,
    Variables,
    is_from_kubernetes,
    read_variables,
    with_secret_files,
)
from busylight.settings.working_hours import holidays_of, zone_of

_log: Final = logging.getLogger("busylight.settings")

_COLOR: Final = "COLOR_"
_SYSTEM_FILE_DIR: Final = Path("/etc/busylight")
_BUILT_IN: Final = {**BUILT_IN_SOURCES, **BUILT_IN_OUTPUTS}


def load(
    env_file: Path | None = None,
    environ: Mapping[str, str] | None = None,
    *,
    needs_source: bool = True,
    needs_outputs: bool = True,
) -> Settings:
    """Read and check all settings.

    A command that needs no source, or no outputs, does not ask for what they cannot do without;
    what was given is checked all the same. Raises `SettingsError` with every fault.
    """
    environ = os.environ if environ is None else environ
    variables = read_variables(env_file, environ)
    return check(variables, environ, needs_source=needs_source, needs_outputs=needs_outputs)


def check(
    variables: Variables,
    environ: Mapping[str, str],
    *,
    needs_source: bool = True,
    needs_outputs: bool = True,
) -> Settings:
    """Check variables that were read already; `environ` says where state directories are."""
    loader = _Loader(variables, environ)
    return loader.load(needs_source=needs_source, needs_outputs=needs_outputs)


class _Loader:
    def __init__(self, variables: Variables, environ: Mapping[str, str]) -> None:
        self._given = dict(variables.given)
        self._faults = list(variables.faults)
        self._file = variables.file
        self._environ = environ
        self._plugins = plugins()

    def load(self, *, needs_source: bool, needs_outputs: bool) -> Settings:
        self._drop_kubernetes()
        self._read_secret_files()
        self._refuse_unknown_names()
        own = self._own_values()
        chosen_source = str(own.get("source", "graph")).lower()
        outputs = str(own.get("outputs", "terminal")).lower().split(",")
        chosen = {name.strip() for name in outputs if name.strip()} if needs_outputs else set()
        self._refuse_unknown_parts(chosen_source, sorted(chosen))
        if needs_source:
            chosen.add(chosen_source)
        inherited = self._inherited(own)
        branches: dict[str, BaseModel] = {}
        for name, model in _BUILT_IN.items():
            branch = self._branch(name, model, inherited, required=name in chosen)
            if branch is not None:
                branches[name] = branch
        plugin_branches = {}
        for name in sorted(chosen & self._plugins.keys()):
            branch = self._plugin_branch(name, inherited)
            if branch is not None:
                plugin_branches[name] = branch
        values = {
            **own,
            **branches,
            "palette": self._palette(),
            "working_hours": self._working_hours(own),
            "plugins": plugin_branches,
        }
        settings = self._build("", Settings, values)
        if self._faults:
            raise SettingsError(self._faults)
        assert isinstance(settings, Settings)  # noqa: S101 -- no fault: it was built
        return settings

    def _drop_kubernetes(self) -> None:
        known = self._known_names()
        for name, variable in list(self._given.items()):
            if is_from_kubernetes(variable, known=name in known):
                del self._given[name]
                _log.warning("%s looks like a Kubernetes service's and is ignored", name)

    def _read_secret_files(self) -> None:
        secrets = [name for name, field in self._fields().items() if is_secret(field)]
        self._given, faults = with_secret_files(self._given, secrets)
        self._faults += faults

    def _fields(self) -> dict[str, FieldInfo]:
        fields = {f"{PREFIX}{name.upper()}": Settings.model_fields[name] for name in OWN_FIELDS}
        for part, model in _BUILT_IN.items():
            for name, field in variables_of(model):
                fields[f"{PREFIX}{part.upper()}_{name.upper()}"] = field
        return fields

    def _known_names(self) -> list[str]:
        fields = self._fields()
        return [*fields, *(f"{name}_FILE" for name, field in fields.items() if is_secret(field))]

    def _refuse_unknown_names(self) -> None:
        known = self._known_names()
        plugin_prefixes = tuple(f"{PREFIX}{_upper(name)}_" for name in self._plugins)
        for name, variable in self._given.items():
            if name in known or name.startswith(f"{PREFIX}{_COLOR}"):
                continue
            if plugin_prefixes and name.startswith(plugin_prefixes):
                continue
            near = difflib.get_close_matches(name.upper(), known, n=1, cutoff=0.6)
            hint = f"; did you mean {near[0]}?" if near else "; `config.example.env` lists them all"
            self._faults.append(SettingFault(name, f"is not a setting{hint}", where=variable.where))

    def _own_values(self) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for name in OWN_FIELDS:
            variable = self._given.get(f"{PREFIX}{name.upper()}")
            if variable is not None:
                values[name] = variable.value
        for name in ("source", "log_level", "log_format", "on_exit"):
            if name in values:
                values[name] = values[name].lower()
        if "state_dir" not in values:
            values["state_dir"] = self._state_root() / str(values.get("id", "busylight"))
        values["state_dir"] = Path(values["state_dir"]).expanduser()
        cache = values.get("token_cache", values["state_dir"] / "token_cache.json")
        values["token_cache"] = Path(cache).expanduser()
        return values

    def _state_root(self) -> Path:
        if systemd := self._environ.get("STATE_DIRECTORY"):
            return Path(systemd.split(":")[0])
        if self._file is not None and self._file.resolve().is_relative_to(_SYSTEM_FILE_DIR):
            return Path("/var/lib/busylight")
        if xdg := self._environ.get("XDG_STATE_HOME"):
            return Path(xdg) / "busylight"
        return Path("~/.local/state/busylight").expanduser()

    def _refuse_unknown_parts(self, source: str, outputs: list[str]) -> None:
        if source not in known_sources():
            self._unknown_part("SOURCE", source, known_sources())
        for output in outputs:
            if output not in known_outputs():
                self._unknown_part("OUTPUTS", output, known_outputs())

    def _unknown_part(self, variable: str, name: str, known: list[str]) -> None:
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"; did you mean {near[0]}?" if near else f"; there are {', '.join(known)}"
        self._faults.append(
            self._fault(variable, f"names {printable(name)!r}, which is not installed{hint}", None)
        )

    def _inherited(self, own: Mapping[str, Any]) -> dict[str, Any]:
        defaults = {
            name: Settings.model_fields[name].default
            for name in OWN_FIELDS
            if not Settings.model_fields[name].is_required()
        }
        return {**defaults, **own}

    def _branch(
        self, part: str, model: type[BaseModel], inherited: Mapping[str, Any], *, required: bool
    ) -> BaseModel | None:
        prefix = f"{part.upper()}_"
        values = {
            name: variable.value
            for name, _ in variables_of(model)
            if (variable := self._given.get(f"{PREFIX}{prefix}{name.upper()}")) is not None
        }
        return self._build(prefix, model, values, inherited, required=required)

    def _plugin_branch(self, part: str, inherited: Mapping[str, Any]) -> BaseModel | None:
        variable = "SOURCE" if self._plugins[part].group == SOURCES else "OUTPUTS"
        try:
            model = self._plugins[part].load().Settings
        except Exception as error:  # noqa: BLE001 -- a plugin's import may raise anything
            problem = f"names {part!r}, which cannot be loaded: {type(error).__name__}: {error}"
            self._faults.append(self._fault(variable, problem, None))
            return None
        prefix = f"{_upper(part)}_"
        fields = {
            f"{PREFIX}{prefix}{name.upper()}": (name, field) for name, field in variables_of(model)
        }
        secrets = [name for name, (_, field) in fields.items() if is_secret(field)]
        given, faults = with_secret_files(self._given, secrets)
        self._faults += faults
        values = {}
        for name, given_variable in given.items():
            if name in fields:
                values[fields[name][0]] = given_variable.value
            elif name.startswith(f"{PREFIX}{prefix}"):
                near = difflib.get_close_matches(name, list(fields), n=1)
                hint = f"; did you mean {near[0]}?" if near else ""
                self._faults.append(
                    SettingFault(name, f"is not a setting{hint}", where=given_variable.where)
                )
        return self._build(prefix, model, values, inherited, required=True)

    def _working_hours(self, own: Mapping[str, Any]) -> Hours | None:
        zone: tzinfo = UTC
        try:
            zone = zone_of(own.get("timezone"))
        except ValueError as error:
            self._faults.append(self._fault("TIMEZONE", str(error), "Europe/Berlin"))
        closures: tuple[Closure, ...] = ()
        if "holidays_file" in own:
            path, today = Path(own["holidays_file"]), datetime.now(zone).date()
            try:
                closures = holidays_of(path, zone, today)
            except ValueError as error:
                self._faults.append(self._fault("HOLIDAYS_FILE", str(error), None))
        try:
            openings = parse_hours(own["hours"])
        except (KeyError, HoursSyntaxError):
            return None  # not given, or told as the fault of its field
        return Hours(openings, zone, closures)

    def _palette(self) -> Palette:
        lights: dict[str, LightState | None] = {}
        for name, variable in self._given.items():
            if not name.startswith(f"{PREFIX}{_COLOR}"):
                continue
            key = name.removeprefix(f"{PREFIX}{_COLOR}")
            suffix = name.removeprefix(PREFIX)
            if not is_key(key):
                self._faults.append(
                    self._fault(suffix, "does not name a state", LIGHT_EXAMPLE, "COLOR_BUSY")
                )
                continue
            verdict = judge_key(key)
            if verdict.meant is not None:
                near = f"{PREFIX}{_COLOR}{verdict.meant}"
                self._faults.append(
                    SettingFault(
                        name, f"is not a setting; did you mean {near}?", where=variable.where
                    )
                )
                continue
            if not verdict.known:
                _log.warning("%s is for a state that Microsoft Graph does not document", name)
            try:
                lights[key] = parse_light(variable.value)
            except LightSyntaxError as error:
                self._faults.append(self._fault(suffix, str(error), LIGHT_EXAMPLE))
        return Palette(lights, self._palette_name())

    def _palette_name(self) -> str:
        """Which of the shipped palettes is chosen."""
        given = self._given.get(f"{PREFIX}PALETTE")
        if given is None:
            return "default"
        name = given.value.lower().replace("color", "colour").replace("_", "-")
        if name in PALETTES:
            return name
        problem = f"is none of {', '.join(PALETTES)}"
        self._faults.append(self._fault("PALETTE", problem, "colour-blind"))
        return "default"

    def _build(
        self,
        prefix: str,
        model: type[BaseModel],
        values: Mapping[str, Any],
        inherited: Mapping[str, Any] | None = None,
        *,
        required: bool = True,
    ) -> BaseModel | None:
        """Build one model; what single fields say and what they say together is listed."""
        own = dict(values)
        filled = {**_inherited_values(model, inherited or {}), **own}
        built, details = _attempt(model, filled)
        bad = {_field_of(detail) for detail in details}
        if built is None:
            # Once more without the values that were bad by themselves, so that what the others
            # have against each other is told in the same run.
            rest = {name: value for name, value in filled.items() if name not in bad}
            built, more = _attempt(model, rest)
            details += [detail for detail in more if _field_of(detail) not in bad]
            bad |= {_field_of(detail) for detail in more}
        for detail in details:
            field = _field_of(detail)
            told_elsewhere = INHERITED in model.model_fields[field].metadata
            if not told_elsewhere and (required or detail["type"] != "missing"):
                self._faults.append(self._told(prefix, model, field, detail))
        if isinstance(built, Branch) and (required or own):
            for found in built.faults():
                if found.field not in bad:
                    self._faults.append(
                        self._fault(
                            f"{prefix}{found.field.upper()}",
                            found.problem,
                            found.example or _example(model, found.field),
                            secret=is_secret(model.model_fields[found.field]),
                        )
                    )
        return built

    def _told(
        self, prefix: str, model: type[BaseModel], field: str, detail: ErrorDetails
    ) -> SettingFault:
        info = model.model_fields[field]
        example = detail.get("ctx", {}).get("example") or _example(model, field)
        problem = problem_of(detail)
        if detail["type"] == "missing" and info.description:
            problem += f": {info.description[:1].lower()}{info.description[1:]}"
        return self._fault(f"{prefix}{field.upper()}", problem, example, secret=is_secret(info))

    def _fault(
        self,
        suffix: str,
        problem: str,
        example: str | None,
        example_for: str | None = None,
        *,
        secret: bool = False,
    ) -> SettingFault:
        name = f"{PREFIX}{suffix}"
        variable = self._given.get(name)
        subject = name
        if variable is not None:
            subject += " (value not shown)" if secret else f"={printable(variable.value)}"
        assignment = f"{PREFIX}{example_for or suffix}={example}" if example else None
        return SettingFault(subject, problem, assignment, variable.where if variable else None)


def _upper(part: str) -> str:
    return part.upper().replace("-", "_")


def variables_of(model: type[BaseModel]) -> list[tuple[str, FieldInfo]]:
    """The fields of a part's settings that are variables of its own."""
    return [
        (name, field)
        for name, field in model.model_fields.items()
        if INHERITED not in field.metadata
    ]


def _inherited_values(model: type[BaseModel], values: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: values[name]
        for name, field in model.model_fields.items()
        if INHERITED in field.metadata and name in values
    }


def is_secret(field: FieldInfo) -> bool:
    """Whether the value may never be shown, and may stand in a file of its own."""
    return "SecretStr" in str(field.annotation) or field.annotation is SecretStr


def _example(model: type[BaseModel], field: str) -> str | None:
    examples = model.model_fields[field].examples
    return str(examples[0]) if examples else None


def _attempt(
    model: type[BaseModel], values: Mapping[str, Any]
) -> tuple[BaseModel | None, list[ErrorDetails]]:
    try:
        return model(**values), []
    except ValidationError as error:
        return None, error.errors(include_url=False)


def _field_of(detail: ErrorDetails) -> str:
    if detail["loc"]:
        return str(detail["loc"][0])
    return str(detail.get("ctx", {}).get("field", ""))
