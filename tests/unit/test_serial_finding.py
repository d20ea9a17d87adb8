"""`SERIAL_PORT=auto`: only a port whose USB names say that it is ours is ever chosen."""

import json
import stat
from pathlib import Path

import pytest
from serial.tools.list_ports_common import ListPortInfo

from busylight.cli import devices as cli_devices
from busylight.cli import main
from busylight.outputs.serial.confirmed import FILE, recall, remember
from busylight.outputs.serial.finding import find, port_of
from busylight.outputs.serial.identity import Device
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
(UART,) = ports_of([ListPortInfo("/dev/zero")], {})
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


def test_a_port_that_was_confirmed_is_found_wherever_it_is_and_nothing_else_is(
    tmp_path: Path,
) -> None:
    def bridge(path: str, number: str | None, jack: str = "1-1") -> Port:
        info = ListPortInfo(path)
        info.vid, info.pid, info.serial_number, info.location = 0x1A86, 0x7523, number, jack
        return ports_of([info], {})[0]

    def found(*ports: Port) -> str:
        return find(ports, recall(tmp_path))

    light, stick = bridge("/dev/ttyUSB0", "A50285BI"), bridge("/dev/ttyUSB1", "ZIGBEE01")
    remember(tmp_path, light.path, [Device(each.path, each.identity) for each in (light, stick)])
    assert stat.S_IMODE((tmp_path / FILE).stat().st_mode) == 0o600
    assert found(stick, light, OURS) == "/dev/ttyUSB0"  # before what merely says so
    assert found(bridge("/dev/ttyUSB0", "ZIGBEE01"), bridge("/dev/ttyUSB7", "A50285BI", "3-2")) == (
        "/dev/ttyUSB7"
    )
    assert found(stick, OURS) == "/dev/serial/by-id/Busylight"
    with pytest.raises(OutputError, match="busylight devices --ours PORT"):
        found(bridge("/dev/ttyUSB0", "ZIGBEE01"))
    # Without a number of its own it is the jack that tells.
    remember(tmp_path, "/dev/ttyUSB0", [Device("/dev/ttyUSB0", bridge("", None).identity)])
    assert found(bridge("/dev/ttyUSB3", None)) == "/dev/ttyUSB3"
    with pytest.raises(OutputError):
        found(bridge("/dev/ttyUSB0", None, jack="1-2"))


def test_devices_marks_the_port_that_was_confirmed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("BUSYLIGHT_STATE_DIR", str(tmp_path))
    monkeypatch.setattr(cli_devices, "list_ports", lambda: (UART, OURS))
    words = "confirmed as our light: BUSYLIGHT_SERIAL_PORT=auto takes it"

    def listed() -> str:
        assert main(["devices"]) == 0
        return capsys.readouterr().out

    assert words not in listed()
    remember(tmp_path, UART.path, [])
    of_uart, of_ours, *_ = listed().split("\n\n")
    assert words in of_uart
    assert words not in of_ours
    assert main(["devices", "--json"]) == 0
    ports = json.loads(capsys.readouterr().out)["serial_ports"]
    assert [each["confirmed"] for each in ports] == [True, False]
    monkeypatch.setenv("BUSYLIGHT_INTERVAL", "never")  # who has yet to mend it sees the ports
    assert UART.path in listed()


def test_a_port_that_is_not_on_usb_is_confirmed_by_its_path(tmp_path: Path) -> None:
    uart = tmp_path / "serial0"
    remember(tmp_path, str(uart), [])
    with pytest.raises(OutputError):
        find([], recall(tmp_path))  # it is not there now
    uart.touch()
    assert find([STICK], recall(tmp_path)) == str(uart)


@pytest.mark.parametrize("content", ["", "null", "[]", "{}", '{"path": 1, "usb": 3}', "[" * 9999])
def test_a_file_that_is_none_of_ours_confirms_nothing(tmp_path: Path, content: str) -> None:
    (tmp_path / FILE).write_text(content)
    assert recall(tmp_path) is None


def test_a_port_that_is_set_is_not_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("busylight.outputs.serial.finding.list_ports", lambda: (OURS,))
    assert port_of(SerialSettings(port="/dev/ttyUSB7")) == "/dev/ttyUSB7"
    assert port_of(SerialSettings()) == "/dev/serial/by-id/Busylight"
