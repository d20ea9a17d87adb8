"""What one of two readers makes of what it hears of both: junk, too, harms nothing."""

import asyncio
import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from busylight.core.knowledge import Known, NotKnown, Trouble, Why
from busylight.core.light import OFF, Effect, LightState
from busylight.core.override import LONGEST, Mode, Override, Refresh, SetMode
from busylight.core.preferred_presence import PreferredHealth, PreferredState
from busylight.core.presence import Presence
from busylight.core.reader import Duty, Good, Peers, Role, Shared, Written
from busylight.edge import clock
from busylight.outputs.mqtt import pair as pair_module
from busylight.outputs.mqtt.commands import mode_command, refresh_command
from busylight.outputs.mqtt.pair import Pair, asking
from busylight.outputs.mqtt.payloads import ONLINE, Payload
from tests.support.broker import eventually
from tests.support.mqtt import BASE, a_view, settings_of

READS = Duty(reads=True)
KNOWN = Known(Presence("Busy", "InACall"), since=1.0, read_at=1.0)
STALE = NotKnown(Trouble(Why.STALE, "it fell silent"), since=1.0)
STARTING = NotKnown(Trouble(Why.STARTING, "nothing has been read yet"), since=1.0)


class Heard:
    """A pair that has heard what it is told."""

    def __init__(self, role: Role, *, joined: bool = True) -> None:
        self.changes = 0
        self.pair = Pair(settings_of(reader=role), role, self._changed)
        self.pair.joined = joined

    def _changed(self) -> None:
        self.changes += 1

    def hear(self, end: str, payload: bytes, *, retained: bool = True) -> "Heard":
        self.pair.received(f"{BASE}/{end}", payload, retained=retained)
        return self

    @property
    def shared(self) -> Any:
        return next((n.override for n in self.pair.news() if isinstance(n, Shared)), "nothing")


def test_what_is_heard_of_both_is_told_to_the_program() -> None:
    heard = Heard(Role.SPARE).hear("reader/primary", b"online").hear("reader/spare", b"offline")
    heard.hear("reader/primary/reads", b"true").hear("reader/leader", b"primary")
    assert heard.pair.news() == [Peers(True, False, True, Role.PRIMARY)]
    assert heard.changes == 4
    heard.hear("light", b"{}").hear("presence", b"{}")
    assert heard.changes == 4


def test_nothing_is_told_or_published_before_it_is_known_who_is_there() -> None:
    heard = Heard(Role.PRIMARY, joined=False)
    assert heard.pair.news() == []
    assert not heard.pair.publishes(a_view(duty=READS))


@pytest.mark.parametrize(
    ("said", "light", "override"),
    [
        (b"null", b"{}", None),
        (b'{"mode":"busy","ends_at":null}', b"{}", Override(Mode.BUSY)),
        (b'{"mode":"off","ends_at":null}', b"{}", Override(Mode.OFF)),
        (
            b'{"mode":"manual","ends_at":null}',
            b'{"state":"ON","brightness":9,"color":{"r":1,"g":2,"b":3},"effect":"blink"}',
            Override(Mode.MANUAL, LightState(1, 2, 3, 9, Effect.BLINK)),
        ),
        (b'{"mode":"manual","ends_at":null}', b'{"state":"OFF"}', Override(Mode.MANUAL, OFF)),
        (b'{"mode":"manual","ends_at":null}', b"junk", Override(Mode.MANUAL, OFF)),
        (
            b'{"mode":"manual","ends_at":null}',
            b'{"brightness":900,"color":{"r":1,"g":2,"b":3},"effect":"blink"}',
            Override(Mode.MANUAL, OFF),
        ),
        (b'{"mode":"busy","ends_at":"2001-01-01T00:00:00Z"}', b"{}", None),
        (b'{"mode":"dancing","ends_at":null}', b"{}", "nothing"),
        (b'{"mode":"busy","ends_at":"soon"}', b"{}", "nothing"),
        (b'["busy"]', b"{}", "nothing"),
        (b"junk", b"{}", "nothing"),
    ],
)
def test_the_override_of_the_one_that_leads_is_taken_over(
    said: bytes, light: bytes, override: object
) -> None:
    heard = Heard(Role.SPARE).hear("reader/leader", b"primary").hear("light", light)
    assert heard.hear("override", said).shared == override
    assert heard.shared == "nothing"  # once


def test_another_light_set_by_hand_is_news_while_the_override_is_that() -> None:
    heard = Heard(Role.SPARE).hear("reader/leader", b"primary").hear("light", _light(1))
    assert heard.hear("override", b'{"mode":"manual","ends_at":null}').shared is not None
    changes = heard.changes
    shared = heard.hear("light", _light(2), retained=False).shared
    assert shared == Override(Mode.MANUAL, LightState(2, 2, 3, 9, Effect.BLINK))
    assert heard.hear("light", _light(2)).hear("light", b"junk").shared == "nothing"
    assert heard.changes == changes + 1
    heard.hear("override", b"null")
    assert heard.shared is None
    assert heard.hear("light", _light(4)).shared == "nothing"


def _light(red: int) -> bytes:
    color = f'{{"r":{red},"g":2,"b":3}}'
    return f'{{"state":"ON","brightness":9,"color":{color},"effect":"blink"}}'.encode()


def test_an_override_with_an_end_ends_when_its_date_says() -> None:
    ends_at = clock.now() + 600
    date = clock.WallClock().rfc3339(ends_at)
    heard = Heard(Role.SPARE).hear("reader/leader", b"primary")
    override = heard.hear("override", f'{{"mode":"busy","ends_at":"{date}"}}'.encode()).shared
    assert override.ends_at == pytest.approx(ends_at, abs=2)


@pytest.mark.parametrize("date", ["9999-12-31T23:59:59-12:00", "2040-01-01T00:00:00Z"])
def test_an_override_ends_within_a_day_whatever_its_date_says(date: str) -> None:
    heard = Heard(Role.SPARE).hear("reader/leader", b"primary")
    override = heard.hear("override", f'{{"mode":"busy","ends_at":"{date}"}}'.encode()).shared
    assert override.ends_at == pytest.approx(clock.now() + LONGEST, abs=2)
    assert clock.WallClock().rfc3339(override.ends_at)


@pytest.mark.parametrize("date", ["9999-12-31T23:59:59-12:00", "0001-01-01T00:00:00+14:00"])
def test_when_teams_was_told_is_a_moment_of_the_last_day(date: str) -> None:
    heard = Heard(Role.SPARE).hear("reader/leader", b"primary")
    said = {"state": "set", "availability": "Busy", "since": date}
    heard.hear("diagnostics", _diagnostics("primary", said))
    (written,) = (each for each in heard.pair.news() if isinstance(each, Written))
    assert clock.WallClock().rfc3339(written.health.since)


def _age(heard: Heard, reader: Role, good: Good | None) -> Heard:
    other = Pair(settings_of(reader=reader), reader, lambda: None)
    ((topic, payload),) = other.age(good).items()
    assert not payload.retain
    return heard.hear(topic.removeprefix(f"{BASE}/"), payload.content, retained=False)


def test_how_old_the_leaders_word_is_goes_by_ones_own_clock() -> None:
    heard = Heard(Role.SPARE).hear("reader/leader", b"primary")
    now = clock.now()
    good = _age(heard, Role.PRIMARY, Good(now - 7, 60)).pair.peers.good
    assert good is not None
    assert good.at == pytest.approx(now - 7, abs=0.5)
    assert good.holds == 60
    changes = heard.changes
    heard.hear("reader/age", b'{"reader":"primary","age":0,"holds":60}')  # it stood there
    assert _age(heard, Role.SPARE, Good(now, 60)).pair.peers.good == good  # our own
    for junk in (b"", b"7", b"[]", b'{"reader":"primary","age":-1,"holds":60}'):
        assert heard.hear("reader/age", junk, retained=False).pair.peers.good == good
    for age in ("NaN", "Infinity", '"soon"', "1e999", "{}"):
        said = f'{{"reader":"primary","age":{age},"holds":60}}'.encode()
        assert heard.hear("reader/age", said, retained=False).pair.peers.good == good
    assert heard.changes == changes
    assert _age(heard, Role.PRIMARY, None).pair.peers.good is None


def test_what_another_leader_said_before_is_no_age_of_the_new_ones_word() -> None:
    heard = _age(Heard(Role.SPARE).hear("reader/leader", b"primary"), Role.PRIMARY, Good(1, 60))
    assert heard.hear("reader/leader", b"spare").pair.peers.good is not None  # it took over
    assert heard.hear("reader/leader", b"primary").pair.peers.good is None


def test_who_comes_is_to_be_told_the_age_that_does_not_stand() -> None:
    heard = Heard(Role.PRIMARY).hear("reader/spare", b"online")
    heard.hear("reader/primary", b"online", retained=False)
    assert not heard.pair.has_come
    assert heard.hear("reader/spare", b"online", retained=False).pair.has_come


def test_ones_own_override_is_no_news() -> None:
    heard = Heard(Role.PRIMARY).hear("reader/leader", b"primary")
    assert heard.hear("override", b'{"mode":"busy","ends_at":null}').shared == "nothing"


def _diagnostics(role: str, said: object) -> bytes:
    return json.dumps({"reader": {"role": role}, "preferred_presence": said}).encode()


def test_what_the_leader_says_of_teams_is_news_once_and_ones_own_word_is_none() -> None:
    heard = Heard(Role.SPARE).hear("reader/leader", b"primary")
    date = clock.WallClock().rfc3339(clock.now())
    for _ in range(2):
        heard.hear("diagnostics", _diagnostics("spare", {"state": "none", "availability": None}))
        said = {"state": "set", "availability": "Busy", "since": date}
        heard.hear("diagnostics", _diagnostics("primary", said))
    assert heard.changes == 2  # the leader, and once this
    (written,) = (each for each in heard.pair.news() if isinstance(each, Written))
    assert written.health.since == pytest.approx(clock.now(), abs=2)
    assert replace(written.health, since=None) == PreferredHealth(PreferredState.SET, "Busy")
    assert heard.pair.news() == [heard.pair.peers]


@pytest.mark.parametrize(
    "junk",
    [
        b"junk",
        b"[]",
        b'{"reader":null}',
        b'{"reader":{"role":"primary"}}',
        _diagnostics("primary", 7),
        _diagnostics("primary", {"state": "dancing", "availability": None}),
        _diagnostics("primary", {"state": "set", "availability": 7}),
        _diagnostics("primary", {"state": "set", "availability": "Busy", "since": 7}),
        _diagnostics("primary", {"state": "set", "availability": "Busy", "since": "soon"}),
    ],
)
def test_diagnostics_of_another_shape_are_no_news(junk: bytes) -> None:
    heard = Heard(Role.SPARE).hear("reader/leader", b"primary").hear("diagnostics", junk)
    assert heard.pair.news() == [heard.pair.peers]


@given(
    end=st.sampled_from(
        [
            *("reader/primary", "reader/leader", "reader/age"),
            *("light", "override", "diagnostics"),
        ]
    ),
    junk=st.binary(),
)
def test_whatever_stands_there_harms_nothing(end: str, junk: bytes) -> None:
    heard = Heard(Role.SPARE).hear("reader/leader", b"primary").hear(end, junk)
    assert heard.hear("override", b"null").pair.news()[-1] == heard.pair.peers


def test_who_goes_while_the_other_one_is_there_goes_without_a_word() -> None:
    heard = Heard(Role.SPARE)
    assert heard.pair.publishes(a_view(is_last=True))
    assert not heard.hear("reader/primary", b"online").pair.publishes(a_view(is_last=True))


def test_whoever_takes_over_leaves_the_other_ones_last_word_until_it_has_one_of_its_own() -> None:
    pair = Heard(Role.SPARE).hear("reader/primary", b"offline").pair
    said = {f"{BASE}/{end}": Payload(b"") for end in ("presence", "light", "mode")}
    mode = {f"{BASE}/mode": Payload(b"")}

    def words(**view: Any) -> dict[str, Payload]:
        return pair.own_words(a_view(**view), said)

    followed = Duty(is_own=False)
    assert words(knowledge=KNOWN) == said
    pair.claim()
    assert words(knowledge=KNOWN, duty=followed) == mode
    assert words(knowledge=STALE, duty=followed) == said  # that it is not known is news
    assert words(knowledge=KNOWN, duty=followed, is_last=True) == said
    light = {f"{BASE}/light": Payload(b"")}
    busy = Override(Mode.BUSY)
    pair.claim()
    assert words(knowledge=KNOWN, duty=followed, override=busy) == mode | light
    assert words(knowledge=STARTING) == said  # both begin: that is the truth
    pair.claim()
    pair.stood_by = True
    assert words(knowledge=STARTING) == mode


def test_a_light_that_changes_without_a_reading_is_told_from_then_on() -> None:
    pair = Heard(Role.SPARE).hear("reader/primary", b"offline").pair
    said = {f"{BASE}/light": Payload(b"")}

    def is_told(shown: str, **changes: Any) -> bool:
        view = a_view(shown, knowledge=KNOWN, duty=Duty(is_own=False), **changes)
        return bool(pair.own_words(view, said))

    pair.claim()
    assert not is_told("red")
    assert is_told("blue", override=Override(Mode.BUSY))
    assert is_told("red")  # else the override's light would stay
    pair.claim()
    assert not is_told("red")  # the other one has told it since
    assert is_told("off")  # the working hours have ended
    assert is_told("red")


async def test_a_spare_waits_for_a_primary_that_nobody_has_heard_of_but_not_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pair_module, "SETTLED_AFTER", 0.0)
    monkeypatch.setattr(pair_module, "GRACE", 0.2)
    heard = Heard(Role.SPARE, joined=False)
    heard.pair.subscribed()
    await asyncio.sleep(0.05)
    assert not heard.pair.joined
    await eventually(lambda: heard.pair.joined)
    heard.pair.close()
    begins = Heard(Role.SPARE, joined=False)
    monkeypatch.setattr(pair_module, "GRACE", 600.0)
    begins.pair.subscribed()
    await asyncio.sleep(0.05)
    begins.hear("reader/primary", b"online")
    assert [begins.pair.joined, begins.changes] == [True, 1]
    begins.pair.close()


async def test_a_primary_waits_for_its_spare_and_tells_all_again_should_that_one_come_late(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pair_module, "HANDOVER", 0.1)
    heard = Heard(Role.PRIMARY).hear("reader/spare", b"online").hear("reader/leader", b"spare")
    view = a_view(duty=READS)
    assert not heard.pair.publishes(view)
    await eventually(lambda: heard.pair.publishes(view))  # frozen, it will not let go
    before = heard.pair.again
    heard.hear("reader/spare", ONLINE, retained=False)
    assert (before, heard.pair.again) == (False, True)
    heard.pair.close()


@pytest.mark.parametrize("command", [SetMode(Mode.BUSY, 1500), SetMode(Mode.AUTO), Refresh()])
def test_what_is_asked_of_the_other_one_is_a_command_as_anybody_would_send_it(
    command: SetMode | Refresh,
) -> None:
    ((topic, payload),) = asking(command, settings_of(reader=Role.SPARE)).items()
    read = refresh_command if isinstance(command, Refresh) else mode_command
    assert topic == f"{BASE}/{'refresh' if isinstance(command, Refresh) else 'mode'}/set"
    assert (read(payload.content), payload.retain) == (command, False)
