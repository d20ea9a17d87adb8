"""WLED's JSON API: who it is, what it does, and what it shall do by itself.

https://kno.wled.ge/interfaces/json-api/
"""

import json
from typing import Any

from busylight.core.light import LightState
from busylight.outputs.http import Http
from busylight.outputs.serial.wled import difference, wish_of
from busylight.outputs.wled.settings import WledSettings
from busylight.parts import OutputError


class Api:
    """Asks one light."""

    def __init__(self, settings: WledSettings) -> None:
        self.host = settings.host
        literal = f"[{settings.host}]" if ":" in settings.host else settings.host
        self._base = f"http://{literal}:{settings.port}/json"
        self._http = Http("wled")

    async def info(self) -> dict[str, Any]:
        """Version, pixels, whether it is in realtime mode; raises `OutputError`."""
        info = await self._ask("GET", "info")
        leds = info.get("leds")
        if not isinstance(leds, dict) or not isinstance(leds.get("count"), int):
            raise OutputError(f"{self.host} answers, but is no WLED; see WLED_HOST")
        return info

    async def wish(self, light: LightState) -> None:
        """Have it show this by itself, until somebody says something else."""
        frame = json.dumps({**wish_of(light), "v": True}).encode()
        state = await self._ask("POST", "state", frame)
        if (other := difference(frame, state)) is not None:
            raise OutputError(f"{self.host} says {other}, which it was not told")

    async def close(self) -> None:
        """Hang up."""
        await self._http.close()

    async def _ask(self, method: str, what: str, content: bytes | None = None) -> dict[str, Any]:
        headers = {"Content-Type": "application/json"} if content else {}
        url = f"{self._base}/{what}"
        answer = await self._http.request(method, url, headers=headers, content=content)
        try:
            document: Any = json.loads(answer.content)
        except (ValueError, RecursionError):
            document = None
        if answer.status != 200 or not isinstance(document, dict):  # noqa: PLR2004 -- OK
            raise OutputError(f"{self.host} answers {answer.status}, as no WLED does")
        return document


def pixels_of(info: dict[str, Any]) -> int:
    """How many pixels it has."""
    return int(info["leds"]["count"])
