"""Real mpremote copies the firmware to a real MicroPython, and then that is a light of ours."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from firmware_bridge import mpremote_copy, protocol
from firmware_bridge.flashing import FlashError
from firmware_bridge.micropython import FILES, SETTINGS
from firmware_bridge.virtual_light import VirtualLight
from tests.support.program import Home
from tests.support.python_board import PythonBoard
from tests.support.targets import Host


@pytest.fixture
def board(tmp_path: Path) -> Iterator[PythonBoard]:
    with PythonBoard(tmp_path / "board") as plugged:
        yield plugged


def flash(home: Home, board: PythonBoard, *words: str) -> "subprocess.CompletedProcess[str]":
    return home.run("firmware", "flash", "rp2040", "--port", str(board.path), *words)


def identity(board: PythonBoard) -> protocol.Identity:
    with Host(board.path) as host:
        answer = host.ask(protocol.HELLO, b"\1", tries=10, patience=0.5)
    found = protocol.unpack_identity(answer.payload)
    assert found is not None
    return found


def test_a_blank_board_becomes_a_light_and_may_be_flashed_again(
    tmp_path: Path, board: PythonBoard
) -> None:
    home = Home(tmp_path / "home")
    refused = flash(home, board)
    assert refused.returncode == 1
    assert "say --yes if it may be overwritten" in refused.stderr
    assert list(board.files.iterdir()) == []

    done = flash(home, board, "--yes", "--set", "PIXELS=24")
    assert done.returncode == 0, done.stderr
    for place, source in FILES.items():
        if place != SETTINGS:
            assert (board.files / place).read_bytes() == source.read_bytes()
    assert identity(board).pixels == 24
    assert (home.state_dir / "serial_light.json").exists()

    # It is ours now, and gives its prompt back when it is asked for; its settings are kept.
    (board.files / "protocol.py").unlink(missing_ok=True)
    (board.files / "firmware_bridge" / "words.py").write_text("what a person has put there")
    again = flash(home, board, "--set", "PINS=4", "--set", "kind=neopixel")
    assert again.returncode == 0, again.stderr
    assert "24 pixels" in again.stdout
    assert "Its firmware is replaced." in again.stdout
    settings = (board.files / SETTINGS).read_text()
    assert "\nPINS = (4,)\n" in settings
    assert "\nPIXELS = 24\n" in settings
    assert "\nKIND = 'neopixel'\n" in settings
    assert (board.files / "firmware_bridge" / "words.py").exists()
    settings = settings.replace("LIMIT_MA = 400", "LIMIT_MA = 2 * 200")  # by hand
    (board.files / SETTINGS).write_text(settings)
    kept = flash(home, board)
    assert kept.returncode == 0, kept.stderr
    assert (board.files / SETTINGS).read_text() == settings


def test_a_port_without_micropython_is_told(tmp_path: Path) -> None:
    with (
        VirtualLight(tmp_path / "other") as other,
        pytest.raises(FlashError, match=r"no MicroPython answers on .* put it on the board first"),
    ):
        mpremote_copy.flash(str(other.path), {})
