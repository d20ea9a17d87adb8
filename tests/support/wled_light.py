"""A light that runs WLED, as far as its serial line goes."""

import json
import time
from typing import Any

from firmware_bridge.pseudo_port import PseudoPort


class WledLight(PseudoPort):
    """Reads JSON as WLED does, and answers `v` while its TX pin is free."""

    def __init__(self, *, is_mute: bool = False) -> None:
        super().__init__()
        self.is_mute = is_mute
        self.deaf_until = 0.0
        self.stuck: dict[str, Any] = {}
        """What is so whatever it is told."""
        self.told: list[dict[str, Any]] = []
        self.state: dict[str, Any] = {"on": True, "bri": 128, "seg": [{"id": 0, "sel": True}]}
        self._torn = b""

    def took(self, content: bytes) -> None:
        if time.monotonic() < self.deaf_until:
            return
        *lines, self._torn = (self._torn + content).split(b"\n")
        for line in lines:
            self._obey(json.loads(line))

    def _obey(self, request: dict[str, Any]) -> None:
        self.told.append(request)
        segment = {**self.state["seg"][0], **request.get("seg", {})}
        own: dict[str, Any] = {key: request[key] for key in ("on", "bri") if key in request}
        self.state = {**self.state, **own, "seg": [segment], **self.stuck}
        if request.get("v") and not self.is_mute:
            answer = {"state": self.state, "info": {"ver": "0.15.0", "leds": {"count": 30}}}
            self.say(json.dumps(answer).encode() + b"\r\n")
