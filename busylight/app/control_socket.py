"""The daemon's Unix socket: whoever may enter the state directory can ask how it is."""

import asyncio
import contextlib
import json
import logging
import os
import socket
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, Final

_log: Final = logging.getLogger("busylight.app")

SOCKET: Final = "daemon.sock"
_ANSWER_LIMIT: Final = 16 * 1024 * 1024
_PATIENCE: Final = 2.0  # seconds


@contextlib.asynccontextmanager
async def control_socket(
    state_dir: Path, answer: Callable[[], dict[str, Any]]
) -> AsyncIterator[None]:
    """Answer everybody who connects with one line of JSON, while the context lives."""

    async def reply(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, TimeoutError):
            writer.write(json.dumps(answer()).encode() + b"\n")
            async with asyncio.timeout(_PATIENCE):
                await writer.drain()
        writer.close()

    try:
        listener = _listener(state_dir)
    except OSError as error:  # a card that is full or read-only
        _log.warning("nobody can ask this daemon how it is: %s", error)
        yield
        return
    server = await asyncio.start_unix_server(reply, sock=listener)
    try:
        async with server:
            yield
    finally:
        with contextlib.suppress(OSError):
            (state_dir / SOCKET).unlink()


def _listener(state_dir: Path) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with _short_path(state_dir) as path:
            with contextlib.suppress(FileNotFoundError):
                path.unlink()
            listener.bind(str(path))
            path.chmod(0o600)
    except OSError:
        listener.close()
        raise
    return listener


def ask_daemon(state_dir: Path) -> dict[str, Any] | None:
    """What the running daemon says of itself; None if there is none, or it does not answer."""
    with contextlib.suppress(OSError, ValueError, RecursionError), _short_path(state_dir) as path:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(_PATIENCE)
            connection.connect(str(path))
            received = b""
            while len(received) < _ANSWER_LIMIT and (chunk := connection.recv(65536)):
                received += chunk
        answer: Any = json.loads(received)
        if isinstance(answer, dict):
            return answer
    return None


@contextlib.contextmanager
def _short_path(state_dir: Path) -> Any:
    """The socket's path by way of a descriptor: the kernel takes no more than 107 bytes."""
    descriptor = os.open(state_dir, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield Path(f"/proc/self/fd/{descriptor}/{SOCKET}")
    finally:
        os.close(descriptor)
