"""What the program tells systemd, by its protocol."""

import asyncio
import os
import socket
import time
from itertools import pairwise
from pathlib import Path

import pytest

from busylight.app.daemon import Daemon, Wiring
from busylight.edge.systemd import Supervisor
from tests.support.parts import Lamp, Script, settings_of, until


class Manager:
    """systemd's end of the socket."""

    def __init__(self, address: str) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(address)
        self._socket.setblocking(False)
        self.heard: list[tuple[float, str]] = []

    def listen(self) -> list[str]:
        while True:
            try:
                self.heard.append((time.monotonic(), self._socket.recv(4096).decode()))
            except BlockingIOError:
                return [text for _, text in self.heard]

    def close(self) -> None:
        self._socket.close()


@pytest.mark.parametrize("kind", ["file", "abstract"])
def test_each_word_is_a_datagram(tmp_path: Path, kind: str) -> None:
    path = f"@busylight-{os.getpid()}" if kind == "abstract" else str(tmp_path / "notify")
    manager = Manager(path.replace("@", "\0"))
    told = Supervisor({"NOTIFY_SOCKET": path, "WATCHDOG_USEC": "3000000"})
    told.ready()
    told.alive()
    told.stopping()
    assert manager.listen() == ["READY=1", "WATCHDOG=1", "STOPPING=1"]
    assert told.watchdog == 3.0
    manager.close()


def test_without_a_manager_nothing_is_said_and_one_that_has_gone_is_no_fault(
    tmp_path: Path,
) -> None:
    Supervisor({}).ready()
    gone = Supervisor({"NOTIFY_SOCKET": str(tmp_path / "gone"), "WATCHDOG_USEC": "junk"})
    gone.ready()
    assert gone.watchdog is None


def test_a_watchdog_of_another_process_is_not_ours() -> None:
    assert Supervisor({"WATCHDOG_USEC": "1000000", "WATCHDOG_PID": "1"}).watchdog is None
    mine = {"WATCHDOG_USEC": "1000000", "WATCHDOG_PID": str(os.getpid())}
    assert Supervisor(mine).watchdog == 1.0


async def test_ready_comes_though_nothing_else_is_well_and_the_watchdog_is_fed_twice_in_its_time(
    tmp_path: Path,
) -> None:
    manager = Manager(str(tmp_path / "notify"))
    supervisor = Supervisor(
        {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": str(400_000)}
    )
    lamp = Lamp()
    lamp.enter_error = OSError("nobody there")
    wiring = Wiring(lambda: Script(OSError("no network")), {"lamp": lambda: lamp})
    program = Daemon(settings_of(), wiring, {}, supervisor)
    running = asyncio.create_task(program.run())
    await until(lambda: manager.listen().count("WATCHDOG=1") >= 8)
    program.stop()
    await asyncio.wait_for(running, 5)
    assert manager.listen()[0] == "READY=1"
    assert "STOPPING=1" in manager.listen()
    fed = [moment for moment, text in manager.heard if text == "WATCHDOG=1"]
    gaps = sorted(after - before for before, after in pairwise(fed))
    assert gaps[len(gaps) // 2] <= 0.2
    manager.close()
