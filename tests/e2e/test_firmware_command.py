"""`busylight firmware`, from outside."""

import os
import pty
import signal
import subprocess
import sys
import termios
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from serial import Serial

from busylight.demo.lookalike import Lookalike
from firmware_bridge import protocol
from firmware_bridge.simulate import SimulatedLight
from tests.support.broker import wait_until
from tests.support.program import Home


@contextmanager
def simulating(link: Path, stdout: int) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "busylight", "firmware", "simulate", "--link", str(link)]
    with subprocess.Popen(command, stdout=stdout) as process:
        try:
            wait_until(link.is_symlink)
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            assert process.wait(10) == 0


def show(link: Path) -> None:
    with Serial(str(link), timeout=5) as port:
        red = protocol.Show(255, 0, 0, 128, protocol.BREATHE, lifetime=600)
        port.write(protocol.encode(1, protocol.SHOW, red.pack()))
        assert port.read(8)


def test_a_virtual_light_tells_its_settings_and_each_change(tmp_path: Path) -> None:
    link = tmp_path / "light"
    with simulating(link, subprocess.PIPE) as process:
        assert process.stdout is not None
        lines = iter(process.stdout.readline, b"")
        assert next(lines) == b"BUSYLIGHT_OUTPUTS=serial\n"
        assert next(lines) == f"BUSYLIGHT_SERIAL_PORT={link}\n".encode()
        assert next(lines) == b"#000000 0% solid (nobody has told it anything)\n"
        show(link)
        assert next(lines) == b"#ff0000 50% breathe (shown)\n"


def test_in_a_terminal_the_light_is_drawn(tmp_path: Path) -> None:
    far, near = pty.openpty()
    termios.tcsetwinsize(near, (40, 100))
    drawn = bytearray()

    def read() -> None:
        try:
            while content := os.read(far, 4096):
                drawn.extend(content)
        except OSError:
            return

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    with simulating(tmp_path / "light", near):
        show(tmp_path / "light")
        wait_until(lambda: b"#ff0000 50% breathe (shown)" in drawn)
    os.close(near)
    reader.join(5)
    os.close(far)


def test_what_stands_where_the_port_should_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "light").touch()
    for path, said in ((tmp_path / "light", "no link of ours"), (tmp_path / "no/light", "make it")):
        done = subprocess.run(
            [sys.executable, "-m", "busylight", "firmware", "simulate", "--link", str(path)],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 1
        assert said in done.stderr
        assert len(done.stderr.splitlines()) == 1


class Monitor:
    """`busylight firmware monitor`, and what is typed there."""

    def __init__(self, home: Home, port: Path, stdin: int = subprocess.PIPE) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "busylight", "firmware", "monitor", "--port", str(port)],
            cwd=home.directory,
            env=home.environment,
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self.lines: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line.decode().strip())

    def says(self, *words: str) -> None:
        wait_until(lambda: any(all(word in line for word in words) for line in self.lines))

    def type(self, word: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(word.encode() + b"\n")
        self.process.stdin.flush()

    def ends(self) -> tuple[int, str]:
        code = self.process.wait(20)
        self._reader.join(5)
        assert self.process.stderr is not None
        said = self.process.stderr.read().decode()
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            if pipe is not None:
                pipe.close()
        return code, said


def test_the_line_is_watched_both_ways_and_asked_on_request(tmp_path: Path) -> None:
    with SimulatedLight(tmp_path / "light") as light:
        monitor = Monitor(Home(tmp_path / "home"), light.path)
        monitor.says("-> hello from a host that speaks version 1")
        monitor.says("<- identity: simulator, firmware 0.1.0, 8 pixels", ", button, addressable")
        monitor.type("ping")
        monitor.says("-> ping")
        monitor.says("<- told nothing yet: #000000 0% solid")
        light.press(protocol.LONG_PRESS)
        monitor.says("<- button event 1: long press")
        light.say(b"\x00junk\x00")
        monitor.says("no frame: 00 6a 75 6e 6b 00")
        monitor.type("what?")
        monitor.says("Type hello or ping")
        monitor.type("quit")
        assert monitor.ends() == (0, "")


def test_where_nobody_can_type_the_line_is_watched_all_the_same(tmp_path: Path) -> None:
    with SimulatedLight(tmp_path / "light") as light:
        monitor = Monitor(Home(tmp_path / "home"), light.path, subprocess.DEVNULL)
        monitor.says("<- identity")
        monitor.process.send_signal(signal.SIGINT)
        assert monitor.ends() == (0, "")


def test_a_cable_that_is_pulled_ends_the_watch_with_the_reason(tmp_path: Path) -> None:
    with SimulatedLight(tmp_path / "light") as light:
        monitor = Monitor(Home(tmp_path / "home"), light.path)
        monitor.says("<- identity")
        light.unplug()
        code, said = monitor.ends()
    assert code == 1
    assert "was unplugged" in said
    assert len(said.splitlines()) == 1


@pytest.mark.parametrize("action", [["monitor"], ["flash", "nano"]])
def test_without_a_port_of_ours_it_is_asked_for(tmp_path: Path, action: list[str]) -> None:
    done = Home(tmp_path / "home").run("firmware", *action)
    assert done.returncode == 1
    assert "which port? Name it with --port" in done.stderr


@pytest.mark.parametrize(
    ("action", "told"),
    [
        (["flash", "toaster"], "'toaster' is none of uno, nano"),
        (["flash", "nano", "--set", "PIXELS"], "is no NAME=VALUE like PIXELS=24"),
        (["explode"], "invalid choice"),
        ([], "the following arguments are required: ACTION"),
    ],
)
def test_wrong_usage_is_told(tmp_path: Path, action: list[str], told: str) -> None:
    done = Home(tmp_path / "home").run("firmware", *action)
    assert done.returncode == 2
    assert told in done.stderr


def test_a_named_env_file_may_stand_before_or_after_the_action(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    for words in (
        ("firmware", "--env-file", "nope", "monitor"),
        ("firmware", "monitor", "--env-file", "nope"),
        ("firmware", "build", "--env-file", "nope"),
    ):
        done = home.run(*words)
        assert (done.returncode, "nope" in done.stderr) == (78, True), words


def test_while_the_daemon_has_the_port_nobody_else_opens_it(tmp_path: Path) -> None:
    with Lookalike() as lookalike, SimulatedLight(tmp_path / "light") as light:
        home = Home(tmp_path / "home").with_graph(lookalike)
        home.settings |= {"OUTPUTS": "serial", "SERIAL_PORT": str(light.path)}
        with home.start() as program:
            program.shows("available")
            for words in (["monitor"], ["flash", "nano", "--yes"]):
                done = home.run("firmware", *words)
                assert done.returncode == 1
                assert f"the daemon (process {program.process.pid}) has {light.path}" in done.stderr
                assert "sudo systemctl stop busylight" in done.stderr
            program.ends()
