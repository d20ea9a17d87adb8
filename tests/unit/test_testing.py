"""The kit for authors: a good output passes, and each broken promise is found by its check."""

import asyncio
import os
import threading
import time
from contextlib import suppress
from types import TracebackType
from typing import Any, ClassVar, Self

import pytest
from pydantic import BaseModel, Field, SecretStr

from busylight.core.light import shown_rgb
from busylight.core.view import View
from busylight.parts import Branch, OutputError
from busylight.testing import (
    CHECKS,
    OutputCheckError,
    Trial,
    check_output,
    checks,
    trial,
    view_of,
)

RGB = tuple[int, int, int]


class Settings(Branch):
    host: str = Field(description="Where it is", examples=["lamp.local"])


class Device:
    """The lamp itself: what it shows, and whether it is there."""

    rgb: ClassVar[RGB] = (9, 9, 9)
    is_there: ClassVar[bool] = True


class Lamp:
    """A good one."""

    Settings: ClassVar[Any] = Settings

    def __init__(self, settings: Any) -> None:
        self.settings = settings

    async def __aenter__(self) -> Self:
        if not Device.is_there:
            raise OutputError("the lamp is not there; switch it on")
        return self

    async def show(self, view: View) -> None:
        if not Device.is_there:
            raise OutputError("the lamp is not there; switch it on")
        Device.rgb = (0, 0, 0) if view.light is None else shown_rgb(view.light)

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None:
        pass


def _trial(cls: Any) -> Trial:
    Device.rgb, Device.is_there = (9, 9, 9), True

    def be(is_there: object) -> None:
        Device.is_there = bool(is_there)

    return Trial(
        cls,
        {"host": "here"},
        shown=lambda: Device.rgb,
        break_it=lambda: be(False),
        mend_it=lambda: be(True),
    )


async def test_a_good_output_passes_every_check() -> None:
    await check_output(_trial(Lamp))


class NoShow(Lamp):
    show = None  # type: ignore[assignment]  # that is what is wrong with it


class Mute(Lamp):
    class Settings(Branch):
        host: str
        port: int = Field(default=1, description="Its port", examples=["one"])


class Talkative(Lamp):
    class Settings(BaseModel):
        host: str = Field(description="Where it is", examples=["lamp.local"])
        password: SecretStr = Field(
            default=SecretStr("hush"), description="It", examples=["correct-horse"]
        )

        def __repr__(self) -> str:
            return f"password={self.password.get_secret_value()}"


class Hasty(Lamp):
    def __init__(self, settings: Any) -> None:
        super().__init__(settings)
        self.pipe = os.pipe()

    def __del__(self) -> None:
        for end in self.pipe:
            os.close(end)


class LeavesThreads(Lamp):
    release: ClassVar = threading.Event()

    async def __aenter__(self) -> Self:
        threading.Thread(target=self.release.wait, daemon=True).start()
        return await super().__aenter__()


class LeavesTasks(Lamp):
    kept: ClassVar[set[object]] = set()

    async def __aenter__(self) -> Self:
        self.kept.add(asyncio.create_task(asyncio.sleep(60)))
        return await super().__aenter__()


class LeavesFiles(Lamp):
    opened: ClassVar[list[int]] = []

    async def __aenter__(self) -> Self:
        self.opened.extend(os.pipe())
        return await super().__aenter__()


class FearsRelease(Lamp):
    async def show(self, view: View) -> None:
        assert view.light is not None
        await super().show(view)


class LagsBehind(Lamp):
    before: View = view_of("off")

    async def show(self, view: View) -> None:
        await super().show(self.before)
        self.before = view


class GoesDarkAtTheEnd(Lamp):
    async def __aexit__(self, *_: object) -> None:
        Device.rgb = (0, 0, 0)


class FailsToLeaveAfterAnError(Lamp):
    async def __aexit__(self, kind: object, *_: object) -> None:
        if kind is OutputError:
            raise ValueError("twice")


class SwallowsItsCancellation(Lamp):
    async def show(self, view: View) -> None:
        for _ in range(2):
            with suppress(asyncio.CancelledError):
                await asyncio.sleep(0.01)
        with suppress(asyncio.CancelledError):
            await asyncio.sleep(0.3)
        await super().show(view)


class FailsInItsOwnWords(Lamp):
    async def show(self, view: View) -> None:
        if not Device.is_there:
            raise ConnectionResetError("104")
        await super().show(view)


class NoticesNothing(Lamp):
    async def show(self, view: View) -> None:
        with suppress(OutputError):
            await super().show(view)


class Blocks(Lamp):
    async def show(self, view: View) -> None:
        time.sleep(0.12)  # noqa: ASYNC251 -- that is what is wrong with it
        await super().show(view)


class HangsInEnter(Lamp):
    async def __aenter__(self) -> Self:
        await asyncio.sleep(60)
        return self


class ChecksWithoutWords(Lamp):
    @staticmethod
    async def check(settings: object) -> None:
        pass


@pytest.mark.parametrize(
    ("cls", "check", "problem"),
    [
        (NoShow, "its class is an output", "has no show"),
        (Mute, "its settings teach", "host has no description; host has no examples"),
        (Mute, "its settings teach", "port: its example 'one' Input should be a valid integer"),
        (Talkative, "its settings teach", "a secret can be read in its settings"),
        (Talkative, "its settings teach", "takes a setting that it does not have"),
        (Hasty, "making it connects nothing", "__init__ opens something: 6 open files"),
        (LeavesThreads, "it enters and leaves and leaves nothing behind", "the thread <Thread"),
        (LeavesTasks, "it enters and leaves and leaves nothing behind", "2 tasks"),
        (LeavesFiles, "it enters and leaves and leaves nothing behind", "4 open files"),
        (FearsRelease, "it shows every light", "raised AssertionError"),
        (FearsRelease, "it may be left to others", "raised AssertionError"),
        (LagsBehind, "it shows the newest of many", "was shown #e80008 100% solid, but the lamp"),
        (GoesDarkAtTheEnd, "what it shows last stays", "but the lamp shows (0, 0, 0)"),
        (FailsToLeaveAfterAnError, "it leaves after an error", "raised ValueError: twice"),
        (SwallowsItsCancellation, "a cancelled show breaks nothing", "swallows its cancellation"),
        (FailsInItsOwnWords, "a lamp that goes is named and comes back",
         "raises no OutputError when the lamp has gone, but: ConnectionResetError: 104"),
        (NoticesNothing, "a lamp that goes is named and comes back",
         "does not notice that the lamp has gone"),
        (Blocks, "it shows every light", "blocks everything else for 0."),
        (HangsInEnter, "it shows every light", "__aenter__ takes longer than 0.05 s"),
        (ChecksWithoutWords, "it can be checked", "check returned None"),
    ],
)  # fmt: skip
async def test_each_broken_promise_is_found_by_its_check(
    cls: type[Lamp], check: str, problem: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trial, "PATIENCE", 0.2)
    monkeypatch.setattr(checks, "PATIENCE", 0.2)
    monkeypatch.setattr(checks, "CONNECT_LIMIT", 0.05)
    monkeypatch.setattr(checks, "GOODBYE_LIMIT", 0.1)
    monkeypatch.setattr("busylight.testing.watching.PATIENCE", 0.2)
    monkeypatch.setattr("busylight.testing.watching.LONGEST_BLOCK", 0.05)
    (found,) = [each for each in CHECKS if str(each) == check]
    with pytest.raises(OutputCheckError) as caught:
        await found(_trial(cls))
    assert problem in str(caught.value)
    LeavesThreads.release.set()
    for descriptor in LeavesFiles.opened:
        os.close(descriptor)
    LeavesFiles.opened.clear()
    for task in LeavesTasks.kept:
        assert isinstance(task, asyncio.Task)
        task.cancel()
    LeavesTasks.kept.clear()
    LeavesThreads.release.clear()


async def test_all_that_is_wrong_is_told_at_once() -> None:
    class Wrong(NoShow, Mute):
        pass

    with pytest.raises(OutputCheckError) as caught:
        await check_output(Trial(Wrong, {"host": "here"}))
    assert "its class is an output: " in str(caught.value)
    assert "\nits settings teach: " in str(caught.value)
