"""From a bare Debian to a light that comes back: the README, followed to the letter.

What is typed is read from README.md. Only the values are others: ids, and the addresses of the
look-alike in Microsoft's place. `POWER_CUTS` says how often the power is cut.
"""

import os
import random
import re
import shlex
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http import HTTPStatus

import pexpect

from busylight import __version__
from busylight.demo.lookalike import Lookalike
from busylight.edge.clock import now
from tests.support.container import Container
from tests.support.github import GitHub
from tests.support.installed import BUSYLIGHT, GREEN, STATUS, addresses, painted, plug_in, port_of
from tests.support.readme import commands

POWER_CUTS = int(os.environ.get("POWER_CUTS", "4"))


def test_by_setup_two_commands_lead_to_a_light_that_works(
    bare_machine: Container, lookalike: Lookalike, github: GitHub
) -> None:
    typed = commands("Two commands")
    assert len(typed) <= 2, typed
    install, setup = typed
    seconds = timed(bare_machine, install)
    assert version(bare_machine) == f"busylight {__version__} ({github.commit[:12]})"
    plug_in(bare_machine)
    began = time.monotonic()
    for name, value in addresses(lookalike).items():
        setup += f" --set {name}={shlex.quote(value)}"
    person = bare_machine.terminal(setup)
    for question, answer in (
        (r"Light \[none\]: $", "other"),
        ("Which kind.*: $", "serial"),
        ("SERIAL_PORT.*: $", port_of()),
        ("Ask who is on .*: $", "yes"),
        ("MQTT broker.*: $", "-"),
        ("Source .*: $", ""),
        ("Registration .*: $", "have"),
        ("GRAPH_CLIENT_ID.*: $", lookalike.client_id),
        ("Directory .tenant. id.*: $", lookalike.tenant_id),
        ("Sign in .*: $", "code"),
    ):
        person.expect(question)
        person.sendline(answer)
    person.expect(r"enter the code (\S+)")
    assert person.match is not None
    lookalike.entra.approve(person.match[1])
    for question, answer in (
        ("signed in as.*red, green, blue or other.*: $", "red"),
        ("told to be green.*: $", "green"),
        ("Show each state.*: $", "no"),
        ("as a service.*: $", "yes"),
    ):
        person.expect(question)
        person.sendline(answer)
    person.expect(pexpect.EOF)
    person.close()
    assert person.exitstatus == 0, person.before
    bare_machine.says(STATUS, GREEN)
    seconds += time.monotonic() - began
    assert painted(bare_machine)
    mode = bare_machine.run("stat -c '%a %U:%G' /etc/busylight/busylight.env").stdout
    assert mode == "640 root:busylight\n"
    print(f"by setup: {len(typed)} commands typed, green after {seconds:.0f} s")


def test_by_hand_five_commands_at_most_lead_to_a_light_that_comes_back(
    bare_machine: Container, lookalike: Lookalike, github: GitHub
) -> None:
    install, *others = typed = [*commands("Two commands")[:1], *commands("Without `setup`")]
    assert len(typed) <= 5, typed
    seconds = timed(bare_machine, install)
    plug_in(bare_machine)
    lookalike.entra.auto_approve_after = 0.0
    for command in others:
        seconds += timed(bare_machine, with_values(command, lookalike))
    lookalike.entra.auto_approve_after = None
    seconds += bare_machine.says(STATUS, GREEN)
    assert painted(bare_machine)
    print(f"by hand: {len(typed)} commands typed, green after {seconds:.0f} s")

    bare_machine.run("systemctl kill --signal=KILL busylight", check=True)
    bare_machine.says(STATUS, "activating|does not answer", 30)
    print(f"killed, green after {bare_machine.says(STATUS, GREEN):.1f} s")

    exposure = bare_machine.run("systemd-analyze security busylight --no-pager").stdout
    figure = re.search(r"Overall exposure level for busylight.service: ([0-9.]+)", exposure)
    assert figure is not None, exposure
    print(f"systemd-analyze security: {figure[1]}")
    assert float(figure[1]) <= 1.5

    survives_power_cuts(bare_machine, lookalike)

    github.publish_another()
    timed(bare_machine, install)
    assert version(bare_machine) == f"busylight {__version__} ({github.commit[:12]})"
    began = time.monotonic()
    bare_machine.run(f"{BUSYLIGHT} service install", check=True)
    bare_machine.says(STATUS, GREEN)
    print(f"updated, green after {time.monotonic() - began:.1f} s")

    bare_machine.run(f"{BUSYLIGHT} service uninstall", check=True)
    assert "not installed" in bare_machine.run(STATUS).stdout
    assert (bare_machine.root / "etc/busylight/busylight.env").exists()


def survives_power_cuts(machine: Container, lookalike: Lookalike) -> None:
    """Cut it while files are written: tokens all the time, and the unit at an update."""
    machine.run("sync", check=True)
    slowest = 0.0
    before = lookalike.entra.issued["refresh_token"]
    with tokens_that_end(lookalike):
        for number in range(POWER_CUTS):
            moment = random.uniform(0, 2.0)
            during = ("it runs", "it starts", "it is installed anew")[number % 3]
            if during == "it starts":
                machine.run("systemctl restart --no-block busylight", check=True)
            elif during == "it is installed anew":
                machine.run(f"systemd-run --quiet {BUSYLIGHT} service install", check=True)
            time.sleep(moment)
            machine.cut_power()
            machine.boot()
            plug_in(machine)
            seconds = machine.says(STATUS, GREEN)
            slowest = max(slowest, seconds)
            print(f"power cut {moment:.2f} s on while {during}: green after {seconds:.1f} s")
    written = lookalike.entra.issued["refresh_token"] - before
    files = machine.run("ls -A /var/lib/busylight/busylight").stdout.split()
    print(
        f"{POWER_CUTS} power cuts among {written} written tokens: green after {slowest:.1f} s at "
        f"most; left: {files}"
    )
    assert written > POWER_CUTS, "there was nothing to cut"
    assert not [name for name in files if ".broken" in name], "a file was half written"


@contextmanager
def tokens_that_end(lookalike: Lookalike) -> Iterator[None]:
    """Microsoft ends the access token again and again: a new one is written each time."""
    ending = threading.Event()

    def end_them() -> None:
        while not ending.wait(random.uniform(0.05, 0.4)):
            moment = now()
            lookalike.entra.expire_access_tokens()
            # The next one must have been good for once: two in a row would be Microsoft's trouble.
            was_read = partial(read_since, lookalike, moment)
            while not ending.is_set() and not lookalike.wait_for(was_read, 1):
                pass

    thread = threading.Thread(target=end_them, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ending.set()
        thread.join()


def read_since(lookalike: Lookalike, moment: float) -> bool:
    """Whether presence has been read."""
    return any(
        each.status == HTTPStatus.OK and each.at > moment and each.path.endswith("/presence")
        for each in lookalike.requests[-20:]
    )


def with_values(command: str, lookalike: Lookalike) -> str:
    """The command with a person's own values in it."""
    values = {
        "GRAPH_CLIENT_ID": lookalike.client_id,
        "GRAPH_TENANT_ID": lookalike.tenant_id,
        "SERIAL_PORT": port_of(),
        **addresses(lookalike),
    }
    for name, value in values.items():
        line = f"BUSYLIGHT_{name}={value}"
        command, count = re.subn(rf"^BUSYLIGHT_{name}=.*$", line, command, flags=re.MULTILINE)
        if not count and "<<" in command:
            command = command.replace("\nEND", f"\n{line}\nEND")
    return command


def timed(machine: Container, command: str) -> float:
    """Type it as the user pi; the seconds that it took."""
    began = time.monotonic()
    machine.run(f"runuser -u pi -- bash -c {shlex.quote('cd; ' + command)}", check=True)
    return time.monotonic() - began


def version(machine: Container) -> str:
    """What the program says that it is."""
    return machine.run(f"{BUSYLIGHT} --version").stdout.strip()
