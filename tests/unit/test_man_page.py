"""The man page: made from the commands, and nothing that man or mandoc would complain of."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from busylight.cli import COMMANDS
from busylight.cli.common import Exit
from scripts import man_page

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / man_page.PATH


def shown() -> str:
    done = subprocess.run(
        ["man", "--warnings", "--local-file", PAGE],
        capture_output=True,
        text=True,
        check=True,
        env={"PATH": "/usr/bin:/bin", "MANWIDTH": "100", "LC_ALL": "C.UTF-8"},
    )
    assert done.stderr == "", done.stderr
    return done.stdout


def test_it_has_every_command_flag_and_exit_code() -> None:
    text = man_page.man_page().replace("\\-", "-")
    for command in COMMANDS:
        assert f"\n.SS {command}\n" in text
    for code in Exit:
        assert f"\n.B {code.value}\n" in text
    for flag in ("--env-file", "--yes", "--speed", "--ours", "--for", "--name", "--switch"):
        assert f"\\fB{flag}\\fR" in text


def test_no_line_of_text_is_taken_for_a_command_of_roffs() -> None:
    known = re.compile(r"\.(\\\"|TH|SH|SS|TP|PP|B|BR|I|br)\b|\.\\\"")
    strange = [
        line
        for line in man_page.man_page().splitlines()
        if line[:1] in (".", "'") and not known.match(line)
    ]
    assert not strange


def test_a_wheel_puts_it_where_man_looks() -> None:
    text = (ROOT / "pyproject.toml").read_text("utf-8")
    assert f'"share/man/man1" = ["{man_page.PATH}"]' in text


@pytest.mark.skipif(shutil.which("man") is None, reason="no man on this machine")
def test_man_shows_it_without_a_warning() -> None:
    text = shown()
    assert "busylight - Microsoft Teams presence on a physical light" in text
    assert "--no-service" in text
    assert "/etc/busylight/busylight.env" in text
