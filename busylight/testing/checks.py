"""The checks themselves, one function each; a function's name is what it says of an output."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, Self

from pydantic import BaseModel, SecretStr, ValidationError

from busylight.app.output_runner import CONNECT_LIMIT, GOODBYE_LIMIT, SHOW_LIMIT, OutputRunner
from busylight.app.slot import Slot
from busylight.core.light import OFF, LightState, parse_light
from busylight.core.view import PartHealth, PartState, View
from busylight.parts import HearingOutput, OutputError
from busylight.settings.fields import is_secret, variables_of
from busylight.settings.installed import OUTPUTS, problem_of_class
from busylight.testing.trial import PATIENCE, OutputCheckError, Trial, view_of
from busylight.testing.watching import Belongings, Watch, no_leak

_LIGHTS: Final = (
    "#ff0000", "off", "#00ff00 1%", "#0000ff 40% blink 0.4", "#ffbf00 pulse", "release",
    "#ff00ff 15% breathe 6", "release", "release", "#010203", "#ffffff",
)  # fmt: skip


async def check_output(trial: Trial) -> None:
    """Run every check; raises `OutputCheckError` with all that failed."""
    problems = []
    for check in CHECKS:
        try:
            await check(trial)
        except OutputCheckError as error:
            problems.append(f"{check}: {error}")
    if problems:
        raise OutputCheckError("\n".join(problems))


@dataclass(frozen=True, slots=True)
class Check:
    """One check; its text is a sentence about what an output does."""

    name: str
    run: Callable[[Trial], Awaitable[None]]

    def __str__(self) -> str:
        return self.name

    async def __call__(self, trial: Trial) -> None:
        """Run it, watched; raises `OutputCheckError` for whatever goes wrong."""
        try:
            async with Watch():
                await self.run(trial)
        except OutputCheckError:
            raise
        except OutputError as error:
            raise OutputCheckError(f"raised OutputError: {error}") from error
        except Exception as error:
            raise OutputCheckError(f"raised {type(error).__name__}: {error}") from error


async def _its_class_is_an_output(trial: Trial) -> None:
    if (problem := problem_of_class(trial.cls, OUTPUTS)) is not None:
        raise OutputCheckError(problem)


async def _its_settings_teach(trial: Trial) -> None:
    model: type[BaseModel] = trial.cls.Settings
    problems = []
    for name, info in variables_of(model):
        if not info.description:
            problems.append(f"{name} has no description")
        if not info.examples:
            problems.append(f"{name} has no examples: an error could not show a good value")
        if is_secret(info) and "SecretStr" not in str(info.annotation):
            problems.append(f"{name} is a secret that is no SecretStr")
        for example in info.examples or ():
            try:
                model(**{**dict(_given(trial)), name: example})
            except ValidationError as error:
                wrong = [one for one in error.errors() if one["loc"][:1] == (name,)]
                problems += [f"{name}: its example {example!r} {one['msg']}" for one in wrong]
    secrets = [value for _, value in trial.branch() if isinstance(value, SecretStr)]
    text = repr(trial.branch())
    if any(secret.get_secret_value() and secret.get_secret_value() in text for secret in secrets):
        problems.append("a secret can be read in its settings")
    with suppress(ValidationError):
        model(**{**dict(_given(trial)), "no_such_field": "1"})
        problems.append("takes a setting that it does not have: derive Settings from Branch")
    if problems:
        raise OutputCheckError("; ".join(problems))


def _given(trial: Trial) -> Mapping[str, Any]:
    return {
        name: value for name, value in trial.branch() if name in trial.cls.Settings.model_fields
    }


async def _making_it_connects_nothing(trial: Trial) -> None:
    before = Belongings.now()
    made = [trial.make() for _ in range(3)]
    if left := Belongings.now().more_than(before):
        raise OutputCheckError(f"__init__ opens something: {left}")
    del made


async def _it_enters_and_leaves_and_leaves_nothing_behind(trial: Trial) -> None:
    await no_leak(lambda: _life(trial, []))


async def _it_shows_every_light(trial: Trial) -> None:
    async with _Connected(trial) as output:
        for text in _LIGHTS:
            await output.shows(text)


async def _it_shows_the_newest_of_many(trial: Trial) -> None:
    async with _Connected(trial) as output:
        for number in range(0, 240, 8):
            await output.show(view_of(LightState(number, 0, 240 - number)))
        await trial.sees(LightState(232, 0, 8))


async def _it_may_be_left_to_others(trial: Trial) -> None:
    async with _Connected(trial) as output:
        await output.show(view_of(None))  # the very first view may be a release
        await output.shows("#00ff00")
        await output.shows("release")
        await output.shows("#00ff00")


async def _what_it_shows_last_stays(trial: Trial) -> None:
    async with _Connected(trial) as output:
        await output.shows("#0000ff blink")
        await output.show(view_of("#ff0000", is_last=True))
    await trial.sees(parse_light("#ff0000"))
    async with _Connected(trial) as output:
        await output.show(view_of(OFF, is_last=True))
    await trial.sees(OFF)


async def _it_leaves_after_an_error(trial: Trial) -> None:
    async def life() -> None:
        output = trial.make()
        await _timed("__aenter__", CONNECT_LIMIT, output.__aenter__())
        await _timed("show", SHOW_LIMIT, output.show(view_of("#00ff00 blink")))
        error = OutputError("something else has failed")
        await _timed("__aexit__", GOODBYE_LIMIT, output.__aexit__(OutputError, error, None))

    await no_leak(life)
    await _life(trial, ["#0000ff"])


async def _a_cancelled_show_breaks_nothing(trial: Trial) -> None:
    async def life() -> None:
        output = trial.make()
        await _timed("__aenter__", CONNECT_LIMIT, output.__aenter__())
        showing = asyncio.ensure_future(output.show(view_of("#00ff00")))
        await asyncio.sleep(0)
        showing.cancel()
        done, _ = await asyncio.wait({showing}, timeout=GOODBYE_LIMIT)
        if not done:
            raise OutputCheckError("show swallows its cancellation")
        if not showing.cancelled() and (error := showing.exception()) is not None:
            raise error
        cancelled = asyncio.CancelledError()
        leaving = output.__aexit__(asyncio.CancelledError, cancelled, None)
        await _timed("__aexit__", GOODBYE_LIMIT, leaving)

    await no_leak(life)
    await _life(trial, ["#0000ff"])


async def _a_lamp_that_goes_is_named_and_comes_back(trial: Trial) -> None:
    if trial.break_it is None or trial.mend_it is None:
        return
    healths: list[PartHealth] = []
    slot, stopping = Slot(), asyncio.Event()
    runner = OutputRunner(
        name="check",
        make=trial.make,
        slot=slot,
        told=lambda _name, health: healths.append(health),
        heard=lambda _command: None,
        brightness=100,
        stopping=stopping,
    )
    running = asyncio.ensure_future(runner.run())
    try:
        slot.put(view_of("#ff0000"))
        await _until(
            lambda: bool(healths) and healths[-1].state is PartState.CONNECTED, "is not connected"
        )
        healths.clear()
        await _do(trial.break_it)
        if not trial.notices_by_itself:
            slot.put(view_of("#00ff00"))
        await _until(
            lambda: any(health.state is PartState.FAILED for health in healths),
            "does not notice that the lamp has gone",
        )
        first = next(health.error for health in healths if health.state is PartState.FAILED)
        _is_a_sentence(first)
        slot.put(view_of("#0000ff"))
        await _do(trial.mend_it)
        healths.clear()
        await _until(
            lambda: any(health.state is PartState.CONNECTED for health in healths),
            "does not come back",
            rounds=4,
        )
        await trial.sees(parse_light("#0000ff"))
    finally:
        stopping.set()
        slot.put(view_of("off", is_last=True))
        await asyncio.wait({running}, timeout=PATIENCE)
        running.cancel()


def _is_a_sentence(error: str | None) -> None:
    """Whether a failure was told by the output itself: others begin with an error's name."""
    if not error or error.startswith("does not answer") or error.split(":")[0].endswith("Error"):
        raise OutputCheckError(f"raises no OutputError when the lamp has gone, but: {error}")


async def _it_can_be_checked(trial: Trial) -> None:
    attempt = getattr(trial.cls, "check", None)
    if attempt is not None:
        said = await _timed("check", CONNECT_LIMIT, attempt(trial.branch()))
        if not isinstance(said, str) or not said:
            raise OutputCheckError(f"check returned {said!r}, and no words")


CHECKS: Final = tuple(
    Check(function.__name__.strip("_").replace("_", " "), function)
    for function in (
        _its_class_is_an_output,
        _its_settings_teach,
        _making_it_connects_nothing,
        _it_enters_and_leaves_and_leaves_nothing_behind,
        _it_shows_every_light,
        _it_shows_the_newest_of_many,
        _it_may_be_left_to_others,
        _what_it_shows_last_stays,
        _it_leaves_after_an_error,
        _a_cancelled_show_breaks_nothing,
        _a_lamp_that_goes_is_named_and_comes_back,
        _it_can_be_checked,
    )
)
"""All checks; each is called with a `Trial`, and its text is what it checks."""


class _Connected:
    """An object that is connected, and in the end left in order; its events are listened to."""

    def __init__(self, trial: Trial) -> None:
        self._trial = trial
        self._output = trial.make()
        self._hearing: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        await _timed("__aenter__", CONNECT_LIMIT, self._output.__aenter__())
        if isinstance(self._output, HearingOutput):
            self._hearing = asyncio.create_task(_hear(self._output))
        return self

    async def show(self, view: View) -> None:
        await _timed("show", SHOW_LIMIT, self._output.show(view))

    async def shows(self, text: str) -> None:
        light = parse_light(text)
        await self.show(view_of(light))
        await self._trial.sees(light)

    async def __aexit__(self, *_: object) -> None:
        if self._hearing is not None:
            self._hearing.cancel()
            await asyncio.wait({self._hearing})
        await _timed("__aexit__", GOODBYE_LIMIT, self._output.__aexit__(None, None, None))


async def _hear(output: HearingOutput) -> None:
    async for _ in output.events():
        pass


async def _life(trial: Trial, lights: list[str]) -> None:
    async with _Connected(trial) as output:
        for text in lights:
            await output.shows(text)


async def _timed(what: str, seconds: float, awaitable: Awaitable[Any]) -> Any:
    try:
        async with asyncio.timeout(seconds):
            result = await awaitable
            await asyncio.sleep(0)  # one who never waits shall not be taken for one who blocks
            return result
    except TimeoutError:
        raise OutputCheckError(f"{what} takes longer than {seconds:g} s") from None


async def _until(holds: Callable[[], bool], problem: str, rounds: int = 2) -> None:
    try:
        async with asyncio.timeout(rounds * PATIENCE):
            while not holds():
                await asyncio.sleep(0.01)
    except TimeoutError:
        raise OutputCheckError(problem) from None


async def _do(action: Callable[[], object]) -> None:
    result = action()
    if isinstance(result, Awaitable):
        await result
