"""What goes on beside showing: Home Assistant's birth is answered, and old topics are cleared."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace
from enum import Enum, auto
from typing import Final

from busylight.core.backoff import birth_delay
from busylight.mqtt.connection import Connection
from busylight.mqtt.settings import MqttSettings
from busylight.outputs.mqtt.discovery import birth_topics, is_announced_by
from busylight.outputs.mqtt.latest import LatestWins
from busylight.outputs.mqtt.memory import Memory
from busylight.outputs.mqtt.payloads import ONLINE, alive_topics
from busylight.outputs.mqtt.published import Published, gone, recall, remember
from busylight.outputs.mqtt.retained import Retained, clear
from busylight.parts import OutputError

_log: Final = logging.getLogger("busylight.mqtt")

FOUND_AFTER: Final = (2.0, 10.0, 60.0)
"""Seconds after which Home Assistant listens to a device that it has just found: soon, or, on a
machine that has much to do, later."""
_CARD_SECONDS: Final = 5.0


class Again(Enum):
    """What is published once more."""

    CHANGED = auto()
    """Nothing but what has to be told differently now."""
    PASSING = auto()
    """What is not retained, too."""
    ALL = auto()


class Housekeeping:
    """Lives as long as one connection."""

    def __init__(
        self,
        settings: MqttSettings,
        memory: Memory,
        connection: Connection,
        latest: LatestWins,
        tell: Callable[[Again], None],
    ) -> None:
        self._settings = settings
        self._memory = memory
        self._connection = connection
        self._latest = latest
        self._tell = tell
        self._births = birth_topics(settings)
        self._stands: Published | None = None
        self._stood: frozenset[str] = frozenset()
        """The topics of what was taken note of since what is no more was cleared last."""
        self._changed = asyncio.Event()
        self._retained = Retained()
        self._answering: asyncio.Task[None] | None = None
        self._tasks = [asyncio.create_task(self._run())]
        if settings.discovery:
            # Whoever finds the device by this connection has missed what is not retained.
            self._tasks += [
                asyncio.create_task(self._answer(seconds, Again.PASSING)) for seconds in FOUND_AFTER
            ]

    def close(self) -> None:
        """Leave everything as it is."""
        for task in (*self._tasks, self._answering):
            if task is not None:
                task.cancel()

    def stands(self, published: Published) -> None:
        """Take note of all that is published now, of nobody less than all people."""
        if published != self._stands:
            if self._stands is not None:
                self._stood |= self._stands.topics
            self._stands = published
            self._changed.set()

    def stands_by(self, published: Published) -> None:
        """The same while the other reader leads, who may tell of all that this one has told of."""
        told = self._stood if self._stands is None else self._stood | self._stands.topics
        self.stands(replace(published, topics=published.topics | told))

    def received(self, topic: str, payload: bytes, *, retained: bool) -> None:
        """Take in what is no command."""
        if topic not in self._births:
            self._retained.received(topic, payload, retained=retained)
        elif payload == ONLINE and not retained:
            self._answer_birth()

    def _answer_birth(self) -> None:
        """Tell all again after a short random delay, once however many births there are."""
        if self._answering is None or self._answering.done():
            self._answering = asyncio.create_task(self._answer(birth_delay(), Again.ALL))

    async def _answer(self, seconds: float, again: Again) -> None:
        await asyncio.sleep(seconds)
        self._tell(again)

    async def _run(self) -> None:
        try:
            if refused := await self._connection.subscribe(self._births):
                _log.debug("the broker does not let us listen to %s", ", ".join(refused))
            while True:
                await self._changed.wait()
                self._changed.clear()
                await self._connection.unless_ended(self._latest.settled())
                if self._stands is not None:
                    stood, self._stood = self._stood, frozenset()
                    await self._tidy(self._stands, stood - self._stands.topics)
        except OutputError:
            pass  # the connection has ended: the next one finds the same to do

    async def _tidy(self, stands: Published, overtaken: frozenset[str]) -> None:
        """Clear what is no more, and remember what is; `overtaken` came and went meanwhile."""
        before = self._memory.published
        if before == stands and not overtaken:
            return
        if old := gone(before, stands) | overtaken:
            refused = await self._clear(before or stands, stands, old)
            if refused:
                problem = (
                    f"topics of before cannot be cleared; the broker forbids {', '.join(refused)}"
                )
                if self._memory.say_once(problem):
                    _log.warning("%s", problem)
                return
        self._memory.published = stands
        self._tell(Again.CHANGED)  # without the parts that were told as removed
        await self._remember(stands)

    async def _clear(
        self, before: Published, stands: Published, old: frozenset[str]
    ) -> tuple[str, ...]:
        looked_at = {*old, *alive_topics(before.base)}
        if refused := await self._retained.look(self._connection, sorted(looked_at)):
            return refused
        if before.base != stands.base and self._retained.alive(before.base):
            _log.warning(
                "%s stays on the broker as it is: another program has taken it over", before.base
            )
            return ()
        # Of two readers the other one may live on where this one is alone from now on.
        there = sorted(
            topic
            for topic in old
            if self._retained.found.get(topic, ONLINE) != ONLINE
            and (before.broker == stands.broker or self._has_our_name(topic))
        )
        refused = tuple(await clear(self._connection, there))
        self._latest.cleared(there)  # whoever is back, perhaps meanwhile, is told of again
        if there and not refused:
            _log.info("cleared on the broker, because the settings have changed: %s", _few(there))
        return refused

    def _has_our_name(self, topic: str) -> bool:
        """Whether it is ours at whatever broker: at our own topics, or announcing them."""
        return topic.startswith(f"{self._settings.base}/") or is_announced_by(
            self._settings, topic, self._retained.found[topic]
        )

    async def _remember(self, stands: Published) -> None:
        if self._settings.state_dir is None:
            return
        try:
            await self._memory.card.call(_CARD_SECONDS, remember, self._settings.state_dir, stands)
        except (OSError, TimeoutError) as error:
            problem = f"what stands on the broker cannot be remembered: {error}"
            if self._memory.say_once(problem):
                _log.warning("%s", problem)
        finally:
            self._memory.card.close()


async def recall_published(settings: MqttSettings, memory: Memory) -> None:
    """Have what was published before the program's start at hand, if it can be read."""
    if memory.recalled or settings.state_dir is None:
        return
    memory.recalled = True
    try:
        memory.published = await memory.card.call(_CARD_SECONDS, recall, settings.state_dir)
    except (OSError, ValueError, TimeoutError) as error:
        _log.warning(
            "what stood on the broker before is forgotten, and stays there if the settings have "
            "changed: %s",
            error,
        )
    finally:
        memory.card.close()


def _few(topics: list[str]) -> str:
    shown, more = topics[:5], len(topics) - 5
    return ", ".join(shown) + (f" and {more} more" if more > 0 else "")
