"""What has broken once when somebody tried, and must not again."""

import json
import os
import pty
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

import pytest

from busylight.demo.lookalike import ADELE, ALEX, Lookalike
from firmware_bridge.virtual_light import TEMPLATE, VirtualLight
from tests.support.broker import Broker, Recorder, wait_until
from tests.support.program import Home, json_of

BASE = "busylight/desk"


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


def _state(light: VirtualLight) -> str | None:
    return light.last.state if light.last is not None else None


def test_a_terminal_that_nobody_reads_holds_up_neither_the_light_nor_the_end(
    home: Home, lookalike: Lookalike, tmp_path: Path
) -> None:
    home.settings["LOG_LEVEL"] = "debug"
    with VirtualLight(tmp_path / "light") as light:
        home.with_graph(lookalike, signed_in=False).with_light(light.path, TEMPLATE)
        reading, writing = os.pipe()
        with suppress(BlockingIOError):
            os.set_blocking(writing, False)
            while True:
                os.write(writing, b"x" * 4096)
        os.set_blocking(writing, True)
        with subprocess.Popen(
            [sys.executable, "-m", "busylight", "run"],
            env=home.environment,
            cwd=home.directory,
            stdin=subprocess.DEVNULL,
            stdout=writing,
            stderr=writing,
        ) as process:
            try:
                wait_until(lambda: _state(light) == "signin", 20)
                home.sign_in(lookalike)
                wait_until(lambda: _state(light) == "available", 20)
                process.send_signal(signal.SIGTERM)
                assert process.wait(5) == 0
            finally:
                process.kill()
        os.close(reading)
        os.close(writing)
        assert _state(light) == "off"


def test_a_stdout_that_has_gone_leaves_the_code_and_the_light_as_they_are(
    home: Home, lookalike: Lookalike, tmp_path: Path
) -> None:
    with VirtualLight(tmp_path / "light") as light:
        home.with_graph(lookalike, signed_in=False).with_light(light.path, TEMPLATE)
        reading, writing = os.pipe()
        os.close(reading)
        with subprocess.Popen(
            [sys.executable, "-m", "busylight", "run"],
            env=home.environment,
            cwd=home.directory,
            stdin=subprocess.DEVNULL,
            stdout=writing,
            stderr=subprocess.DEVNULL,
        ) as process:
            os.close(writing)
            try:
                wait_until(lambda: _state(light) == "signin", 20)
                lookalike.entra.approve()
                wait_until(lambda: _state(light) == "available", 20)
                assert len(lookalike.entra.sign_ins) == 1
                states = list(dict.fromkeys(frame.state for frame in light.frames))
                assert states == ["unknown", "signin", "available"]
                process.send_signal(signal.SIGTERM)
                assert process.wait(5) == 0
            finally:
                process.kill()


@pytest.mark.parametrize("command", [["run"], ["demo", "--plain"]])
def test_a_stop_while_the_program_loads_is_a_stop(
    home: Home, lookalike: Lookalike, command: list[str]
) -> None:
    home.with_graph(lookalike)
    (home.directory / "sitecustomize.py").write_text(
        "import os, signal, sys\n"
        "class Finder:\n"
        "    def find_spec(self, name, path, target=None):\n"
        "        if name == 'busylight.app.daemon':\n"
        "            os.kill(os.getpid(), signal.SIGTERM)\n"
        "sys.meta_path.insert(0, Finder())\n"
    )
    home.more_environment["PYTHONPATH"] = str(home.directory)
    done = home.run(*command)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_after_a_change_of_account_the_new_persons_presence_is_shown_at_once(
    home: Home, lookalike: Lookalike
) -> None:
    home.with_graph(lookalike).settings["STALE_AFTER"] = "60"
    lookalike.graph.set_presence(ADELE.object_id, "Busy", "Busy")
    lookalike.graph.set_presence(ALEX.object_id, "Available", "Available")
    with home.start() as program:
        program.shows("busy")
        lookalike.entra.auto_approve_after = 0.0
        lookalike.entra.auto_approve_person = ALEX
        assert home.run("login", "--switch").returncode == 0
        program.shows("available")


def test_retained_words_of_a_daemon_that_is_no_more_confirm_nothing(
    home: Home, broker: Broker
) -> None:
    home.with_broker(broker.port)
    with Recorder(broker) as recorder:
        for topic, payload in (("availability", "online"), ("mode", "auto"), ("override", "null")):
            recorder.publish(f"{BASE}/{topic}", payload, retain=True)
        assert home.run("set", "auto").returncode == 1


def test_a_mode_that_is_set_already_is_confirmed_by_a_daemon_that_lives(
    home: Home, lookalike: Lookalike, broker: Broker
) -> None:
    home.with_graph(lookalike).with_broker(broker.port)
    with home.start() as program:
        program.reports(
            lambda report: report["diagnostics"]["outputs"]["mqtt"]["state"] == "connected"
        )
        for words in (["auto"], ["busy"], ["busy"], ["busy", "--for", "5m"], ["auto"]):
            done = home.run("set", *words)
            assert (done.returncode, done.stderr) == (0, "")


def test_a_flood_of_wishes_for_a_reading_does_not_blind_the_light(
    home: Home, lookalike: Lookalike, broker: Broker
) -> None:
    home.with_graph(lookalike).with_broker(broker.port)
    with Recorder(broker) as recorder, home.start() as program:
        program.reports(
            lambda report: report["diagnostics"]["outputs"]["mqtt"]["state"] == "connected"
        )
        before = len(lookalike.requests_to("/v1.0/me/presence"))
        for _ in range(1000):
            recorder.publish(f"{BASE}/refresh/set", "")
        lookalike.graph.set_presence(ADELE.object_id, "Busy", "Busy")
        program.shows("busy")
        assert len(lookalike.requests_to("/v1.0/me/presence")) - before < 60


def test_test_light_leaves_what_stands_on_the_broker_alone(home: Home, broker: Broker) -> None:
    home.with_broker(broker.port)
    with Recorder(broker) as recorder:
        recorder.publish(f"{BASE}/presence", '{"fresh":true}', retain=True)
        assert home.run("test-light", "--seconds", "0").returncode == 0
        wait_until(lambda: (json_of(recorder.last(f"{BASE}/light")) or {}).get("state") == "OFF")
        assert {message.topic for message in recorder.heard} == {
            f"{BASE}/presence",
            f"{BASE}/light",
        }
        assert recorder.payloads(f"{BASE}/presence") == [b'{"fresh":true}']


def test_test_light_that_is_stopped_leaves_the_light_dark(home: Home, tmp_path: Path) -> None:
    with VirtualLight(tmp_path / "light") as light:
        home.with_light(light.path, TEMPLATE)
        with home.start("test-light", "--seconds", "30") as program:
            wait_until(lambda: _state(light) == "available", 20)
            assert program.ends()[0] == 128 + signal.SIGTERM
        assert _state(light) == "off"


def test_a_directory_that_is_not_ours_alone_is_refused_and_left_as_it_is(
    home: Home, lookalike: Lookalike, tmp_path: Path
) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    (shared / "somebody's").write_text("")
    shared.chmod(0o1777)
    home.with_graph(lookalike, signed_in=False)
    home.settings["STATE_DIR"] = str(shared)
    done = home.run("check")
    assert done.returncode == 78
    assert "open to others and holds other things" in done.stderr
    home.settings |= {"STATE_DIR": str(tmp_path / "own"), "TOKEN_CACHE": str(shared)}
    done = home.run("status")
    assert done.returncode == 78
    assert "BUSYLIGHT_TOKEN_CACHE" in done.stderr
    assert shared.stat().st_mode & 0o7777 == 0o1777


def test_faulty_files_are_bad_settings(home: Home, lookalike: Lookalike, tmp_path: Path) -> None:
    home.with_graph(lookalike, signed_in=False)
    junk = tmp_path / "junk.pem"
    junk.write_text("no certificate")
    (tmp_path / "nobody").write_text("# nobody\n")
    home.settings |= {
        "GRAPH_CA_FILE": str(junk),
        "GRAPH_CERTIFICATE_FILE": str(junk),
        "GRAPH_USERS": f"@{tmp_path / 'nobody'}",
        "GRAPH_TENANT_ID": lookalike.tenant_id,
    }
    done = home.run("check")
    assert done.returncode == 78
    for name in ("CA_FILE", "CERTIFICATE_FILE", "USERS"):
        assert f"BUSYLIGHT_GRAPH_{name}=" in done.stderr


def test_a_status_message_that_the_terminal_cannot_spell_is_no_fault(
    home: Home, lookalike: Lookalike
) -> None:
    home.with_graph(lookalike)
    lookalike.graph.set_presence(ADELE.object_id, "Busy", "Busy", status_message="☕ break")
    home.more_environment["PYTHONIOENCODING"] = "latin-1"
    done = home.run("status", "--json")
    assert done.returncode == 0
    assert json.loads(done.stdout)["presence"]["status_message"] == "☕ break"


def test_a_terminal_shows_each_change_as_a_line_where_nothing_can_be_drawn(
    home: Home, lookalike: Lookalike
) -> None:
    home.with_graph(lookalike).settings["OUTPUTS"] = "terminal"
    home.more_environment["TERM"] = "dumb"
    far, near = pty.openpty()
    shown = bytearray()
    with subprocess.Popen(
        [sys.executable, "-m", "busylight", "run"],
        env=home.environment,
        cwd=home.directory,
        stdin=near,
        stdout=near,
        stderr=subprocess.DEVNULL,
    ) as process:
        os.close(near)

        def read() -> None:
            with suppress(OSError):
                while chunk := os.read(far, 65536):
                    shown.extend(chunk)

        reader = threading.Thread(target=read)
        reader.start()
        try:
            wait_until(lambda: b"Available/Available" in shown, 20)
            lookalike.graph.set_presence(ADELE.object_id, "Busy", "Busy")
            wait_until(lambda: b"Busy/Busy #ff0000 100% solid" in shown, 20)
            process.send_signal(signal.SIGTERM)
            assert process.wait(5) == 0
        finally:
            process.kill()
            reader.join(5)
    os.close(far)
