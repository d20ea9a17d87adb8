"""`SERIAL_PORT=auto`: only a port whose USB names say that it is ours is ever chosen."""

import pytest
from serial.tools.list_ports_common import ListPortInfo

from busylight.outputs.serial.finding import find, port_of
from busylight.outputs.serial.ports import Port, ports_of
from busylight.outputs.serial.settings import SerialSettings
from busylight.parts import OutputError


def port(path: str, product: str, maker: str = "Board in FS mode") -> Port:
    info = ListPortInfo(path)
    info.vid, info.pid, info.product, info.manufacturer = 0x2E8A, 0x0005, product, maker
    (found,) = ports_of([info], {path: f"/dev/serial/by-id/{product}"})
    return found


STICK = port("/dev/ttyUSB0", "Sonoff Zigbee 3.0 USB Dongle", "ITead")
BRIDGE = port("/dev/ttyUSB1", "CP2102 USB to UART Bridge Controller", "Silicon Labs")
OURS = port("/dev/ttyACM0", "Busylight")
OTHER = port("/dev/ttyACM1", "Pico", "busylight")


def test_the_one_port_that_says_that_it_is_ours_is_taken_by_its_lasting_name() -> None:
    assert find([STICK, OURS, BRIDGE]) == "/dev/serial/by-id/Busylight"
    assert OURS.kind == "a light with Busylight's firmware"
    assert OTHER.is_ours


def test_what_does_not_say_so_is_never_guessed_at() -> None:
    with pytest.raises(OutputError, match=r"no USB port says .* there are /dev/ttyUSB0 \(ITead"):
        find([STICK, BRIDGE])


def test_of_several_nobody_can_tell_which_is_meant() -> None:
    with pytest.raises(OutputError, match=r"2 lights are plugged in .* choose one, as BUSYLIGHT_"):
        find([OURS, OTHER, STICK])


def test_a_port_that_is_set_is_not_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("busylight.outputs.serial.finding.list_ports", lambda: (OURS,))
    assert port_of(SerialSettings(port="/dev/ttyUSB7")) == "/dev/ttyUSB7"
    assert port_of(SerialSettings()) == "/dev/serial/by-id/Busylight"
