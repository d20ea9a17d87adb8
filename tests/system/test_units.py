"""The service as systemd has it: several lights, whose sign-in it is, secrets as credentials."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from busylight.demo.lookalike import ADELE, Lookalike
from tests.support.container import Container
from tests.support.github import GitHub
from tests.support.installed import BUSYLIGHT, GREEN, STATUS, env_file, painted, plug_in
from tests.support.readme import commands
from tests.system.conftest import booted

STATE = "/var/lib/busylight"


@pytest.fixture(scope="module")
def machine(
    release: str,
    shelf: Path,
    github: GitHub,
    lookalike: Lookalike,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Container]:
    """The program is installed; of a service it knows nothing yet."""
    directory = tmp_path_factory.mktemp("machine")
    with booted(release, shelf, github, lookalike, directory) as running:
        running.run(commands("Two commands")[0], check=True)
        yield running


def write(machine: Container, path: str, text: str) -> None:
    file = machine.root / path.lstrip("/")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


def test_two_lights_are_two_services_that_do_not_care_for_each_other(
    machine: Container, lookalike: Lookalike
) -> None:
    lookalike.entra.auto_approve_after = 0.0
    for light in ("kitchen", "door"):
        plug_in(machine, light)
        write(machine, f"/root/{light}.env", env_file(lookalike, light, ID=light))
        install = f"{BUSYLIGHT} service install --name {light} --env-file /root/{light}.env"
        machine.run(install, check=True)
        machine.run(f"{BUSYLIGHT} login --env-file /etc/busylight/{light}.env", check=True)
    for light in ("kitchen", "door"):
        machine.says(f"{STATUS} --name {light}", GREEN)
        assert painted(machine, light)

    machine.run("systemctl stop busylight@door", check=True)
    assert "active (running)" in machine.run(f"{STATUS} --name kitchen").stdout
    machine.run(f"{BUSYLIGHT} service uninstall --name door", check=True)
    machine.run("systemctl restart busylight@kitchen", check=True)
    machine.says(f"{STATUS} --name kitchen", GREEN)
    machine.run(f"{BUSYLIGHT} service uninstall --name kitchen", check=True)
    left = machine.run("ls /etc/systemd/system /etc/udev/rules.d /etc/modules-load.d").stdout
    assert "busylight" not in left


def test_logout_and_login_by_sudo_are_the_services_own(
    machine: Container, lookalike: Lookalike
) -> None:
    plug_in(machine)
    write(machine, "/root/.env", env_file(lookalike))
    machine.run(f"{BUSYLIGHT} service install", check=True)
    machine.run("rm /root/.env", check=True)
    lookalike.entra.auto_approve_after = 0.0
    machine.run(f"runuser -u pi -- sudo {BUSYLIGHT} login", check=True)
    machine.says(STATUS, GREEN)

    lookalike.entra.auto_approve_after = None
    done = machine.run(f"runuser -u pi -- sudo {BUSYLIGHT} logout", check=True)
    assert ADELE.principal_name in done.stdout
    machine.says(STATUS, "the light shows: signin")

    lookalike.entra.auto_approve_after = 0.0
    machine.run(f"runuser -u pi -- sudo {BUSYLIGHT} login", check=True)
    machine.says(STATUS, GREEN)
    owners = machine.run(f"find {STATE} -printf '%u %m %y\\n' | sort -u").stdout.splitlines()
    assert {line.split()[0] for line in owners} == {"busylight"}
    assert {line.split()[1] for line in owners if line.endswith("f")} == {"600"}
    assert {line.split()[1] for line in owners if line.endswith("d")} == {"700"}
    refused = machine.run(f"runuser -u pi -- {BUSYLIGHT} status")
    assert refused.returncode == 78, "the settings are for root and the service"
    assert "try with sudo" in refused.stderr
    machine.run(f"runuser -u pi -- {BUSYLIGHT} demo --once --plain --speed 1000", check=True)


def test_the_port_is_made_ready_for_lights_that_come_later(machine: Container) -> None:
    drivers = machine.run("cat /etc/modules-load.d/busylight.conf", check=True).stdout
    assert {"cdc_acm", "ch341", "cp210x", "ftdi_sio"} <= set(drivers.split())
    groups = machine.run("id -nG busylight", check=True).stdout.split()
    assert "dialout" in groups
    rules = "/etc/udev/rules.d/60-busylight.rules"
    # What says `udevadm verify` since systemd 254, this says on Debian 12, too.
    judged = machine.run("udevadm test --action=add /class/mem/null 2>&1").stdout
    assert f"Reading rules file: {rules}\n" in judged
    assert f"{rules}:" not in judged, "there it names the line that it ignores"
    allowed = machine.run("systemctl show --property=DeviceAllow busylight").stdout
    assert "char-ttyACM rw" in allowed
    assert "char-ttyUSB rw" in allowed


def test_a_secret_may_be_a_credential_that_only_the_service_gets(
    machine: Container, lookalike: Lookalike
) -> None:
    write(machine, "/etc/busylight/secret", lookalike.client_secret)
    machine.run("chmod 600 /etc/busylight/secret", check=True)
    write(
        machine,
        "/etc/systemd/system/busylight.service.d/credential.conf",
        "[Service]\nLoadCredential=graph-secret:/etc/busylight/secret\n",
    )
    held = "/run/credentials/busylight.service/graph-secret"
    settings = env_file(
        lookalike,
        GRAPH_CLIENT_SECRET_FILE=held,
        GRAPH_TENANT_ID=lookalike.tenant_id,
        GRAPH_USER=ADELE.object_id,
    )
    write(machine, "/etc/busylight/busylight.env", settings)
    machine.run(f"rm -r {STATE}/busylight && systemctl daemon-reload", check=True)
    machine.run("systemctl restart busylight", check=True)
    machine.says(STATUS, GREEN)
    assert lookalike.entra.issued["client_credentials"] > 0
    assert machine.run("runuser -u busylight -- cat /etc/busylight/secret").returncode != 0
    checked = machine.run(f"{BUSYLIGHT} check")
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert lookalike.client_secret not in machine.run("journalctl --no-pager").stdout
