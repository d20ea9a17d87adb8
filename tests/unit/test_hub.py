"""The hub: the newest view to every output, by the clock, too."""

import asyncio
import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from busylight.app.hub import Hub
from busylight.app.slot import Slot
from busylight.core.adaptive import Adaptive
from busylight.core.hours import Hours, parse_hours
from busylight.core.knowledge import Reading, SignInPrompt, Trouble, Why
from busylight.core.light import parse_light
from busylight.core.override import Mode, Override, Refresh, SetLight
from busylight.core.palette import Palette
from busylight.core.presence import Presence
from busylight.core.rules import Rules
from busylight.core.view import PartHealth, PartState
from busylight.edge import clock
from tests.support.parts import CALL, FREE, RULES, until


def test_the_light_of_the_very_start_is_one_that_on_brings_back() -> None:
    hub = Hub(RULES)
    hub.slot()
    hub.heard(Reading({"a": Presence("Offline", "Offline")}, {}))
    hub.command(SetLight(on=True))
    assert hub.view.light == parse_light("#4000ff 40% pulse 3")


async def test_a_slot_holds_only_the_newest_view() -> None:
    hub = Hub(RULES)
    slot = hub.slot()
    assert (await slot.get()).state == "unknown"
    hub.heard(CALL)
    hub.heard(FREE)
    assert (await slot.get()).state == "available"
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0):
            await slot.get()
    slot.again()
    assert (await slot.get()).state == "available"


async def test_an_empty_slot_has_nothing_to_offer_again() -> None:
    slot = Slot()
    slot.again()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0):
            await slot.get()


class WallClockSet:
    """A wall clock that a test sets."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._monkeypatch = monkeypatch

    def set(self, date: str) -> None:
        ahead = datetime.fromisoformat(date).timestamp() - clock.now()
        self._monkeypatch.setattr("time.time", lambda: clock.now() + ahead)


async def test_hours_are_kept_the_source_is_slowed_and_a_clock_that_is_set_is_noticed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    wall_clock = WallClockSet(monkeypatch)
    wall_clock.set("2026-11-23T12:00:00+00:00")
    at_work = replace(RULES, hours=Hours(parse_hours("Mon-Fri 09:00-17:00"), UTC))
    running, paces = Hub(at_work), list[float]()
    running.on_pace = paces.append
    task = asyncio.create_task(running.run(longest_nap=0.01))
    running.heard(CALL)
    assert (running.view.state, paces) == ("inacall", [])
    wall_clock.set("2026-11-23T16:59:59.9+00:00")
    await until(lambda: paces == [60.0])
    assert running.view.state == "outside_hours"
    wall_clock.set("2026-11-24T09:00:00+00:00")
    await until(lambda: paces == [60.0, 0.0])
    assert running.view.state == "inacall"
    task.cancel()
    await asyncio.wait({task})


async def test_at_opening_time_what_was_read_slowly_is_not_shown_for_long_while_graph_is_away(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    at_work = replace(RULES, stale_after=0.4, hours=Hours(parse_hours("Mon-Fri 09:00-17:00"), UTC))
    wall_clock = WallClockSet(monkeypatch)
    wall_clock.set("2026-11-24T08:59:59+00:00")
    running = Hub(at_work)
    states: list[str] = []
    running.on_view = lambda view: states.append(view.state)
    task = asyncio.create_task(running.run(longest_nap=0.01))
    await asyncio.sleep(0)
    running.heard(Reading(CALL.presences, {}, slowed_to=60.0))
    running.heard(Trouble(Why.UNREACHABLE, "no answer"))
    await until(lambda: states[-1] == "unknown")  # and not after 150 s
    task.cancel()
    assert list(dict.fromkeys(states)) == ["outside_hours", "inacall", "unknown"]


async def test_with_interval_auto_a_failure_ends_what_was_read_slowly_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    WallClockSet(monkeypatch).set("2026-11-24T02:10:00+00:00")
    night = Adaptive(UTC, quiet=0.0, after_change=0.0)
    running = Hub(replace(RULES, stale_after=0.2, adaptive=night))
    paces = list[float]()
    running.on_pace = paces.append
    task = asyncio.create_task(running.run(longest_nap=0.01))
    await until(lambda: paces == [60.0])
    running.heard(Reading(CALL.presences, {}, slowed_to=60.0))
    await asyncio.sleep(0.3)
    assert running.view.state == "inacall"
    running.heard(Trouble(Why.UNREACHABLE, "no answer"))
    assert paces[-1] == 0.0
    assert running.view.state == "inacall"
    await until(lambda: running.view.state == "unknown")
    task.cancel()


def test_what_a_part_says_of_its_trouble_is_told_without_the_secrets_in_it() -> None:
    hub = Hub(RULES)
    hub.heard(Trouble(Why.UNREACHABLE, "KeyError: Authorization: Bearer abc.def"))
    hub.health("lamp", PartHealth(PartState.FAILED, "no route to mqtt://me:hidden@host"))
    told = hub.view.diagnostics
    assert told.last_error == "KeyError: Authorization: Bearer ***"
    assert told.outputs["lamp"].error == "no route to mqtt://***@host"


async def test_the_hub_lets_a_reading_grow_stale_by_itself() -> None:
    hub = Hub(Rules(Palette(), stale_after=0.05, source="fake", version="1"))
    slot, seen = hub.slot(), list[str]()
    hub.on_view = lambda view: seen.append(view.state)
    task = asyncio.create_task(hub.run())
    hub.heard(CALL)
    await until(lambda: seen[-1:] == ["unknown"])
    assert (await slot.get()).state == "unknown"
    task.cancel()


async def test_a_wish_for_a_reading_is_passed_on() -> None:
    hub, asked = Hub(RULES), list[bool]()
    hub.on_refresh = lambda: asked.append(True)
    hub.command(Refresh())
    assert asked == [True]


def test_an_override_that_is_recalled_late_is_shown() -> None:
    hub = Hub(RULES)
    hub.recalled(Override(Mode.OFF))
    assert (hub.view.mode, hub.view.state) == (Mode.OFF, "off")
    hub.recalled(None)
    assert hub.view.mode is Mode.AUTO


def test_the_sign_in_that_waits_is_in_the_view_document() -> None:
    hub = Hub(RULES)
    prompt = SignInPrompt(
        "https://microsoft.com/devicelogin", "ABCD", hub.view.diagnostics.started_at + 900
    )
    hub.heard(Trouble(Why.SIGNED_OUT, "sign in", prompt))
    assert hub.view.sign_in == prompt
    assert json.dumps(hub.view.state) == '"signin"'
