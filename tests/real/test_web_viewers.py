"""Many who look on: the newest for all of them, and no more than that."""

import asyncio
import json
import time
from dataclasses import replace
from typing import Any

from busylight.core.knowledge import Known
from busylight.core.light import LightState
from busylight.core.presence import Presence
from busylight.core.view import Person
from busylight.edge import clock
from busylight.web.feed import AFTER_THE_LIGHTS
from tests.support.web import PATIENCE, Served, many, served, view_of


class Viewer:
    """Reads what is told, as a browser does."""

    def __init__(self, site: Served, path: str = "/api/v1/events") -> None:
        self._site = site
        self._path = path
        self.events: list[tuple[str, Any]] = []

    async def look(self) -> None:
        """Take what comes, for ever."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self._site.port)
        host = f"Host: 127.0.0.1:{self._site.port}"
        writer.write(f"GET {self._path} HTTP/1.1\r\n{host}\r\n\r\n".encode())
        name = ""
        try:
            while line := await reader.readline():
                if line.startswith(b"event: "):
                    name = line[7:-1].decode()
                elif line.startswith(b"data: "):
                    self.events.append((name, json.loads(line[6:])))
        finally:
            writer.close()

    @property
    def last(self) -> Any:
        """What it heard last."""
        return self.events[-1][1] if self.events else None


async def _until(condition: Any) -> float:
    began = time.monotonic()
    async with asyncio.timeout(PATIENCE):
        while not condition():
            await asyncio.sleep(0.01)
    return time.monotonic() - began


async def test_every_viewer_has_the_newest_soon() -> None:
    async with served() as site, asyncio.TaskGroup() as group:
        viewers = [Viewer(site) for _ in range(50)]
        tasks = [group.create_task(viewer.look()) for viewer in viewers]
        await _until(lambda: all(viewer.last for viewer in viewers))
        for number in range(3):
            await site.show(view_of("Busy", f"State{number}"))
            state = f"state{number}"
            await _until(lambda s=state: all(viewer.last["state"] == s for viewer in viewers))
        for task in tasks:
            task.cancel()


async def test_of_many_changes_at_once_viewers_hear_of_the_newest_alone() -> None:
    async with served() as site, asyncio.TaskGroup() as group:
        viewer = Viewer(site)
        task = group.create_task(viewer.look())
        await _until(lambda: viewer.last)
        for number in range(200):
            await site.show(view_of("Busy", f"State{number}"))
        await _until(lambda: viewer.last["state"] == "state199")
        assert len(viewer.events) <= 4
        task.cancel()


async def test_nothing_is_made_while_nobody_looks_on() -> None:
    async with served() as site:
        feed = site.output._server._site.feed
        for number in range(20):
            await site.show(view_of("Busy", f"State{number}"))
            await asyncio.sleep(AFTER_THE_LIGHTS / 10)
        await asyncio.sleep(AFTER_THE_LIGHTS * 2)
        assert [topic.version for topic in feed.topics.values()] == [0, 0, 0]


async def test_only_the_pieces_of_the_page_that_changed_are_sent() -> None:
    async with served() as site, asyncio.TaskGroup() as group:
        viewer = Viewer(site, "/live")
        task = group.create_task(viewer.look())
        await _until(lambda: viewer.events)
        first = dict(viewer.events)["sections"]
        assert set(first) == {"light", "sign_in", "problems", "mode", "day", "outputs", "about"}
        view = view_of()
        await site.show(
            replace(view, diagnostics=replace(view.diagnostics, last_error="no answer"))
        )
        await _until(lambda: "problems" in viewer.last and viewer.last is not first)
        assert "outputs" not in viewer.last
        assert "mode" not in viewer.last
        task.cancel()


async def test_the_strip_of_a_lively_day_is_not_sent_with_each_change() -> None:
    async with served() as site, asyncio.TaskGroup() as group:
        changes, now = site.page.day._changes, clock.now()
        for number in range(300):
            changes.append((now - 80_000 + 240 * number, f"state{number}", None))
        viewer = Viewer(site, "/live")
        task = group.create_task(viewer.look())
        await _until(lambda: viewer.events)
        assert viewer.events[0][1]["day"].count("<title>") > 290
        for number in range(3):
            await site.show(view_of("Busy", f"New{number}"))
            await _until(lambda n=number: f"New{n}" in viewer.last.get("light", ""))
        assert not any("day" in document for _, document in viewer.events[1:])
        task.cancel()


async def test_of_many_people_all_are_sent_once_and_then_who_has_changed() -> None:
    people = many(3000)
    async with served(view_of(people=people)) as site, asyncio.TaskGroup() as group:
        viewer = Viewer(site, "/live")
        task = group.create_task(viewer.look())

        def told() -> list[Any]:
            return [document for name, document in viewer.events if name == "people"]

        await _until(told)
        assert told() == [{"version": 1, "anew": True}]
        async with site.client() as browser:
            everybody = (await browser.get("/people")).json()
        assert (everybody["version"], len(everybody["people"])) == (1, 3000)
        assert everybody["people"][7][:4] == ["id-00007", "Person 00007", "Available", "#00ff00"]
        away = Known(Presence("Away", "Away", user="Person 00007"), 1, 1)
        people["id-00007"] = Person(away, LightState(255, 191, 0))
        await site.show(view_of(people=people))
        await _until(lambda: len(told()) == 2)
        changed = told()[1]
        assert changed["version"] == 2
        assert [line[:4] for line in changed["people"]] == [
            ["id-00007", "Person 00007", "Away", "#ffbf00"]
        ]
        del people["id-00011"]
        await site.show(view_of(people=people))
        await _until(lambda: len(told()) == 3)
        assert told()[2] == {"version": 3, "anew": True}
        async with site.client() as browser:
            assert len((await browser.get("/people")).json()["people"]) == 2999
        task.cancel()


async def test_who_goes_is_forgotten() -> None:
    async with served() as site:
        viewers = [Viewer(site) for _ in range(10)]
        tasks = [asyncio.create_task(viewer.look()) for viewer in viewers]
        feed, lines = site.output._server._site.feed, site.output._server._turnstile.lines
        await _until(lambda: feed.viewers == 10)
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        await _until(lambda: feed.viewers == 0 and not lines)


async def test_the_page_ends_at_once_whoever_looks_on() -> None:
    async with served() as site:
        viewers = [Viewer(site) for _ in range(10)]
        tasks = [asyncio.create_task(viewer.look()) for viewer in viewers]
        await _until(lambda: all(viewer.last for viewer in viewers))
        began = time.monotonic()
    assert time.monotonic() - began < PATIENCE / 2
    await asyncio.wait(tasks, timeout=PATIENCE)
    assert all(task.done() for task in tasks)
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_a_silent_line_is_told_that_somebody_is_there(monkeypatch: Any) -> None:
    monkeypatch.setattr("busylight.web.feed.SIGN_OF_LIFE", 0.1)
    async with served() as site, asyncio.TaskGroup() as group:
        viewer = Viewer(site)
        task = group.create_task(viewer.look())
        await _until(lambda: [name for name, _ in viewer.events].count("alive") >= 2)
        task.cancel()
