"""The product's own line from Graph to the lights, read more often than settings allow.

`INTERVAL` begins at a second: ten thousand changes would take hours. Everything else is as
`busylight run` wires it. Settings come from the environment, as floors get them.
"""

import asyncio
import logging
import os
from pathlib import Path

from busylight.app.hub import Hub
from busylight.app.output_runner import OutputRunner, output_maker
from busylight.app.source_runner import SourceRunner
from busylight.core.palette import Palette
from busylight.core.rules import Rules
from busylight.mqtt.settings import MqttSettings
from busylight.outputs.mqtt.output import MqttOutput
from busylight.outputs.serial.output import SerialOutput
from busylight.outputs.serial.settings import Protocol, SerialSettings
from busylight.sources.graph.settings import GraphSettings
from busylight.sources.graph.source import GraphSource


async def main() -> None:
    """Show each change, until it is ended."""
    logging.basicConfig(level="WARNING")
    told = os.environ
    graph = GraphSettings(
        interval=float(told["INTERVAL"]),
        token_cache=Path(told["TOKEN_CACHE"]),
        client_id=told["CLIENT_ID"],
        authority_url=told["AUTHORITY"],
        base_url=told["BASE_URL"],
        ca_file=Path(told["CA_FILE"]),
    )
    mqtt = MqttSettings(id="pipeline", name="Bench", host="127.0.0.1", port=int(told["MQTT_PORT"]))
    serial = SerialSettings(
        port=told["SERIAL_PORT"], protocol=Protocol.TEMPLATE, template=r"{hex}\n"
    )
    hub = Hub(Rules(Palette(), stale_after=60, source="graph", version="0"))
    source = SourceRunner(lambda: GraphSource(graph), hub.heard)
    stopping = asyncio.Event()
    outputs = {"serial": (SerialOutput, serial), "mqtt": (MqttOutput, mqtt)}
    async with asyncio.TaskGroup() as group:
        group.create_task(hub.run())
        for name, (cls, settings) in outputs.items():
            runner = OutputRunner(
                name,
                output_maker(cls, settings),
                hub.slot(),
                hub.health,
                hub.command,
                100,
                stopping,
            )
            group.create_task(runner.run())
        group.create_task(source.run())


asyncio.run(main())
