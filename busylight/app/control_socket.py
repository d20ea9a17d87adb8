"""The daemon's Unix socket: whoever may enter the state directory can ask how it is."""

import asyncio
import contextlib
import json
import logging
import socket
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, Final

from busylight.edge.daemon_socket import PATIENCE, SOCKET, short_path

_log: Final = logging.getLogger("busylight.app")


@contextlib.asynccontextmanager
async def control_socket(
    state_dir: Path, answer: Callable[[], dict[str, Any]]
) -> AsyncIterator[None]:
    """Answer everybody who connects with one line of JSON, while the context lives."""

    async def reply(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, TimeoutError):
            writer.write(json.dumps(answer()).encode() + b"\n")
            async with asyncio.timeout(PATIENCE):
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
        with short_path(state_dir) as path:
            with contextlib.suppress(FileNotFoundError):
                path.unlink()
            listener.bind(str(path))
            path.chmod(0o600)
    except OSError:
        listener.close()
        raise
    return listener
