"""Each way in which a port cannot be opened has words of its own."""

import errno
import termios
from pathlib import Path

import pytest
from serial import SerialException

from busylight.outputs.serial import access
from busylight.outputs.serial.failures import cannot_open, number_of

BAUD = 115_200


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOENT, "plug the light in"),
        (errno.EACCES, "permission denied"),
        (errno.EPERM, "DeviceAllow="),
        (errno.EBUSY, "only one program can have it"),
        (errno.EAGAIN, "only one program can have it"),
        (errno.ENXIO, "no device answers behind it"),
        (errno.EIO, "no device answers behind it"),
        (errno.ENOTTY, "is no serial port; `busylight devices`"),
        (errno.EISDIR, "is no serial port"),
        (errno.ENOSPC, "cannot be opened"),
    ],
)
def test_every_number_has_its_remedy(number: int, words: str, tmp_path: Path) -> None:
    path = str(tmp_path / "port")
    text = cannot_open(SerialException(number, "could not open port"), path, BAUD)
    assert words in text
    assert path in text
    assert "\n" not in text


@pytest.mark.parametrize("error", [ValueError("Invalid baud"), OverflowError("too large")])
def test_a_rate_that_the_port_does_not_do_is_named(error: Exception) -> None:
    text = cannot_open(error, "/dev/ttyS9", 123)
    assert (
        text == "/dev/ttyS9 does not do 123 baud: set BUSYLIGHT_SERIAL_BAUD to what the light uses"
    )


def test_the_group_is_named_with_a_denied_permission(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access, "problem", lambda path: f"{path} belongs to group x")
    text = cannot_open(PermissionError(errno.EACCES, "no"), "/dev/ttyS9", BAUD)
    assert text == "permission denied: /dev/ttyS9 belongs to group x"


def test_who_holds_the_port_is_named_where_it_can_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access, "users_of", lambda _path: ["screen (process 47)"])
    text = cannot_open(SerialException(errno.EBUSY, "x"), "/dev/ttyS9", BAUD)
    assert "is in use by screen (process 47): end it" in text


def test_the_number_is_found_behind_pyserials_own_error() -> None:
    cause = termios.error(errno.ENOTTY, "Inappropriate ioctl for device")
    outer = SerialException(f"Could not configure port: {cause}")
    outer.__context__ = cause
    assert number_of(outer) == errno.ENOTTY


def test_an_error_without_a_number_has_none() -> None:
    assert number_of(SerialException("write failed")) is None
    assert number_of(termios.error("who knows")) is None
    assert number_of(None) is None
