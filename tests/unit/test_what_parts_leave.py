"""What a part leaves behind, and what it may say."""

import asyncio
from collections.abc import AsyncIterator
from typing import Self

import pytest

from busylight.app import source_runner
from busylight.app.hub import Hub
from busylight.app.output_runner import OutputRunner
from busylight.app.source_runner import SourceRunner
from busylight.core.knowledge import Reading, Trouble, Why
from busylight.core.presence import Presence
from busylight.core.view import PartHealth, PartState
from busylight.edge.current_part import PART, PartEndedError, leaving_nothing, note_owners
from tests.support.parts import RULES, Lamp, until


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
