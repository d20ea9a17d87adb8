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

from serial import Serial

from firmware_bridge import protocol
from tests.support.broker import wait_until


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
