"""Clocks, threads, tasks and files: what they promise when things go wrong."""

import asyncio
import contextlib
import os
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from busylight.edge import clock, lives, threads
from busylight.edge.clock import WallClock
from busylight.edge.current_part import PartEndedError
from busylight.edge.files import write_private
from busylight.edge.lives import Abandoned, Life, first_of
from busylight.edge.state_dir import (
    AlreadyRunningError,
    DaemonLock,
    StateDirError,
    daemon_runs,
    prepare,
)
from busylight.edge.threads import ABANDONED_LIMIT, TooManyHangError, Worker
from tests.month.virtual_time import VirtualClock, VirtualLoop
from tests.support.broker import eventually


async def test_a_blocking_call_runs_in_a_thread_of_its_own_and_returns_or_raises() -> None:
    worker = Worker("test")
    name = await worker.call(5, lambda: threading.current_thread().name)
    assert name == "test"
    with pytest.raises(KeyError):
        await worker.call(5, lambda: dict[str, int]()["x"])
    worker.close()


async def test_a_call_that_hangs_is_left_behind_and_the_next_one_gets_a_new_thread() -> None:
    worker, release = Worker("test"), threading.Event()
    with pytest.raises(TimeoutError):
        await worker.call(0.01, release.wait)
    assert await worker.call(5, lambda: 7) == 7
    release.set()
    worker.close()


async def test_a_worker_that_is_asked_for_nothing_keeps_no_thread(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(threads, "IDLE", 0.02)
    worker = Worker("rests")
    for _ in range(2):
        first = await worker.call(5, threading.current_thread)
        await eventually(lambda thread=first: not thread.is_alive())  # type: ignore[misc]  # a thread
    worker.close()


async def test_so_many_calls_hang_that_no_further_one_is_started() -> None:
    worker, release = Worker("test"), threading.Event()
    for _ in range(ABANDONED_LIMIT):
        with pytest.raises(TimeoutError):
            await worker.call(0.001, release.wait)
    with pytest.raises(TooManyHangError, match="still hang"):
        await worker.call(5, lambda: 7)
    release.set()
    while any(thread.name == "test" for thread in threading.enumerate()):
        await asyncio.sleep(0)
    assert await worker.call(5, lambda: 7) == 7
    worker.close()


async def test_a_cancelled_call_does_not_hold_up_the_next_one() -> None:
    worker, release = Worker("test"), threading.Event()
    call = asyncio.create_task(worker.call(60, release.wait))
    await asyncio.sleep(0)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert await worker.call(5, lambda: 7) == 7
    release.set()
    worker.close()


async def test_an_exit_in_a_thread_is_an_error_and_no_exit() -> None:
    def leave() -> None:
        raise SystemExit(3)

    worker = Worker("test")
    with pytest.raises(RuntimeError, match="SystemExit in a thread"):
        await worker.call(5, leave)
    worker.close()


def test_a_result_that_comes_after_the_loop_has_ended_is_dropped() -> None:
    release = threading.Event()

    async def main() -> None:
        worker = Worker("late")
        with pytest.raises(TimeoutError):
            await worker.call(0.01, release.wait)

    asyncio.run(main())
    release.set()
    deadline = time.monotonic() + 5
    while any(thread.name == "late" for thread in threading.enumerate()):
        assert time.monotonic() < deadline


async def test_a_life_that_swallows_its_end_is_left_behind_and_does_nothing_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lives, "GRACE", 0.01)
    release = asyncio.Event()
    went_on = False
    life = Life(goodbye=0.01)

    async def stubborn() -> None:
        nonlocal went_on
        async with life.within(0.01):
            while not release.is_set():
                try:
                    await release.wait()
                except asyncio.CancelledError:
                    continue
        went_on = True

    abandoned: Abandoned = set()
    with pytest.raises(TimeoutError, match=r"longer than 0\.01 s"):
        await life.run(stubborn, abandoned)
    (left,) = abandoned
    release.set()
    await asyncio.wait({left})
    assert not went_on
    assert not abandoned


async def test_a_life_raises_what_went_wrong_and_a_step_says_how_long_it_had() -> None:
    life = Life(goodbye=1)

    async def fail() -> None:
        raise KeyError("x")

    async def hang() -> None:
        async with life.within(0.01):
            await asyncio.Event().wait()

    with pytest.raises(KeyError):
        await life.run(fail, set())
    with pytest.raises(TimeoutError, match=r"longer than 0\.01 s"):
        await life.run(hang, set())


async def test_a_part_can_neither_end_the_program_nor_cancel_who_waits_for_it() -> None:
    async def leave() -> None:
        raise SystemExit(3)

    async def cancel_itself() -> None:
        raise asyncio.CancelledError

    with pytest.raises(PartEndedError, match="raised SystemExit"):
        await Life(1).run(leave, set())
    with pytest.raises(PartEndedError, match="cancelled itself"):
        await Life(1).run(cancel_itself, set())


async def test_who_ends_a_life_from_outside_waits_until_it_has_cleaned_up() -> None:
    began, ended = asyncio.Event(), asyncio.Event()

    async def wait() -> None:
        began.set()
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            ended.set()

    task = asyncio.create_task(Life(1).run(wait, set()))
    await began.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended.is_set()


def test_of_a_group_of_errors_the_one_that_tells_most_is_told() -> None:
    group = ExceptionGroup("", [ValueError("a"), ExceptionGroup("", [KeyError("b")])])
    assert isinstance(first_of(group, KeyError), KeyError)
    assert isinstance(first_of(group, OSError), ValueError)
    error = OSError()
    assert first_of(error) is error


@pytest.mark.skipif(not hasattr(time, "CLOCK_BOOTTIME"), reason="this system has no such clock")
def test_ages_go_by_the_clock_that_counts_through_suspend(monkeypatch: pytest.MonkeyPatch) -> None:
    # Where the machine was suspended for an hour, the clocks of the kernel differ by it.
    told = {time.CLOCK_BOOTTIME: 3700.0, time.CLOCK_MONOTONIC: 100.0}
    monkeypatch.setattr(time, "clock_gettime", told.__getitem__)
    assert clock.now() == 3700


async def test_a_sleep_ends_at_its_deadline_on_the_clock_that_counts_through_suspend(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    moments = iter([0.0, 3.0, 3600.0])  # the third look is after an hour of suspend
    monkeypatch.setattr(clock, "now", lambda: next(moments))
    monkeypatch.setattr(clock, "_LONGEST_NAP", 0)
    await clock.sleep_until(60)
    assert next(moments, None) is None


def _naps(*asked: tuple[float, float]) -> list[float]:
    """When each of several naps ends: each is begun at a moment, for so many seconds."""

    async def nap(begins: float, seconds: float) -> float:
        await asyncio.sleep(begins)
        assert not await clock.nap(clock.Bell(), seconds)
        return asyncio.get_running_loop().time() - started

    async def all_of_them() -> list[float]:
        return await asyncio.gather(*(nap(*each) for each in asked))

    with contextlib.closing(VirtualLoop(VirtualClock())) as loop:
        started = loop.time()
        return loop.run_until_complete(all_of_them())


def test_who_wakes_by_the_clock_wakes_all_who_have_napped_for_half_their_time() -> None:
    assert _naps((0, 5), (0, 7), (3, 4), (3, 9)) == pytest.approx([5, 5, 5, 12], abs=0.001)


def test_two_that_nap_as_often_wake_the_machine_once_for_both() -> None:
    wakes: list[float] = []

    async def look(first: float) -> None:
        await asyncio.sleep(first)
        loop = asyncio.get_running_loop()
        while loop.time() < 60:
            await clock.nap(clock.Bell(), 5)
            wakes.append(round(loop.time(), 2))

    async def both() -> None:
        await asyncio.gather(look(0), look(2.4))

    with contextlib.closing(VirtualLoop(VirtualClock())) as loop:
        loop.run_until_complete(both())
    assert len(wakes) > 20
    assert len(set(wakes)) <= len(wakes) / 2 + 1


async def test_what_is_waited_for_ends_a_nap_and_wakes_nobody_else() -> None:
    bell = clock.Bell()
    other = asyncio.create_task(clock.nap(clock.Bell(), 30))
    mine = asyncio.create_task(clock.nap(bell, 30))
    await asyncio.sleep(0)
    bell.ring()
    assert await mine
    assert await clock.nap(bell, 30)  # it rings on
    assert not other.done()
    other.cancel()
    with pytest.raises(asyncio.CancelledError):
        await other
    bell.silence()
    assert not await clock.nap(bell, 0)


def test_who_is_about_to_ring_for_the_others_lets_them_nap() -> None:
    ends: dict[str, float] = {}

    async def one(name: str, seconds: float, *, wakes_others: bool) -> None:
        assert not await clock.nap(clock.Bell(), seconds, wakes_others=wakes_others)
        ends[name] = asyncio.get_running_loop().time()

    async def both() -> None:
        await asyncio.gather(
            one("reads", 5, wakes_others=False), one("looks", 5.5, wakes_others=True)
        )

    with contextlib.closing(VirtualLoop(VirtualClock())) as loop:
        started = loop.time()
        loop.run_until_complete(both())
    assert ends["reads"] - started == pytest.approx(5, abs=0.001)
    assert ends["looks"] - started == pytest.approx(5.5, abs=0.001)


def test_a_date_once_told_does_not_wander_but_follows_a_clock_that_was_set(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    wall = [1000.0]
    monkeypatch.setattr(time, "time", lambda: wall[0])
    monkeypatch.setattr(clock, "now", lambda: 5.0)
    dates = WallClock()
    assert dates.utc(5) == datetime.fromtimestamp(1000, UTC)
    wall[0] = 1000.5
    assert dates.utc(5) == datetime.fromtimestamp(1000, UTC)
    wall[0] = 1_700_000_000.0
    assert dates.rfc3339(5) == "2023-11-14T22:13:20Z"
    assert dates.rfc3339(None) is None


def test_a_private_file_is_replaced_in_one_step_and_read_by_its_user_only(tmp_path: Path) -> None:
    path = tmp_path / "tokens"
    path.write_text("old")
    path.chmod(0o644)
    write_private(path, b"new")
    assert path.read_bytes() == b"new"
    assert path.stat().st_mode & 0o777 == 0o600
    assert [each.name for each in tmp_path.iterdir()] == ["tokens"]


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "tokens"
    path.write_text("old")

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_private(path, b"new")
    assert path.read_text() == "old"
    assert [each.name for each in tmp_path.iterdir()] == ["tokens"]


def test_what_a_power_cut_has_left_of_an_earlier_write_goes_with_the_next(tmp_path: Path) -> None:
    path, left = tmp_path / "tokens", tmp_path / ".tokens.a1b2c3d4"
    others = {tmp_path / ".tokens.of-now", tmp_path / ".other.a1b2c3d4", tmp_path / "tokens.lock"}
    for each in (left, *others):
        each.write_text("a token")
    hour_ago = time.time() - 3600
    for each in (left, tmp_path / ".other.a1b2c3d4", tmp_path / "tokens.lock"):
        os.utime(each, (hour_ago, hour_ago))
    write_private(path, b"new")
    assert set(tmp_path.iterdir()) == {path, *others}, "who is writing now is left alone"


def test_a_state_directory_is_made_private(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b"
    prepare(path)
    assert path.stat().st_mode & 0o777 == 0o700
    path.chmod(0o755)
    prepare(path)
    assert path.stat().st_mode & 0o777 == 0o700


def test_a_state_directory_that_cannot_be_one_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StateDirError, match="is not a directory"):
        prepare(tmp_path / "file")
    with pytest.raises(StateDirError, match="cannot be made"):
        prepare(tmp_path / "file" / "below")
    with pytest.raises(StateDirError, match=r"cannot be made|belongs to somebody else"):
        prepare(Path("/proc/nothing/here"))


def test_root_that_may_not_become_the_owner_is_told_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in a container that has no rights."""

    def refuse(_: list[int]) -> None:
        raise PermissionError(1, "Operation not permitted")

    if os.geteuid() == 0:
        os.chown(tmp_path, 12345, 12345)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(os, "setgroups", refuse)
    with pytest.raises(StateDirError, match="belongs to somebody else; run as its owner"):
        prepare(tmp_path)


def test_only_one_daemon_holds_a_state_directory(tmp_path: Path) -> None:
    assert not daemon_runs(tmp_path)
    with DaemonLock(tmp_path):
        assert daemon_runs(tmp_path)
        with pytest.raises(AlreadyRunningError, match="running already"), DaemonLock(tmp_path):
            pass
    assert not daemon_runs(tmp_path)


def test_root_becomes_the_owner_before_it_touches_anything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[tuple[str, object]] = []
    owner = tmp_path.stat()

    class Owned:
        st_uid, st_gid, st_mode = 4711, 4712, owner.st_mode

    real = Path.stat
    monkeypatch.setattr(
        Path, "stat", lambda self, **kw: Owned() if self == tmp_path else real(self, **kw)
    )
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    for name in ("setgroups", "setgid", "setuid"):
        monkeypatch.setattr(os, name, lambda value, name=name: calls.append((name, value)))
    prepare(tmp_path / "light")
    assert calls == [("setgroups", [4712]), ("setgid", 4712), ("setuid", 4711)]
