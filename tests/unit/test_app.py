"""The wiring: one output's trouble is its own, the newest view wins, the end is in order."""

import asyncio
import json
import os
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Self

import pytest

from busylight.app import output_runner, remembered
from busylight.app.clash import clash
from busylight.app.control_socket import control_socket
from busylight.app.daemon import Daemon, Wiring
from busylight.app.hub import Hub
from busylight.app.output_runner import OutputRunner
from busylight.app.remembered import RememberedOverride
from busylight.app.slot import Slot
from busylight.core.appearance import AS_EVERYWHERE, Appearance
from busylight.core.hours import Hours, parse_hours
from busylight.core.knowledge import Known, Reading, SignInPrompt, Trouble, Why
from busylight.core.light import LightState, parse_light
from busylight.core.override import Command, Mode, Override, Refresh, SetLight, SetMode
from busylight.core.palette import Palette
from busylight.core.presence import Presence
from busylight.core.situation import Rules
from busylight.core.view import PartHealth, PartState, View
from busylight.edge import clock, lives
from busylight.edge.daemon_socket import ask_daemon
from busylight.parts import Branch, OutputError, SourceError
from busylight.settings.load import load
from busylight.settings.tree import Settings

RULES = Rules(Palette(), stale_after=60, source="fake", version="1")
CALL = Reading({"a": Presence("Busy", "InACall")}, {})
FREE = Reading({"a": Presence("Available", "Available")}, {})


async def until(condition: Callable[[], bool]) -> None:
    """Wait until it holds, at most ten seconds."""
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.001)


class Lamp:
    """An output that a test can break."""

    Settings: ClassVar[type[Branch]] = Branch

    def __init__(self) -> None:
        self.shown: list[View] = []
        self.entered = 0
        self.left = 0
        self.enter_error: BaseException | None = None
        self.show_error: BaseException | None = None
        self.show_hangs = False

    async def __aenter__(self) -> Self:
        self.entered += 1
        if self.enter_error:
            raise self.enter_error
        return self

    async def show(self, view: View) -> None:
        if self.show_hangs:
            await asyncio.Event().wait()
        if self.show_error:
            raise self.show_error
        self.shown.append(view)

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None:
        self.left += 1

    @property
    def states(self) -> list[str]:
        return [view.state for view in self.shown]


class Ear(Lamp):
    """An output that hears, too."""

    def __init__(self) -> None:
        super().__init__()
        self.said: asyncio.Queue[Command | Exception] = asyncio.Queue()

    async def events(self) -> AsyncIterator[Command]:
        while True:
            said = await self.said.get()
            if isinstance(said, Exception):
                raise said
            yield said


class Running:
    """A hub with one output, both running."""

    def __init__(
        self,
        lamp: Lamp,
        *,
        brightness: int = 100,
        appearance: Appearance = AS_EVERYWHERE,
        hub: Hub | None = None,
    ) -> None:
        self.hub = hub or Hub(RULES)
        self.stopping = asyncio.Event()
        self.runner = OutputRunner(
            "lamp",
            lambda: lamp,
            self.hub.slot(appearance.palette),
            self.hub.health,
            self.hub.command,
            brightness,
            self.stopping,
            appearance,
        )
        self.task = asyncio.create_task(self.runner.run())

    @property
    def health(self) -> PartHealth | None:
        return self.hub.view.diagnostics.outputs.get("lamp")

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.stopping.set()
        self.task.cancel()
        await asyncio.wait({self.task})


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(output_runner, "reconnect_delay", lambda _failures: 0.001)


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


async def test_an_output_shows_each_change_dimmed_and_tells_that_it_is_well() -> None:
    lamp = Lamp()
    async with Running(lamp, brightness=50) as running:
        await until(lambda: lamp.states == ["unknown"])
        running.hub.heard(CALL)
        await until(lambda: lamp.states[-1] == "inacall")
        assert lamp.shown[-1].light == parse_light("#ff0000 50% pulse")
        await until(lambda: running.health == PartHealth(PartState.CONNECTED))
        assert running.hub.view.light == parse_light("#ff0000 pulse")


async def test_an_output_that_needs_longer_for_much_gets_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Slow(Lamp):
        def seconds_to_show(self, view: View) -> float:
            return 5.0 if isinstance(view.knowledge, Known) else 0.0

        async def show(self, view: View) -> None:
            await asyncio.sleep(0.1)
            await super().show(view)

    monkeypatch.setattr(output_runner, "SHOW_LIMIT", 0.01)
    slow = Slow()
    async with Running(slow) as running:
        await until(lambda: running.health == PartHealth(PartState.FAILED, slow_words))
        running.hub.heard(CALL)
        await until(lambda: slow.states == ["inacall"])


slow_words = "does not answer: took longer than 0.01 s"


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


async def test_an_output_that_is_no_lamp_sees_the_light_undimmed() -> None:
    class Screen(Lamp):
        dimmed = False

    screen = Screen()
    async with Running(screen, brightness=50) as running:
        running.hub.heard(CALL)
        await until(lambda: "inacall" in screen.states)
        assert screen.shown[-1].light == parse_light("#ff0000 pulse")


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (OutputError("the port is gone; plug it in"), "the port is gone; plug it in"),
        (ValueError("boom"), "ValueError: boom"),
        (SystemExit(1), "PartEndedError: raised SystemExit"),
        (asyncio.CancelledError(), "PartEndedError: cancelled itself"),
    ],
)
async def test_whatever_an_output_raises_is_told_and_it_begins_anew_with_the_newest(
    error: BaseException, told: str
) -> None:
    lamp = Lamp()
    lamp.show_error = error
    async with Running(lamp) as running:
        await until(lambda: running.health == PartHealth(PartState.FAILED, told))
        await until(lambda: lamp.left >= 2)
        running.hub.heard(CALL)
        lamp.show_error = None
        await until(lambda: lamp.states[-1:] == ["inacall"])
        assert "unknown" not in lamp.states
        await until(lambda: running.health == PartHealth(PartState.CONNECTED))


async def test_an_output_that_cannot_connect_is_tried_again() -> None:
    lamp = Lamp()
    lamp.enter_error = OutputError("no such host")
    async with Running(lamp) as running:
        await until(lambda: lamp.entered >= 3)
        await until(lambda: running.health == PartHealth(PartState.FAILED, "no such host"))
        lamp.enter_error = None
        await until(lambda: lamp.states == ["unknown"])


async def test_an_output_may_ask_for_more_patience_than_usual() -> None:
    class DuelError(OutputError):
        retry_after = 3600.0

    lamp = Lamp()
    lamp.enter_error = DuelError("another client has our id")
    async with Running(lamp) as running:
        await until(lambda: running.health == PartHealth(PartState.FAILED, str(lamp.enter_error)))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await until(lambda: lamp.entered > 1)


async def test_an_output_that_hangs_is_cut_off_and_others_do_not_notice(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(output_runner, "SHOW_LIMIT", 0.01)
    lamp = Lamp()
    lamp.show_hangs = True
    async with Running(lamp) as running:
        await until(
            lambda: running.health is not None and "does not answer" in str(running.health.error)
        )
        lamp.show_hangs = False
        await until(lambda: lamp.states == ["unknown"])


async def test_what_an_output_hears_reaches_the_hub_and_its_hearing_error_ends_it() -> None:
    ear = Ear()
    async with Running(ear) as running:
        await until(lambda: ear.states == ["unknown"])
        ear.said.put_nowait(SetMode(Mode.BUSY))
        await until(lambda: ear.states[-1] == "busy")
        ear.said.put_nowait(OutputError("the cable was pulled"))
        await until(lambda: ear.entered == 2)
        await until(lambda: ear.states[-1] == "busy")
        assert running.hub.view.mode is Mode.BUSY


class Grouped(Lamp):
    """An output that keeps a task group of its own open while it is connected."""

    def __init__(self) -> None:
        super().__init__()
        self.failure: BaseException | None = None
        self.fail = asyncio.Event()
        self.tasks: set[object] = set()

    async def __aenter__(self) -> Self:
        self.group = asyncio.TaskGroup()
        await self.group.__aenter__()
        self.keeper = self.group.create_task(self._keep())
        self.tasks.add(asyncio.current_task())
        return await super().__aenter__()

    async def _keep(self) -> None:
        await self.fail.wait()
        assert self.failure is not None
        raise self.failure

    async def show(self, view: View) -> None:
        self.tasks.add(asyncio.current_task())
        await super().show(view)

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None:
        self.tasks.add(asyncio.current_task())
        await super().__aexit__(kind, error, traceback)
        self.keeper.cancel()
        await self.group.__aexit__(kind, error, traceback)


class GroupedEar(Grouped, Ear):
    """The same, and it hears."""


@pytest.mark.parametrize("cls", [Grouped, GroupedEar])
async def test_an_output_lives_in_one_task_and_may_keep_a_task_group_open(
    cls: type[Grouped],
) -> None:
    lamp = cls()
    async with Running(lamp) as running:
        await until(lambda: lamp.states == ["unknown"])
        running.hub.heard(CALL)
        await until(lambda: lamp.states[-1] == "inacall")
        running.stopping.set()
        running.hub.end("off")
        await running.task
    assert lamp.left == 1
    assert len(lamp.tasks) == 1


@pytest.mark.parametrize("cls", [Grouped, GroupedEar])
async def test_what_fails_in_an_outputs_own_task_group_is_told_as_its_fault(
    cls: type[Grouped],
) -> None:
    lamp = cls()
    lamp.failure = OutputError("the lamp has hung up; switch it on")
    async with Running(lamp) as running:
        told: list[PartHealth | None] = []
        running.hub.on_view = lambda _: told.append(running.health)
        await until(lambda: lamp.states == ["unknown"])
        lamp.fail.set()
        wanted = PartHealth(PartState.FAILED, "the lamp has hung up; switch it on")
        await until(lambda: wanted in told)
        lamp.fail.clear()
        await until(lambda: lamp.entered > lamp.left >= 1)


async def test_an_output_that_hangs_for_good_is_not_tried_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(output_runner, "SHOW_LIMIT", 0.001)
    monkeypatch.setattr(output_runner, "GOODBYE_LIMIT", 0.001)
    monkeypatch.setattr(lives, "GRACE", 0.001)
    release = asyncio.Event()

    class Stubborn(Lamp):
        async def show(self, view: View) -> None:
            while not release.is_set():
                with suppress(asyncio.CancelledError):
                    await release.wait()
            self.shown.append(view)

    lamp = Stubborn()
    async with Running(lamp) as running:
        await until(
            lambda: running.health is not None and "still hang" in str(running.health.error)
        )
        assert lamp.entered == output_runner.HANGING_LIMIT
        release.set()
        await until(lambda: running.health == PartHealth(PartState.CONNECTED))


async def test_an_output_may_have_a_palette_a_brightness_and_an_order_of_its_own() -> None:
    lamp, other = Lamp(), Lamp()
    own = Palette().with_rules({"BUSY": parse_light("#0000ff"), "UNKNOWN": parse_light("#010203")})
    appearance = Appearance(brightness=50, palette=own, color_order="brg")
    async with (
        Running(lamp, brightness=10, appearance=appearance) as running,
        Running(other, hub=running.hub),
    ):
        await until(lambda: len(lamp.shown) == len(other.shown) == 1)
        assert lamp.shown[0].light == parse_light("#030102 50%")
        assert other.shown[0].light == parse_light("#4000ff 40% pulse 3")
        running.hub.heard(Reading({"a": Presence("Busy", "InAMeeting")}, {}))
        await until(lambda: lamp.states[-1] == other.states[-1] == "busy")
        assert lamp.shown[-1].light == parse_light("#ff0000 50%")  # blue comes first on its wires
        assert other.shown[-1].light == parse_light("#ff0000")
        running.hub.command(SetMode(Mode.OFF))
        await until(lambda: lamp.states[-1] == other.states[-1] == "off")
        running.hub.end("unknown")
        await until(lambda: lamp.shown[-1].is_last and other.shown[-1].is_last)
        assert lamp.shown[-1].light == parse_light("#030102 50%")
        assert other.shown[-1].light == parse_light("#4000ff 40% pulse 3")


async def test_what_is_no_lamp_is_dimmed_only_if_that_was_asked_for_of_it_alone() -> None:
    class Screen(Lamp):
        dimmed = False

    screen = Screen()
    async with Running(screen, brightness=10, appearance=Appearance(50, None, "grb")) as running:
        running.hub.heard(CALL)
        await until(lambda: "inacall" in screen.states)
        assert screen.shown[-1].light == parse_light("#ff0000 50% pulse")


def test_what_a_part_says_of_its_trouble_is_told_without_the_secrets_in_it() -> None:
    hub = Hub(RULES)
    hub.heard(Trouble(Why.UNREACHABLE, "KeyError: Authorization: Bearer abc.def"))
    hub.health("lamp", PartHealth(PartState.FAILED, "no route to mqtt://me:hidden@host"))
    told = hub.view.diagnostics
    assert told.last_error == "KeyError: Authorization: Bearer ***"
    assert told.outputs["lamp"].error == "no route to mqtt://***@host"


async def test_a_released_lamp_is_told_in_diagnostics() -> None:
    lamp = Lamp()
    async with Running(lamp) as running:
        running.hub._situation = running.hub._situation.__class__(
            Rules(Palette({"INACALL": None}), 60, "fake", "1"), started_at=0
        )
        running.hub.heard(CALL)
        await until(lambda: running.health == PartHealth(PartState.RELEASED))
        assert lamp.shown[-1].light is None


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


class Script:
    """A source that plays what a test says."""

    Settings: ClassVar[type[Branch]] = Branch

    def __init__(self, *steps: Reading | Trouble | Exception) -> None:
        self.steps = list(steps)
        self.refreshed = 0
        self.entered = 0

    async def __aenter__(self) -> Self:
        self.entered += 1
        return self

    async def readings(self) -> AsyncIterator[Reading | Trouble]:
        while self.steps:
            step = self.steps.pop(0)
            if isinstance(step, Exception):
                raise step
            yield step
        await asyncio.Event().wait()

    def refresh(self) -> None:
        self.refreshed += 1

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None:
        return


def _settings(**given: str) -> Settings:
    environ = {f"BUSYLIGHT_{name}": value for name, value in given.items()}
    return load(None, environ, needs_source=False, needs_outputs=False)


@pytest.mark.parametrize(
    ("on_exit", "state", "light"),
    [
        ("off", "off", LightState(0, 0, 0, 0)),
        ("unknown", "unknown", parse_light("#4000ff 40% pulse 3")),
        ("keep", "inacall", parse_light("#ff0000 pulse")),
    ],
)
async def test_the_end_is_shown_as_on_exit_says_and_knows_nothing_any_more(
    on_exit: str, state: str, light: LightState, tmp_path: Path
) -> None:
    lamp, source = Lamp(), Script(CALL)
    daemon = Daemon(
        _settings(ON_EXIT=on_exit),
        Wiring(lambda: source, {"lamp": lambda: lamp}, state_dir=tmp_path),
        {},
    )
    running = asyncio.create_task(daemon.run())
    await until(lambda: "inacall" in lamp.states)
    answer = await asyncio.to_thread(ask_daemon, tmp_path)
    assert answer is not None
    assert (answer["pid"], answer["state"]) == (os.getpid(), "inacall")
    daemon.stop()
    await asyncio.wait_for(running, 5)
    last = lamp.shown[-1]
    assert (last.is_last, last.state, last.light) == (True, state, light)
    assert last.knowledge.__class__.__name__ == "NotKnown"
    assert lamp.left == 1
    assert ask_daemon(tmp_path) is None


async def test_a_source_that_fails_begins_anew_and_the_reason_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("busylight.app.source_runner.full_jitter", lambda *_, **__: 0.0)
    source = Script(SourceError("no certificate"), KeyError("x"), CALL)
    lamp = Lamp()
    told: list[str | None] = []
    daemon = Daemon(
        _settings(),
        Wiring(
            lambda: source,
            {"lamp": lambda: lamp},
            watchers=[lambda view: told.append(view.diagnostics.last_error)],
        ),
        {"broken": "cannot be loaded"},
    )
    running = asyncio.create_task(daemon.run())
    await until(lambda: "inacall" in lamp.states)
    assert "no certificate" in told
    assert "the source failed: KeyError: 'x'" in told
    assert source.entered == 3
    daemon.hub.command(Refresh())
    assert source.refreshed == 1
    assert daemon.hub.view.diagnostics.outputs["broken"].error == "cannot be loaded"
    daemon.stop()
    await asyncio.wait_for(running, 5)


async def test_a_stop_while_an_output_is_failing_ends_at_once() -> None:
    lamp = Lamp()
    lamp.enter_error = OutputError("no such host")
    daemon = Daemon(_settings(), Wiring(Script, {"lamp": lambda: lamp}), {})
    running = asyncio.create_task(daemon.run())
    await until(lambda: lamp.entered >= 1)
    daemon.stop()
    await asyncio.wait_for(running, 2)


async def test_a_socket_in_a_deep_directory_answers_all_the_same(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 100) / ("e" * 100)
    deep.mkdir(parents=True)
    async with control_socket(deep, lambda: {"state": "busy"}):
        assert await asyncio.to_thread(ask_daemon, deep) == {"state": "busy"}
        assert (deep / "daemon.sock").stat().st_mode & 0o777 == 0o600
    assert not (deep / "daemon.sock").exists()


def test_a_socket_that_speaks_nonsense_is_no_daemon(tmp_path: Path) -> None:
    assert ask_daemon(tmp_path / "nowhere") is None


ENDS = Override(Mode.MANUAL, LightState(1, 2, 3), ends_at=1000.0)


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> Callable[[float, float, str], None]:
    def set_clocks(boottime: float, utc: float, boot: str) -> None:
        monkeypatch.setattr(remembered, "now", lambda: boottime)
        monkeypatch.setattr("time.time", lambda: utc)
        monkeypatch.setattr(remembered, "_boot_id", lambda: boot)

    return set_clocks


@pytest.mark.parametrize(
    ("boottime", "utc", "boot", "left"),
    [
        (500, 5500, "a", 500),  # restarted
        (500, 1, "a", 500),  # restarted, and the clock was set in between
        (1000, 6000, "a", None),  # ended
        (7, 5400, "b", 600),  # rebooted
        (7, 6000, "b", None),  # rebooted, ended
        (7, 1, "b", None),  # rebooted, and the clock is not right
    ],
)
def test_an_override_survives_until_its_end(
    at: Callable[[float, float, str], None],
    tmp_path: Path,
    boottime: float,
    utc: float,
    boot: str,
    left: float | None,
) -> None:
    at(400, 5400, "a")
    RememberedOverride(tmp_path).remember(ENDS)
    at(boottime, utc, boot)
    recalled = RememberedOverride(tmp_path).recall()
    if left is None:
        assert recalled is None
    else:
        assert recalled == Override(ENDS.mode, ENDS.light, boottime + left)


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remembered, "_LOOK_AT_CLOCK", 0.01)


@pytest.mark.usefixtures("hurried")
@pytest.mark.parametrize(
    ("utc_at_boot", "utc_then", "left"),
    [
        (1, 5500, 500),  # a Pi starts in the past
        (5400, 5500, 500),  # or where it was shut down
        (1, 6000, None),  # meanwhile it would have ended
        (5400, 6000, None),
    ],
)
async def test_after_a_reboot_it_is_what_the_clock_says_once_that_is_set(
    at: Callable[[float, float, str], None],
    tmp_path: Path,
    utc_at_boot: float,
    utc_then: float,
    left: float | None,
) -> None:
    at(400, 5400, "a")
    RememberedOverride(tmp_path).remember(ENDS)
    at(7, utc_at_boot, "b")
    memory = RememberedOverride(tmp_path)
    memory.recall()
    told: list[Override | None] = []
    memory.on_recalled = told.append
    task = asyncio.create_task(memory.run())
    await asyncio.sleep(0.05)
    assert told == []
    at(8, utc_then, "b")
    await until(lambda: bool(told))
    assert told == [None if left is None else Override(ENDS.mode, ENDS.light, 8 + left)]
    task.cancel()
    await asyncio.wait({task})


@pytest.mark.usefixtures("hurried")
async def test_after_a_reboot_what_is_asked_for_before_the_clock_is_set_wins(
    at: Callable[[float, float, str], None], tmp_path: Path
) -> None:
    at(400, 5400, "a")
    RememberedOverride(tmp_path).remember(ENDS)
    at(7, 1, "b")
    memory = RememberedOverride(tmp_path)
    memory.recall()
    told: list[Override | None] = []
    memory.on_recalled = told.append
    task = asyncio.create_task(memory.run())
    memory.note(Override(Mode.BUSY))
    at(8, 5500, "b")
    await until(lambda: memory.recall() == Override(Mode.BUSY))
    await asyncio.sleep(0.05)
    assert told == []
    task.cancel()
    await asyncio.wait({task})


def test_an_override_that_is_recalled_late_is_shown() -> None:
    hub = Hub(RULES)
    hub.recalled(Override(Mode.OFF))
    assert (hub.view.mode, hub.view.state) == (Mode.OFF, "off")
    hub.recalled(None)
    assert hub.view.mode is Mode.AUTO


async def test_only_the_newest_override_is_kept_and_the_last_one_even_at_the_end(
    tmp_path: Path,
) -> None:
    memory = RememberedOverride(tmp_path)
    task = asyncio.create_task(memory.run())
    memory.note(Override(Mode.BUSY))
    memory.note(Override(Mode.OFF))
    await until((tmp_path / "override.json").exists)
    assert memory.recall() == Override(Mode.OFF)
    memory.note(Override(Mode.AWAY))
    task.cancel()
    await asyncio.wait({task})
    assert memory.recall() == Override(Mode.AWAY)


@pytest.mark.parametrize("override", [Override(Mode.OFF), Override(Mode.OFF, ENDS.light)])
def test_an_override_without_end_survives_and_auto_forgets_it(
    tmp_path: Path, override: Override
) -> None:
    memory = RememberedOverride(tmp_path)
    memory.remember(override)
    assert memory.recall() == override
    memory.remember(None)
    assert memory.recall() is None


@pytest.mark.parametrize(
    "content",
    [
        "",
        "null",
        "[]",
        "{}",
        '{"mode":"auto"}',
        '{"mode":"manual"}',
        '{"mode":"off","light":[1]}',
        '{"mode":"busy","light":[1,2,3,4,"solid",null]}',
        '{"mode":"busy","ends":{"boot":"of before","boottime":9,"kept_at_utc":9e9}}',
        '{"mode":"busy","ends":{"boot":"x","boottime":1%s,"utc":9,"kept_at_utc":9}}' % ("0" * 400),
    ],
)
def test_an_override_that_cannot_be_read_is_said_and_forgotten(
    tmp_path: Path, content: str, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "override.json").write_text(content)
    assert RememberedOverride(tmp_path).recall() is None
    assert "is lost" in caplog.text


def test_a_card_that_cannot_be_written_costs_the_memory_only(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    RememberedOverride(tmp_path / "nowhere").remember(Override(Mode.OFF))
    assert "will not outlive a restart" in caplog.text


def test_the_sign_in_that_waits_is_in_the_view_document() -> None:
    hub = Hub(RULES)
    prompt = SignInPrompt(
        "https://microsoft.com/devicelogin", "ABCD", hub.view.diagnostics.started_at + 900
    )
    hub.heard(Trouble(Why.SIGNED_OUT, "sign in", prompt))
    assert hub.view.sign_in == prompt
    assert json.dumps(hub.view.state) == '"signin"'


def test_another_distribution_of_the_same_package_is_noticed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert clash() is None
    monkeypatch.setattr("busylight.app.clash.version", lambda _name: "0.40")
    found = clash()
    assert found is not None
    assert "busylight-for-humans 0.40 is installed" in found[0]
    assert "pip uninstall" in found[1]
