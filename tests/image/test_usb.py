"""A light on USB, under the very rules of compose-usb.yaml: it may go and come back."""

import os
import stat
from pathlib import Path

import pytest

from firmware_bridge.protocol import SHOWING
from firmware_bridge.simulate import SimulatedLight
from tests.image.conftest import FOLLOWER, USER, Start
from tests.image.test_compose import read
from tests.support.image import Run, Running

OPEN = "import os, sys; os.open(sys.argv[1], os.O_RDWR | os.O_NOCTTY)"
DIALOUT = 20


@pytest.fixture
def service() -> dict[str, list[str]]:
    found: dict[str, list[str]] = read("compose-usb.yaml")["services"]["busylight"]
    return found


def opened(container: Running, device: str) -> str:
    """What becomes of opening a device in the container."""
    told = container.exec("python", "-c", OPEN, f"/dev/{device}").stderr
    return told.strip().rpartition("] ")[2].partition(":")[0]


def plug_in(dev: Path, name: str, kind: int, major: int, minor: int, group: int = DIALOUT) -> None:
    os.mknod(dev / name, kind | 0o660, os.makedev(major, minor))
    os.chown(dev / name, 0, group)
    (dev / name).chmod(0o660)


@pytest.fixture
def dev(tmp_path: Path) -> Path:
    """A /dev whose ports have no driver: to be let in is to be told that nothing is there."""
    dev = tmp_path / "dev"
    dev.mkdir()
    plug_in(dev, "null", stat.S_IFCHR, 1, 3)
    (dev / "null").chmod(0o666)
    return dev


def test_ports_may_be_opened_that_came_after_the_container_and_nothing_else(
    start: Start, volume: Path, dev: Path, service: dict[str, list[str]]
) -> None:
    plug_in(dev, "ttyACM0", stat.S_IFCHR, 166, 0)
    container = start(
        Run(
            environment=FOLLOWER,
            volumes={"/var/lib/busylight": volume},
            groups=[int(group) for group in service["group_add"]],
            device_rules=service["device_cgroup_rules"],
            dev=dev,
        )
    )
    container.until(lambda: container.health() == 0)
    assert opened(container, "ttyACM0") == "No such device or address"
    (dev / "ttyACM0").unlink()
    plug_in(dev, "ttyACM1", stat.S_IFCHR, 166, 1)
    plug_in(dev, "ttyUSB0", stat.S_IFCHR, 188, 0)
    assert opened(container, "ttyACM1") == "No such device or address"
    assert opened(container, "ttyUSB0") == "No such device or address"

    plug_in(dev, "sdz", stat.S_IFBLK, 8, 15)
    plug_in(dev, "mem", stat.S_IFCHR, 1, 1)
    assert opened(container, "sdz") == "Operation not permitted"
    assert opened(container, "mem") == "Operation not permitted"
    plug_in(dev, "ttyACM2", stat.S_IFCHR, 166, 2, group=DIALOUT + 1)
    assert opened(container, "ttyACM2") == "Permission denied", "of a group that is not ours"


def test_the_light_comes_back_after_a_replug(
    start: Start, volume: Path, tmp_path: Path, service: dict[str, list[str]]
) -> None:
    place = tmp_path / "light"
    place.mkdir()
    with SimulatedLight(place / "port") as light:

        def let_in() -> None:
            port = (place / "port").resolve()
            os.chown(port, 0, DIALOUT)
            port.chmod(0o660)

        let_in()
        container = start(
            Run(
                environment={
                    **FOLLOWER,
                    "BUSYLIGHT_OUTPUTS": "serial",
                    "BUSYLIGHT_SERIAL_PORT": "/light/port",
                },
                volumes={"/var/lib/busylight": volume, "/light": place},
                groups=[int(group) for group in service["group_add"]],
                device_rules=service["device_cgroup_rules"],
                dev=Path("/dev"),
            )
        )

        def shows(paintings: int) -> bool:
            later = light.paintings[paintings:]
            return any(painting.state == SHOWING for painting in later)

        container.until(lambda: shows(0))
        before = len(light.paintings)
        light.replug()
        let_in()
        container.until(lambda: shows(before))
        assert container.exec("id", "-u").stdout.strip() == str(USER)
