"""The part that has blocked the program begins last, and is forgiven in time."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from busylight.app import blocked, last_in_line
from busylight.app.daemon import Daemon, Wiring
from busylight.core.reader import Peers, Role
from busylight.parts import Output
from tests.support.parts import CALL, Lamp, Script, settings_of, until


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
