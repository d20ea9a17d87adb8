"""The people whom another reader has told of: whoever leads has to say when they are not known.

A program knows what it has published itself. Of two readers the other one may have told of people
of whom this one has never read anything; their topics are looked for on the broker when this one
leads and cannot read, for then nobody else says that they are not known any more.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from busylight.core.knowledge import Known
from busylight.core.view import View
from busylight.mqtt.connection import Connection
from busylight.mqtt.settings import MqttSettings
from busylight.outputs.mqtt.announcing import standing_by
from busylight.outputs.mqtt.memory import Memory
from busylight.outputs.mqtt.payloads import people_base
from busylight.outputs.mqtt.published import broker_of
from busylight.outputs.mqtt.retained import Retained
from busylight.parts import OutputError

_log: Final = logging.getLogger("busylight.mqtt")

_LOOKS: Final = 5
"""Looks at most: of thousands of topics a broker may throw some away, other ones each time."""


class LeftBehind:
    """Looks once each time this one leads; lives as long as one connection."""

    def __init__(
        self,
        settings: MqttSettings,
        memory: Memory,
        connection: Connection,
        found: Callable[[], None],
    ) -> None:
        """`found` is called when there are more topics to tell of, which the memory holds then."""
        self._settings = settings
        self._memory = memory
        self._connection = connection
        self._found = found
        self._retained = Retained()
        self._looking: asyncio.Task[None] | None = None

    def close(self) -> None:
        """Look no more: the other one leads and may tell of more people, or all has ended."""
        if self._looking is not None:
            self._looking.cancel()
            self._looking = None

    def leads(self, view: View) -> None:
        """Take in what this one shows as leader: where it has read nobody, and fails, it looks."""
        fails = view.diagnostics.last_error is not None or not isinstance(view.knowledge, Known)
        if view.people or not fails:
            self.close()
        elif self._looking is None:
            self._retained = Retained()
            self._looking = asyncio.create_task(self._look())

    def received(self, topic: str, payload: bytes, *, retained: bool) -> None:
        """Take in what the broker sends."""
        if self._looking is not None and topic.startswith(people_base(self._settings)):
            self._retained.received(topic, payload, retained=retained)

    async def _look(self) -> None:
        wanted = [f"{people_base(self._settings)}+/{end}" for end in ("presence", "light")]
        known = -1
        try:
            for _ in range(_LOOKS):
                refused = await self._retained.look(self._connection, wanted, qos=0)
                self._connection.unsubscribe(wanted)
                self._say_once(refused)
                if len(self._retained.found) == known:
                    return
                known = len(self._retained.found)
                self._note()
        except OutputError:
            pass  # the connection has ended: the next one looks anew
        finally:
            self._connection.unsubscribe(wanted)

    def _say_once(self, refused: tuple[str, ...]) -> None:
        if refused and self._memory.say_once(problem := f"cannot look at {', '.join(refused)}"):
            _log.warning("the broker's access rules (ACL): %s, for people told of before", problem)

    def _note(self) -> None:
        """Have all of them told of."""
        before = self._memory.published
        place = (broker_of(self._settings), self._settings.base)
        if before is not None and (before.broker, before.base) != place:
            return  # what stands elsewhere is cleared first, by whoever remembers it
        stands = standing_by(self._settings, self._memory)
        found = frozenset(self._retained.found)
        self._memory.published = replace(stands, topics=stands.topics | found)
        self._found()
