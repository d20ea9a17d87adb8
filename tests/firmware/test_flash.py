"""Real avrdude writes to a bootloader on a pseudo-terminal, and then that is a light of ours."""

import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from firmware_bridge import avr, avrdude
from firmware_bridge.flashing import BOARDS, AvrBoard, FlashError
from tests.support.bootloader import Nano, ProMicro
from tests.support.program import Home


def board(name: str) -> AvrBoard:
    found = BOARDS[name]
    assert isinstance(found, AvrBoard)
    return found


@pytest.fixture
def firmware(tmp_path: Path) -> avr.Firmware:
    directory = tmp_path / "built"
    directory.mkdir()
    return avr.build(directory)


@pytest.fixture
def nano(tmp_path: Path) -> Iterator[Nano]:
    with Nano(tmp_path / "nano") as plugged:
        yield plugged


def flash(home: Home, *words: str, answer: str | None = None) -> tuple[int, str]:
    """Run `firmware flash`; with an `answer`, in a terminal in which that is typed."""
    command = [sys.executable, "-m", "busylight", "firmware", "flash", *words]
    stdin: int = subprocess.DEVNULL
    far = near = -1
    if answer is not None:
        far, near = pty.openpty()
        os.write(far, answer.encode() + b"\n")
        stdin = near
    done = subprocess.run(
        command,
        cwd=home.directory,
        env=home.environment,
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
        check=False,
    )
    for descriptor in (far, near):
        if descriptor >= 0:
            os.close(descriptor)
    return done.returncode, done.stdout


def test_what_is_written_is_what_was_built(firmware: avr.Firmware, nano: Nano) -> None:
    avrdude.flash(board("nano"), str(nano.path), firmware.hex)
    content = firmware.binary.read_bytes()
    assert nano.written[: len(content)] == content
    assert set(nano.written[len(content) :]) == {0xFF}


def test_the_wrong_bootloader_is_told_with_the_name_of_the_right_one(
    tmp_path: Path, firmware: avr.Firmware
) -> None:
    with Nano(tmp_path / "old", baud=57_600) as old:
        with pytest.raises(
            FlashError, match=r"does not answer at 115200 baud: .* try `nano-old-bootloader`"
        ):
            avrdude.flash(board("nano"), str(old.path), firmware.hex)
        avrdude.flash(board("nano-old-bootloader"), str(old.path), firmware.hex)
        assert old.written[:64] == firmware.binary.read_bytes()[:64]


def test_another_chip_and_a_bad_copy_are_told(firmware: avr.Firmware, nano: Nano) -> None:
    nano.signature = b"\x1e\x93\x07"
    with pytest.raises(FlashError, match=r"has no m328p \(signature .*\), as a Arduino Nano has"):
        avrdude.flash(board("nano"), str(nano.path), firmware.hex)
    nano.signature = Nano.signature
    nano.spoils = True
    with pytest.raises(FlashError, match="what was read back is not what was written"):
        avrdude.flash(board("nano"), str(nano.path), firmware.hex)


def test_a_board_of_ours_is_flashed_without_a_question_and_found_from_then_on(
    tmp_path: Path, nano: Nano
) -> None:
    home = Home(tmp_path / "home")
    code, said = flash(home, "nano", "--port", str(nano.path), "--set", "PIXELS=24")
    assert code == 0, said
    assert "Its firmware is replaced." in said  # it is the simulator's that is asked
    assert said.endswith("BUSYLIGHT_OUTPUTS=serial\nBUSYLIGHT_SERIAL_PORT=auto\n")
    assert (home.state_dir / "serial_light.json").exists()
    # The same light as before: its number is built in.
    assert nano.board.identity.serial_number in nano.written


def test_flashed_again_a_board_stays_what_it_says_that_it_is(tmp_path: Path, nano: Nano) -> None:
    nano.board.identity.pixels = 24
    settings = avr.settings_told(nano.board.identity)
    assert (settings["PIXELS"], settings["PWM"], settings["BUTTON"]) == ("24", "0", "1")
    home = Home(tmp_path / "home")
    code, said = flash(home, "nano", "--port", str(nano.path), "--set", "ORDER=1")
    assert code == 0, said
    assert "A board does not tell LIMIT_MA, CHANNEL_MA: " in said
    content = avr.build(tmp_path, settings | {"ORDER": "1"}).binary.read_bytes()
    assert nano.written[: len(content)] == content


def test_what_is_not_ours_is_asked_about_first(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    with Nano(tmp_path / "sketch", is_ours=False) as sketch:
        port = ("nano", "--port", str(sketch.path))
        code, said = flash(home, *port)
        assert code == 1
        assert "does not answer as our light, so it may be anything" in said
        assert "say --yes if it may be overwritten" in said
        code, said = flash(home, *port, answer="n")
        assert (code, "Put the firmware for Arduino Nano on it? [y/N]" in said) == (1, True)
        assert set(sketch.written) == {0xFF}
        code, said = flash(home, *port, answer="y")
        assert code == 0, said
        assert set(sketch.written) != {0xFF}


def test_unattended_it_is_done_with_yes_alone(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    with Nano(tmp_path / "sketch", is_ours=False) as sketch:
        code, said = flash(home, "uno", "--port", str(sketch.path), "--yes")
        assert code == 0, said
        assert set(sketch.written) != {0xFF}


def test_another_board_of_ours_is_not_written_to(tmp_path: Path, nano: Nano) -> None:
    code, said = flash(Home(tmp_path / "home"), "rp2040", "--port", str(nano.path))
    assert code == 1
    assert "is no RP2040 (Pico), but our light: ATmega328P" in said
    assert "; choose uno or nano or nano-old-bootloader" in said


def test_a_pro_micro_is_touched_and_written_to_on_the_port_of_its_bootloader(
    tmp_path: Path, firmware: avr.Firmware
) -> None:
    with ProMicro(tmp_path / "micro") as micro:
        port = avrdude.bootloader_port(str(micro.path), lambda: micro.ports)
        assert port in micro.ports
        avrdude.flash(board("pro-micro"), port, firmware.hex)
        content = firmware.binary.read_bytes()
        assert micro.written[: len(content)] == content


def test_a_pro_micro_becomes_a_light_by_one_command(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    with ProMicro(tmp_path / "micro", is_ours=False) as micro:
        code, said = flash(home, "pro-micro", "--port", str(micro.path), "--yes")
        assert code == 0, said
        assert "ATmega32U4: flash" in said
        assert set(micro.written) != {0xFF}
    assert (home.state_dir / "serial_light.json").exists()


def test_a_missing_avrdude_is_told_with_its_package(
    firmware: avr.Firmware, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(FlashError, match="sudo apt-get install avrdude"):
        avrdude.flash(board("uno"), "/dev/ttyUSB0", firmware.hex)
