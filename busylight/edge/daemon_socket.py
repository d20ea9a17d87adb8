"""Where the daemon's Unix socket is, and asking it: light, for it is asked every 30 seconds."""

import contextlib
import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

SOCKET: Final = "daemon.sock"
PATIENCE: Final = 2.0
"""Seconds that either side waits for the other."""
_ANSWER_LIMIT: Final = 16 * 1024 * 1024


def ask_daemon(state_dir: Path) -> dict[str, Any] | None:
    """What the running daemon says of itself; None if there is none, or it does not answer."""
    with contextlib.suppress(OSError, ValueError, RecursionError), short_path(state_dir) as path:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(PATIENCE)
            connection.connect(str(path))
            received = b""
            while len(received) < _ANSWER_LIMIT and (chunk := connection.recv(65536)):
                received += chunk
        answer: Any = json.loads(received)
        if isinstance(answer, dict):
            return answer
    return None


@contextlib.contextmanager
def short_path(state_dir: Path) -> Iterator[Path]:
    """The socket's path by way of a descriptor: the kernel takes no more than 107 bytes."""
    descriptor = os.open(state_dir, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield Path(f"/proc/self/fd/{descriptor}/{SOCKET}")
    finally:
        os.close(descriptor)
