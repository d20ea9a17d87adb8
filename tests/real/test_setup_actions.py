"""What `busylight setup` does between the questions: finding, showing, writing."""

import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import gpiozero
import pytest
from gpiozero.pins.mock import MockFactory, MockPWMPin
from zeroconf import ServiceInfo, Zeroconf

from busylight.cli import setup_actions, setup_brokers
from busylight.cli.setup import Reader
from busylight.cli.setup_actions import Doer
from busylight.core.light import LightState
from busylight.outputs.serial import ports
from busylight.outputs.serial.confirmed import remember
from busylight.outputs.serial.identity import Device, Identity
from busylight.outputs.serial.ports import Port
from busylight.setup.steps import FindLights, Save, Show, SignIn, TryOutput, TrySource
from firmware_bridge.simulate import SimulatedLight
from tests.support.broker import Broker
from tests.support.hid_lights import FakeHid, HidLight

CLIENT_ID = "11111111-2222-3333-4444-555555555555"


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in [name for name in os.environ if name.startswith("BUSYLIGHT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "light.env"


@pytest.fixture
def doer(file: Path) -> Iterator[Doer]:
    with Doer(file, Reader(file).settings_of, written=(), not_written=()) as made:
        yield made


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    with Broker(tmp_path / "broker") as running:
        yield running


def test_a_broker_that_announces_itself_is_found(
    broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(setup_brokers, "NAMES", ("localhost",))
    monkeypatch.setattr(setup_brokers, "PORT", broker.port)
    kind = "_mqtt._tcp.local."
    info = ServiceInfo(
        kind,
        f"busylight-test.{kind}",
        addresses=[socket.inet_aton("127.0.0.1")],
        port=broker.port,
        server="busylight-test.local.",
    )
    zeroconf = Zeroconf()
    try:
        zeroconf.register_service(info)
        assert set(setup_brokers.find_brokers()) == {"localhost", "127.0.0.1"}
    finally:
        zeroconf.unregister_service(info)
        zeroconf.close()


def test_nobody_who_does_not_listen_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, and nobody listens
        monkeypatch.setattr(setup_brokers, "PORT", taken.getsockname()[1])
        monkeypatch.setattr(setup_brokers, "NAMES", ("localhost",))
        monkeypatch.setattr(setup_brokers, "_LISTEN", 0.0)
        assert setup_brokers.find_brokers() == []


def test_a_light_stays_as_it_is_shown_while_a_person_looks_and_goes_dark_after(
    tmp_path: Path, file: Path
) -> None:
    with SimulatedLight(tmp_path / "light") as light:
        values = {"GRAPH_CLIENT_ID": CLIENT_ID, "SERIAL_PORT": str(light.path)}
        with Doer(file, Reader(file).settings_of, written=(), not_written=()) as doer:
            shown = doer.do(
                Show({**values, "OUTPUTS": "mqtt,serial"}, "serial", LightState(9, 8, 7))
            )
            assert shown.ok, shown.text
            assert light.wait_for(
                lambda each: each.last is not None and each.last.look[:3] == (9, 8, 7)
            )
            other = {**values, "SERIAL_COLOR_ORDER": "bgr"}
            assert doer.do(Show(other, "serial", LightState(9, 8, 7))).ok
            assert light.wait_for(
                lambda each: each.last is not None and each.last.look[:3] == (7, 8, 9)
            )
        assert light.wait_for(lambda each: each.last is not None and each.last.duty == (0, 0, 0))


def test_an_output_that_cannot_be_shown_on_is_told(doer: Doer) -> None:
    values = {"GRAPH_CLIENT_ID": CLIENT_ID, "OUTPUTS": "gpio"}
    outcome = doer.do(Show(values, "gpio", LightState(1, 2, 3)))
    assert not outcome.ok
    assert "no pin is named" in outcome.text


def test_looking_for_lights_opens_nothing_and_never_fails(doer: Doer) -> None:
    assert doer.do(FindLights({})).ok


def test_what_an_output_needs_to_look_for_its_lights_is_told(
    doer: Doer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "busylight.outputs.usb.output", None)
    looked = doer.do(FindLights({}))
    assert looked.ok
    assert looked.text.startswith("usb: ")


def test_a_light_from_the_shop_is_found_tried_and_shown_on(
    doer: Doer, monkeypatch: pytest.MonkeyPatch
) -> None:
    hid = FakeHid()
    monkeypatch.setattr("busylight_core.hid.hid", hid)
    monkeypatch.setattr("busylight_core.hardware.list_ports.comports", list)
    flag = HidLight(hid, "flag", b"1-1")
    (found,) = [each for each in doer.do(FindLights({})).lights if each.values["OUTPUTS"] == "usb"]
    assert "Flag" in found.title
    assert found.values == {"OUTPUTS": "usb", "USB_DEVICE": "04d8:f372"}
    values = {"GRAPH_CLIENT_ID": CLIENT_ID, **found.values}
    assert doer.do(TryOutput(values, "usb")).ok
    assert doer.do(Show(values, "usb", LightState(0, 255, 0))).ok
    assert flag.rgb == (0, 255, 0)


def test_leds_on_pins_are_tried_and_shown_on(doer: Doer, monkeypatch: pytest.MonkeyPatch) -> None:
    pins = MockFactory(pin_class=MockPWMPin)
    monkeypatch.setattr(gpiozero.Device, "pin_factory", pins)
    values = {"GRAPH_CLIENT_ID": CLIENT_ID, "OUTPUTS": "gpio"}
    values |= {"GPIO_RED": "17", "GPIO_GREEN": "27", "GPIO_BLUE": "22"}
    tried = doer.do(TryOutput(values, "gpio"))
    assert tried.ok, tried.text
    assert doer.do(Show(values, "gpio", LightState(0, 255, 0))).ok
    assert [pins.pin(number).state for number in (17, 27, 22)] == [0, 1, 0]
    pins.reset()


def test_what_cannot_be_reached_is_an_outcome(doer: Doer) -> None:
    values = {
        "GRAPH_CLIENT_ID": CLIENT_ID,
        "GRAPH_AUTHORITY_URL": "https://127.0.0.1:1/x",
        "GRAPH_BASE_URL": "https://127.0.0.1:1/v1.0",
    }
    assert not doer.do(TrySource(values)).ok
    assert not doer.do(SignIn(values)).ok


def test_the_service_is_installed_when_the_file_is_there(
    doer: Doer, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[str, str]] = []

    def install(program: Path, settings: Path, _name: str | None, _say: object) -> None:
        seen.append((program.name, settings.read_text("utf-8")))

    monkeypatch.setattr(setup_actions, "install", install)
    saved = doer.do(Save({"GRAPH_CLIENT_ID": CLIENT_ID}, service=True))
    assert saved.ok
    assert seen == [("busylight", f"BUSYLIGHT_GRAPH_CLIENT_ID={CLIENT_ID}\n")]


@pytest.mark.parametrize(("before", "after"), [(0o644, 0o640), (0o640, 0o640), (0o600, 0o600)])
def test_a_file_that_is_there_is_never_opened_to_more_people(
    file: Path, before: int, after: int
) -> None:
    file.write_text("BUSYLIGHT_NAME=Old\n# kept\nBUSYLIGHT_INTERVAL=9\n")
    file.chmod(before)
    written = ["NAME", "INTERVAL"]
    with Doer(file, Reader(file).settings_of, written=written, not_written={"ID"}) as doer:
        values = {"NAME": "New", "GRAPH_CLIENT_ID": CLIENT_ID, "ID": "of-the-environment"}
        assert doer.do(Save(values, service=False)).ok
    assert file.stat().st_mode & 0o777 == after
    assert file.read_text("utf-8") == (
        f"BUSYLIGHT_NAME=New\n# kept\nBUSYLIGHT_GRAPH_CLIENT_ID={CLIENT_ID}\n"
    )


def test_an_old_name_of_a_setting_goes_when_the_new_one_is_written(file: Path) -> None:
    file.write_text("BUSYLIGHT_POLL_SECONDS=9\n# kept\n")
    written = ["INTERVAL", "POLL_SECONDS"]  # as the file reads, and as it is there
    with Doer(file, Reader(file).settings_of, written=written, not_written=()) as doer:
        values = {"INTERVAL": "9", "GRAPH_CLIENT_ID": CLIENT_ID}
        assert doer.do(Save(values, service=False)).ok
    assert file.read_text("utf-8") == (
        f"# kept\nBUSYLIGHT_INTERVAL=9\nBUSYLIGHT_GRAPH_CLIENT_ID={CLIENT_ID}\n"
    )


def test_a_place_that_cannot_be_written_is_an_outcome(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    file = tmp_path / "file" / "light.env"
    with Doer(file, Reader(file).settings_of, written=(), not_written=()) as doer:
        outcome = doer.do(Save({"GRAPH_CLIENT_ID": CLIENT_ID}, service=False))
    assert not outcome.ok
    assert "file" in outcome.text


def test_the_port_that_was_confirmed_is_what_auto_takes(
    doer: Doer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state_dir = tmp_path / "kept"
    state_dir.mkdir()
    bridges = [
        Port(f"/dev/ttyUSB{number}", None, "USB Serial", Identity(0x1A86, 0x7523, None, jack), None)
        for number, jack in enumerate(("1-1", "1-2"))
    ]
    remember(state_dir, bridges[1].path, [Device(each.path, each.identity) for each in bridges])
    monkeypatch.setattr(ports, "list_ports", lambda: tuple(bridges))
    found = doer.do(FindLights({"STATE_DIR": str(state_dir)})).lights
    assert [(each.values["SERIAL_PORT"], each.is_ours) for each in found[:2]] == [
        ("auto", True),
        ("/dev/ttyUSB0", False),
    ]
