"""The system lets us start no further thread: nobody falls over it, and it passes."""

import asyncio
import logging
import os
import threading
from pathlib import Path

import pytest

from busylight.app.remembered import RememberedOverride
from busylight.core.override import Mode, Override
from busylight.edge.calm_log import CalmHandler
from busylight.edge.speaker import Speaker
from busylight.edge.threads import NoThreadError, Worker
from busylight.outputs.serial.line import Line, PortError
from tests.support.parts import until


def _refuse(_thread: threading.Thread) -> None:
    raise RuntimeError("can't start new thread")


async def test_a_blocking_call_fails_by_name_and_works_when_there_are_threads_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    worker = Worker("test")
    with monkeypatch.context() as scarce:
        scarce.setattr(threading.Thread, "start", _refuse)
        with pytest.raises(NoThreadError, match="limit of threads"):
            await worker.call(5, lambda: 7)
    assert await worker.call(5, lambda: 7) == 7
    worker.close()


async def test_a_port_says_that_it_cannot_be_opened_now(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(threading.Thread, "start", _refuse)
    with pytest.raises(PortError, match="cannot be opened now: can't start new thread"):
        await Line.open(str(tmp_path), 115_200)


async def test_an_override_that_cannot_be_kept_is_said_and_the_next_one_is_kept(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    memory = RememberedOverride(tmp_path)
    task = asyncio.create_task(memory.run())
    with monkeypatch.context() as scarce:
        scarce.setattr(threading.Thread, "start", _refuse)
        memory.note(Override(Mode.BUSY))
        await until(lambda: "limit of threads" in caplog.text or task.done())
    assert not task.done(), "the program would have ended"
    memory.note(Override(Mode.AWAY))
    await until(lambda: RememberedOverride(tmp_path).recall() == Override(Mode.AWAY))
    task.cancel()
    await asyncio.wait({task})


def test_a_line_that_nobody_could_write_comes_with_the_next_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reading, writing = os.pipe()
    speaker = Speaker(writing)
    with monkeypatch.context() as scarce:
        scarce.setattr(threading.Thread, "start", _refuse)
        speaker.say("one")
    speaker.say("two")
    speaker.flush()
    assert os.read(reading, 1000) == b"one\ntwo\n"
    os.close(reading)
    os.close(writing)


def test_a_line_that_is_counted_is_told_though_no_timer_could_be_started_at_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    written: list[str] = []
    behind = logging.Handler()
    behind.emit = lambda record: written.append(record.getMessage())  # type: ignore[method-assign]  # a handler in one line
    calm = CalmHandler(behind)
    record = logging.LogRecord("x", logging.WARNING, "", 0, "again", None, None)
    with monkeypatch.context() as scarce:
        scarce.setattr(threading.Thread, "start", _refuse)
        for _ in range(3):
            calm.handle(record)
    before = set(threading.enumerate())  # not how many: one of somebody else's may end meanwhile
    calm.handle(record)
    assert set(threading.enumerate()) - before, "nobody would ever tell what was counted"
    calm.close()
    assert written == ["again", "3 more from x, the last: again"]
