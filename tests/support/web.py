"""The page, served in the test's own loop, and what it is to show."""

import asyncio
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Final

import httpx

from busylight.core.knowledge import Known
from busylight.core.light import LightState, parse_light
from busylight.core.override import Command
from busylight.core.presence import Presence
from busylight.core.view import Diagnostics, PartHealth, PartState, Person, View
from busylight.edge import clock
from busylight.web.output import Page, WebOutput
from busylight.web.settings import WebSettings

PATIENCE: Final = 20.0
PASSWORD: Final = "correct-horse-battery"


def free_port() -> int:
    """A port of loopback that nobody has at this moment."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port: int = listening.getsockname()[1]
        return port


def view_of(
    availability: str = "Busy",
    activity: str = "InACall",
    light: str = "#ff0000 pulse",
    people: Mapping[str, Person] | None = None,
    **more: Any,
) -> View:
    """A view of somebody whose presence is known."""
    now = clock.now()
    view = View(
        light=parse_light(light),
        state=activity.lower(),
        knowledge=Known(Presence(availability, activity, user="Adele Vance"), now - 60, now - 60),
        override=None,
        sign_in=None,
        diagnostics=Diagnostics(
            source="graph",
            version="1.2.3",
            started_at=now - 3600,
            signed_in=True,
            account="adele@contoso.com",
            last_success=now - 1,
            outputs={"serial": PartHealth(PartState.CONNECTED)},
        ),
        people=people or {},
    )
    return replace(view, **more)


def with_message(view: View, message: str, user: str = "Adele Vance") -> Known:
    """What is known, with a status message."""
    assert isinstance(view.knowledge, Known)
    presence = replace(view.knowledge.presence, status_message=message, user=user)
    return replace(view.knowledge, presence=presence)


def many(count: int) -> dict[str, Person]:
    """So many people, half of them busy."""
    now = clock.now()
    found = {}
    for number in range(count):
        free = number % 2
        words = ("Available", "Available") if free else ("Busy", "InACall")
        light = LightState(0, 255, 0) if free else LightState(255, 0, 0)
        presence = Presence(*words, user=f"Person {number:05d}")
        found[f"id-{number:05d}"] = Person(Known(presence, now, now), light)
    return found


@dataclass(slots=True)
class Served:
    """A page that is served."""

    page: Page
    output: WebOutput
    commands: list[Command] = field(default_factory=list)

    @property
    def port(self) -> int:
        """Where it listens."""
        address = self.page.settings.address
        assert address is not None
        return address.port

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    async def show(self, view: View) -> None:
        """Have it shown, as the program does."""
        self.page.day.note(view)
        await self.output.show(view)

    def client(self, **more: Any) -> httpx.AsyncClient:
        """Somebody who asks."""
        return httpx.AsyncClient(base_url=self.url, timeout=PATIENCE, trust_env=False, **more)

    async def signed_in(self, client: httpx.AsyncClient, password: str = PASSWORD) -> None:
        """Sign in as a person would."""
        form = await client.get("/login")
        answer = await client.post(
            "/login", data={"token": token_in(form.text), "password": password}
        )
        assert (answer.status_code, answer.headers["location"]) == (303, "/")

    async def raw(self, content: bytes) -> bytes:
        """Send bytes, and read what is answered until the end of the connection."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            writer.write(content)
            async with asyncio.timeout(PATIENCE):
                return await reader.read()
        finally:
            writer.close()

    async def until_heard(self, count: int = 1) -> list[Command]:
        """Wait for so many commands."""
        async with asyncio.timeout(PATIENCE):
            while len(self.commands) < count:
                await asyncio.sleep(0.01)
        return self.commands


def token_in(html: str) -> str:
    """The token of the page's forms."""
    return html.partition('name="token" value="')[2].partition('"')[0]


@asynccontextmanager
async def served(view: View | None = None, **settings: Any) -> AsyncIterator[Served]:
    """A page on a free port of loopback, which shows `view`."""
    given = {"listen": f"127.0.0.1:{free_port()}", **settings}
    page = Page(WebSettings(**given), last_success=lambda: clock.now() - 5)
    async with page.output() as output:
        site = Served(page, output)

        async def hear() -> None:
            async for command in output.events():
                site.commands.append(command)

        hearing = asyncio.create_task(hear())
        try:
            await site.show(view or view_of())
            yield site
        finally:
            hearing.cancel()
            await asyncio.wait({hearing})
