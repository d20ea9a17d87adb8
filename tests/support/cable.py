"""A cable that can be pulled, between a host and a light that is a process."""

import contextlib
import os
import termios
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from firmware_bridge.pseudo_port import PseudoPort
from tests.support.targets import PATIENCE, Duty, Python


class Cable(PseudoPort):
    """What is behind `light.path`, on a cable that can be pulled; its power stays."""

    tick = 0.002

    def __init__(self, path: Path, light: Python) -> None:
        super().__init__(path)
        self._light = light
        self._port = -1

    def __enter__(self) -> Self:
        self._light.__enter__()
        self._port = os.open(self._light.path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        return super().__enter__()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        super().__exit__(kind, error, traceback)
        os.close(self._port)
        self._light.__exit__(kind, error, traceback)

    def plugged(self) -> None:
        """What the light has said to nobody is gone."""
        termios.tcflush(self._port, termios.TCIFLUSH)

    def took(self, content: bytes) -> None:
        """Hand it on."""
        with contextlib.suppress(BlockingIOError):  # the light does not read: lost
            os.write(self._port, content)

    def passed(self) -> None:
        """Hand on what the light says."""
        with contextlib.suppress(BlockingIOError):
            self.say(os.read(self._port, 4096))

    @property
    def paintings(self) -> list[tuple[float, Duty]]:
        return self._light.paintings

    def wait_for(
        self, condition: Callable[[list[tuple[float, Duty]]], bool], timeout: float = PATIENCE
    ) -> bool:
        return self._light.wait_for(condition, timeout)
