"""Takes a light off the broker: every retained topic of it, and nothing of anybody else."""

from typing import Final

from busylight.mqtt import failures
from busylight.mqtt.settings import MqttSettings
from busylight.outputs.mqtt.discovery import is_announced_by
from busylight.outputs.mqtt.payloads import alive_topics
from busylight.outputs.mqtt.published import Published, broker_of
from busylight.outputs.mqtt.remote import visit
from busylight.outputs.mqtt.retained import Retained, clear
from busylight.parts import OutputError

ENDS: Final = (
    "availability",
    "reader/primary",
    "reader/primary/reads",
    "reader/spare",
    "reader/leader",
    "presence",
    "light",
    "mode",
    "override",
    "diagnostics",
    "sign_in",
    "button",
    "users/+/presence",
    "users/+/light",
    # Nobody should publish a command retained; who did is rid of it with the light.
    "light/set",
    "mode/set",
    "refresh/set",
)
"""Every topic that a light has, and not its whole tree: another light may stand within it."""

_CONNECT_LIMIT: Final = 10.0


async def unpublish(settings: MqttSettings, before: Published | None) -> list[str]:
    """Clear all that is retained of this light and return the topics.

    `before` is what the state directory remembers: with it what other settings have left is
    found, too. Raises `OutputError`; also when a daemon lives at these topics.
    """
    retained = Retained()
    connection = await visit(settings, retained.received, _CONNECT_LIMIT)
    try:
        own = [f"{settings.base}/{end}" for end in ENDS]
        remembered: frozenset[str] = frozenset()
        if before is not None and before.broker == broker_of(settings):
            remembered = before.topics | {*alive_topics(before.base)}
        devices = f"{settings.discovery_prefix}/device/+/config"
        looked_at = [*own, devices, *sorted(remembered - {*own})]
        if refused := await retained.look(connection, looked_at):
            raise OutputError(failures.subscription_refused(settings, refused))
        if (alive := retained.alive(settings.base)) is not None:
            raise OutputError(
                f"a daemon says online on {alive}: stop it first, wherever "
                "it runs (if there is none, start and stop one, which puts that right)"
            )
        if before is not None and before.base != settings.base and retained.alive(before.base):
            remembered = frozenset()  # somebody else lives there now
        topics = {
            topic
            for topic, payload in retained.found.items()
            if topic in remembered
            or topic.startswith(f"{settings.base}/")
            or is_announced_by(settings, topic, payload)
        }
        if refusals := await clear(connection, topics):
            raise failures.PublishRefusedError(settings, dict(refusals))
        await connection.close()
    finally:
        connection.abort()
    return sorted(topics)
