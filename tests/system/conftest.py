"""Debians of their own: bare ones, and those in which the service runs already.

They need root, debootstrap and systemd-nspawn; `scripts/test service` says so where they are not.
"""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from busylight.demo.lookalike import Lookalike
from tests.support.container import PYTHON_OF, Container, debian, wheels
from tests.support.disk import Disk
from tests.support.github import GitHub

ROOT = Path(__file__).resolve().parents[2]
CACHE = Path(os.environ.get("DEBIAN_ROOTS", ROOT / ".debian-roots"))
RELEASES = os.environ.get("DEBIAN_RELEASES", " ".join(sorted(PYTHON_OF))).split()

_PIP = """\
[global]
no-index = true
find-links = /opt/wheels
cert = /etc/ssl/github.pem
disable-pip-version-check = true
"""
"""What is not ours comes from this machine: no test fails because a registry is slow."""
USER = """\
useradd --create-home --shell /bin/bash pi
echo 'pi ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers.d/pi
"""
"""The user that Raspberry Pi OS has."""


@pytest.fixture(scope="session")
def github(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GitHub]:
    with GitHub(ROOT, tmp_path_factory.mktemp("github")) as running:
        yield running


@pytest.fixture(scope="session")
def lookalike() -> Iterator[Lookalike]:
    with Lookalike() as running:
        yield running


@pytest.fixture(scope="session", params=RELEASES)
def release(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="session")
def shelf(release: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every wheel that may be asked for."""
    return wheels(release, ROOT, tmp_path_factory.mktemp("wheels") / release, "[pi]")


@pytest.fixture
def bare_machine(
    release: str, shelf: Path, github: GitHub, lookalike: Lookalike, tmp_path: Path
) -> Iterator[Container]:
    """A booted Debian with nothing of ours on it."""
    with booted(release, shelf, github, lookalike, tmp_path) as machine:
        yield machine


@contextmanager
def booted(
    release: str, shelf: Path, github: GitHub, lookalike: Lookalike, directory: Path
) -> Iterator[Container]:
    """Boot a fresh copy of it, from which GitHub and Microsoft are stand-ins on this machine."""
    CACHE.mkdir(exist_ok=True)
    made = debian(release, CACHE)
    with Disk(directory / f"{release}.ext4", directory / release) as disk:
        furnish(disk, made, shelf, github, lookalike)
        with Container(disk) as machine:
            machine.run(f"set -e\n{USER}sync", check=True)
            yield machine


def furnish(disk: Disk, made: Path, shelf: Path, github: GitHub, lookalike: Lookalike) -> None:
    """Put a copy of what debootstrap has made on it, and what the stand-ins need."""
    root = disk.mounted
    subprocess.run(["cp", "-a", f"{made}/.", root], check=True)
    subprocess.run(["cp", "-r", shelf, root / "opt/wheels"], check=True)
    for source, name in ((lookalike.ca_file, "lookalike"), (github.ca_file, "github")):
        certificate = root / "etc/ssl" / f"{name}.pem"
        certificate.write_bytes(source.read_bytes())
        certificate.chmod(0o644)
    (root / "etc/pip.conf").write_text(_PIP)
    with (root / "etc/hosts").open("a") as hosts:
        hosts.write(f"{github.address} github.com\n")
