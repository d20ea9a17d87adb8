"""What systemd wants to be told of a service: sd_notify(3), over a datagram socket.

Says nothing, and costs nothing, where nobody listens.
"""

import contextlib
import os
import socket
from collections.abc import Mapping
from typing import Final

_MICROSECONDS: Final = 1_000_000


class Supervisor:
    """Tells the service manager that started us how we are."""

    def __init__(self, environ: Mapping[str, str] | None = None) -> None:
        """Look in the environment who listens."""
        environ = os.environ if environ is None else environ
        address = environ.get("NOTIFY_SOCKET", "")
        self._address = f"\0{address[1:]}" if address.startswith("@") else address
        self.watchdog: Final = _watchdog_seconds(environ)
        """Seconds after which we are taken for dead if nothing is heard; None: nobody waits."""

    def ready(self) -> None:
        """The program runs; whether its parts are well is another matter."""
        self._tell("READY=1")

    def alive(self) -> None:
        """Feed the watchdog."""
        if self.watchdog is not None:
            self._tell("WATCHDOG=1")

    def stopping(self) -> None:
        """The program has begun to end."""
        self._tell("STOPPING=1")

    def _tell(self, state: str) -> None:
        if not self._address:
            return
        kind = socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK
        # A manager that is too busy to take it, or has gone, is no fault of the light.
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, kind) as connection:
            connection.sendto(state.encode(), self._address)


def _watchdog_seconds(environ: Mapping[str, str]) -> float | None:
    if environ.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return None
    with contextlib.suppress(ValueError):
        microseconds = int(environ.get("WATCHDOG_USEC", "0"))
        if microseconds > 0:
            return microseconds / _MICROSECONDS
    return None
