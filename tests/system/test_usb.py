"""A light on a USB port, under a kernel with the drivers of real machines: plugged, pulled, cut.

Debian's own kernel and systemd boot in QEMU, which plugs in an FTDI adapter; behind it hangs a
light of our firmware on this machine. The program is put on the disk before the first boot, by the
command in README.md.
"""

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from busylight.demo.lookalike import Lookalike
from firmware_bridge import protocol
from firmware_bridge.simulate import SimulatedLight
from tests.support.disk import Disk
from tests.support.firmware import shows
from tests.support.github import GitHub
from tests.support.installed import BUSYLIGHT, GREEN, STATUS, env_file
from tests.support.readme import commands
from tests.support.virtual_machine import BY_ID, HOST, VirtualMachine, inside, with_kernel
from tests.system.conftest import CACHE, USER, furnish

pytestmark = pytest.mark.timeout(1800)  # without KVM, and on a machine that others use, too
PATIENCE = 180.0
_STINGY = 'SUBSYSTEM=="tty", KERNEL=="ttyUSB*", OWNER="root", GROUP="root", MODE="0600"\n'
"""Debian gives every port to dialout. Under a system that does not, only our rule does."""


@dataclass(frozen=True, slots=True)
class Desk:
    """A machine with its light."""

    machine: VirtualMachine
    light: SimulatedLight
    began: float
    """When the adapter was plugged in first."""

    def is_green(self) -> float:
        """Wait until the light is, and until the program knows it; the seconds for the light."""
        began = time.monotonic()
        if not self.light.wait_for(shows((0, 255, 0)), PATIENCE):
            journal = self.machine.run("journalctl -u busylight -n 30 --no-pager").stdout
            raise AssertionError(f"the light shows {self.light.last}:\n{journal}")
        seconds = time.monotonic() - began
        self.machine.says(STATUS, f"{GREEN}$", PATIENCE)
        return seconds

    def is_lost(self) -> float:
        """Wait until the light itself shows that its host is gone; the seconds."""
        began = time.monotonic()
        assert self.light.wait_for(_has_lost_its_host, PATIENCE), self.light.last
        return time.monotonic() - began


def _has_lost_its_host(light: SimulatedLight) -> bool:
    return light.last is not None and light.last.state == protocol.LOST


@pytest.fixture(scope="module")
def desk(
    release: str,
    shelf: Path,
    github: GitHub,
    lookalike: Lookalike,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Desk]:
    """The service is installed, signed in, and shows green on what was plugged in afterwards."""
    directory = tmp_path_factory.mktemp("desk")
    CACHE.mkdir(exist_ok=True)
    made = with_kernel(release, CACHE)
    with Disk(directory / f"{release}.ext4", directory / release) as disk:
        furnish(disk, made, shelf, github, lookalike)
        inside(disk.mounted, f"{USER}\n{commands('Two commands')[0]}")
        # The look-alike's name, as its certificate has it, on the way out of the guest.
        (disk.mounted / "etc/hosts").write_text(f"{HOST} localhost\n")
        (disk.mounted / "etc/udev/rules.d").mkdir(exist_ok=True)
        (disk.mounted / "etc/udev/rules.d/55-stingy.rules").write_text(_STINGY)
        settings = disk.mounted / "etc/busylight/busylight.env"
        settings.parent.mkdir()
        settings.write_text(env_file(lookalike, SERIAL_PORT="auto"))
        disk.unmount()
        began = time.monotonic()
        with (
            SimulatedLight(directory / "light") as light,
            VirtualMachine(disk.image, made, light.path) as machine,
        ):
            print(f"by {machine.acceleration}, up after {time.monotonic() - began:.0f} s")
            yield Desk(machine, light, install(machine, lookalike))


def install(machine: VirtualMachine, lookalike: Lookalike) -> float:
    """Do as README.md says, and name the adapter, which cannot say what is behind it.

    Returns when the adapter was plugged in.
    """
    machine.run(f"{BUSYLIGHT} service install", check=True)
    lookalike.entra.auto_approve_after = 0.0
    machine.run(f"{BUSYLIGHT} login", check=True)
    lookalike.entra.auto_approve_after = None
    machine.says(STATUS, "no USB port says by its name that it is our light", PATIENCE)
    began = time.monotonic()
    machine.plug_in()
    machine.says("ls /dev/ttyUSB0", "ttyUSB0", PATIENCE)
    machine.run("udevadm settle", check=True)
    machine.run(f"{BUSYLIGHT} devices --ours /dev/ttyUSB0", check=True)
    return began


def test_the_port_is_the_services_and_the_light_is_green(desk: Desk) -> None:
    desk.is_green()
    seconds = desk.light.last.at - desk.began if desk.light.last else 0.0
    port = desk.machine.run(f"stat -c '%U:%G %a' $(readlink -f {BY_ID})", check=True).stdout
    assert port == "root:dialout 660\n"
    driver = desk.machine.run("udevadm info -q property /dev/ttyUSB0", check=True).stdout
    assert "ID_USB_DRIVER=ftdi_sio" in driver
    listed = desk.machine.run(f"runuser -u busylight -- {BUSYLIGHT} devices").stdout
    assert BY_ID in listed
    assert "cannot be opened" not in listed
    print(f"a USB adapter (ftdi_sio), plugged in and named once: green after {seconds:.1f} s")


def test_what_the_unit_may_do_is_little_and_the_port_is_in_it(desk: Desk) -> None:
    desk.is_green()
    exposure = desk.machine.run("systemd-analyze security busylight --no-pager").stdout
    figure = re.search(r"Overall exposure level for busylight.service: ([0-9.]+)", exposure)
    assert figure is not None, exposure
    kernel = desk.machine.run("uname -r").stdout.strip()
    print(f"systemd-analyze security, with a light on USB under Linux {kernel}: {figure[1]}")
    assert float(figure[1]) <= 1.5


def test_pulled_out_it_is_told_and_under_another_name_it_is_green_again(desk: Desk) -> None:
    desk.is_green()
    # As long as anybody has the old one open, its name is taken. (A hangup would end whoever has.)
    holder = 'trap "" HUP; exec sleep infinity </dev/ttyUSB0'
    desk.machine.run(f"systemd-run --quiet --unit=holder sh -c '{holder}'", check=True)
    desk.machine.says("readlink /proc/$(systemctl show -P MainPID holder)/fd/0", "ttyUSB0")
    desk.machine.unplug()
    told = desk.machine.says(STATUS, "no USB port says|unplugged|not there", PATIENCE)
    lost = desk.is_lost()
    desk.machine.plug_in()
    seconds = desk.is_green()
    name = desk.machine.run(f"readlink -f {BY_ID}", check=True).stdout.strip()
    assert name == "/dev/ttyUSB1"
    desk.machine.run("systemctl stop holder", check=True)
    print(
        f"pulled out: told after {told:.1f} s, the light says so {lost:.1f} s later; plugged in "
        f"again as {name}: green after {seconds:.1f} s"
    )


def test_after_a_power_cut_it_is_green_by_itself(desk: Desk) -> None:
    desk.is_green()
    desk.machine.cut_power()
    lost = desk.is_lost()
    began = time.monotonic()
    desk.machine.boot()
    up = time.monotonic() - began
    desk.is_green()
    seconds = desk.light.last.at - began if desk.light.last else up
    print(
        f"power cut: the light says so after {lost:.1f} s; after the power is back: green after "
        f"{seconds:.0f} s (all of the machine is up after {up:.0f} s); boots in which the emulated "
        f"kernel panicked: {desk.machine.panics}"
    )
