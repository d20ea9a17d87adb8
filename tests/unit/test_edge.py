"""Clocks, threads, tasks and files: what they promise when things go wrong."""

import asyncio
import gc
import os
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from busylight.edge import clock, tasks
from busylight.edge.clock import WallClock
from busylight.edge.files import write_private
from busylight.edge.state_dir import (
    AlreadyRunningError,
    DaemonLock,
    StateDirError,
    daemon_runs,
    prepare,
)
from busylight.edge.tasks import PartEndedError, bounded, first_to_end
from busylight.edge.threads import ABANDONED_LIMIT, TooManyHangError, Worker


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


async def test_a_bounded_await_ends_though_the_code_swallows_its_cancellation(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tasks, "_GRACE", 0.01)
    release = asyncio.Event()

    async def stubborn() -> None:
        while not release.is_set():
            try:
                await release.wait()
            except asyncio.CancelledError:
                continue

    with pytest.raises(TimeoutError, match=r"longer than 0\.01 s"):
        await bounded(0.01, stubborn())
    release.set()


async def test_a_bounded_await_returns_and_raises_as_if_it_were_not_bounded() -> None:
    async def seven() -> int:
        return 7

    async def fail() -> None:
        raise KeyError("x")

    assert await bounded(5, seven()) == 7
    with pytest.raises(KeyError):
        await bounded(5, fail())


async def test_awaited_code_can_neither_end_the_program_nor_cancel_who_awaits_it() -> None:
    async def leave() -> None:
        raise SystemExit(3)

    async def cancel_itself() -> None:
        raise asyncio.CancelledError

    with pytest.raises(PartEndedError, match="raised SystemExit"):
        await bounded(5, leave())
    with pytest.raises(PartEndedError, match="cancelled itself"):
        await bounded(5, cancel_itself())


async def test_a_cancelled_bounded_await_cancels_what_it_awaits() -> None:
    began, ended = asyncio.Event(), asyncio.Event()

    async def wait() -> None:
        began.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    task = asyncio.create_task(bounded(60, wait()))
    await began.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended.is_set()


async def test_of_several_the_first_to_end_ends_the_others() -> None:
    ended = asyncio.Event()

    async def forever() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    async def fail() -> None:
        raise KeyError("x")

    with pytest.raises(KeyError):
        await first_to_end(forever(), fail())
    assert ended.is_set()


async def test_of_two_that_fail_together_nothing_is_left_to_complain_of() -> None:
    complaints: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, told: complaints.append(told))

    async def fail() -> None:
        raise KeyError("x")

    with pytest.raises(KeyError):
        await first_to_end(fail(), fail())
    gc.collect()
    await asyncio.sleep(0)
    assert complaints == []


async def test_a_sleep_ends_at_its_deadline_on_the_clock_that_counts_through_suspend(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    moments = iter([0.0, 3.0, 3600.0])  # the third look is after an hour of suspend
    monkeypatch.setattr(clock, "now", lambda: next(moments))
    monkeypatch.setattr(clock, "_LONGEST_NAP", 0)
    await clock.sleep_until(60)
    assert next(moments, None) is None


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
