"""`busylight devices`: what is there, and which line selects it."""

import json
from pathlib import Path

import pytest
from serial.tools.list_ports_common import ListPortInfo

from busylight.outputs.serial import access
from busylight.outputs.serial.ports import (
    describe,
    devices,
    links,
    list_ports,
    named,
    port_document,
    ports_of,
)


def found(
    device: str,
    vid: int | None = None,
    pid: int | None = None,
    *,
    product: str | None = None,
    manufacturer: str | None = None,
    serial_number: str | None = None,
) -> ListPortInfo:
    info = ListPortInfo(device)
    info.vid, info.pid, info.product, info.manufacturer = vid, pid, product, manufacturer
    info.serial_number, info.location = serial_number, "1-1.2"
    return info


UNO = found("/dev/null", 0x2341, 0x43, product="Uno", manufacturer="Arduino", serial_number="8543")


def test_the_line_of_a_port_names_its_link_by_id() -> None:
    (port,) = ports_of([UNO], {"/dev/null": "/dev/serial/by-id/usb-Arduino"})
    assert describe(port) == (
        "/dev/null  Arduino Uno (2341:0043)\n"
        "  probably an Arduino\n"
        "  BUSYLIGHT_SERIAL_PORT=/dev/serial/by-id/usb-Arduino"
    )


def test_without_a_link_the_line_names_the_port() -> None:
    (port,) = ports_of([UNO], {})
    assert port.setting == "BUSYLIGHT_SERIAL_PORT=/dev/null"


@pytest.mark.parametrize(
    ("vid", "pid", "kind"),
    [
        (0x1A86, 0x7523, "unknown device behind a CH340"),
        (0x10C4, 0xEA60, "unknown device behind a CP210x"),
        (0x2E8A, 0x0005, "probably a Raspberry Pi Pico"),
        (0x1234, 0x5678, "unknown device"),
        (None, None, "a serial port of this machine"),
    ],
)
def test_nothing_is_said_of_a_device_that_its_usb_ids_do_not_tell(
    vid: int | None, pid: int | None, kind: str
) -> None:
    (port,) = ports_of([found("/dev/null", vid, pid)], {})
    assert port.kind.startswith(kind)


def test_ports_on_usb_come_first_in_the_order_of_their_numbers() -> None:
    infos = [found("/dev/ttyS0"), found("/dev/ttyUSB10", 1, 1), found("/dev/ttyUSB9", 1, 1)]
    paths = [port.path for port in ports_of(infos, {})]
    assert paths == ["/dev/ttyUSB9", "/dev/ttyUSB10", "/dev/ttyS0"]


@pytest.mark.parametrize(
    ("manufacturer", "product", "described"),
    [
        ("Arduino", "Uno", "Arduino Uno"),
        ("Acme", "Acme Lamp", "Acme Lamp"),
        ("Acme", None, "Acme"),
        (None, None, "null"),
        (None, "Evil\x1b[2J", "Evil?[2J"),
        ("  ", "\n", "?"),
    ],
)
def test_a_device_is_described_by_its_own_words_without_their_tricks(
    manufacturer: str | None, product: str | None, described: str
) -> None:
    (port,) = ports_of([found("/dev/null", 1, 1, manufacturer=manufacturer, product=product)], {})
    assert port.description == described


def test_the_document_is_json_with_the_same_facts() -> None:
    first, second = ports_of([UNO, found("/dev/zero")], {"/dev/null": "/by-id/x"})
    document = json.loads(json.dumps([port_document(first), port_document(second)]))
    assert document[0] == {
        "path": "/dev/null",
        "by_id": "/by-id/x",
        "description": "Arduino Uno",
        "kind": "probably an Arduino",
        "usb": {"vid": "2341", "pid": "0043", "serial_number": "8543", "location": "1-1.2"},
        "setting": "BUSYLIGHT_SERIAL_PORT=/by-id/x",
        "confirmed": False,
        "problem": None,
    }
    assert document[1]["usb"] is None


def test_what_stands_in_the_way_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access, "problem", lambda path: f"{path} belongs to group dialout")
    (port,) = ports_of([UNO], {})
    assert describe(port).endswith("cannot be opened: /dev/null belongs to group dialout")
    assert port_document(port)["problem"] == "/dev/null belongs to group dialout"


def test_an_error_names_what_is_there() -> None:
    assert named(ports_of([found("/dev/ttyS0")], {})) == "no USB serial port is plugged in"
    assert named(ports_of([UNO], {})) == "there are /dev/null (Arduino Uno)"


def test_links_are_found_by_the_device_that_they_lead_to(tmp_path: Path) -> None:
    (tmp_path / "usb-light").symlink_to("/dev/null")
    assert links(tmp_path) == {"/dev/null": str(tmp_path / "usb-light")}
    assert links(tmp_path / "absent") == {}


def test_this_machine_can_be_asked_without_opening_anything() -> None:
    assert {port.path for port in list_ports()} == {device.path for device in devices()}
