"""One reading, for commands that do not stay."""

import asyncio
from typing import Any, Final

from busylight.core.knowledge import Reading, Trouble, Why
from busylight.settings.installed import SOURCES, part_class
from busylight.settings.tree import Settings

_LIMIT: Final = 60.0
"""Seconds: Graph and Entra each have ten for a request, and a token may take several."""


async def read_once(settings: Settings) -> Reading | Trouble:
    """Read once from whatever source the settings name. Never begins a sign-in."""
    if settings.source == "graph" and settings.graph is not None:
        from busylight.sources.graph.session import GraphSession  # noqa: PLC0415 -- loads msal

        async with GraphSession(settings.graph) as session:
            return await session.read_once()
    if settings.source == "mqtt" and settings.mqtt is not None:
        from busylight.sources.mqtt.source import MqttSource  # noqa: PLC0415 -- loads paho

        return await MqttSource(settings.mqtt).look()
    source: Any = part_class(SOURCES, settings.source)(settings.part(settings.source))
    async with source:
        try:
            async with asyncio.timeout(_LIMIT):
                async for answer in source.readings():
                    first: Reading | Trouble = answer
                    return first
        except TimeoutError:
            pass
    return Trouble(Why.UNREACHABLE, f"the source {settings.source} said nothing")
