"""The output `mqtt`."""

import asyncio
import logging
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import replace
from types import TracebackType
from typing import ClassVar, Final, Self

from pydantic import BaseModel

from busylight.core.backoff import RateLimit
from busylight.core.override import Command
from busylight.core.reader import News
from busylight.core.view import ButtonEvent, Diagnostics, View
from busylight.edge import clock
from busylight.mqtt import failures
from busylight.mqtt.connection import Caller, Connection
from busylight.mqtt.dialling import Will
from busylight.mqtt.settings import MqttSettings
from busylight.outputs.mqtt.announcing import announced, published, standing_by, unread
from busylight.outputs.mqtt.commands import COMMANDS, CommandError
from busylight.outputs.mqtt.housekeeping import Again, Housekeeping, recall_published
from busylight.outputs.mqtt.latest import LatestWins
from busylight.outputs.mqtt.left_behind import LeftBehind
from busylight.outputs.mqtt.memory import memory_of
from busylight.outputs.mqtt.pair import Pair, asking
from busylight.outputs.mqtt.payloads import (
    OFFLINE,
    ONLINE,
    Payload,
    Told,
    alive_topic,
    button_message,
    messages,
    reader_topic,
    standing_by_messages,
)
from busylight.outputs.mqtt.retained import Retained
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
        self._heard: asyncio.Queue[Command | Pair | OutputError] = asyncio.Queue()
        self._complaints = RateLimit(5, 60.0)
        self._connection: Connection | None = None
        self._latest: LatestWins | None = None
        self._house: Housekeeping | None = None
        self._pair = self._pair_of(settings)
        self._publishing = False
        self._left_behind: LeftBehind | None = None
        self._retained = Retained()
        self._is_led = False
        self._view: View | None = None
        self._button: ButtonEvent | None = None
        self._news_waits = False
        self._asked = 0
        self._began = 0.0
        self._diagnostics: Diagnostics | None = None
        self._diagnostics_at = 0.0
        self._told = Told()
        self._forgotten = 0

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
            await self._leave_to_the_other(connection)
            return self
        try:
            topics = [f"{settings.base}/{end}" for end in COMMANDS]
            refused = await connection.subscribe(topics, retain_as_published=True)
            if self._pair is not None:
                await _listen_to(self._pair, connection, settings)
        except OutputError as error:
            connection.abort()
            raise self._reason(error) from None
        except BaseException:
            connection.abort()
            raise
        if refused:
            problem = failures.subscription_refused(settings, refused)
            if self._memory.say_once(problem):
                _log.warning("%s", problem)
        self._house = Housekeeping(settings, self._memory, connection, self._latest, self._tell)
        if self._pair is not None:
            self._left_behind = LeftBehind(
                settings, self._memory, connection, lambda: self._tell(Again.CHANGED)
            )
        return self

    def seconds_to_show(self, view: View) -> float:
        """How long a view may take: each of many people has topics of their own."""
        before = self._memory.published
        people = len(view.people) or (0 if before is None else len(before.topics) // 2)
        return _A_PERSONS_SECONDS * people

    async def show(self, view: View) -> None:
        """Publish what has changed; return when the broker has acknowledged it."""
        if self._connection is None or self._latest is None:
            raise OutputError("is not connected")
        devices: list[str] = []
        if self._visiting:
            light = f"{self._settings.base}/light"
            if not self._is_led:
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

    async def events(self) -> AsyncIterator[Command | News]:
        """Yield commands as they come; raises why the connection has ended."""
        while True:
            heard = await self._heard.get()
            if isinstance(heard, OutputError):
                raise heard
            if isinstance(heard, Pair):
                self._news_waits = False
                for news in heard.news():
                    yield news
                continue
            yield heard

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
        if self._left_behind is not None:
            self._left_behind.close()
        if self._pair is not None:
            self._pair.close()
            self._pair = None  # what it hears yet, our own last words, changes nothing
        if connection is None or latest is None:
            return
        try:
            if kind is not None and not issubclass(kind, asyncio.CancelledError):
                return
            if not self._visiting:
                # In its turn: it takes the place of an `online` that still waits.
                latest.put({alive_topic(self._settings): Payload(OFFLINE)})
            with suppress(TimeoutError, OutputError):
                async with asyncio.timeout(OFFLINE_LIMIT):
                    await connection.unless_ended(latest.settled())
                await connection.close()
        finally:
            connection.abort()

    async def _leave_to_the_other(self, connection: Connection) -> None:
        """As a visitor: look whether another reader lives, whose light it is then."""
        if self._settings.reader is None:
            return
        topic = reader_topic(self._settings, self._settings.reader.other)
        await self._retained.look(connection, [topic])
        self._is_led = self._retained.found.get(topic) == ONLINE
        if self._is_led and self._memory.say_once(topic):
            _log.warning("%s says online: the light on MQTT is left to that reader", topic)

    def _caller(self) -> Caller:
        settings = self._settings
        if self._visiting:
            client_id = f"{settings.client_id_in_force}-{secrets.token_hex(4)}"
            return Caller(settings, client_id, self._received)
        will = Will(alive_topic(settings), OFFLINE)
        return Caller(settings, settings.client_id_in_force, self._received, will, self._memory)

    def _put(self, view: View, latest: LatestWins) -> list[str]:
        """Hand over what is to stand on the broker; return the topics of devices among it."""
        before, view = self._view, self._with_calm_times(view)
        self._view = view
        if self._pair is not None:
            if not self._pair.publishes(view):
                self._stand_by(view, latest, self._pair)
                return []
            begins = not self._publishing
            if begins:
                self._publishing = True
                latest.say(self._pair.claim())
            if begins or before is None or before.duty.good != view.duty.good:
                # Before what it is about, which lasts no longer than its age is known.
                latest.say(self._pair.age(view.duty.good))
            if self._left_behind is not None:
                self._left_behind.leads(view)
        devices = announced(view, self._settings, self._memory)
        payloads = devices | self._messages(view)
        latest.put(payloads, again=self._answers(before, view))
        self._put_button(view, latest)
        stands = published(view, self._settings, self._memory, payloads, self._told)
        if self._house is not None and stands is not None:
            self._house.stands(stands)
        return list(devices)

    def _put_button(self, view: View, latest: LatestWins) -> None:
        # What was pressed before this connection began is over: it is not played back.
        if view.button is not None and view.button != self._button and view.button.at > self._began:
            latest.put_again(button_message(view.button, self._settings))
        self._button = view.button

    def _stand_by(self, view: View, latest: LatestWins, pair: Pair) -> None:
        """Publish no state: another reader leads, or it is not known yet who does."""
        if self._publishing:
            self._publishing = False
            if self._left_behind is not None:
                self._left_behind.close()
            latest.forget()
            latest.say(pair.farewell())
        if not pair.joined or view.is_last:
            return
        pair.stood_by = True
        latest.put(standing_by_messages(view, self._settings))
        self._put_button(view, latest)
        for asked in view.duty.asked:
            if asked.number > self._asked and asked.at > self._began:
                latest.say(asking(asked.command, self._settings))
            self._asked = max(self._asked, asked.number)
        if self._house is not None:
            self._house.stands_by(standing_by(self._settings, self._memory))

    def _pair_of(self, settings: MqttSettings) -> Pair | None:
        if settings.reader is None or self._visiting:
            return None
        return Pair(settings, settings.reader, self._other_reader_is_heard)

    def _other_reader_is_heard(self) -> None:
        """Look anew who leads: here at once, and in the program as soon as it listens."""
        if self._pair is None or self._latest is None:
            return
        if not self._news_waits:
            self._news_waits = True
            self._heard.put_nowait(self._pair)
        if self._view is not None:
            self._put(self._view, self._latest)
            has_come, self._pair.has_come = self._pair.has_come, False
            if has_come and self._publishing:
                self._latest.say(self._pair.age(self._view.duty.good))
            again, self._pair.again = self._pair.again, False
            if again and self._publishing:
                self._latest.say(self._pair.claim())
                self._tell(Again.ALL)

    def _messages(self, view: View) -> dict[str, Payload]:
        """What is to stand there; of many people what is new since the last time."""
        if self._latest is not None and self._latest.forgotten != self._forgotten:
            self._told, self._forgotten = Told(), self._latest.forgotten
        dates = self._wall_clock.rfc3339
        said = unread(view, self._settings, self._memory, dates) | messages(
            view, self._settings, dates, self._told
        )
        return said if self._pair is None else self._pair.own_words(view, said)

    def _answers(self, before: View | None, view: View) -> tuple[str, ...]:
        """What is said once more after a command, also after one that changes nothing."""
        if before is None or before.duty.commands == view.duty.commands:
            return ()
        return tuple(f"{self._settings.base}/{end}" for end in ("mode", "override"))

    @property
    def _may_publish(self) -> bool:
        return self._pair is None or self._publishing

    def _tell(self, again: Again) -> None:
        """Publish what stands once more, or as much of it as is asked for."""
        if self._latest is None or self._view is None or not self._may_publish:
            return
        if again is Again.ALL:
            self._told = Told()
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
        if self._visiting:
            self._retained.received(topic, payload, retained=retained)
            return
        if read is None:
            if self._pair is not None:
                self._pair.received(topic, payload, retained=retained)
            if self._left_behind is not None:
                self._left_behind.received(topic, payload, retained=retained)
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
        self._take(topic, payload, read)

    def _take(self, topic: str, payload: bytes, read: Callable[[bytes], Command]) -> None:
        try:
            command = read(payload)
        except CommandError as error:
            if self._complaints.wait(clock.now()) == 0:
                self._complaints.note(clock.now())
                _log.warning("a message on %s is no command: it %s", topic, error)
            return
        if self._heard.qsize() >= HEARD_LIMIT:
            oldest = self._heard.get_nowait()
            if isinstance(oldest, Pair):  # no command, and there is one at most
                self._heard.put_nowait(oldest)
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


async def _listen_to(pair: Pair, connection: Connection, settings: MqttSettings) -> None:
    """Hear of both readers; whoever does not would publish beside the other one."""
    if deaf := await connection.subscribe(pair.topics):
        raise OutputError(failures.subscription_refused(settings, deaf))
    pair.subscribed()


class _ShortLifeError(failures.LostError):
    """The broker has closed a connection that was young: perhaps for another client's sake."""

    retry_after: float = failures.DUEL_PATIENCE
