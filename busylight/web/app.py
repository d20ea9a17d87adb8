"""What is served where: the site behind the guard."""

from collections.abc import Callable
from functools import cached_property
from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, Router
from starlette.types import ASGIApp

from busylight.core.override import Command
from busylight.core.view import View
from busylight.edge import clock
from busylight.edge.clock import WallClock
from busylight.web import api, forms, pages
from busylight.web.documents import state_document
from busylight.web.feed import Document, Feed, Sections
from busylight.web.guard import Guard
from busylight.web.hosts import Hosts
from busylight.web.output import Page
from busylight.web.password import Password
from busylight.web.people import People
from busylight.web.scene import SECTIONS, scene_of
from busylight.web.session import Sessions
from busylight.web.statics import Statics

_SHORT_DAY: Final = 24
"""Stretches of the day with which its strip is made anew at each change."""
_DAY_AGAIN: Final = 55.0
"""Seconds after which it is made anew anyway, when it is looked at each minute."""


class Site:
    """Everything that the handlers share."""

    def __init__(self, page: Page, key: bytes, heard: Callable[[Command], bool]) -> None:
        """`key` signs sessions; `heard` takes commands, and says whether it has."""
        settings = page.settings
        password = None if settings.password is None else settings.password.get_secret_value()
        token = password if settings.token is None else settings.token.get_secret_value()
        self.page = page
        self.heard = heard
        self.hosts = Hosts(settings.hosts)
        self.sessions = Sessions(key, password or "")
        self.password = None if password is None else Password(password)
        self.token = self.password if token == password else Password(token or "")
        self.cookie: Final = f"busylight_{settings.address.port if settings.address else 0}"
        self.wall_clock = WallClock()
        self._day_made_at = 0.0
        self.statics = Statics()
        self.people = People(lambda moment: moment - self.wall_clock.epoch)
        self.feed = Feed(
            {
                "state": Document("state", self.state),
                "sections": Sections(self._sections),
                "people": self.people,
            }
        )

    @property
    def asks_for_password(self) -> bool:
        """Whether one has to sign in to see the page."""
        return self.password is not None

    def state(self, view: View) -> dict[str, object]:
        """The state as the API tells it."""
        return state_document(view, self.page.settings.name, self.wall_clock.rfc3339)

    def render(self, template: str, **values: object) -> str:
        """One template, filled; whatever is put in is text, never HTML."""
        return self._templates.get_template(template).render(values)

    @cached_property
    def _templates(self) -> Environment:
        templates = Environment(
            loader=PackageLoader("busylight.web"),
            autoescape=select_autoescape(default=True, default_for_string=True),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        templates.globals["static"] = self.statics.url
        return templates

    def load(self) -> None:
        """Have every template ready; takes its time, so in a thread."""
        for name in self._templates.list_templates():
            self._templates.get_template(name)

    def close(self) -> None:
        """Let go of threads."""
        for each in (self.password, self.token):
            if each is not None:
                each.close()

    def _sections(self, view: View) -> dict[str, str]:
        scene, now = scene_of(view, self.page, self.wall_clock), clock.now()
        names = list(SECTIONS)
        if len(scene["stretches"]) > _SHORT_DAY and now - self._day_made_at < _DAY_AGAIN:
            names.remove("day")  # a long one is not sent to everybody with each change
        else:
            self._day_made_at = now
        return {name: self.render(f"sections/{name}.html", **scene) for name in names}


def routes_of(site: Site) -> list[Route]:
    """Every path."""

    def route(path: str, handler: Callable[[Site, Request], object], *methods: str) -> Route:
        async def handle(request: Request) -> Response:
            answer = handler(site, request)
            response: Response = await answer  # type: ignore[misc]  # each handler is a coroutine
            return response

        return Route(path, handle, methods=list(methods or ("GET",)))

    return [
        route("/", pages.page),
        route("/login", pages.login),
        route("/live", pages.live),
        route("/people", pages.people),
        route("/diagnostics.json", pages.diagnostics),
        route("/static/{name}", pages.static),
        route("/login", forms.login, "POST"),
        route("/logout", forms.logout, "POST"),
        route("/mode", forms.mode, "POST"),
        route("/refresh", forms.refresh, "POST"),
        route("/test-light", forms.test_light, "POST"),
        route("/api/v1/state", api.state),
        route("/api/v1/events", api.events),
        route("/api/v1/mode", api.mode, "POST"),
        route("/api/v1/openapi.json", api.openapi),
        route("/metrics", api.metrics),
    ]


def app_of(site: Site) -> ASGIApp:
    """The whole site, as Uvicorn serves it."""
    router = Router(routes_of(site), redirect_slashes=False, default=pages.nothing)
    return Guard(site, router)
