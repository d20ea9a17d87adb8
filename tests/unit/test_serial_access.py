"""Who may use a port: the remedy names the port's real group and this very user."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from busylight.outputs.serial import access
from busylight.outputs.serial.access import Ownership, Person, problem, remedy, users_of
from tests.support.broker import wait_until

DIALOUT = Ownership("root", "dialout", 20, 0o660)
PAT = Person("pat", frozenset({1000}), frozenset({1000}))
TTY = "/dev/ttyUSB0"


def test_who_is_not_in_the_group_is_told_the_command() -> None:
    text = remedy(TTY, DIALOUT, PAT)
    assert "`sudo usermod -aG dialout pat`" in text
    assert "SupplementaryGroups=dialout" in text


def test_the_real_group_is_named_whatever_it_is() -> None:
    plugdev = Ownership("root", "plugdev", 46, 0o660)
    assert "usermod -aG plugdev pat" in remedy(TTY, plugdev, PAT)


def test_who_was_put_into_the_group_meanwhile_has_only_to_sign_in_anew() -> None:
    text = remedy(TTY, DIALOUT, Person("pat", frozenset({1000}), frozenset({1000, 20})))
    assert "sign out and in again, or restart the service" in text
    assert "usermod" not in text


@pytest.mark.parametrize(
    "ownership",
    [
        Ownership("root", "root", 0, 0o660),  # nobody is to be put into group root
        Ownership("root", "dialout", 20, 0o600),
        Ownership("root", "tty", 5, 0o620),
    ],
)
def test_where_no_group_helps_the_udev_rule_does(ownership: Ownership) -> None:
    text = remedy(TTY, ownership, PAT)
    assert "udev rule" in text
    assert "usermod" not in text


def test_of_a_file_that_may_be_used_or_is_gone_nothing_is_said(tmp_path: Path) -> None:
    mine = tmp_path / "port"
    mine.touch()
    assert problem(str(mine)) is None
    assert problem(str(tmp_path / "gone")) is None


def test_of_a_file_that_may_not_be_used_the_remedy_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = tmp_path / "port"
    port.touch(mode=0o600)
    monkeypatch.setattr(access, "may_use", lambda _path: False)  # root may use everything
    found = problem(str(port))
    assert found is not None
    assert str(port) in found


def test_this_user_has_a_name_and_groups() -> None:
    me = Person.me()
    assert me.name
    assert os.getegid() in me.groups & me.groups_on_file


def test_a_number_without_a_name_stands_for_itself(tmp_path: Path) -> None:
    assert access._user_name(4_000_000) == "4000000"
    assert access._group_name(4_000_000) == "4000000"
    (tmp_path / "x").touch(mode=0o640)
    assert Ownership.of(str(tmp_path / "x")).mode == 0o640


def test_a_program_that_holds_the_port_is_named(tmp_path: Path) -> None:
    port = tmp_path / "port"
    port.touch()
    hold = f"import sys; f = open({str(port)!r}); print(flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", hold], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        (named,) = users_of(str(port))
        assert named.endswith(f"(process {holder.pid})")
        holder.communicate(b"")
    wait_until(lambda: users_of(str(port)) == [])
