"""What `busylight demo` plays on: stand-ins on loopback, and the settings that lead to them."""

import contextlib
import os
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from busylight.demo.lookalike import Lookalike
from busylight.settings.load import check
from busylight.settings.tree import Settings
from busylight.settings.variables import PREFIX, Variable, Variables
from firmware_bridge.simulate import SimulatedLight

_TAKEN: Final = (f"{PREFIX}COLOR_", f"{PREFIX}PALETTE", f"{PREFIX}BRIGHTNESS")
"""The user's settings that the demo shows; it has all others of its own."""


@dataclass(frozen=True, slots=True)
class Stage:
    """The stand-ins, and settings under which the program meets them."""

    lookalike: Lookalike
    light: SimulatedLight
    settings: Settings


@contextlib.contextmanager
def stage(variables: Variables, *, interval: float) -> Iterator[Stage]:
    """Set the stage; raises `SettingsError` for a palette that cannot be read.

    `interval`: seconds between reads, shorter than people may set it when a day is played fast.
    """
    with (
        tempfile.TemporaryDirectory(prefix="busylight-demo-") as directory,
        Lookalike() as lookalike,
        SimulatedLight() as light,
        _no_proxy_on_loopback(),
    ):
        given = {
            "GRAPH_CLIENT_ID": lookalike.client_id,
            "GRAPH_AUTHORITY_URL": lookalike.authority_url,
            "GRAPH_BASE_URL": lookalike.base_url,
            "GRAPH_CA_FILE": str(lookalike.ca_file),
            "OUTPUTS": "serial",
            "SERIAL_PORT": str(light.path),
            "STATE_DIR": str(Path(directory) / "state"),
            "INTERVAL": "1",
        }
        settings = check(_together(variables, given), {})
        if settings.graph is not None:
            settings = settings.model_copy(
                update={"graph": settings.graph.model_copy(update={"interval": interval})}
            )
        yield Stage(lookalike, light, settings)


def _together(variables: Variables, own: Mapping[str, str]) -> Variables:
    taken = {
        name: variable
        for name, variable in variables.given.items()
        if name.startswith(_TAKEN[0]) or name == _TAKEN[1]
    }
    ours = {f"{PREFIX}{name}": Variable(f"{PREFIX}{name}", value) for name, value in own.items()}
    return Variables({**taken, **ours}, file=None, faults=())


@contextlib.contextmanager
def _no_proxy_on_loopback() -> Iterator[None]:
    """Keep a proxy of the company out of what happens on this machine alone."""
    before = {name: os.environ.get(name) for name in ("NO_PROXY", "no_proxy")}
    os.environ["NO_PROXY"] = os.environ["no_proxy"] = "localhost,127.0.0.1"
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
