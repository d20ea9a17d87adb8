"""Whatever a plugin raises or says, however odd: it is that plugin's fault, and nobody else's."""

import asyncio
import math
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Self

import pytest

from busylight.app import output_runner, source_runner
from busylight.app.checked import checked_answer, checked_command
from busylight.app.hub import Hub
from busylight.app.output_runner import OutputRunner
from busylight.app.raised import LONGEST, seconds_of, told
from busylight.app.source_runner import SourceRunner
from busylight.core.knowledge import Reading, SignInPrompt, Trouble, Why
from busylight.core.light import Effect, LightState
from busylight.core.override import (
    Mode,
    Override,
    Press,
    Pressed,
    Refresh,
    SetLight,
    SetMode,
    Walk,
)
from busylight.core.palette import Palette
from busylight.core.preferred_presence import PreferredHealth, PreferredState
from busylight.core.presence import Presence
from busylight.core.reader import BROKER, Good, Peers, Role, Shared, Written
from busylight.core.rules import Rules
from busylight.core.view import PartHealth, View
from busylight.edge import clock
from busylight.parts import OutputError, SourceError

RULES = Rules(Palette(), stale_after=60, source="fake", version="1")
CALL = Presence("Busy", "InACall")


class Unsayable(Exception):  # noqa: N818 -- as a plugin might call it
    def __str__(self) -> str:
        raise KeyError("str")


class OwnExit(BaseException):
    """As trio, pytest and gevent have them."""


class OddPatience(OutputError):  # noqa: N818 -- the same
    retry_after = "soon"
    retry_within = math.nan


class NoPatience(OutputError):  # noqa: N818 -- the same
    @property
    def retry_after(self) -> float:
        raise OwnExit


ODD = [
    (Unsayable(), "Unsayable: says nothing that could be read"),
    (OwnExit(), "PartEndedError: raised OwnExit"),
    (GeneratorExit(), "PartEndedError: raised GeneratorExit"),
    (BaseExceptionGroup("two", [OwnExit(), OwnExit()]), "PartEndedError: raised OwnExit"),
    (BaseExceptionGroup("two", [OwnExit(), ValueError("it")]), "PartEndedError: raised OwnExit"),
    (OddPatience("not now"), "not now"),
    (NoPatience("not ever"), "not ever"),
    (ValueError("a\nforged\x1b[31m line\udcff"), "ValueError: a forged [31m line"),
]
IDS = [type(error).__name__ + str(number) for number, (error, _) in enumerate(ODD)]


class Lamp:
    def __init__(self, error: BaseException | None) -> None:
        self.error = error
        self.states: list[str] = []

    async def __aenter__(self) -> Self:
        return self

    async def show(self, view: View) -> None:
        if self.error is not None:
            raise self.error
        self.states.append(view.state)

    async def __aexit__(self, *_: object) -> None:
        if self.error is not None:
            raise self.error


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.001)


@pytest.mark.parametrize(("error", "words"), ODD, ids=IDS)
async def test_an_output_that_raises_something_odd_is_begun_anew_and_works_when_it_is_well(
    monkeypatch: pytest.MonkeyPatch, error: BaseException, words: str
) -> None:
    monkeypatch.setattr(output_runner, "reconnect_delay", lambda _failures: 0.001)
    hub, lamp = Hub(RULES), Lamp(error)
    runner = OutputRunner(
        "lamp",
        lambda: lamp,  # type: ignore[arg-type, return-value]  # odd on purpose
        hub.slot(),
        hub.health,
        hub.command,
        100,
        asyncio.Event(),
    )
    task = asyncio.create_task(runner.run())

    def error_told() -> str | None:
        health = hub.view.diagnostics.outputs.get("lamp")
        return None if health is None else health.error

    try:
        await until(lambda: task.done() or error_told() is not None)
        assert not task.done(), "the program would have ended"
        assert error_told() == words
        lamp.error = None
        await until(lambda: task.done() or lamp.states == ["unknown"])
        assert not task.done(), "the program would have ended"
    finally:
        task.cancel()
        await asyncio.wait({task})


class Odd:
    """A source that says something, and then raises something."""

    def __init__(self, *said: object, error: BaseException | None = None) -> None:
        self._said = said
        self._error = error

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._error is not None:
            raise self._error

    async def readings(self) -> AsyncIterator[object]:
        for answer in self._said:
            yield answer
        if self._error is not None:
            raise self._error
        await asyncio.Event().wait()


async def _fails(source: Odd, monkeypatch: pytest.MonkeyPatch) -> str:
    """What the hub tells of a source that fails again and again, and of no other trouble."""
    monkeypatch.setattr(source_runner, "full_jitter", lambda *_, **__: 0.0)
    hub = Hub(RULES)
    runner = SourceRunner(lambda: source, hub.heard)  # type: ignore[arg-type, return-value]  # odd
    tasks = {asyncio.create_task(runner.run()), asyncio.create_task(hub.run())}
    try:
        await until(
            lambda: (
                any(task.done() for task in tasks)
                or hub.view.diagnostics.faults.get("source", 0) >= 3
            )
        )
        assert not any(task.done() for task in tasks), "the program would have ended"
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
    return hub.view.diagnostics.last_error or ""


@pytest.mark.parametrize(("error", "words"), ODD, ids=IDS)
async def test_a_source_that_raises_something_odd_is_begun_anew(
    monkeypatch: pytest.MonkeyPatch, error: BaseException, words: str
) -> None:
    assert words in await _fails(Odd(error=error), monkeypatch)


PROMPT = SignInPrompt("https://x", "ABC", 9.0)


@pytest.mark.parametrize(
    "answer",
    [
        Trouble(Why.SIGNED_OUT, "x", sign_in="ABC"),  # type: ignore[arg-type]  # odd on purpose, all of them
        Trouble(Why.SIGNED_OUT, "x", sign_in=replace(PROMPT, expires_at=math.nan)),
        Trouble(Why.SIGNED_OUT, "x", sign_in=replace(PROMPT, code=None)),  # type: ignore[arg-type]
        Trouble(Why.SIGNED_OUT, "x", sign_in=replace(PROMPT, url="x" * 100_000)),
        Reading({"a": replace(CALL, status_message=b"x")}, {}),  # type: ignore[arg-type]
        Reading({"a": replace(CALL, status_message="x" * 100_000)}, {}),
        Reading({"a": replace(CALL, user=7)}, {}),  # type: ignore[arg-type]
        Reading({"a": Presence("B" * 100_000, "InACall")}, {}),
        Reading({"a": Presence("", "InACall")}, {}),
        Reading({"a": CALL}, {}, account=object()),  # type: ignore[arg-type]
        Reading({"a": CALL}, {}, slowed_to=math.inf),
        Reading({"a": CALL}, {}, slowed_to=math.nan),
        Reading({"a": CALL}, {}, slowed_to=-1.0),
        Reading({"a": CALL}, {}, slowed_to="60"),  # type: ignore[arg-type]
        Reading({"a": CALL}, {"b": "gone"}),  # type: ignore[dict-item]
        Reading({7: CALL}, {}),  # type: ignore[dict-item]
        Reading(None, {}),  # type: ignore[arg-type]
    ],
    ids=range(17),
)
async def test_what_a_source_says_amiss_poisons_nothing(
    monkeypatch: pytest.MonkeyPatch, answer: object
) -> None:
    assert await _fails(Odd(answer), monkeypatch)


@pytest.mark.parametrize(
    "answer",
    [
        Reading({"a": CALL}, {"b": Trouble(Why.STARTING, "x")}, "adele", 60.0),
        Reading({"a": replace(CALL, status_message="back at two", user="Adele")}, {}),
        Reading({}, {}),
        Trouble(Why.SIGNED_OUT, "x", PROMPT),
    ],
    ids=range(4),
)
def test_what_a_source_may_say_is_believed(answer: object) -> None:
    assert checked_answer(answer) is answer


def test_what_is_no_answer_at_all_is_an_error_of_the_source() -> None:
    with pytest.raises(SourceError, match="no reading: int"):
        checked_answer(7)


@pytest.mark.parametrize(
    "command",
    [
        "busy",
        None,
        SetMode("busy"),  # type: ignore[arg-type]  # odd on purpose, all of them
        SetMode(Mode.BUSY, math.nan),  # type: ignore[arg-type]
        SetMode(Mode.BUSY, "60"),  # type: ignore[arg-type]
        SetMode(Mode.BUSY, seconds=0),
        SetMode(Mode.BUSY, 10**9),
        SetLight(on="yes"),  # type: ignore[arg-type]
        SetLight(rgb=(256, 0, 0)),
        SetLight(rgb=(1.5, 0, 0)),  # type: ignore[arg-type]
        SetLight(rgb=(True, 0, 0)),
        SetLight(rgb=(1, 2)),  # type: ignore[arg-type]
        SetLight(rgb=[1, 2, 3]),  # type: ignore[arg-type]
        SetLight(brightness=-1),
        SetLight(effect="blink"),  # type: ignore[arg-type]
        Pressed("press"),  # type: ignore[arg-type]
        Walk("on"),  # type: ignore[arg-type]
    ],
    ids=range(17),
)
def test_what_an_output_asks_for_amiss_is_its_own_error(command: object) -> None:
    with pytest.raises(OutputError, match="no command"):
        checked_command(command)


@pytest.mark.parametrize(
    "command",
    [
        SetMode(Mode.AUTO),
        SetMode(Mode.BUSY, 1500),
        SetLight(on=True),
        SetLight(False, (0, 128, 255), 0, Effect.PULSE),
        Pressed(Press.LONG),
        Refresh(),
        Walk(),
        Walk(on=False),
    ],
    ids=range(8),
)
def test_what_an_output_may_ask_for_is_passed_on(command: object) -> None:
    assert checked_command(command) is command


NOW = clock.now()


@pytest.mark.parametrize(
    "news",
    [
        Shared(Override("nonsense")),  # type: ignore[arg-type]  # odd on purpose, all of them
        Shared(Override(Mode.AUTO)),
        Shared(Override(Mode.MANUAL, "red")),  # type: ignore[arg-type]
        Shared(Override(Mode.BUSY, None, math.inf)),
        Shared(Override(Mode.BUSY, None, math.nan)),
        Shared(Override(Mode.BUSY, None, NOW + 10**9)),
        Shared(Override(Mode.BUSY, None, "soon")),  # type: ignore[arg-type]
        Shared("busy"),  # type: ignore[arg-type]
        Peers("yes"),  # type: ignore[arg-type]
        Peers(leader="primary"),  # type: ignore[arg-type]
        Peers(good=7),  # type: ignore[arg-type]
        Peers(good=Good(float("nan"), 60)),
        Peers(good=Good(1.0, -1.0)),
        Written("set"),  # type: ignore[arg-type]
        Written(PreferredHealth("set")),  # type: ignore[arg-type]
        Written(PreferredHealth(PreferredState.SET, 7)),  # type: ignore[arg-type]
        Written(PreferredHealth(PreferredState.SET, "Busy", NOW + 10**9)),
        Written(PreferredHealth(PreferredState.SET, "Busy", NOW - 10**9)),
    ],
    ids=range(18),
)
def test_what_the_broker_tells_amiss_of_the_other_reader_is_an_error(news: object) -> None:
    with pytest.raises(OutputError, match="no command"):
        checked_command(news, news=True)


@pytest.mark.parametrize(
    "news",
    [
        Peers(True, False, True, Role.SPARE),
        Peers(True, True, True, Role.PRIMARY, Good(1.0, 60.0)),
        Shared(None),
        Shared(Override(Mode.MANUAL, LightState(1, 2, 3), NOW + 60)),
        Written(PreferredHealth(PreferredState.SET, "Busy", NOW)),
    ],
    ids=range(5),
)
def test_only_the_broker_is_believed_about_the_other_reader(news: object) -> None:
    assert checked_command(news, news=True) is news
    with pytest.raises(OutputError, match="no command"):
        checked_command(news)


class Speaker(Lamp):
    async def events(self) -> AsyncIterator[Shared]:
        yield Shared(Override(Mode.BUSY))


@pytest.mark.parametrize(
    ("name", "problem"),
    [("lamp", "asks for something that is no command: Shared"), (BROKER, "ended by itself")],
)
async def test_a_plugin_that_speaks_for_the_other_reader_is_at_fault(
    name: str, problem: str
) -> None:
    hub, lamp = Hub(RULES), Speaker(None)
    errors: list[str] = []

    def take(_name: str, health: PartHealth) -> None:
        errors.extend([] if health.error is None else [health.error])

    runner = OutputRunner(
        name,
        lambda: lamp,  # type: ignore[arg-type, return-value]  # it has no settings
        hub.slot(),
        take,
        hub.command,
        100,
        asyncio.Event(),
    )
    task = asyncio.create_task(runner.run())
    await until(lambda: bool(errors))
    task.cancel()
    assert errors == [problem]


def test_patience_is_a_number_of_seconds_up_to_an_hour_or_nothing() -> None:
    class AskingError(OutputError):
        def __init__(self, retry_after: object) -> None:
            self.retry_after = retry_after

    asked = [7, 0, 1e9, math.inf, -1, math.nan, "soon", None, object()]
    got = [seconds_of(AskingError(each), "retry_after") for each in asked]
    assert got == [7, 0, 3600, 3600, None, None, None, None, None]
    assert seconds_of(OutputError("x"), "retry_after") is None


def test_what_a_part_says_of_its_trouble_is_one_line_of_readable_length() -> None:
    assert told("two\r\nlines\0 and\ta tab") == "two lines and a tab"
    assert told("x y " * 10**6).endswith("…")
    assert len(told("x y " * 10**6)) == LONGEST
    assert told("Bearer " + "a" * 10**6) == "Bearer ***"
