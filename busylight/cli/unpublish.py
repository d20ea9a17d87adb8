"""`busylight unpublish`: take this light off the broker, and out of Home Assistant."""

import argparse
import asyncio
import contextlib

from busylight.cli.common import (
    CommandError,
    Exit,
    broker_settings_of,
    settings_of,
    state_dir_of,
)
from busylight.edge.state_dir import AlreadyRunningError, DaemonLock


def main(args: argparse.Namespace) -> int:
    """Clear the light's topics and name each; a daemon would publish them again."""
    from busylight.outputs.mqtt import published  # noqa: PLC0415 -- loads paho
    from busylight.outputs.mqtt.unpublish import unpublish  # noqa: PLC0415 -- the same

    settings = settings_of(args, needs_source=False, needs_outputs=False)
    mqtt = broker_settings_of(settings)
    state_dir = state_dir_of(settings)
    try:
        with DaemonLock(state_dir):
            before = None
            with contextlib.suppress(OSError, ValueError):
                before = published.recall(state_dir)
            cleared = asyncio.run(unpublish(mqtt, before))
            with contextlib.suppress(OSError):
                published.forget(state_dir)
    except AlreadyRunningError as error:
        raise CommandError(f"{error}; stop it first") from None
    for topic in cleared:
        print(f"Cleared {topic}")
    if not cleared:
        print(f"Nothing of {mqtt.base} stands on the broker.")
    return Exit.OK
