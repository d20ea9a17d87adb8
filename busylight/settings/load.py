"""From variables to the tree: finds what is unknown, and lists every fault at once."""

import logging
import os
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from busylight.core.adaptive import AUTO, OFTEN, Adaptive
from busylight.core.appearance import Appearance
from busylight.core.hours import Closure, Hours, HoursSyntaxError, parse_hours
from busylight.core.palette import PALETTES, Palette
from busylight.settings.building import Builder, Given, Need
from busylight.settings.colors import Lights, read_rules
from busylight.settings.faults import SettingFault, SettingsError, printable
from busylight.settings.fields import fields_of, is_secret, variables_of
from busylight.settings.installed import (
    OUTPUTS,
    SOURCES,
    PluginError,
    known,
    part_class,
    plugins,
)
from busylight.settings.outputs import COLOR, Look, kind_of, prefix_of, problem_of_instance
from busylight.settings.places import state_dir
from busylight.settings.tree import (
    BUILT_IN_OTHERS,
    BUILT_IN_OUTPUTS,
    BUILT_IN_SOURCES,
    OWN_FIELDS,
    Settings,
)
from busylight.settings.variables import (
    PREFIX,
    Variable,
    Variables,
    is_from_kubernetes,
    read_variables,
    with_secret_files,
)
from busylight.settings.working_hours import holidays_of, zone_of
from busylight.sources.graph.settings import GraphSettings

_log: Final = logging.getLogger("busylight.settings")

_BUILT_IN: Final = {**BUILT_IN_SOURCES, **BUILT_IN_OUTPUTS, **BUILT_IN_OTHERS}
_ASKED_FOR_ANYWAY: Final = ("serial", "terminal")
"""Parts whose settings commands want although no output of theirs is chosen."""


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


class _Loader(Builder):
    def __init__(self, variables: Variables, environ: Mapping[str, str]) -> None:
        super().__init__(variables.given, variables.faults)
        self._file = variables.file
        self._environ = environ
        self._plugins = {part.name for group in (SOURCES, OUTPUTS) for part in plugins(group)}
        outputs = self.given.get(f"{PREFIX}OUTPUTS")
        words = outputs.value.lower().split(",") if outputs else ["terminal"]
        self._outputs = list(dict.fromkeys(word.strip() for word in words if word.strip()))
        self._broken: dict[str, str] = {}

    def load(self, *, needs_source: bool, needs_outputs: bool) -> Settings:
        self._drop_kubernetes()
        self._read_secret_files(self._fields())
        self._refuse_unknown_names()
        own = self._own_values()
        zone = self._zone(own)
        source = str(own.get("source", "graph")).lower()
        chosen = set(self._outputs) if needs_outputs else set()
        self._refuse_unknown_parts(source, self._outputs if needs_outputs else [])
        if needs_source:
            chosen.add(source)
        inherited = self._inherited(own)
        parts: dict[str, BaseModel | None] = {}
        for name, model in _BUILT_IN.items():
            parts[name] = self._branch(name, model, inherited, required=name in chosen)
        for name in self._instances():
            model = BUILT_IN_OUTPUTS[kind_of(name)]
            # What stands on a second broker is not remembered: there is one place for it.
            with_place = {**inherited, "state_dir": None}
            parts[name] = self._branch(name, model, with_place, required=name in chosen)
        parts.update(self._plugin_branches(source if needs_source else "", chosen, inherited))
        self._refuse_twins(parts)
        self._refuse_writing_without_graph(source, parts["graph"])
        palette = Palette(self._rules(""), self._palette_name())
        values = {
            **own,
            **{name: parts.pop(name) for name in _BUILT_IN if name in Settings.model_fields},
            "palette": palette,
            "adaptive": Adaptive(zone) if self._is_adaptive else None,
            "working_hours": self._working_hours(own, zone),
            "appearances": self._appearances(palette),
            "parts": {name: branch for name, branch in parts.items() if branch is not None},
            "broken": self._broken,
        }
        given = Given({name: value for name, value in values.items() if value is not None})
        settings = self.build("", Settings, given)
        if self.faults:
            raise SettingsError(self.faults)
        assert isinstance(settings, Settings)  # noqa: S101 -- no fault: it was built
        return settings

    def _instances(self) -> list[str]:
        """Every `serial:desk` of a kind of ours that is well named."""
        return [
            name
            for name in self._outputs
            if ":" in name
            and kind_of(name) in BUILT_IN_OUTPUTS
            and problem_of_instance(name, self._settings_of_kind(kind_of(name))) is None
        ]

    def _settings_of_kind(self, kind: str) -> list[str]:
        """What the settings of a kind of ours are called, after their prefix."""
        prefix = f"{PREFIX}{prefix_of(kind)}"
        names = fields_of(_BUILT_IN, [])
        return [name.removeprefix(prefix) for name in names if name.startswith(prefix)]

    def _drop_kubernetes(self) -> None:
        known_names = self._known_names()
        for name, variable in list(self.given.items()):
            if is_from_kubernetes(variable, known=name in known_names):
                del self.given[name]
                _log.warning("%s looks like a Kubernetes service's and is ignored", name)

    def _read_secret_files(self, fields: Mapping[str, FieldInfo]) -> None:
        secrets = [name for name, field in fields.items() if is_secret(field)]
        self.given, faults = with_secret_files(self.given, secrets)
        self.faults += faults

    def _fields(self) -> dict[str, FieldInfo]:
        own = {f"{PREFIX}{name.upper()}": Settings.model_fields[name] for name in OWN_FIELDS}
        return own | fields_of(_BUILT_IN, [*BUILT_IN_OUTPUTS, *self._instances()])

    def _known_names(self) -> list[str]:
        fields = self._fields()
        return [*fields, *(f"{name}_FILE" for name, field in fields.items() if is_secret(field))]

    def _refuse_unknown_names(self) -> None:
        known_names = self._known_names()
        outputs = ["", *(prefix_of(name) for name in [*BUILT_IN_OUTPUTS, *self._instances()])]
        others = tuple(f"{PREFIX}{prefix}{COLOR}" for prefix in outputs)
        others += tuple(f"{PREFIX}{prefix_of(name)}" for name in self._plugins)
        for name, variable in self.given.items():
            if name not in known_names and not name.startswith(others):
                self.faults.append(_unknown(variable, known_names))

    def _own_values(self) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for name in OWN_FIELDS:
            variable = self.given.get(f"{PREFIX}{name.upper()}")
            if variable is not None:
                values[name] = variable.value
        if self._is_adaptive:
            values["interval"] = f"{OFTEN:g}"
        for name in ("source", "reader", "log_level", "log_format", "on_exit"):
            if name in values:
                values[name] = values[name].lower()
        values["state_dir"] = state_dir(self.given, self._file, self._environ)
        cache = values.get("token_cache", values["state_dir"] / "token_cache.json")
        values["token_cache"] = Path(cache).expanduser()
        return values

    @property
    def _is_adaptive(self) -> bool:
        interval = self.given.get(f"{PREFIX}INTERVAL")
        return interval is not None and interval.value.strip().lower() == AUTO

    def _refuse_unknown_parts(self, source: str, outputs: Iterable[str]) -> None:
        if source not in known(SOURCES):
            self._unknown_part("SOURCE", source, known(SOURCES))
        for output in outputs:
            kind = kind_of(output)
            if kind not in known(OUTPUTS):
                self._unknown_part("OUTPUTS", kind, known(OUTPUTS))
            elif kind in BUILT_IN_OUTPUTS:
                self._judge_instance(output, self._settings_of_kind(kind))

    def _judge_instance(self, name: str, suffixes: Iterable[str]) -> None:
        problem = problem_of_instance(name, suffixes)
        if problem is not None:
            self.faults.append(self.fault("OUTPUTS", problem, None))

    def _unknown_part(self, variable: str, name: str, choice: list[str]) -> None:
        import difflib  # noqa: PLC0415 -- only for a mistake

        near = difflib.get_close_matches(name, choice, n=1)
        hint = f"; did you mean {near[0]}?" if near else f"; there are {', '.join(choice)}"
        self.faults.append(
            self.fault(variable, f"names {printable(name)!r}, which is not installed{hint}", None)
        )

    def _refuse_twins(self, parts: Mapping[str, BaseModel | None]) -> None:
        """Two outputs of one kind that are set alike would quarrel over one light."""
        seen: list[tuple[str, list[Any], str]] = []
        for name in self._outputs:
            branch = parts.get(name)
            if branch is None:
                continue
            fields = [field for field, _ in variables_of(type(branch))]
            values = [getattr(branch, field) for field in fields]
            twins = [each for kind, its, each in seen if (kind, its) == (kind_of(name), values)]
            seen.append((kind_of(name), values, name))
            if twins:
                other = twins[0]
                only = f"{PREFIX}{prefix_of(name)}{fields[0].upper()}" if fields else None
                hint = f"; set {only}, say" if only else f"; {kind_of(name)} can be had once only"
                problem = f"names {name}, which is set to the same as {other}{hint}"
                self.faults.append(self.fault("OUTPUTS", problem, None))

    def _refuse_writing_without_graph(self, source: str, graph: BaseModel | None) -> None:
        if source != "graph" and isinstance(graph, GraphSettings) and graph.write:
            problem = (
                f"is refused with SOURCE={source}: it sets the presence of the person who is "
                "signed in to Graph, and nobody is where presence is read elsewhere"
            )
            self.faults.append(self.fault("GRAPH_WRITE", problem, "false"))

    def _inherited(self, own: Mapping[str, Any]) -> dict[str, Any]:
        defaults = {
            name: Settings.model_fields[name].default
            for name in OWN_FIELDS
            if not Settings.model_fields[name].is_required()
        }
        return {**defaults, **own}

    def _branch(
        self, name: str, model: type[BaseModel], inherited: Mapping[str, Any], *, required: bool
    ) -> BaseModel | None:
        given = self.given_for(name, model)
        if not required and name not in _ASKED_FOR_ANYWAY and not (given.own or given.of_kind):
            return None
        need = Need.ALL if required else Need.WHAT_IS_GIVEN if given.own else Need.NOTHING
        if not required and any(kind_of(output) == name for output in self._outputs):
            need = Need.NOTHING  # it is but the pattern of those that inherit from it
        return self.build(prefix_of(name), model, given, inherited, need)

    def _zone(self, own: Mapping[str, Any]) -> tzinfo:
        try:
            return zone_of(own.get("timezone"))
        except ValueError as error:
            self.faults.append(self.fault("TIMEZONE", str(error), "Europe/Berlin"))
        return UTC

    def _working_hours(self, own: Mapping[str, Any], zone: tzinfo) -> Hours | None:
        closures: tuple[Closure, ...] = ()
        if "holidays_file" in own:
            path, today = Path(own["holidays_file"]), datetime.now(zone).date()
            try:
                closures = holidays_of(path, zone, today)
            except ValueError as error:
                self.faults.append(self.fault("HOLIDAYS_FILE", str(error), None))
        try:
            openings = parse_hours(own["hours"])
        except (KeyError, HoursSyntaxError):
            return None  # not given, or told as the fault of its field
        return Hours(openings, zone, closures)

    def _plugin_branches(
        self, source: str, chosen: set[str], inherited: Mapping[str, Any]
    ) -> dict[str, BaseModel | None]:
        branches: dict[str, BaseModel | None] = {}
        kinds = {kind_of(name) for name in chosen if name != source} & self._plugins
        for group, kind in [(OUTPUTS, kind) for kind in sorted(kinds)] + [(SOURCES, source)]:
            if kind not in self._plugins:
                continue
            names = [name for name in self._outputs if kind_of(name) == kind]
            try:
                model: type[BaseModel] = part_class(group, kind).Settings
            except PluginError as error:
                if group == SOURCES:
                    problem = f"names {kind!r}, which cannot be used: {error}"
                    self.faults.append(self.fault("SOURCE", problem, None))
                else:  # one broken light is no reason to leave the others dark
                    self._broken.update(dict.fromkeys(names, str(error)))
                continue
            if group == SOURCES:
                names = [source]
            fields = fields_of({kind: model}, [kind, *names] if group == OUTPUTS else [])
            suffixes = [field.upper() for field, _ in variables_of(model)]
            for name in names:
                self._judge_instance(name, suffixes)
            self._refuse_unknown_of_plugin(kind, fields, names)
            self._read_secret_files(fields)
            for name in dict.fromkeys([kind, *names]):
                branch = self._branch(name, model, inherited, required=name in chosen)
                if name in chosen:
                    branches[name] = branch
        return branches

    def _refuse_unknown_of_plugin(
        self, kind: str, fields: Mapping[str, FieldInfo], names: list[str]
    ) -> None:
        known_names = [*fields, *(f"{name}_FILE" for name in fields if is_secret(fields[name]))]
        colors = tuple(f"{PREFIX}{prefix_of(name)}{COLOR}" for name in [kind, *names])
        for name, variable in self.given.items():
            ours = name.startswith(f"{PREFIX}{prefix_of(kind)}") and not name.startswith(colors)
            if ours and name not in known_names:
                self.faults.append(_unknown(variable, known_names))

    def _palette_name(self) -> str:
        """Which of the shipped palettes is chosen."""
        given = self.given.get(f"{PREFIX}PALETTE")
        if given is None:
            return "default"
        plain = re.sub("[ _-]", "", given.value.lower()).replace("color", "colour")
        if (name := {each.replace("-", ""): each for each in PALETTES}.get(plain)) is not None:
            return name
        problem = f"is none of {', '.join(PALETTES)}"
        self.faults.append(self.fault("PALETTE", problem, "colour-blind"))
        return "default"

    def _rules(self, prefix: str) -> Lights:
        lights, faults = read_rules(self.given, prefix)
        self.faults += faults
        return lights

    def _appearances(self, palette: Palette) -> dict[str, Appearance]:
        """How each output differs; what is set for a kind is checked though nobody chose it."""
        kinds = dict.fromkeys([*BUILT_IN_OUTPUTS, *map(kind_of, self._outputs)])
        rules = {kind: self._rules(prefix_of(kind)) for kind in kinds}
        found = {}
        for name in dict.fromkeys([*kinds, *self._outputs]):
            lights = rules[kind_of(name)]
            if ":" in name:
                lights = lights | self._rules(prefix_of(name))
            look = self.build(prefix_of(name), Look, self.given_for(name, Look))
            if isinstance(look, Look) and name in self._outputs:
                table = palette.with_rules(lights) if lights else None
                found[name] = Appearance(look.brightness, table, look.color_order)
        return found


def _unknown(variable: Variable, known_names: Iterable[str]) -> SettingFault:
    import difflib  # noqa: PLC0415 -- only for a mistake

    near = difflib.get_close_matches(variable.name.upper(), list(known_names), n=1, cutoff=0.6)
    hint = f"; did you mean {near[0]}?" if near else "; `config.example.env` lists them all"
    return SettingFault(variable.name, f"is not a setting{hint}", where=variable.where)
