"""One output's trouble is its own, and it shows the newest view in its own way."""

import asyncio
from contextlib import suppress
from types import TracebackType
from typing import Self

import pytest

from busylight.app import output_runner
from busylight.app.hub import Hub
from busylight.app.output_runner import OutputRunner
from busylight.core.appearance import Appearance
from busylight.core.knowledge import Known, Reading
from busylight.core.light import parse_light
from busylight.core.override import Mode, SetMode
from busylight.core.palette import Palette
from busylight.core.presence import Presence
from busylight.core.rules import Rules
from busylight.core.view import PartHealth, PartState, View
from busylight.edge import lives
from busylight.parts import OutputError
from tests.support.parts import CALL, RULES, Ear, Lamp, Running, until


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(output_runner, "reconnect_delay", lambda _failures: 0.001)


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


async def test_each_connection_is_offered_the_view_that_an_earlier_one_took() -> None:
    lamp = Lamp()
    slot = Hub(RULES).slot()
    runner = OutputRunner(
        *("lamp", lambda: lamp, slot, lambda *_: None, lambda _command: None, 100, asyncio.Event())
    )  # whose health changes no view
    lamp.show_error = OutputError("the cable is loose")
    task = asyncio.create_task(runner.run())
    await until(lambda: lamp.left >= 3)
    lamp.show_error = None
    await until(lambda: lamp.states == ["unknown"])
    task.cancel()
    await asyncio.wait({task})


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


async def test_a_released_lamp_is_told_in_diagnostics() -> None:
    lamp = Lamp()
    async with Running(lamp) as running:
        running.hub._situation = running.hub._situation.__class__(
            Rules(Palette({"INACALL": None}), 60, "fake", "1"), started_at=0
        )
        running.hub.heard(CALL)
        await until(lambda: running.health == PartHealth(PartState.RELEASED))
        assert lamp.shown[-1].light is None
