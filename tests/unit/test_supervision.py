"""The program is told on by systemd's protocol, and ended by a thread when its loop is blocked."""

import _thread
import asyncio
import os
import select
import signal
import socket
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any, Self

import pytest

from busylight.app import blocked, daemon, last_in_line, source_runner
from busylight.app import watch as watch_module
from busylight.app.daemon import Daemon, Wiring
from busylight.app.hub import Hub
from busylight.app.output_runner import OutputRunner
from busylight.app.source_runner import SourceRunner
from busylight.app.watch import Pace, Watch, part_in
from busylight.core.knowledge import Reading, Trouble, Why
from busylight.core.presence import Presence
from busylight.core.reader import Peers, Role
from busylight.core.view import PartHealth, PartState
from busylight.edge.current_part import PART, PartEndedError, leaving_nothing, note_owners
from busylight.edge.systemd import Supervisor
from busylight.parts import Output
from tests.support.parts import CALL, RULES, Lamp, Script, settings_of, until

# -- systemd ----------------------------------------------------------------------------------


class Manager:
    """systemd's end of the socket."""

    def __init__(self, address: str) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(address)
        self._socket.setblocking(False)
        self.heard: list[tuple[float, str]] = []

    def listen(self) -> list[str]:
        while True:
            try:
                self.heard.append((time.monotonic(), self._socket.recv(4096).decode()))
            except BlockingIOError:
                return [text for _, text in self.heard]

    def close(self) -> None:
        self._socket.close()


@pytest.mark.parametrize("kind", ["file", "abstract"])
def test_each_word_is_a_datagram(tmp_path: Path, kind: str) -> None:
    path = f"@busylight-{os.getpid()}" if kind == "abstract" else str(tmp_path / "notify")
    manager = Manager(path.replace("@", "\0"))
    told = Supervisor({"NOTIFY_SOCKET": path, "WATCHDOG_USEC": "3000000"})
    told.ready()
    told.alive()
    told.stopping()
    assert manager.listen() == ["READY=1", "WATCHDOG=1", "STOPPING=1"]
    assert told.watchdog == 3.0
    manager.close()


def test_without_a_manager_nothing_is_said_and_one_that_has_gone_is_no_fault(
    tmp_path: Path,
) -> None:
    Supervisor({}).ready()
    gone = Supervisor({"NOTIFY_SOCKET": str(tmp_path / "gone"), "WATCHDOG_USEC": "junk"})
    gone.ready()
    assert gone.watchdog is None


def test_a_watchdog_of_another_process_is_not_ours() -> None:
    assert Supervisor({"WATCHDOG_USEC": "1000000", "WATCHDOG_PID": "1"}).watchdog is None
    mine = {"WATCHDOG_USEC": "1000000", "WATCHDOG_PID": str(os.getpid())}
    assert Supervisor(mine).watchdog == 1.0


async def test_ready_comes_though_nothing_else_is_well_and_the_watchdog_is_fed_twice_in_its_time(
    tmp_path: Path,
) -> None:
    manager = Manager(str(tmp_path / "notify"))
    supervisor = Supervisor(
        {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": str(400_000)}
    )
    lamp = Lamp()
    lamp.enter_error = OSError("nobody there")
    wiring = Wiring(lambda: Script(OSError("no network")), {"lamp": lambda: lamp})
    program = Daemon(settings_of(), wiring, {}, supervisor)
    running = asyncio.create_task(program.run())
    await until(lambda: manager.listen().count("WATCHDOG=1") >= 8)
    program.stop()
    await asyncio.wait_for(running, 5)
    assert manager.listen()[0] == "READY=1"
    assert "STOPPING=1" in manager.listen()
    fed = [moment for moment, text in manager.heard if text == "WATCHDOG=1"]
    gaps = sorted(after - before for before, after in pairwise(fed))
    assert gaps[len(gaps) // 2] <= 0.2
    manager.close()


# -- A loop that is blocked -------------------------------------------------------------------


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


def test_each_time_in_a_row_the_part_waits_longer_and_never_over_an_hour(tmp_path: Path) -> None:
    waits = []
    for _ in range(6):
        blocked.remember(tmp_path, "source")
        found = blocked.recall(tmp_path)
        assert found is not None
        waits.append(found.wait)
    assert waits == [0, 60, 240, 960, 3600, 3600]
    blocked.remember(tmp_path, "output lamp")
    assert blocked.recall(tmp_path) == blocked.Blocked("output lamp", 1)
    blocked.forget(tmp_path)
    assert blocked.recall(tmp_path) is None


@pytest.mark.parametrize("content", [b"", b"null", b"[]", b'{"part":1,"times":1}', b'{"part":"x"}'])
def test_a_memory_that_cannot_be_read_blames_nobody(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "blocked.json").write_bytes(content)
    assert blocked.recall(tmp_path) is None


async def test_who_has_blocked_begins_last_is_named_and_forgiven_in_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(last_in_line, "WELL_AGAIN", 0.1)
    blocked.remember(tmp_path, "output lamp")
    order: list[str] = []

    class Noted(Lamp):
        def __init__(self, name: str) -> None:
            super().__init__()
            order.append(name)

    source = Script(CALL)
    made: dict[str, Callable[[], Output]] = {
        "lamp": lambda: Noted("lamp"),
        "strip": lambda: Noted("strip"),
    }
    program = Daemon(settings_of(), Wiring(lambda: source, made, state_dir=tmp_path), {})
    running = asyncio.create_task(program.run())
    await until(lambda: "lamp" in order)
    assert order == ["strip", "lamp"]
    diagnostics = program.hub.view.diagnostics
    assert diagnostics.blocked is not None
    assert "output lamp has blocked the whole program" in diagnostics.blocked
    assert diagnostics.faults["lamp"] == 1
    await until(lambda: not (tmp_path / "blocked.json").exists())
    program.stop()
    await asyncio.wait_for(running, 5)


async def test_a_source_that_has_blocked_begins_when_all_lights_say_that_nothing_is_known(
    tmp_path: Path,
) -> None:
    blocked.remember(tmp_path, "source")
    lamp = Lamp()
    shown: list[int] = []

    def make() -> Script:
        shown.append(len(lamp.shown))
        return Script(CALL)

    program = Daemon(settings_of(), Wiring(make, {"lamp": lambda: lamp}, state_dir=tmp_path), {})
    running = asyncio.create_task(program.run())
    await until(lambda: "inacall" in lamp.states)
    assert shown[0] >= 1
    assert lamp.states[0] == "unknown"
    program.stop()
    await asyncio.wait_for(running, 5)


async def test_what_follows_the_other_reader_begins_last_and_is_forgiven_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(last_in_line, "WELL_AGAIN", 0.1)
    blocked.remember(tmp_path, "other reader")
    order: list[str] = []
    lamp = Lamp()

    def named(name: str) -> Callable[[], Script]:
        def make() -> Script:
            order.append(f"{name} after {len(lamp.shown)}")
            return Script(CALL)

        return make

    wiring = Wiring(named("own"), {"lamp": lambda: lamp}, tmp_path, make_followed=named("followed"))
    settings = settings_of().model_copy(update={"reader": Role.SPARE})
    program = Daemon(settings, wiring, {})
    program.hub.command(Peers(True, True, True, Role.PRIMARY))
    running = asyncio.create_task(program.run())
    await until(lambda: "inacall" in lamp.states)
    assert order == ["followed after 1"]
    assert program.hub.view.diagnostics.blocked is not None
    assert "other reader has blocked the whole program" in program.hub.view.diagnostics.blocked
    await until(lambda: not (tmp_path / "blocked.json").exists())
    program.stop()
    await asyncio.wait_for(running, 5)


# -- What a part leaves behind, and what it may say -------------------------------------------


async def test_tasks_that_an_output_leaves_behind_are_ended_with_it() -> None:
    note_owners(asyncio.get_running_loop())
    left: list[asyncio.Task[None]] = []

    class Leaky(Lamp):
        async def show(self, _view: object) -> None:
            left.append(asyncio.create_task(asyncio.sleep(1000)))
            raise OSError("broken")

    stopping = asyncio.Event()
    told: list[PartHealth] = []
    hub = Hub(RULES)
    runner = OutputRunner(
        "leaky",
        Leaky,
        hub.slot(),
        lambda _name, health: told.append(health),
        hub.command,
        100,
        stopping,
    )
    task = asyncio.create_task(runner.run())
    await until(lambda: any(health.state is PartState.FAILED for health in told))
    await until(lambda: bool(left) and left[0].done())
    assert left[0].cancelled()
    stopping.set()
    await asyncio.wait_for(task, 5)


async def test_what_another_part_or_the_program_runs_is_left_alone() -> None:
    note_owners(asyncio.get_running_loop())
    mine = asyncio.create_task(asyncio.sleep(1000))

    async def part(name: str) -> asyncio.Task[None]:
        PART.set(name)
        return asyncio.create_task(asyncio.sleep(1000))

    other = await asyncio.create_task(part("output b"))

    async def leaky() -> asyncio.Task[None]:
        PART.set("output a")
        async with leaving_nothing():
            return asyncio.create_task(asyncio.sleep(1000))

    ended = await asyncio.create_task(leaky())
    await asyncio.wait({ended})
    assert ended.cancelled()
    assert not mine.done()
    assert not other.done()
    mine.cancel()
    other.cancel()


async def test_a_task_of_a_part_that_calls_for_an_exit_ends_itself_and_not_the_program() -> None:
    note_owners(asyncio.get_running_loop())

    async def leave() -> None:
        await asyncio.sleep(0)
        raise SystemExit(3)

    async def part() -> asyncio.Task[None]:
        PART.set("output a")
        return asyncio.create_task(leave())

    task = await asyncio.create_task(part())
    await asyncio.wait({task})
    with pytest.raises(PartEndedError, match="raised SystemExit"):
        task.result()


class Odd:
    """A source that a test can make say or do anything."""

    def __init__(self, *said: object, error: BaseException | None = None) -> None:
        self._said = said
        self._error = error

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        pass

    def refresh(self) -> None:
        raise KeyError("refresh")

    async def readings(self) -> AsyncIterator[object]:
        for answer in self._said:
            yield answer
        if self._error is not None:
            raise self._error
        await asyncio.Event().wait()


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (Odd("Busy"), "says something that is no reading: str"),
        (Odd(Reading({"a": "Busy"}, {})), "no reading: Reading"),  # type: ignore[dict-item]
        (Odd(Reading({"a": Presence("Busy", None)}, {})), "no reading"),  # type: ignore[arg-type]
        (Odd(Trouble("junk", "x")), "no reading: Trouble"),  # type: ignore[arg-type]
        (Odd(Trouble(Why.STALE, b"x")), "no reading: Trouble"),  # type: ignore[arg-type]
        (Odd(error=SystemExit(3)), "raised SystemExit"),
        (Odd(error=KeyboardInterrupt()), "raised KeyboardInterrupt"),
        (Odd(error=asyncio.CancelledError()), "cancelled itself"),
        (Odd(error=RecursionError("deep")), "RecursionError"),
        (Odd(), "has said nothing for 0.02 s"),
    ],
    ids=[
        "a word",
        "a word as presence",
        "half a presence",
        "no reason",
        "bytes",
        "an exit",
        "Ctrl-C",
        "a cancellation",
        "too deep",
        "silence",
    ],
)
async def test_whatever_a_source_does_is_its_own_fault_and_it_is_begun_anew(
    monkeypatch: pytest.MonkeyPatch, source: Odd, words: str
) -> None:
    monkeypatch.setattr(source_runner, "SLACK", 0.01)
    monkeypatch.setattr(source_runner, "full_jitter", lambda *_, **__: 0.0)
    made: list[int] = []
    heard: list[object] = []

    def make() -> Odd:
        made.append(1)
        return source

    runner = SourceRunner(make, heard.append, stale_after=0.01)  # type: ignore[arg-type]  # odd on purpose
    task = asyncio.create_task(runner.run())
    await until(lambda: len(made) >= 3)
    runner.refresh()
    task.cancel()
    await asyncio.wait({task})
    assert any(isinstance(each, Trouble) and words in each.detail for each in heard), heard


async def test_a_source_that_says_how_long_it_may_be_silent_is_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(source_runner, "SLACK", 0.01)
    source = Odd()
    source.may_be_silent = 1000.0  # type: ignore[attr-defined]
    heard: list[object] = []
    runner = SourceRunner(lambda: source, heard.append, stale_after=0.01)  # type: ignore[arg-type, return-value]
    task = asyncio.create_task(runner.run())
    done, _ = await asyncio.wait({task}, timeout=0.2)
    assert not done
    assert heard == []
    task.cancel()
    await asyncio.wait({task})


def _descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_the_watching_thread_ends_with_what_it_watches(tmp_path: Path) -> None:
    before = threading.active_count()
    descriptors = _descriptors()
    with Watch(tmp_path):
        assert threading.active_count() == before + 1
    assert threading.active_count() == before
    assert _descriptors() == descriptors
