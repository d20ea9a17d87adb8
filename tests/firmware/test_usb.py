"""The ATmega32U4's own USB: what a host that enumerates it is told, and ports that come and go."""

from pathlib import Path

import pytest
from serial.tools.list_ports_common import ListPortInfo

from busylight.outputs.serial.ports import ports_of
from firmware_bridge import avr, protocol, usb_names
from tests.firmware.conftest import unharmed
from tests.support import targets
from tests.support.targets import Host, Process

RED = protocol.Show(255, 0, 0, lifetime=600)


@pytest.fixture
def firmware(firmwares: dict[str, avr.Firmware]) -> avr.Firmware:
    return firmwares["atmega32u4"]


def _told(light: Process, what: str) -> bytes:
    return bytes.fromhex(light.wait_for_line("usb", what).split()[2])


def _text(descriptor: bytes) -> str:
    assert descriptor[0] == len(descriptor)
    assert descriptor[1] == 3
    return descriptor[2:].decode("utf-16-le")


def test_a_host_is_told_that_it_is_a_serial_port_and_our_light(
    program: Path, firmware: avr.Firmware, tmp_path: Path
) -> None:
    with unharmed(targets.chip(program, firmware, tmp_path / "avr")) as light:
        assert isinstance(light, Process)
        light.wait_for_line("usb", "port", "1")
        device = _told(light, "device")
        assert (device[0], len(device), device[1]) == (18, 18, 1)
        assert device[4:8] == bytes((2, 0, 0, 64))  # a communication device; packets of 64
        assert device[8:12] == bytes.fromhex("09120100")  # 1209:0001, pid.codes' for tests
        assert _told(light, "first") == device  # as it was told before it had an address
        assert light.wait_for_line("usb", "address").split()[2] == "aa"  # 42, and in force
        assert "usb qualifier refused" in light.lines  # it has full speed alone
        assert _told(light, "head") == _told(light, "configuration")[:9]
        _check_configuration(_told(light, "configuration"))
        assert _told(light, "languages") == bytes.fromhex("04030904")
        assert _told(light, "coding") == bytes.fromhex("00c20100000008")  # 115,200, 8N1
        names = [_text(_told(light, name)) for name in ("manufacturer", "product", "number")]
        assert names == [usb_names.MANUFACTURER, usb_names.PRODUCT, "4156520000000001"]
        info = ListPortInfo("/dev/ttyACM0")
        info.vid, info.pid = 0x1209, 0x0001
        info.manufacturer, info.product, info.serial_number = names
        (port,) = ports_of([info], {})
        assert port.is_ours


def _check_configuration(configuration: bytes) -> None:
    assert len(configuration) == configuration[2] | configuration[3] << 8
    assert configuration[8] * 2 == 500  # mA
    place, kinds, endpoints = 0, [], []
    while place < len(configuration):
        length, kind = configuration[place : place + 2]
        kinds.append(kind)
        if kind == 5:
            endpoints.append(tuple(configuration[place + 2 : place + 4]))
        place += length
    assert place == len(configuration)
    assert kinds == [2, 4, 0x24, 0x24, 0x24, 0x24, 5, 4, 5, 5]
    assert endpoints == [(0x81, 3), (0x02, 2), (0x83, 2)]  # notices; bulk out and in


def test_each_board_has_its_own_serial_number(program: Path, tmp_path: Path) -> None:
    settings = {"SERIAL_NUMBER": "1,2,3,4,5,6,250,255", "USB_VID": "0x16c0", "USB_PID": "0x1234"}
    firmware = avr.build(tmp_path, settings, avr.ATMEGA32U4)
    with unharmed(targets.chip(program, firmware, tmp_path / "avr")) as light:
        assert isinstance(light, Process)
        assert _text(_told(light, "number")) == "010203040506FAFF"
        assert _told(light, "device")[8:12] == bytes.fromhex("c0163412")


def test_it_is_enumerated_again_after_a_reset_of_the_bus_and_goes_on_showing(
    program: Path, firmware: avr.Firmware, tmp_path: Path
) -> None:
    with (
        unharmed(targets.chip(program, firmware, tmp_path / "avr")) as light,
        Host(light.path) as host,
    ):
        assert isinstance(light, Process)
        host.greet()
        host.show(RED)
        for _ in range(20):
            light.command("r")
            shown = protocol.unpack_shown(host.ask(protocol.PING, tries=8, patience=0.25).payload)
            assert shown is not None
            assert shown.show.look() == RED.look()
        light.wait_for_line("usb", "address", "aa", count=21)


def test_what_was_for_a_program_that_has_closed_the_port_is_not_for_the_next_one(
    program: Path, firmware: avr.Firmware, tmp_path: Path
) -> None:
    with (
        unharmed(targets.chip(program, firmware, tmp_path / "avr")) as light,
        Host(light.path) as host,
    ):
        assert isinstance(light, Process)
        host.greet()
        light.command("s")
        host.write(protocol.encode(77, protocol.SHOW, RED.pack()))  # whose answer nobody fetches
        assert light.wait_for(lambda told: told[-1][1] == (255, 0, 0))
        light.command("c")
        light.wait_for_line("usb", "port", "0")
        green = protocol.Show(0, 255, 0, lifetime=600)
        host.write(protocol.encode(78, protocol.SHOW, green.pack()))  # on the way while it closed
        assert light.wait_for(lambda told: told[-1][1] == (0, 255, 0))
        light.command("o")
        light.wait_for_line("usb", "port", "1", count=2)
        answer = host.ask(protocol.PING)
        assert answer.sequence not in (77, 78)
        assert host.received.count(protocol.DELIMITER) == 2  # this frame, and no other


def test_1200_baud_and_a_closed_port_start_the_bootloader(
    program: Path, firmware: avr.Firmware, tmp_path: Path
) -> None:
    """As Arduino's tools ask for it: the word is in RAM when the chip is reset."""
    with unharmed(targets.chip(program, firmware, tmp_path / "avr"), resets=1) as light:
        assert isinstance(light, Process)
        light.wait_for_line("usb", "port", "1")
        light.command("c")
        light.wait_for_line("usb", "port", "0")
        assert not any(line.startswith("reset") for line in light.lines)  # closing alone does not
        light.command("ot")
        assert light.wait_for_line("reset").split()[2] == "7777"
