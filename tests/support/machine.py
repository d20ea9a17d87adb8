"""A machine of its own, on which a shell's lines are run as root."""

import re
import subprocess
import time
from abc import ABC, abstractmethod
from typing import Final

PATIENCE: Final = 120.0


class Machine(ABC):
    """A booted Debian."""

    @abstractmethod
    def run(self, command: str, *, check: bool = False) -> "subprocess.CompletedProcess[str]":
        """Run a shell's line as root; `check`: it must do well."""

    def says(self, command: str, pattern: str, seconds: float = PATIENCE) -> float:
        """Run it again and again until it says so; the seconds that it took."""
        began = time.monotonic()
        while True:
            done = self.run(command)
            if re.search(pattern, done.stdout):
                return time.monotonic() - began
            assert time.monotonic() - began < seconds, (
                f"{command} does not say {pattern}:\n{done.stdout}{done.stderr}"
                f"{self.run('journalctl -u busylight -n 30 --no-pager').stdout}"
            )
            time.sleep(0.2)
