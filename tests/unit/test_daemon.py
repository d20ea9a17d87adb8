"""The daemon from its start to its end, and the socket that asks it."""

import asyncio
import os
from functools import partial
from pathlib import Path

import pytest

from busylight.app.clash import clash
from busylight.app.control_socket import control_socket
from busylight.app.daemon import Daemon, Wiring
from busylight.core.light import LightState, parse_light
from busylight.core.override import Refresh
from busylight.core.view import View
from busylight.edge.daemon_socket import ask_daemon
from busylight.parts import OutputError, SourceError
from tests.support.parts import CALL, Lamp, Script, settings_of, until


@pytest.mark.parametrize(
    ("on_exit", "state", "light"),
    [
        ("off", "off", LightState(0, 0, 0, 0)),
        ("unknown", "unknown", parse_light("#4000ff 40% pulse 3")),
        ("keep", "inacall", parse_light("#ff0000 pulse")),
    ],
)
async def test_the_end_is_shown_as_on_exit_says_and_knows_nothing_any_more(
    on_exit: str, state: str, light: LightState, tmp_path: Path
) -> None:
    lamp, source = Lamp(), Script(CALL)
    daemon = Daemon(
        settings_of(ON_EXIT=on_exit),
        Wiring(lambda: source, {"lamp": lambda: lamp}, state_dir=tmp_path),
        {},
    )
    running = asyncio.create_task(daemon.run())
    await until(lambda: "inacall" in lamp.states)
    answer = await asyncio.to_thread(ask_daemon, tmp_path)
    assert answer is not None
    assert (answer["pid"], answer["state"]) == (os.getpid(), "inacall")
    daemon.stop()
    await asyncio.wait_for(running, 5)
    last = lamp.shown[-1]
    assert (last.is_last, last.state, last.light) == (True, state, light)
    assert last.knowledge.__class__.__name__ == "NotKnown"
    assert lamp.left == 1
    assert ask_daemon(tmp_path) is None


async def test_a_source_that_fails_begins_anew_and_the_reason_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("busylight.app.source_runner.full_jitter", lambda *_, **__: 0.0)
    source = Script(SourceError("no certificate"), KeyError("x"), CALL)
    lamp = Lamp()
    told: list[str | None] = []
    daemon = Daemon(
        settings_of(),
        Wiring(
            lambda: source,
            {"lamp": lambda: lamp},
            watchers=[lambda view: told.append(view.diagnostics.last_error)],
        ),
        {"broken": "cannot be loaded"},
    )
    running = asyncio.create_task(daemon.run())
    await until(lambda: "inacall" in lamp.states)
    assert "no certificate" in told
    assert "the source failed: KeyError: 'x'" in told
    assert source.entered == 3
    daemon.hub.command(Refresh())
    assert source.refreshed == 1
    assert daemon.hub.view.diagnostics.outputs["broken"].error == "cannot be loaded"
    daemon.stop()
    await asyncio.wait_for(running, 5)


async def test_a_lamp_is_told_before_the_broker_whatever_the_order_of_outputs() -> None:
    told: list[tuple[str, str]] = []

    class Noting(Lamp):
        def __init__(self, name: str) -> None:
            super().__init__()
            self._name = name

        async def show(self, view: View) -> None:
            told.append((view.state, self._name))
            await super().show(view)

    daemon = Daemon(
        settings_of(),
        Wiring(
            lambda: Script(CALL),
            {name: partial(Noting, name) for name in ("mqtt", "serial", "wled")},
        ),
        {},
    )
    running = asyncio.create_task(daemon.run())
    await until(lambda: len([state for state, _ in told if state == "inacall"]) == 3)
    daemon.stop()
    await asyncio.wait_for(running, 5)
    assert [name for state, name in told if state == "inacall"] == ["serial", "wled", "mqtt"]


async def test_a_stop_while_an_output_is_failing_ends_at_once() -> None:
    lamp = Lamp()
    lamp.enter_error = OutputError("no such host")
    daemon = Daemon(settings_of(), Wiring(Script, {"lamp": lambda: lamp}), {})
    running = asyncio.create_task(daemon.run())
    await until(lambda: lamp.entered >= 1)
    daemon.stop()
    await asyncio.wait_for(running, 2)


async def test_a_socket_in_a_deep_directory_answers_all_the_same(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 100) / ("e" * 100)
    deep.mkdir(parents=True)
    async with control_socket(deep, lambda: {"state": "busy"}):
        assert await asyncio.to_thread(ask_daemon, deep) == {"state": "busy"}
        assert (deep / "daemon.sock").stat().st_mode & 0o777 == 0o600
    assert not (deep / "daemon.sock").exists()


def test_a_socket_that_speaks_nonsense_is_no_daemon(tmp_path: Path) -> None:
    assert ask_daemon(tmp_path / "nowhere") is None


def test_another_distribution_of_the_same_package_is_noticed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert clash() is None
    monkeypatch.setattr("busylight.app.clash.version", lambda _name: "0.40")
    found = clash()
    assert found is not None
    assert "busylight-for-humans 0.40 is installed" in found[0]
    assert "pip uninstall" in found[1]
