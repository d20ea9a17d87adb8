"""The bundle for networks without the Internet, installed where there is no network at all."""

import re
import subprocess
import tarfile
from pathlib import Path

import pytest

from busylight import __version__
from tests.support.container import PYTHON_OF, Container

ROOT = Path(__file__).resolve().parents[2]


def bundle(machine: str, python: str) -> Path:
    """Make one; where it is."""
    done = subprocess.run(
        [ROOT / "scripts" / "bundle", machine, python], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    made = ROOT / done.stdout.strip()
    version = re.escape(__version__) + r"(\+g[0-9a-f]{12}(\.dirty)?)?"
    assert re.fullmatch(rf"busylight-{version}-{machine}-python{python}\.tar\.gz", made.name)
    return made


@pytest.fixture
def unpacked(bare_machine: Container, release: str) -> str:
    """The directory of a bundle for that machine, as the machine sees it."""
    machine = bare_machine.run("uname -m", check=True).stdout.strip()
    with tarfile.open(bundle(machine, PYTHON_OF[release])) as archive:
        archive.extractall(bare_machine.root / "opt", filter="tar")
        return f"/opt/{archive.getnames()[0]}"


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


def test_one_for_a_pi_has_what_a_pi_can_run_and_its_pins() -> None:
    with tarfile.open(bundle("aarch64", "3.11")) as archive:
        names = [Path(name).name for name in archive.getnames()]
    wheels = [name for name in names if name.endswith(".whl")]
    strangers = [name for name in wheels if not name.endswith(("aarch64.whl", "-any.whl"))]
    assert not strangers
    kinds = {name.partition("-")[0] for name in wheels}
    assert kinds >= {"busylight_presence", "cryptography", "lgpio", "hidapi", "zeroconf", "pip"}
