"""`busylight plugins`: the sources and outputs that are installed, and what is wrong with each."""

import argparse
from pathlib import Path
from typing import Any

from busylight.cli.common import Exit, print_json
from busylight.parts import API_VERSION
from busylight.settings.installed import (
    SOURCES,
    Installed,
    PluginError,
    installed,
    loaded,
)
from busylight.settings.variables import read_variables


def main(args: argparse.Namespace) -> int:
    """Import each part, and list it with where it comes from; no setting is needed."""
    if args.env_file is not None:
        read_variables(Path(args.env_file), {})  # a named file that is missing is told all the same
    found = [_document(part) for part in installed()]
    if args.json:
        print_json({"api_version": API_VERSION, "plugins": found})
    else:
        for part in found:
            state = part["error"] or "ok"
            where = f"{part['package']} {part['package_version']}"
            print(f"{part['name']:<12} {part['kind']:<7} {where:<28} {state}")
    theirs = [part for part in found if not part["built_in"]]
    return Exit.FAILED if any(part["error"] for part in theirs) else Exit.OK


def _document(part: Installed) -> dict[str, Any]:
    error = None
    try:
        loaded(part)
    except PluginError as problem:
        error = str(problem)
    return {
        "name": part.name,
        "kind": "source" if part.group == SOURCES else "output",
        "package": part.package,
        "package_version": part.version,
        "built_in": part.is_built_in,
        "error": error,
    }
