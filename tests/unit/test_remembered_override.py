"""What was asked for by hand survives a restart, and ends when it was to end."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from busylight.app import remembered
from busylight.app.remembered import RememberedOverride
from busylight.core.light import LightState
from busylight.core.override import Mode, Override
from tests.support.parts import until

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
