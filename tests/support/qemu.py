"""Talking to QEMU, and to the agent that it brings into its guest: both speak JSON, a line each."""

import base64
import json
import os
import socket
import subprocess
import time
from pathlib import Path
from typing import Any, Final

_PIECE: Final = 65536
_LOOKS: Final = 0.2  # seconds between two
_STANDARD: Final = "HOME=/root LANG=C.UTF-8 PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin"


class RefusedError(Exception):
    """It has answered with an error."""


class Conversation:
    """Questions and answers on a Unix socket of QEMU's."""

    def __init__(self, path: Path, patience: float) -> None:
        """Connect as soon as it is there; `patience`: seconds for each answer."""
        self._patience = patience
        self._rest = b""
        self._number = 0
        self._socket = socket.socket(socket.AF_UNIX)
        deadline = time.monotonic() + patience
        while True:
            try:
                self._socket.connect(str(path))
            except (FileNotFoundError, ConnectionRefusedError):
                if time.monotonic() > deadline:
                    raise
                time.sleep(_LOOKS)
            else:
                return

    def close(self) -> None:
        """Hang up."""
        self._socket.close()

    def ask(
        self, command: str, arguments: "dict[str, Any] | None" = None, patience: float | None = None
    ) -> Any:
        """What it answers; raises `TimeoutError` and `RefusedError`."""
        self._number += 1
        question = {"execute": command, "arguments": arguments or {}, "id": self._number}
        self._socket.sendall(json.dumps(question).encode() + b"\n")
        deadline = time.monotonic() + (patience or self._patience)
        while True:
            heard = self._line(deadline)
            if heard.get("id") != self._number:
                continue  # a greeting, an event, or an answer that nobody waits for any more
            if "error" in heard:
                raise RefusedError(f"{command}: {heard['error']}")
            return heard["return"]

    def _line(self, deadline: float) -> dict[str, Any]:
        while b"\n" not in self._rest:
            self._socket.settimeout(max(deadline - time.monotonic(), 0.001))
            piece = self._socket.recv(_PIECE)
            if not piece:
                raise ConnectionResetError("QEMU has ended")
            self._rest += piece
        line, _, self._rest = self._rest.partition(b"\n")
        heard: dict[str, Any] = json.loads(line)
        return heard


def run_in_guest(
    agent: Conversation, command: str, seconds: float
) -> "subprocess.CompletedProcess[str]":
    """Have the agent run a shell's line, and wait for its end."""
    words = ["-c", command]
    how = {"path": "/bin/sh", "arg": words, "env": _STANDARD.split(), "capture-output": True}
    pid = agent.ask("guest-exec", how)["pid"]
    deadline = time.monotonic() + seconds
    while not (status := agent.ask("guest-exec-status", {"pid": pid}))["exited"]:
        if time.monotonic() > deadline:
            raise TimeoutError(f"after {seconds} s it still runs: {command}")
        time.sleep(_LOOKS)
    out, err = (base64.b64decode(status.get(key, "")) for key in ("out-data", "err-data"))
    code = status.get("exitcode", -status.get("signal", os.EX_SOFTWARE))
    return subprocess.CompletedProcess(command, code, out.decode(), err.decode())
