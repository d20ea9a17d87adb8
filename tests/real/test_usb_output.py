"""The output `usb` on `busylight-core` itself; only hidapi's place is taken."""

import asyncio
import logging
import sys
import threading
from importlib.metadata import files
from pathlib import Path

import pytest
from loguru import logger

from busylight.cli import main
from busylight.outputs.usb import output as usb_output
from busylight.outputs.usb.output import UsbOutput
from busylight.outputs.usb.rules import RULES
from busylight.outputs.usb.settings import UsbSettings
from busylight.parts import OutputError
from busylight.service.install import usb_rules
from busylight.testing import view_of
from tests.support.broker import eventually
from tests.support.hid_lights import FakeHid, HidLight


@pytest.fixture
def hid(monkeypatch: pytest.MonkeyPatch) -> FakeHid:
    hid = FakeHid()
    monkeypatch.setattr("busylight_core.hid.hid", hid)
    monkeypatch.setattr("busylight_core.hardware.list_ports.comports", list)
    monkeypatch.setattr(usb_output, "LIVE_EVERY", 0.05)
    return hid


async def test_every_light_that_is_plugged_in_shows_the_same(
    hid: FakeHid, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    said: list[str] = []
    sink = logger.add(said.append)
    plugged = [HidLight(hid, kind, kind.encode()) for kind in HidLight.kinds]
    async with UsbOutput(UsbSettings()) as output:
        await output.show(view_of("#ff0000"))
        assert [light.rgb for light in plugged] == [(255, 0, 0)] * 3
        await output.show(view_of(None))
        assert [light.rgb for light in plugged] == [(0, 0, 0)] * 3
    assert hid.opened == 0
    assert "Luxafor Flag" in caplog.text
    logger.remove(sink)
    assert said == []  # the library's own log would go to stderr, past ours


async def test_a_light_is_chosen_by_its_serial_number_or_its_kind(hid: FakeHid) -> None:
    one, other = HidLight(hid, "flag", b"1", "A1"), HidLight(hid, "flag", b"2", "B2")
    third = HidLight(hid, "blink1", b"3", "C3")
    async with UsbOutput(UsbSettings(serial_number="B2")) as output:
        await output.show(view_of("#00ff00"))
    assert [one.rgb, other.rgb, third.rgb] == [(7, 7, 7), (0, 255, 0), (7, 7, 7)]
    async with UsbOutput(UsbSettings(device="27B8:01ED")) as output:
        await output.show(view_of("#0000ff"))
    assert [one.rgb, other.rgb, third.rgb] == [(7, 7, 7), (0, 255, 0), (0, 0, 255)]
    with pytest.raises(OutputError, match="no USB light with serial number X9 is plugged in"):
        await UsbOutput(UsbSettings(serial_number="X9")).__aenter__()


async def test_a_pulled_plug_is_noticed_by_itself_and_a_new_light_joins(hid: FakeHid) -> None:
    flag = HidLight(hid, "flag", b"1")
    async with UsbOutput(UsbSettings()) as output:
        await output.show(view_of("#ff0000"))
        late = HidLight(hid, "blink1", b"2")
        await eventually(lambda: late.rgb == (255, 0, 0))
        events = output.events()
        flag.unplug()
        async with asyncio.timeout(5):
            with pytest.raises(OutputError, match="the Luxafor Flag has gone: plug it in again"):
                await anext(events)
    assert hid.opened == 0


async def test_a_light_that_wants_to_know_that_we_live_is_told(hid: FakeHid) -> None:
    omega = HidLight(hid, "omega", b"1")
    async with UsbOutput(UsbSettings()) as output:
        await output.show(view_of("#ff0000"))
        await eventually(lambda: any(told[0] & 0xF0 == 0x80 for told in omega.told))
        assert omega.rgb == (255, 0, 0)


async def test_no_light_is_spoken_to_from_a_thread_of_the_librarys(
    hid: FakeHid, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(usb_output, "LIVE_EVERY", 60)
    omega = HidLight(hid, "omega", b"1")
    before = threading.active_count()
    async with UsbOutput(UsbSettings()) as output:
        await output.show(view_of("#ff0000"))
        assert threading.active_count() <= before + 1  # our worker
        await asyncio.sleep(0.2)
    assert len(omega.told) == 1


def test_devices_names_what_selects_each(hid: FakeHid) -> None:
    HidLight(hid, "flag", b"1", "A1")
    HidLight(hid, "omega", b"2")
    found = {device.name: device.settings for device in UsbOutput.devices()}
    assert found == {
        "Luxafor Flag": {"serial_number": "A1"},
        "Kuando Busylight Omega": {"device": "27bb:3bcd"},
    }


async def test_a_light_that_may_not_be_opened_is_told_with_the_rule(
    hid: FakeHid, monkeypatch: pytest.MonkeyPatch
) -> None:
    HidLight(hid, "flag", b"/dev/null")
    monkeypatch.setattr("tests.support.hid_lights.Handle.open_path", _refuse)
    monkeypatch.setattr("os.access", lambda *_: False)
    with pytest.raises(OutputError, match="busylight devices --udev-rules"):
        await UsbOutput.check(UsbSettings())


def _refuse(*_: object) -> None:
    raise OSError("open failed")


def test_the_library_brings_no_package_of_our_name() -> None:
    brought = {str(file).split("/")[0] for file in files("busylight-core") or []}
    assert "busylight_core" in brought
    assert "busylight" not in brought


def test_the_rules_that_devices_prints_are_those_that_are_shipped(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["devices", "--udev-rules"]) == 0
    printed = capsys.readouterr().out
    shipped = Path(__file__).resolve().parents[2] / "deploy" / "udev" / RULES.name
    assert printed == shipped.read_text("utf-8")
    assert 'ATTRS{idVendor}=="04d8", ATTRS{idProduct}=="f372"' in printed  # Luxafor's


def test_without_the_library_devices_says_which_extra_brings_the_rules(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "busylight.outputs.usb.lights", None)
    assert main(["devices", "--udev-rules"]) == 1
    assert "busylight-presence[usb]" in capsys.readouterr().err


def test_the_service_brings_the_rules_only_where_the_library_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert "idVendor" in usb_rules()[RULES]
    monkeypatch.setitem(sys.modules, "busylight.outputs.usb.lights", None)
    assert usb_rules() == {}
