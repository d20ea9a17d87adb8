"""The lamp keeps what every output promises, and some things of its own."""

import asyncio
from collections.abc import AsyncIterator
from importlib.metadata import entry_points

import pytest
from busylight_lamp import Lamp, LampSettings
from lookalike import LampLookalike

from busylight.plugins import API_VERSION, OutputError
from busylight.testing import CHECKS, Check, Trial, view_of


@pytest.fixture
async def lookalike() -> AsyncIterator[LampLookalike]:
    async with LampLookalike() as lookalike:
        yield lookalike


def _settings(lookalike: LampLookalike, **more: object) -> LampSettings:
    return LampSettings.model_validate({"host": "127.0.0.1", "port": lookalike.port, **more})


@pytest.mark.parametrize("check", CHECKS, ids=str)
async def test_it_keeps_what_every_output_promises(check: Check, lookalike: LampLookalike) -> None:
    trial = Trial(
        Lamp,
        {"host": "127.0.0.1", "port": lookalike.port},
        shown=lambda: lookalike.rgb,
        break_it=lookalike.stop,
        mend_it=lookalike.start,
    )
    await check(trial)


def test_it_is_found_by_its_name_and_is_written_for_this_version() -> None:
    (entry,) = entry_points(group="busylight.outputs", name="lamp")
    assert entry.load() is Lamp
    assert Lamp.api_version <= API_VERSION


async def test_a_blink_goes_dark_and_is_lit_again(lookalike: LampLookalike) -> None:
    async with Lamp(_settings(lookalike)) as lamp:
        await lamp.show(view_of("#ff0000 blink 0.4"))
        async with asyncio.timeout(5):
            while len(lookalike.colors) < 3:
                await asyncio.sleep(0.01)
    assert lookalike.colors[:3] == [(255, 0, 0), (0, 0, 0), (255, 0, 0)]


async def test_a_wrong_password_is_told_without_being_shown(lookalike: LampLookalike) -> None:
    lookalike.password = "right"
    settings = _settings(lookalike, password="wrong")
    with pytest.raises(OutputError, match="does not understand us") as caught:
        await Lamp(settings).__aenter__()
    assert "wrong" not in str(caught.value)
    async with Lamp(_settings(lookalike, password="right")) as lamp:
        await lamp.show(view_of("#0000ff"))
    assert lookalike.rgb == (0, 0, 255)
