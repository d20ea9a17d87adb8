"""A program that stands still says nothing: the broker has to say it, and in time."""

import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from typing import Final

from tests.support.broker import Broker, Recorder, wait_until

KEEPALIVE: Final = 5
SHOWING: Final = f"""
import asyncio, sys
from busylight.outputs.mqtt.output import MqttOutput
from tests.support.mqtt import a_view, settings_of

async def run(name, port):
    settings = settings_of(id=name, port=int(port), keepalive={KEEPALIVE})
    async with MqttOutput(settings) as output:
        await output.show(a_view())
        await asyncio.Event().wait()

asyncio.run(run(*sys.argv[1:]))
"""


def test_frozen_at_any_moment_it_is_offline_within_one_and_a_half_keepalives_and_two_seconds(
    tmp_path: Path,
) -> None:
    # mosquitto looks for the silent every five seconds: each is frozen at another moment of them.
    topics = [f"busylight/light{number}/availability" for number in range(6)]
    took: dict[str, float] = {}
    with Broker(tmp_path / "broker") as broker, Recorder(broker) as recorder:
        processes = {
            topic: subprocess.Popen(
                [sys.executable, "-c", SHOWING, topic.split("/")[1], str(broker.port)]
            )
            for topic in topics
        }
        frozen: dict[str, float] = {}

        def is_online(topic: str) -> bool:
            return recorder.last(topic) == b"online"

        def all_offline() -> bool:
            for topic, since in frozen.items():
                if topic not in took and recorder.last(topic) == b"offline":
                    took[topic] = time.monotonic() - since
            return len(took) == len(topics)

        try:
            for topic, process in processes.items():
                wait_until(partial(is_online, topic))
                frozen[topic] = time.monotonic()
                process.send_signal(signal.SIGSTOP)
                while time.monotonic() < frozen[topic] + 0.9:
                    all_offline()
                    time.sleep(0.01)
            wait_until(all_offline, 30)
        finally:
            for process in processes.values():
                process.kill()
                process.wait()
    assert max(took.values()) <= 1.5 * KEEPALIVE + 2, took
