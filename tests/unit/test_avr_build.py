"""How the compiler for AVR is called, with one in its place that does what is asked of it."""

import os
from pathlib import Path

import pytest

from busylight.cli import main
from firmware_bridge import avr

_SIZES = "   text\t   data\t    bss\t    dec\nNUMBERS 0 x light.elf"


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("avr-gcc", "avr-objcopy", "avr-size"):
        tool(tmp_path, name, f'echo "{name} $@" >> {tmp_path}/called')
    sizes(tmp_path, "3000 10 200")
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    return tmp_path


def tool(directory: Path, name: str, script: str) -> None:
    (directory / name).write_text(f"#!/bin/sh\n{script}\n")
    (directory / name).chmod(0o755)


def sizes(directory: Path, numbers: str) -> None:
    said = _SIZES.replace("NUMBERS", numbers.replace(" ", "\\t"))
    tool(directory, "avr-size", f"printf '{said}\\n'")


def test_what_is_built_is_told_with_its_figures(tools: Path) -> None:
    firmware = avr.build(tools, {"PIXELS": "24"})
    assert (firmware.flash, firmware.ram) == (3010, 210)
    figures = "flash 3010 of 32768 bytes (9.2%), RAM 210 of 2048 bytes (10.3%)"
    assert str(firmware) == f"ATmega328P: {figures}"
    called = (tools / "called").read_text()
    assert "-mmcu=atmega328p" in called
    assert "-DPIXELS=24" in called
    assert all(f"{name}.c" in called for name in ("main", "board", "light", "protocol"))


def test_the_command_tells_the_file_and_its_size(
    tools: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ["--output", str(tools / "out"), "--set", "PIXELS=24", "--set", "ORDER=1"]
    assert main(["firmware", "build", *given]) == 0
    said = capsys.readouterr().out
    assert f"{tools}/out/light.hex\n" in said
    assert "flash 3010 of 32768 bytes" in said
    called = (tools / "called").read_text()
    assert "-DPIXELS=24 -DORDER=1 -DSERIAL_NUMBER=" in called


@pytest.mark.parametrize(
    ("given", "code", "told"),
    [("PIXELS", 2, "is no NAME=VALUE"), ("PIXLES=3", 1, "settings are PIXELS")],
)
def test_the_command_refuses_what_is_no_setting(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], given: str, code: int, told: str
) -> None:
    try:
        ended = main(["firmware", "build", "--output", str(tmp_path), "--set", given])
    except SystemExit as usage:
        ended = int(usage.code or 0)
    assert ended == code
    assert told in capsys.readouterr().err


@pytest.mark.parametrize("numbers", ["16385 0 0", "1 0 1025"])
def test_more_than_half_of_the_chip_is_refused(tools: Path, numbers: str) -> None:
    sizes(tools, numbers)
    with pytest.raises(avr.BuildError, match="more than half of the chip"):
        avr.build(tools)


def test_a_setting_that_is_none_is_named_with_those_that_are(tmp_path: Path) -> None:
    with pytest.raises(avr.BuildError, match="PIXLES: settings are PIXELS, LIMIT_MA"):
        avr.build(tmp_path, {"PIXLES": "8"})


@pytest.mark.parametrize("value", ["many", "", "8,", "0x", "-1", "8;int x"])
def test_a_value_that_is_no_number_is_told_before_the_compiler_is(tools: Path, value: str) -> None:
    with pytest.raises(avr.BuildError, match=r"PIXELS=.*: a whole number is expected"):
        avr.build(tools, {"PIXELS": value})
    assert not (tools / "called").exists()


def test_of_a_setting_out_of_range_only_the_range_is_told(tools: Path) -> None:
    assertion = "static assertion failed: \\042P is 1\\042"
    said = f"leds.c:1: error: always false\\nlight.c:16: error: {assertion}"
    tool(tools, "avr-gcc", f"printf '{said}\n' >&2; exit 1")
    with pytest.raises(avr.BuildError, match=r"^P is 1$"):
        avr.build(tools, {"PIXELS": "0"})


def test_a_directory_that_cannot_be_made_is_named(
    tools: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tools / "file").touch()
    assert main(["firmware", "build", "--output", str(tools / "file" / "below")]) == 1
    assert "below cannot be made: Not a directory" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("said", "told"),
    [("light.c:9: error: PIXELS is 1 to 255\\nnote", "PIXELS is 1 to 255"), ("killed", "killed")],
)
def test_what_the_compiler_says_is_handed_on(tools: Path, said: str, told: str) -> None:
    tool(tools, "avr-gcc", f"printf '{said}\\n' >&2; exit 1")
    with pytest.raises(avr.BuildError, match=told):
        avr.build(tools)


def test_without_the_compiler_it_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(avr.BuildError, match="apt-get install gcc-avr"):
        avr.build(tmp_path)
