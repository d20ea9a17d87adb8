"""A loop that is blocked is seen by a thread, which ends the process."""

import _thread
import asyncio
import os
import select
import signal
import sys
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from busylight.app import blocked, daemon
from busylight.app import watch as watch_module
from busylight.app.daemon import Daemon, Wiring
from busylight.app.watch import Pace, Watch, part_in
from busylight.edge.current_part import PART
from busylight.edge.systemd import Supervisor
from tests.support.parts import Script, settings_of, until


@pytest.fixture
def exits() -> list[int]:
    return []


async def _block_in(part: str, until_true: Callable[[], object]) -> None:
    PART.set(part)
    deadline = time.monotonic() + 10
    while not until_true() and time.monotonic() < deadline:
        time.sleep(0.01)  # noqa: ASYNC251 -- it is what blocks


async def test_who_blocks_the_loop_is_named_remembered_and_shown_with_its_stack(
    tmp_path: Path, exits: list[int], capfd: pytest.CaptureFixture[str]
) -> None:
    with Watch(tmp_path, pace=Pace(0.05, 4), exit_now=exits.append) as watch:
        watch.beat()
        await asyncio.create_task(_block_in("output lamp", lambda: exits))
    assert exits == [1]
    assert blocked.recall(tmp_path) == blocked.Blocked("output lamp", 1)
    said = capfd.readouterr().err
    assert "output lamp has blocked everything for more than 0.2 s" in said
    assert "_block_in" in said


def test_a_slow_machine_may_load_as_long_as_it_takes_and_is_watched_from_then_on(
    exits: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(daemon, "Watch", partial(Watch, pace=Pace(0.05, 4), exit_now=exits.append))
    loaded_without = []

    class Loaded(Daemon):
        async def run(self) -> None:
            await _block_in("output lamp", lambda: exits)

    def load(supervisor: Supervisor, watch: Watch) -> Daemon:
        time.sleep(1.0)
        loaded_without.append(not exits)
        return Loaded(settings_of(), Wiring(Script, {}), {}, supervisor, watch)

    handlers = {
        each: signal.getsignal(each) for each in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
    }
    try:
        daemon.run_until_signalled(load)
    finally:
        for each, handler in handlers.items():
            signal.signal(each, handler)
    assert loaded_without == [True]
    assert exits == [1]


async def test_who_blocks_is_ended_even_where_no_thread_can_say_the_last_words(
    tmp_path: Path, exits: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise RuntimeError("can't start new thread")

    def hang(_thread: threading.Thread) -> None:
        raise AssertionError("where memory has run out it would hang")

    with Watch(tmp_path, pace=Pace(0.05, 4), exit_now=exits.append) as watch:
        monkeypatch.setattr(threading.Thread, "start", hang)
        monkeypatch.setattr(_thread, "start_new_thread", refuse)
        watch.beat()
        await asyncio.create_task(_block_in("output lamp", lambda: exits))
    assert exits == [1]


async def test_who_blocks_is_ended_though_memory_has_run_out(
    tmp_path: Path, exits: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    watch = Watch(tmp_path, pace=Pace(0.05, 4), exit_now=exits.append)
    real, failed = watch._timeout, [0]

    def fail_at_first(missed: int) -> float:
        failed[0] += 1
        if failed[0] <= 3:
            raise MemoryError
        return real(missed)

    def fail(*_: object) -> str:
        raise MemoryError

    monkeypatch.setattr(watch, "_timeout", fail_at_first)
    monkeypatch.setattr(watch_module, "redact", fail)
    with watch:
        watch.beat()
        await asyncio.create_task(_block_in("output lamp", lambda: exits))
    assert exits == [1]
    assert failed[0] > 3


async def test_a_loop_that_goes_round_is_left_alone(tmp_path: Path, exits: list[int]) -> None:
    with Watch(tmp_path, pace=Pace(0.02, 50), exit_now=exits.append) as watch:
        for _ in range(150):
            watch.beat()
            await asyncio.sleep(0.01)
    assert exits == []
    assert blocked.recall(tmp_path) is None


async def test_while_all_is_well_it_looks_but_rarely(
    tmp_path: Path, exits: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[float] = []
    select_of_os = select.select

    def counted(*args: Any) -> Any:
        looks.append(time.monotonic())
        return select_of_os(*args)

    monkeypatch.setattr("busylight.app.watch.select.select", counted)
    with Watch(tmp_path, pace=Pace(0.1, 4), exit_now=exits.append) as watch:
        for _ in range(20):
            watch.beat()
            await asyncio.sleep(0.05)
    assert len(looks) <= 8  # with every tick it would be ten and more
    assert exits == []


async def test_a_process_that_was_stopped_has_not_hung(
    tmp_path: Path, exits: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    stopped = threading.Event()
    select_of_os = select.select
    lates: list[bool] = []

    def late(*args: Any) -> Any:
        ready = select_of_os(*args)
        if not stopped.is_set():
            time.sleep(0.2)  # as if the whole process had stood still
            lates.append(True)
        return ready

    monkeypatch.setattr("busylight.app.watch.select.select", late)

    def until_many_looks() -> None:
        ends = time.monotonic() + 30
        while len(lates) < 8 and time.monotonic() < ends:
            time.sleep(0.01)

    with Watch(tmp_path, pace=Pace(0.02, 3), exit_now=exits.append):
        until_many_looks()  # which blocks the loop, but the watch was held up as well
        assert exits == []
        stopped.set()
        await asyncio.create_task(_block_in("output lamp", lambda: exits))
    assert exits == [1]


async def test_the_part_is_that_of_callbacks_and_timers_too() -> None:
    found: list[str | None] = []

    async def start() -> None:
        PART.set("source")
        asyncio.get_running_loop().call_soon(lambda: found.append(part_in(sys._getframe())))

    await asyncio.create_task(start())
    await asyncio.sleep(0)
    assert found == ["source"]
    assert part_in(sys._getframe()) is None


async def test_a_signal_ends_the_process_though_the_loop_be_blocked(
    tmp_path: Path, exits: list[int]
) -> None:
    before = signal.signal(signal.SIGTERM, lambda *_: None)
    try:
        with Watch(tmp_path, pace=Pace(5.0, 4, last_resort=0.1), exit_now=exits.append):
            os.kill(os.getpid(), signal.SIGTERM)
            await asyncio.create_task(_block_in("output lamp", lambda: exits))
    finally:
        signal.signal(signal.SIGTERM, before)
    assert exits == [0]


async def test_after_a_signal_the_process_ends_though_a_thread_outlives_the_loop(
    tmp_path: Path, exits: list[int]
) -> None:
    before = signal.signal(signal.SIGTERM, lambda *_: None)
    try:
        with Watch(tmp_path, pace=Pace(5.0, 4, last_resort=0.1), exit_now=exits.append):
            os.kill(os.getpid(), signal.SIGTERM)
    finally:
        signal.signal(signal.SIGTERM, before)
    await until(lambda: exits == [0])


def _descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_the_watching_thread_ends_with_what_it_watches(tmp_path: Path) -> None:
    before = threading.active_count()
    descriptors = _descriptors()
    with Watch(tmp_path):
        assert threading.active_count() == before + 1
    assert threading.active_count() == before
    assert _descriptors() == descriptors
