"""The two readers of one light, as one of them hears of both through its connection."""

import asyncio
import json
import math
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any, Final

from busylight.core.knowledge import Known, Why
from busylight.core.light import FULL, OFF, Effect, LightState
from busylight.core.override import LONGEST, Mode, Override, Refresh, SetMode
from busylight.core.preferred_presence import PreferredHealth, PreferredState
from busylight.core.reader import Good, News, Peers, Role, Shared, Written, leading
from busylight.core.view import View
from busylight.edge import clock
from busylight.mqtt.settings import MqttSettings
from busylight.outputs.mqtt.commands import mode_payload
from busylight.outputs.mqtt.payloads import (
    ONLINE,
    Payload,
    age_topic,
    json_payload,
    leader_topic,
    reader_topic,
    reads_topic,
)

SETTLED_AFTER: Final = 0.3
"""Seconds after the subscription in which what is retained comes."""
GRACE: Final = 3.0
"""Seconds that a spare waits for a primary of which it has heard nothing at all."""
HANDOVER: Final = 3.0
"""Seconds that a primary waits for the spare to let go; one that is frozen does not."""


class Pair:
    """Lives as long as one connection."""

    def __init__(self, settings: MqttSettings, role: Role, changed: Callable[[], None]) -> None:
        """`changed` is called whenever something is new."""
        self._settings = settings
        self.role: Final = role
        self._changed = changed
        self._alive = {reader_topic(settings, each): each for each in Role}
        self._online: dict[Role, bool] = {}
        self._primary_reads = False
        self._leader: Role | None = None
        self._good: Good | None = None
        self._light: LightState | None = None
        self._override: Any = ...  # not heard yet
        self._told_override: Any = ...
        self._written: Any = None
        self._told_written: Any = None
        self._others_light: Any = ...  # not shown yet
        self._light_is_ours = False
        self._timers: list[asyncio.TimerHandle] = []
        self._handover: asyncio.TimerHandle | None = None
        self._contested = False
        self._is_settled = False
        self.joined = False
        """Whether it has been heard who is there: before that nothing is published."""
        self.stood_by = False
        """Whether this one has said that it lives while the other one led."""
        self.again = False
        """Whether the other one may have published after us, so that all is to be told again."""
        self.has_come = False
        """Whether the other one listens since a moment ago, and has missed what does not stand."""

    @property
    def topics(self) -> list[str]:
        """What is listened to; the light before the override, which may need it."""
        base = self._settings.base
        readers = [*self._alive, reads_topic(self._settings), leader_topic(self._settings)]
        readers.append(age_topic(self._settings))
        return [*readers, *(f"{base}/{end}" for end in ("light", "override", "diagnostics"))]

    @property
    def peers(self) -> Peers:
        """What stands on the broker about both."""
        return Peers(
            self._online.get(Role.PRIMARY, False),
            self._online.get(Role.SPARE, False),
            self._primary_reads,
            self._leader,
            self._good,
        )

    def subscribed(self) -> None:
        """What is retained comes now."""
        loop = asyncio.get_running_loop()
        self._timers = [loop.call_later(SETTLED_AFTER, self._settle)]
        if self.role is Role.SPARE:
            self._timers.append(loop.call_later(GRACE, self._wait_no_longer))

    def close(self) -> None:
        """The connection has ended."""
        for timer in (*self._timers, self._handover):
            if timer is not None:
                timer.cancel()

    def publishes(self, view: View) -> bool:
        """Whether this one publishes its states: it leads, and does not just go."""
        if view.is_last and self.peers.online(self.role.other):
            return False
        return self.joined and self._leads(reads=view.duty.reads)

    def own_words(self, view: View, said: Mapping[str, Payload]) -> dict[str, Payload]:
        """Of what is `said` all but what the other one has said last, if that is all there is.

        Its last word stands on the broker, and is at least as new as what was heard of it.
        """
        knowledge = view.knowledge
        if isinstance(knowledge, Known):
            is_news = view.duty.is_own
        else:
            is_news = knowledge.why is not Why.STARTING or not self.stood_by
        if is_news or view.is_last:
            self._light_is_ours = True
            return dict(said)
        base = self._settings.base
        others = {f"{base}/presence"} | (set() if self._tells_light(view) else {f"{base}/light"})
        return {topic: payload for topic, payload in said.items() if topic not in others}

    def _tells_light(self, view: View) -> bool:
        """Whether the light that stands there is ours, or is not what it should be any more.

        An override, and the beginning or end of working hours, change it without a reading.
        """
        if self._others_light is ...:
            self._others_light = view.light
        if view.override is not None or view.light != self._others_light:
            self._light_is_ours = True
        return self._light_is_ours

    def news(self) -> list[News]:
        """What the program has to know, newest only."""
        if not self.joined:
            return []
        news: list[News] = []
        if self._leader is self.role.other and self._override is not self._told_override:
            self._told_override = self._override
            with suppress(ValueError, TypeError, KeyError, OverflowError):
                news.append(Shared(_override_of(self._override, self._light)))
        if self._leader is self.role.other and self._written != self._told_written:
            self._told_written = self._written
            with suppress(ValueError, TypeError, KeyError, OverflowError):
                news.append(Written(_health_of(self._written)))
        # Last: whoever leads from now on has taken over what was asked for before.
        return [*news, self.peers]

    def claim(self) -> dict[str, Payload]:
        """What is said before one's first state; of states nothing is ours yet."""
        self._others_light, self._light_is_ours = ..., False
        return {leader_topic(self._settings): Payload(self.role.encode())}

    def age(self, good: Good | None) -> dict[str, Payload]:
        """What is said at each reading: how old one's word is, for it may be told far longer.

        By no clock but the listener's, so nothing of it stands.
        """
        document = {
            "reader": self.role.value,
            "age": None if good is None else round(clock.now() - good.at, 3),
            "holds": None if good is None else round(good.holds, 3),
        }
        return {age_topic(self._settings): json_payload(document, retain=False)}

    def farewell(self) -> dict[str, Payload]:
        """What is said after one's last state: a spare tells so that the primary may begin.

        A broker delivers one client's messages in order.
        """
        if self.role is Role.PRIMARY:
            return {}
        return {
            leader_topic(self._settings): Payload(Role.PRIMARY.encode()),
            reader_topic(self._settings, Role.SPARE): Payload(ONLINE),
        }

    def received(self, topic: str, payload: bytes, *, retained: bool) -> None:
        """Take in what the broker sends."""
        if not self._takes(topic, payload, retained=retained):
            return
        if self.joined:
            self._changed()
        elif self._is_settled and Role.PRIMARY in self._online:
            self._join()

    def _takes(self, topic: str, payload: bytes, *, retained: bool) -> bool:
        """Take it in; whether it may be news."""
        if topic in self._alive:
            self._heard_alive(self._alive[topic], payload == ONLINE, retained=retained)
        elif topic == reads_topic(self._settings):
            self._primary_reads = payload == b"true"
        elif topic == leader_topic(self._settings):
            with suppress(ValueError):
                self._heard_leader(Role(payload.decode("ascii", "replace")))
        elif topic == age_topic(self._settings):
            return not retained and self._takes_age(payload)
        elif topic == f"{self._settings.base}/light":
            return self._takes_light(payload)
        elif topic == f"{self._settings.base}/override":
            with suppress(ValueError, RecursionError):
                self._override = json.loads(payload)
        elif topic == f"{self._settings.base}/diagnostics":
            before, self._written = self._written, self._written_in(payload)
            return bool(self._written != before)  # else something else is new in it
        else:
            return False
        return True

    def _heard_leader(self, leader: Role) -> None:
        if leader is self.role.other and leader is not self._leader:
            self._good = None  # what it says from now on rests on readings of its own
        self._leader = leader

    def _takes_age(self, payload: bytes) -> bool:
        """Whether the other one has said how old its word is; one's own is no news."""
        with suppress(ValueError, TypeError, KeyError, OverflowError, RecursionError):
            document = json.loads(payload)
            if document["reader"] == self.role.other:
                self._good = _good_of(document)
                return True
        return False

    def _takes_light(self, payload: bytes) -> bool:
        """Whether it is news: the light that was set by hand is told nowhere else."""
        before = self._light
        with suppress(ValueError, TypeError, KeyError, RecursionError):
            self._light = _light_of(json.loads(payload))
        override = self._override
        is_manual = isinstance(override, dict) and override.get("mode") == Mode.MANUAL
        if not is_manual or self._light == before:
            return False
        self._told_override = ...
        return True

    def _written_in(self, diagnostics: bytes) -> Any:
        """What the other one says of what Teams was to be told: this, or what it said before."""
        with suppress(ValueError, TypeError, KeyError, RecursionError):
            document = json.loads(diagnostics)
            if document["reader"]["role"] == self.role.other:
                return document["preferred_presence"]
        return self._written

    def _heard_alive(self, role: Role, online: bool, *, retained: bool) -> None:  # noqa: FBT001 -- what was heard
        self._online[role] = online
        self.has_come |= role is self.role.other and online and not retained
        if role is Role.SPARE and self.role is Role.PRIMARY and online and not retained:
            # It says so once more after its last word: now nothing of it comes any more.
            self.again, self._contested = self.again or self._contested, False

    def _settle(self) -> None:
        """All that is retained has come; a primary that starts just now is waited for."""
        self._is_settled = True
        if self.role is Role.PRIMARY or Role.PRIMARY in self._online:
            self._join()

    def _wait_no_longer(self) -> None:
        if not self.joined:
            self._join()

    def _join(self) -> None:
        self.joined = True
        self._changed()

    def _leads(self, *, reads: bool) -> bool:
        peers = self.peers
        led = peers.spare_online and peers.leader is Role.SPARE
        waits = self.role is Role.PRIMARY and reads and led
        if waits and self._handover is None:
            self._handover = asyncio.get_running_loop().call_later(HANDOVER, self._not_let_go)
        elif not waits and self._handover is not None:
            self._handover.cancel()
            self._handover = None
        return leading(self.role, peers, reads=reads)

    def _not_let_go(self) -> None:
        """Wait no longer; should it speak yet, all is told once more."""
        self._leader, self._contested = None, True
        self._changed()


def asking(command: SetMode | Refresh, settings: MqttSettings) -> dict[str, Payload]:
    """A command as it is published for the reader that leads; both hear it."""
    if isinstance(command, Refresh):
        return {f"{settings.base}/refresh/set": Payload(b"now", retain=False)}
    return {f"{settings.base}/mode/set": Payload(mode_payload(command), retain=False)}


def _override_of(document: Any, light: LightState | None) -> Override | None:
    """The override that a reader has published; raises where it is none."""
    if document is None:
        return None
    mode = Mode(document["mode"])
    ends_at = None
    if document["ends_at"] is not None:
        since_1970 = datetime.fromisoformat(document["ends_at"]).timestamp()
        # No override ends later than in a day; the other one's clock may be ahead of ours.
        ends_at = min(clock.WallClock().epoch + since_1970, clock.now() + LONGEST)
        if ends_at <= clock.now():
            return None
    if mode is Mode.AUTO:
        return None
    if mode is Mode.MANUAL:
        return Override(mode, light or OFF, ends_at)
    return Override(mode, None, ends_at)


def _health_of(said: Any) -> PreferredHealth:
    """What a reader has published of what Teams was to be told; raises where it is none."""
    availability, since = said["availability"], said.get("since")
    if not isinstance(availability, str | None):
        raise TypeError("what is wanted is no word")
    if since is not None:
        at, now = datetime.fromisoformat(since).timestamp(), clock.now()
        since = max(min(clock.WallClock().epoch + at, now), now - LONGEST)
    return PreferredHealth(PreferredState(said["state"]), availability, since)


def _good_of(document: Any) -> Good | None:
    """On what a reader's word rests; raises where nothing is said of it."""
    age, holds = document["age"], document["holds"]
    if age is None:
        return None
    age, holds = float(age), float(holds)
    if not (0 <= age < math.inf and 0 <= holds < math.inf):
        raise ValueError("it is no age")
    return Good(clock.now() - age, holds)


def _light_of(document: Any) -> LightState:
    """The light that a reader has published; raises where it is none."""
    if "color" not in document:
        return OFF
    red, green, blue = (document["color"][name] for name in "rgb")
    brightness = document["brightness"]
    if not all(type(each) is int and 0 <= each <= FULL for each in (red, green, blue, brightness)):
        raise ValueError("a level is no byte")
    return LightState(red, green, blue, brightness, Effect(document["effect"]))
