"""The service's files, and what keeps it from being installed; tests/system has it run for real."""

import configparser
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from busylight.cli import main
from busylight.cli import service as command
from busylight.cli.arguments import light_name
from busylight.service import install as installing
from busylight.service.files import files, settings_file, unit_name
from busylight.service.install import ServiceError, install, uninstall
from busylight.service.unit import unit

PROGRAM = Path("/opt/busylight/bin/busylight")


def options(text: str) -> configparser.RawConfigParser:
    parsed = configparser.RawConfigParser(strict=False, interpolation=None)
    parsed.optionxform = str  # type: ignore[assignment, method-assign]  # as configparser's documentation says
    parsed.read_string(text)
    return parsed


def test_the_unit_runs_the_program_that_it_was_made_for() -> None:
    service = options(unit(Path("/srv/light/bin/busylight"), Path("/etc/busylight/x.env")))
    assert service["Service"]["ExecStart"] == (
        "/srv/light/bin/busylight run --env-file /etc/busylight/x.env"
    )
    assert service["Unit"]["StartLimitIntervalSec"] == "0", "it never gives up"
    assert "After" not in service["Unit"], "it waits for no network"


def test_each_of_several_lights_has_settings_of_its_own() -> None:
    template = files(PROGRAM)[Path("/etc/systemd/system/busylight@.service")]
    assert "--env-file /etc/busylight/%i.env" in options(template)["Service"]["ExecStart"]
    assert unit_name("kitchen") == "busylight@kitchen.service"
    assert settings_file("kitchen") == Path("/etc/busylight/kitchen.env")


@pytest.mark.parametrize("name", ["", "../x", "a b", "Küche", "-x", "x" * 65])
def test_a_name_that_may_be_no_units_is_refused(name: str) -> None:
    with pytest.raises(Exception, match="is not a name like kitchen"):
        light_name(name)


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd on this machine")
def test_systemd_finds_no_fault_with_the_unit(tmp_path: Path) -> None:
    program = tmp_path / "busylight"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    path = tmp_path / "busylight.service"
    path.write_text(unit(program, Path("/etc/busylight/busylight.env")))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", path], capture_output=True, text=True, check=False
    )
    assert [line for line in done.stderr.splitlines() if "busylight" in line] == []


@pytest.fixture
def as_root(monkeypatch: pytest.MonkeyPatch) -> None:
    """Refused before anything is touched, whoever runs the tests."""
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(installing, "_write", lambda *_: pytest.fail("it went on"))


def test_whoever_is_not_root_is_told_how(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(ServiceError, match="sudo /opt/busylight/bin/busylight service install"):
        install(PROGRAM, tmp_path / ".env", None, print)
    with pytest.raises(ServiceError, match="sudo /opt/busylight/bin/busylight service uninstall"):
        uninstall(PROGRAM, None, print)


@pytest.mark.usefixtures("as_root")
@pytest.mark.parametrize("place", ["/home/pi/busylight/.venv", "/root/venv", "/nowhere"])
def test_a_program_that_a_service_may_not_see_is_no_service(place: str, tmp_path: Path) -> None:
    with pytest.raises(ServiceError, match="install it for all: sudo python3 -m venv /opt/busyl"):
        install(Path(place) / "bin" / "busylight", tmp_path / ".env", None, print)


@pytest.mark.usefixtures("as_root")
def test_without_systemd_it_says_what_else_to_do(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)
    with pytest.raises(ServiceError, match="your own supervisor"):
        install(PROGRAM, tmp_path / ".env", None, print)


@pytest.mark.usefixtures("as_root")
def test_other_settings_that_are_there_already_are_not_overwritten(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(installing, "_HIDDEN", ())
    monkeypatch.setattr(shutil, "which", lambda _: "/usr/bin/systemctl")
    program, new, old = tmp_path / "busylight", tmp_path / ".env", tmp_path / "busylight.env"
    for path, text in ((program, ""), (new, "BUSYLIGHT_ID=new"), (old, "BUSYLIGHT_ID=old")):
        path.write_text(text)
    monkeypatch.setattr(installing, "settings_file", lambda _: old)
    with pytest.raises(ServiceError, match="is there already, and says something else"):
        install(program, new, None, print)
    assert old.read_text() == "BUSYLIGHT_ID=old"


def test_status_does_not_say_that_a_light_shows_what_it_cannot(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    gone = {"state": "failed", "error": "the light on /dev/ttyUSB0 was unplugged"}
    outputs = {"mqtt": {"state": "connected"}, "serial": gone}
    told = {"state": "available", "diagnostics": {"outputs": outputs}}
    monkeypatch.setattr(command, "state_of", lambda _: "active (running)")
    monkeypatch.setattr(command, "ask_daemon", lambda _: told)
    (tmp_path / "busylight.env").write_text(f"BUSYLIGHT_STATE_DIR={tmp_path}\n")
    words = ["service", "status", "--env-file", str(tmp_path / "busylight.env")]
    assert main(words) == 0
    assert capsys.readouterr().out.splitlines()[2:] == [
        "the light shows: available",
        "but serial does not: the light on /dev/ttyUSB0 was unplugged",
    ]
