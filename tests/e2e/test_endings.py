"""The end: within five seconds in every state, in order, with exit code 0."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from busylight.demo.lookalike import Lookalike, faults
from firmware_bridge.virtual_light import TEMPLATE, VirtualLight
from tests.support.broker import Broker, Recorder, wait_until
from tests.support.program import Home, json_of

FIVE_SECONDS = 5.0


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_running_program_ends_in_order(
    home: Home, lookalike: Lookalike, tmp_path: Path, number: int
) -> None:
    with Broker(tmp_path / "broker") as broker, VirtualLight(tmp_path / "light") as light:
        home.with_graph(lookalike).with_broker(broker.port).with_light(light.path, TEMPLATE)
        with Recorder(broker) as recorder, home.start() as program:
            program.shows("available")
            wait_until(lambda: recorder.last("busylight/desk/availability") == b"online")
            code, seconds = program.ends(number)
            assert code == 0
            assert seconds < FIVE_SECONDS
            wait_until(lambda: recorder.last("busylight/desk/availability") == b"offline")
            assert json_of(recorder.last("busylight/desk/light"))["state"] == "OFF"
            assert light.last is not None
            assert (light.last.rgb, light.last.state) == ((0, 0, 0), "off")
        assert not (home.state_dir / "daemon.sock").exists()


@pytest.mark.parametrize(
    ("on_exit", "state"), [("off", "off"), ("unknown", "unknown"), ("keep", "available")]
)
def test_the_light_ends_as_on_exit_says(
    home: Home, lookalike: Lookalike, tmp_path: Path, on_exit: str, state: str
) -> None:
    with VirtualLight(tmp_path / "light") as light:
        home.with_graph(lookalike).with_light(light.path, TEMPLATE).settings["ON_EXIT"] = on_exit
        with home.start() as program:
            program.shows("available")
            wait_until(lambda: light.last is not None and light.last.state == "available")
            assert program.ends()[0] == 0
        assert light.last is not None
        assert light.last.state == state


def test_it_ends_while_a_sign_in_waits(home: Home, lookalike: Lookalike) -> None:
    home.with_graph(lookalike, signed_in=False)
    with home.start() as program:
        program.shows("signin")
        code, seconds = program.ends()
        assert code == 0
        assert seconds < FIVE_SECONDS


def test_it_ends_while_graph_does_not_answer(home: Home, lookalike: Lookalike) -> None:
    home.with_graph(lookalike)
    with home.start() as program:
        program.shows("available")
        before = len(lookalike.requests)
        lookalike.faults.add(faults.SILENCE, path="/v1.0")
        assert lookalike.wait_for(lambda: len(lookalike.requests) > before)
        code, seconds = program.ends()
        assert code == 0
        assert seconds < FIVE_SECONDS


def test_it_ends_while_it_waits_for_the_broker(home: Home, lookalike: Lookalike) -> None:
    home.with_graph(lookalike).with_broker(1)
    with home.start() as program:
        program.reports(lambda report: report["diagnostics"]["outputs"]["mqtt"].get("error"))
        code, seconds = program.ends()
        assert code == 0
        assert seconds < FIVE_SECONDS


def test_it_ends_while_the_broker_is_frozen(
    home: Home, lookalike: Lookalike, tmp_path: Path
) -> None:
    with Broker(tmp_path / "broker") as broker:
        home.with_graph(lookalike).with_broker(broker.port)
        with home.start() as program:
            program.reports(
                lambda report: report["diagnostics"]["outputs"]["mqtt"]["state"] == "connected"
            )
            with broker.frozen():
                code, seconds = program.ends()
            assert code == 0
            assert seconds < FIVE_SECONDS


@contextmanager
def _stuffed(light: VirtualLight) -> Iterator[None]:
    """Keep the line's buffer full: whatever anybody writes has to wait."""
    light.stall()
    line = os.open(light.path, os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY)
    enough = threading.Event()

    def stuff() -> None:
        while not enough.is_set():
            try:
                os.write(line, b"x" * 512)
            except BlockingIOError:
                enough.wait(0.001)

    thread = threading.Thread(target=stuff)
    thread.start()
    try:
        yield
    finally:
        enough.set()
        thread.join()
        os.close(line)


def test_it_ends_while_a_write_is_stalled(home: Home, lookalike: Lookalike, tmp_path: Path) -> None:
    with VirtualLight(tmp_path / "light") as light, _stuffed(light):
        home.with_graph(lookalike).with_light(light.path, TEMPLATE)
        with home.start() as program:
            program.reports(lambda report: report["diagnostics"]["outputs"]["serial"].get("error"))
            code, seconds = program.ends()
            assert code == 0
            assert seconds < FIVE_SECONDS


def test_a_killed_program_is_told_offline_by_its_will_and_can_be_started_again(
    home: Home, lookalike: Lookalike, tmp_path: Path
) -> None:
    with Broker(tmp_path / "broker") as broker, Recorder(broker) as recorder:
        home.with_graph(lookalike).with_broker(broker.port)
        with home.start() as program:
            program.shows("available")
            wait_until(lambda: recorder.last("busylight/desk/availability") == b"online")
            program.process.kill()
            wait_until(lambda: recorder.last("busylight/desk/availability") == b"offline")
        with home.start() as program:
            program.shows("available")
            wait_until(lambda: recorder.last("busylight/desk/availability") == b"online")


def test_the_demo_ends_at_a_signal(home: Home) -> None:
    with home.start("demo", "--plain", "--speed", "30") as program:
        program.says("Available/Available")
        code, seconds = program.ends(signal.SIGINT)
        assert code == 0
        assert seconds < FIVE_SECONDS
        assert program.errors == ""
