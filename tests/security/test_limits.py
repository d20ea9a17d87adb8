"""Every byte that comes from outside is counted before it is believed.

docs/security.md lists which tests hold the rest of it.
"""

import asyncio
import resource
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from busylight.app.remembered import RememberedOverride
from busylight.edge.daemon_socket import SOCKET, ask_daemon
from busylight.mqtt.settings import Version
from busylight.outputs.mqtt.output import MqttOutput
from busylight.parts import OutputError
from firmware_bridge.protocol import Reader
from tests.support.mqtt import ACCEPTED, SUBSCRIBED, Scripted, settings_of

DEEP = b"[" * 100_000 + b"]" * 100_000


@pytest.mark.parametrize("version", [Version.V5, Version.V311])
async def test_a_message_that_is_announced_as_huge_is_not_read(version: Version) -> None:
    accepted = ACCEPTED if version is Version.V5 else b"\x20\x02\x00\x00"
    subscribed = SUBSCRIBED if version is Version.V5 else b"\x90\x05\x00\x01\x01\x01\x01"
    huge = b"\x30\xff\xff\xff\x7f"  # PUBLISH of 256 MiB, of which a little comes
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with Scripted(accepted, subscribed + huge + b"x" * 200_000) as scripted:
        async with MqttOutput(settings_of(port=scripted.port, version=version)) as output:
            with pytest.raises(OutputError, match="268435455 bytes"):
                await asyncio.wait_for(anext(output.events()), 10)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 50_000, f"{grown} KiB were taken for it"


@contextmanager
def _impostor(state_dir: Path, answer: bytes) -> Iterator[None]:
    """Somebody who answers in the daemon's place."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(str(state_dir / SOCKET))
        listener.listen()

        def serve() -> None:
            with suppress(OSError):
                connection, _ = listener.accept()
                with connection:
                    connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        yield
        thread.join(10)


@pytest.mark.parametrize("answer", [DEEP, b"\xff\xfe", b"[]", b"{", b""])
def test_whatever_answers_on_the_socket_a_command_lives_through_it(
    tmp_path: Path, answer: bytes
) -> None:
    with _impostor(tmp_path, answer):
        assert ask_daemon(tmp_path) is None


def test_a_remembered_override_that_is_nested_too_deeply_is_forgotten(tmp_path: Path) -> None:
    (tmp_path / "override.json").write_bytes(DEEP)
    assert RememberedOverride(tmp_path).recall() is None


def test_a_light_that_talks_without_end_fills_no_memory() -> None:
    reader = Reader()
    for _ in range(1000):
        assert reader.feed(b"x" * 10_000) == []
    assert len(reader._coded) < 1000
