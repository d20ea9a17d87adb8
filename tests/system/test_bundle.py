"""The bundle for networks without the Internet, installed where there is no network at all."""

import tarfile
from pathlib import Path

import pytest

from tests.support.bundle import bundle, unpack
from tests.support.container import PYTHON_OF, Container


@pytest.fixture
def unpacked(bare_machine: Container, release: str) -> str:
    """The directory of a bundle for that machine, as the machine sees it."""
    machine = bare_machine.run("uname -m", check=True).stdout.strip()
    return f"/opt/{unpack(bundle(machine, PYTHON_OF[release]), bare_machine.root / 'opt')}"


def test_it_installs_without_network_and_says_what_comes_next(
    bare_machine: Container, unpacked: str
) -> None:
    bare_machine.run("rm /etc/pip.conf", check=True)
    done = bare_machine.run(f"unshare --net {unpacked}/install.sh", check=True)
    assert done.stdout.endswith("Now: sudo /opt/busylight/bin/busylight setup\n")
    listed = bare_machine.run("/opt/busylight/bin/busylight plugins", check=True)
    assert "usb" in listed.stdout
    again = bare_machine.run(f"unshare --net {unpacked}/install.sh")
    assert again.returncode == 0, "an update is the same once more"

    bare_machine.run(f"echo x >>{unpacked}/wheels/$(ls {unpacked}/wheels | head -n 1)", check=True)
    damaged = bare_machine.run(f"unshare --net {unpacked}/install.sh /opt/other")
    assert damaged.returncode == 1
    assert "a file is damaged" in damaged.stderr
    assert not (bare_machine.root / "opt/other").exists()


@pytest.mark.parametrize("python", PYTHON_OF.values())
def test_one_for_a_pi_has_what_a_pi_can_run_and_its_pins(python: str) -> None:
    with tarfile.open(bundle("aarch64", python)) as archive:
        names = [Path(name).name for name in archive.getnames()]
    wheels = [name for name in names if name.endswith(".whl")]
    strangers = [name for name in wheels if not name.endswith(("aarch64.whl", "-any.whl"))]
    assert not strangers
    kinds = {name.partition("-")[0] for name in wheels}
    assert kinds >= {"busylight_presence", "cryptography", "gpiozero", "hidapi", "zeroconf", "pip"}
    assert ("lgpio" in kinds) == (python == "3.11"), "for 3.13 there is none: the system's is used"
