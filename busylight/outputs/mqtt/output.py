"""The output `mqtt`."""

import asyncio
import logging
import secrets
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace
from types import TracebackType
from typing import ClassVar, Final, Self

from pydantic import BaseModel

from busylight.core.backoff import RateLimit
from busylight.core.override import Command, Refresh
from busylight.core.view import ButtonEvent, Diagnostics, View
from busylight.edge import clock
from busylight.mqtt import failures
from busylight.mqtt.connection import Caller, Connection
from busylight.mqtt.dialling import Will
from busylight.mqtt.settings import MqttSettings
from busylight.outputs.mqtt.announcing import announced, published
from busylight.outputs.mqtt.commands import COMMANDS, CommandError
from busylight.outputs.mqtt.housekeeping import Again, Housekeeping, recall_published
from busylight.outputs.mqtt.latest import LatestWins
from busylight.outputs.mqtt.memory import memory_of
from busylight.outputs.mqtt.payloads import (
    OFFLINE,
    Payload,
    Told,
    availability_topic,
    button_message,
    messages,
)
from busylight.parts import OutputError

_log: Final = logging.getLogger("busylight.mqtt")

OFFLINE_LIMIT: Final = 1.0
"""Seconds that the last word may take to be acknowledged."""
TIMES_EVERY: Final = 60.0
"""Seconds: diagnostics in which nothing but times and counts is new are published no more often."""
_A_PERSONS_SECONDS: Final = 0.02
HEARD_LIMIT: Final = 64
"""Commands kept until they are taken; of more, the oldest go."""


class MqttOutput:
    """Publishes all that a view holds, and hears commands."""

    Settings: ClassVar[type[BaseModel]] = MqttSettings
    dimmed: ClassVar[bool] = False

    def __init__(self, settings: MqttSettings, *, visiting: bool = False) -> None:
        """Touch nothing yet.

        `visiting`: in the daemon's place for a moment, to show a light and nothing else, with a
        client id of its own, no will and no ear for commands.
        """
        self._settings = settings
        self._visiting = visiting
        self._memory = memory_of(settings)
        self._wall_clock = clock.WallClock()
        self._heard: asyncio.Queue[Command | OutputError] = asyncio.Queue()
        self._complaints = RateLimit(5, 60.0)
        self._connection: Connection | None = None
        self._latest: LatestWins | None = None
        self._house: Housekeeping | None = None
        self._view: View | None = None
        self._button: ButtonEvent | None = None
        self._began = 0.0
        self._diagnostics: Diagnostics | None = None
        self._diagnostics_at = 0.0
        self._told = Told()

    async def __aenter__(self) -> Self:
        """Connect and listen for commands; nothing is published before the first view."""
        settings = self._settings
        if not self._visiting:
            await recall_published(settings, self._memory)
        connection = await Connection.open(self._caller())
        self._connection = connection
        self._latest = LatestWins(connection)
        self._began = clock.now()
        connection.ended.add_done_callback(self._ended)
        if self._visiting:
            return self
        try:
            topics = [f"{settings.base}/{end}" for end in COMMANDS]
            refused = await connection.subscribe(topics, retain_as_published=True)
        except OutputError as error:
            raise self._reason(error) from None
        except BaseException:
            connection.abort()
            raise
        if refused:
            problem = failures.subscription_refused(settings, refused)
            if self._memory.say_once(problem):
                _log.warning("%s", problem)
        self._house = Housekeeping(settings, self._memory, connection, self._latest, self._tell)
        return self

    def seconds_to_show(self, view: View) -> float:
        """How long a view may take: each of many people has topics of their own."""
        return _A_PERSONS_SECONDS * len(view.people)

    async def show(self, view: View) -> None:
        """Publish what has changed; return when the broker has acknowledged it."""
        if self._connection is None or self._latest is None:
            raise OutputError("is not connected")
        devices: list[str] = []
        if self._visiting:
            light = f"{self._settings.base}/light"
            self._latest.put({light: self._messages(view)[light]})
        else:
            devices = self._put(view, self._latest)
        try:
            await self._connection.unless_ended(self._latest.settled())
        except OutputError as error:
            raise self._reason(error) from None
        refused = dict(self._latest.refused)
        unannounced = {topic: refused.pop(topic) for topic in devices if topic in refused}
        if refused:
            raise failures.PublishRefusedError(self._settings, refused)
        if unannounced:
            problem = failures.announcement_refused(self._settings, unannounced)
            if self._memory.say_once(problem):
                _log.warning("%s", problem)

    async def events(self) -> AsyncIterator[Command]:
        """Yield commands as they come; raises why the connection has ended."""
        while True:
            heard = await self._heard.get()
            if isinstance(heard, OutputError):
                raise heard
            yield heard
            if not isinstance(heard, Refresh):
                self._answer()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None:
        """Say `offline`; after an error the broker does, by our will."""
        connection, latest = self._connection, self._latest
        if self._house is not None:
            self._house.close()
        if connection is None or latest is None:
            return
        try:
            if kind is not None and not issubclass(kind, asyncio.CancelledError):
                return
            if not self._visiting:
                # In its turn: it takes the place of an `online` that still waits.
                latest.put({availability_topic(self._settings): Payload(OFFLINE)})
            with suppress(TimeoutError, OutputError):
                async with asyncio.timeout(OFFLINE_LIMIT):
                    await connection.unless_ended(latest.settled())
                await connection.close()
        finally:
            connection.abort()

    def _caller(self) -> Caller:
        settings = self._settings
        if self._visiting:
            client_id = f"{settings.client_id_in_force}-{secrets.token_hex(4)}"
            return Caller(settings, client_id, self._received)
        will = Will(availability_topic(settings), OFFLINE)
        return Caller(settings, settings.client_id_in_force, self._received, will, self._memory)

    def _put(self, view: View, latest: LatestWins) -> list[str]:
        """Hand over what is to stand on the broker; return the topics of devices among it."""
        self._view = view = self._with_calm_times(view)
        devices = announced(view, self._settings, self._memory)
        payloads = devices | self._messages(view)
        latest.put(payloads)
        # What was pressed before this connection began is over: it is not played back.
        if view.button is not None and view.button != self._button and view.button.at > self._began:
            latest.put_again(button_message(view.button, self._settings))
        self._button = view.button
        stands = published(view, self._settings, self._memory, payloads)
        if self._house is not None and stands is not None:
            self._house.stands(stands)
        return list(devices)

    def _messages(self, view: View) -> dict[str, Payload]:
        return messages(view, self._settings, self._wall_clock.rfc3339, self._told)

    def _answer(self) -> None:
        """Say mode and override once more: also a command that changes nothing is answered."""
        if self._latest is None or self._view is None:
            return
        said = self._messages(self._view)
        topics = [f"{self._settings.base}/{end}" for end in ("mode", "override")]
        self._latest.put_again({topic: said[topic] for topic in topics})

    def _tell(self, again: Again) -> None:
        """Publish what stands once more, or as much of it as is asked for."""
        if self._latest is None or self._view is None:
            return
        payloads = announced(self._view, self._settings, self._memory) | self._messages(self._view)
        self._latest.put(payloads)
        if again is Again.PASSING:
            payloads = {t: payload for t, payload in payloads.items() if not payload.retain}
        if again is not Again.CHANGED:
            self._latest.put_again(payloads)

    def _with_calm_times(self, view: View) -> View:
        """The view, with the last diagnostics if only times and counts are new too soon."""
        before, after = self._diagnostics, view.diagnostics
        now = clock.now()
        if (
            before is not None
            and now - self._diagnostics_at < TIMES_EVERY
            and before == replace(after, last_success=before.last_success, faults=before.faults)
        ):
            return replace(view, diagnostics=before)
        self._diagnostics, self._diagnostics_at = after, now
        return view

    def _received(self, topic: str, payload: bytes, *, retained: bool) -> None:
        read = COMMANDS.get(topic.removeprefix(f"{self._settings.base}/"))
        if read is None:
            if self._house is not None:
                self._house.received(topic, payload, retained=retained)
            return
        if retained:
            if self._memory.say_once(topic):
                _log.warning(
                    "a retained command on %s is ignored, now and later: publish commands "
                    "without retain, and clear this one with an empty retained message",
                    topic,
                )
            return
        try:
            command = read(payload)
        except CommandError as error:
            if self._complaints.wait(clock.now()) == 0:
                self._complaints.note(clock.now())
                _log.warning("a message on %s is no command: it %s", topic, error)
            return
        if self._heard.qsize() >= HEARD_LIMIT:
            self._heard.get_nowait()
        self._heard.put_nowait(command)

    def _ended(self, ended: "asyncio.Future[failures.BrokerError]") -> None:
        lost = isinstance(ended.result(), failures.LostError)
        self._memory.connection_ended(clock.now() - self._began, lost=lost)
        self._heard.put_nowait(self._reason(ended.result()))

    def _reason(self, error: OutputError) -> OutputError:
        """The error, or what so many of its kind in a row must mean."""
        if isinstance(error, failures.LostError) and self._memory.looks_like_a_duel:
            return failures.TakenOverError(self._settings.client_id_in_force, certain=False)
        if isinstance(error, failures.LostError) and self._memory.short_lives:
            return _ShortLifeError(str(error))
        return error


class _ShortLifeError(failures.LostError):
    """The broker has closed a connection that was young: perhaps for another client's sake."""

    retry_after: float = failures.DUEL_PATIENCE
