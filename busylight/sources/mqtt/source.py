"""The source `mqtt`: presence that others publish, heard as it changes."""

import asyncio
import logging
import secrets
from collections.abc import AsyncGenerator
from contextlib import aclosing
from types import TracebackType
from typing import ClassVar, Final, Self

from pydantic import BaseModel

from busylight.core.backoff import reconnect_delay
from busylight.core.knowledge import Reading, Trouble, Why
from busylight.edge.clock import Bell, nap, now
from busylight.mqtt import failures
from busylight.mqtt.connection import Caller, Connection
from busylight.mqtt.failures import BrokerError, LostError, TakenOverError, where
from busylight.mqtt.memory import BrokerMemory
from busylight.mqtt.settings import MqttSettings
from busylight.parts import SourceError
from busylight.sources.mqtt.following import Following

_log: Final = logging.getLogger("busylight.mqtt")

SETTLED_AFTER: Final = 0.3
"""Seconds after the subscription in which what is retained comes: until then nothing is told."""
_SHORT_LIFE: Final = 10.0  # seconds; a connection that ended sooner counts as a failure
_TROUBLE_AGAIN: Final = 30.0  # seconds; each telling counts as a fault
_DROPPED_AFTER: Final = 1.5  # keepalives of silence, after which a broker drops a client
_LONGEST_NAP: Final = 5.0  # seconds; timers stand still in suspend, so look up this often


class MqttSource:
    """Follows the topics that the settings name, on a connection of its own."""

    Settings: ClassVar[type[BaseModel]] = MqttSettings

    def __init__(self, settings: MqttSettings) -> None:
        """Touch nothing yet."""
        self._settings = settings
        self._memory = BrokerMemory()
        self._news = Bell()
        self._wanted = False

    async def __aenter__(self) -> Self:
        """Begin; the broker is called by `readings`."""
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None:
        """The connection ends with `readings`."""

    def refresh(self) -> None:
        """Tell once more what is known: there is nobody to ask."""
        self._wanted = True
        self._news.ring()

    async def readings(self) -> AsyncGenerator[Reading | Trouble, None]:
        """Yield what is published, for ever; what ends with the connection is said at once."""
        failed = 0
        while True:
            began = now()
            try:
                async with aclosing(self._connected(self._settings.source_client_id)) as answers:
                    async for answer in answers:
                        yield answer
            except BrokerError as error:
                failed = failed + 1 if now() - began < _SHORT_LIFE else 1
                reason = self._reason(error)
                yield Trouble(Why.UNREACHABLE, f"the presence is not heard: {reason}", at_once=True)
                least = getattr(reason, "retry_after", None) or 0.0
                await asyncio.sleep(max(reconnect_delay(failed), least))

    async def look(self) -> Reading | Trouble:
        """What is published now, heard as a visitor beside the daemon."""
        visitor = f"{self._settings.source_client_id}-{secrets.token_hex(4)}"
        try:
            async with aclosing(self._connected(visitor)) as answers:
                return await anext(answers)
        except BrokerError as error:
            return Trouble(Why.UNREACHABLE, str(error), at_once=True)

    async def _connected(self, client_id: str) -> AsyncGenerator[Reading | Trouble, None]:
        """Live one connection."""
        settings = self._settings
        following = Following(
            settings.source_topic, settings.source_availability_topic, settings.source_stale_after
        )

        def received(topic: str, payload: bytes, *, retained: bool) -> None:
            following.heard(topic, payload, now(), retained=retained)
            self._news.ring()

        connection = await Connection.open(
            Caller(settings, client_id, received, memory=self._memory)
        )
        began = now()
        connection.ended.add_done_callback(lambda _ended: self._news.ring())
        try:
            for topic in await connection.subscribe(following.subscriptions):
                following.refused(topic)
            settled_at = now() + SETTLED_AFTER
            told: Reading | Trouble | None = None
            again_at = 0.0
            while not connection.ended.done():
                self._news.silence()
                moment = now()
                settled = moment >= settled_at or following.is_complete(moment)
                answer = following.answer(moment)
                if settled and (answer != told or self._wanted or moment >= again_at):
                    self._say(answer)
                    told, self._wanted = answer, False
                    # What still holds is told again, so that a source that hangs is found out.
                    pause = settings.interval if isinstance(answer, Reading) else _TROUBLE_AGAIN
                    again_at = moment + pause
                    yield answer
                await self._nap(
                    min(again_at if settled else settled_at, _or_never(following, moment))
                )
                if now() - moment > _LONGEST_NAP + _DROPPED_AFTER * settings.keepalive:
                    raise failures.slept(settings)
            raise connection.ended.result()
        finally:
            lost = connection.ended.done() and isinstance(connection.ended.result(), LostError)
            self._memory.connection_ended(now() - began, lost=lost)
            try:
                await connection.close()
            finally:
                connection.abort()

    async def _nap(self, deadline: float) -> None:
        await nap(self._news, min(deadline - now(), _LONGEST_NAP))

    def _say(self, answer: Reading | Trouble) -> None:
        """Say once which word is nobody's; what is missing is told by the hub."""
        if not isinstance(answer, Reading):
            return
        for presence in answer.presences.values():
            for word in presence.undocumented:
                if self._memory.say_once(word):
                    _log.warning(
                        "%r is no word of Microsoft's: its availability decides what is shown, or "
                        "BUSYLIGHT_COLOR_%s",
                        word,
                        word.upper(),
                    )

    def _reason(self, error: BrokerError) -> BrokerError:
        if isinstance(error, LostError) and self._memory.looks_like_a_duel:
            return TakenOverError(self._settings.source_client_id, certain=False)
        return error


def _or_never(following: Following, moment: float) -> float:
    due = following.next_change(moment)
    return float("inf") if due is None else due


async def check(settings: MqttSettings) -> str:
    """Look at what is published, and say in one line what was found.

    Raises `SourceError` with what to do about it.
    """
    answer = await MqttSource(settings).look()
    if isinstance(answer, Trouble):
        raise SourceError(answer.detail)
    if answer.troubles:
        raise SourceError("; ".join(trouble.detail for trouble in answer.troubles.values()))
    words = ", ".join(f"{topic} {one.words}" for topic, one in answer.presences.items())
    return f"{where(settings)} has {words}"
