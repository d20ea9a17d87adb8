"""A light on USB under the closed service: a real kernel, a real serial port, a real power cut."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from busylight.demo.lookalike import Lookalike
from firmware_bridge.simulate import SimulatedLight
from tests.support.container import wheels
from tests.support.installed import BUSYLIGHT, GREEN, STATUS, env_file
from tests.support.virtual_machine import RELEASE, VirtualMachine, machine_root
from tests.system.conftest import CACHE, ROOT

PORT = "/dev/serial/by-id/usb-QEMU_QEMU_USB_SERIAL_4711-if00-port0"


@pytest.fixture
def light(tmp_path: Path) -> Iterator[SimulatedLight]:
    with SimulatedLight(tmp_path / "light") as plugged:
        yield plugged


@pytest.fixture
def machine(
    lookalike: Lookalike, light: SimulatedLight, tmp_path: Path
) -> Iterator[VirtualMachine]:
    """Booted, with the program on it and no light in its USB port."""
    CACHE.mkdir(exist_ok=True)
    root = tmp_path / "root"
    subprocess.run(["cp", "-a", machine_root(CACHE), root], check=True)
    wheels(RELEASE, ROOT, root / "opt/wheels")
    install = (
        "python3 -m venv --without-pip /opt/busylight && python3 $(echo /opt/wheels/pip-*.whl)/pip "
        "--python /opt/busylight/bin/python install -q --no-index --find-links /opt/wheels "
        "--root-user-action=ignore busylight-presence"
    )
    subprocess.run(["chroot", root, "sh", "-c", install], check=True)
    (root / "root/.env").write_text(env_file(lookalike, SERIAL_PORT=PORT))
    certificate = root / "etc/ssl/lookalike.pem"
    certificate.write_bytes(lookalike.ca_file.read_bytes())
    certificate.chmod(0o644)
    with VirtualMachine(root, tmp_path, light.path) as running:
        yield running


def is_green(light: SimulatedLight) -> bool:
    return light.last is not None and light.last.look[:3] == (0, 255, 0)


def test_a_light_that_is_plugged_in_later_works_comes_back_and_survives_a_power_cut(
    machine: VirtualMachine, lookalike: Lookalike, light: SimulatedLight
) -> None:
    assert machine.run("ls /dev/ttyUSB0")[0] != 0, "no driver has been asked for yet"
    machine.must(f"cd /root && {BUSYLIGHT} service install")
    lookalike.entra.auto_approve_after = 0.0
    machine.must(f"{BUSYLIGHT} login --env-file /etc/busylight/busylight.env")
    machine.says(STATUS, "the light shows: available")
    assert not is_green(light)

    machine.plug_in()
    assert light.wait_for(is_green, 60), machine.must("journalctl -u busylight -n 20 --no-pager")
    assert machine.must("stat -Lc '%G %a' /dev/ttyUSB0").split() == ["dialout", "660"]
    figure = re.search(
        r"Overall exposure level for busylight.service: ([0-9.]+)",
        machine.must("systemd-analyze security busylight --no-pager"),
    )
    assert figure is not None
    print(f"systemd-analyze security: {figure[1]}, with a light on {PORT}")
    assert float(figure[1]) <= 1.5

    machine.pull_out()
    machine.says("journalctl -u busylight -n 5 --no-pager", "is not there|unplugged|gone", 60)
    machine.plug_in()
    machine.says("journalctl -u busylight -n 5 --no-pager", "connected again", 60)

    machine.must("sync")
    machine.cut_power()
    machine.boot(plugged=True)
    seconds = machine.says(STATUS, GREEN)
    assert light.wait_for(is_green, 60)
    print(f"power cut, booted, green {seconds:.1f} s after the prompt")
