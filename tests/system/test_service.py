"""From a bare Debian to a light that comes back: the service, under a systemd that is booted.

Needs root, debootstrap and systemd-nspawn; `scripts/test service` says so where they are not.
"""

import os
import random
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from busylight.demo.lookalike import Lookalike
from tests.support.container import PYTHON_OF, Container, debian, wheels

ROOT = Path(__file__).resolve().parents[2]
CACHE = Path(os.environ.get("DEBIAN_ROOTS", ROOT / ".debian-roots"))
RELEASES = os.environ.get("DEBIAN_RELEASES", " ".join(sorted(PYTHON_OF))).split()
POWER_CUTS = int(os.environ.get("POWER_CUTS", "3"))
BUSYLIGHT = "/opt/busylight/bin/busylight"
STATUS = f"{BUSYLIGHT} service status"
GREEN = "the light shows: available"


@pytest.fixture(scope="module", params=RELEASES)
def machine(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Container]:
    """A booted Debian with the wheels in it, and nothing of ours installed."""
    CACHE.mkdir(exist_ok=True)
    made = debian(request.param, CACHE)
    root = tmp_path_factory.mktemp("machines") / request.param
    subprocess.run(["cp", "-a", "--reflink=auto", made, root], check=True)
    wheels(request.param, ROOT, root / "opt" / "wheels")
    with Container(root) as container:
        yield container


@pytest.fixture(scope="module")
def lookalike() -> Iterator[Lookalike]:
    with Lookalike() as running:
        yield running


def test_a_bare_machine_has_a_light_that_comes_back(
    machine: Container, lookalike: Lookalike
) -> None:
    settings = [
        "BUSYLIGHT_OUTPUTS=serial",
        "BUSYLIGHT_SERIAL_PORT=/run/light/port",
        "BUSYLIGHT_INTERVAL=1",
        f"BUSYLIGHT_GRAPH_CLIENT_ID={lookalike.client_id}",
        f"BUSYLIGHT_GRAPH_AUTHORITY_URL={lookalike.authority_url}",
        f"BUSYLIGHT_GRAPH_BASE_URL={lookalike.base_url}",
        "BUSYLIGHT_GRAPH_CA_FILE=/etc/ssl/lookalike.pem",
    ]
    (machine.root / "root" / ".env").write_text("\n".join(settings) + "\n")
    shutil.copyfile(lookalike.ca_file, machine.root / "etc/ssl/lookalike.pem")
    (machine.root / "etc/ssl/lookalike.pem").chmod(0o644)
    machine.run(
        "python3 -m venv /opt/busylight && /opt/busylight/bin/pip install --quiet --no-index "
        "--find-links /opt/wheels busylight-presence",
        check=True,
    )
    plug_in(machine)

    installed = machine.run(f"{BUSYLIGHT} service install", check=True)
    assert f"sudo {BUSYLIGHT} login" in installed.stdout
    machine.says(STATUS, "the light shows: signin")

    lookalike.entra.auto_approve_after = 0.0
    login = machine.run(f"{BUSYLIGHT} login --env-file /etc/busylight/busylight.env", check=True)
    assert "Signed in as" in login.stdout
    print(f"signed in, green after {machine.says(STATUS, GREEN):.1f} s")
    painted = machine.run("tail -n 1 /run/light/painted").stdout
    assert "#00ff00" in painted or "available" in painted.lower(), painted

    machine.run("systemctl kill --signal=KILL busylight", check=True)
    machine.says(STATUS, "activating|does not answer", 30)
    print(f"killed, green after {machine.says(STATUS, GREEN):.1f} s")

    exposure = machine.run("systemd-analyze security busylight --no-pager").stdout
    figure = re.search(r"Overall exposure level for busylight.service: ([0-9.]+)", exposure)
    assert figure is not None, exposure
    print(f"systemd-analyze security: {figure[1]}")
    assert float(figure[1]) <= 1.5

    for _ in range(POWER_CUTS):
        machine.run(f"sleep {random.uniform(0, 1.5):.2f}")
        machine.cut_power()
        machine.boot()
        plug_in(machine)
        print(f"power cut, green after {machine.says(STATUS, GREEN):.1f} s")

    machine.run(
        "/opt/busylight/bin/pip install --quiet --no-index --find-links /opt/wheels "
        f"--force-reinstall --no-deps busylight-presence && {BUSYLIGHT} service install "
        "--env-file /etc/busylight/busylight.env",
        check=True,
    )
    print(f"updated, green after {machine.says(STATUS, GREEN):.1f} s")

    machine.run(f"{BUSYLIGHT} service uninstall", check=True)
    assert "not installed" in machine.run(STATUS).stdout
    assert (machine.root / "etc/busylight/busylight.env").exists()


def plug_in(machine: Container) -> None:
    """Start a virtual light, as the service's user, which a real port's group lets in."""
    machine.run(
        "systemctl reset-failed light 2>/dev/null; install -d -m 777 /run/light; systemd-run "
        "--quiet --unit=light --property=StandardOutput=file:/run/light/painted "
        f"{BUSYLIGHT} firmware simulate --link /run/light/port",
        check=True,
    )
    machine.says("chmod 666 $(readlink -f /run/light/port) && echo there", "there")
