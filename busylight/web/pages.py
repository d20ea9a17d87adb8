"""What visitors see."""

import json
from collections.abc import Mapping
from itertools import islice
from typing import TYPE_CHECKING, Final

from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.types import Receive, Scope, Send

from busylight.core.view import Person, View
from busylight.edge import clock
from busylight.edge.log import redact
from busylight.web.documents import download_document
from busylight.web.forms import DONE, login_page
from busylight.web.guard import set_cookie
from busylight.web.people import name_of
from busylight.web.scene import MODES, TIMES
from busylight.web.streams import Events, Stream
from busylight.web.words import level_of, presence_in_words

if TYPE_CHECKING:
    from busylight.web.app import Site

_FIRST_PEOPLE: Final = 200
"""People that stand on a page without JavaScript; the search finds the others."""


async def page(site: "Site", request: Request) -> Response:
    """The page itself, as it is to be read without JavaScript."""
    view = await site.feed.newest()
    await site.feed.made()
    sections = site.feed.topics["sections"]
    search = request.query_params.get("q", "")[:80]
    state = request.state
    due = site.sessions.is_due(state.cookie)
    cookie = site.sessions.issue(signed_in=site.asks_for_password) if due else state.cookie
    html = site.render(
        "page.html",
        name=site.page.settings.name,
        sections={name: html for name, (_, html) in sections.pieces.items()},  # type: ignore[attr-defined]  # they are Sections
        modes=MODES,
        times=TIMES,
        form_token=site.sessions.form_token(cookie),
        can_sign_out=site.asks_for_password,
        done=DONE.get(request.query_params.get("done", ""), ""),
        many=bool(view.people),
        search=search,
        **_first_people(view, search),
    )
    response = HTMLResponse(html)
    if state.is_new or due:
        set_cookie(response, site, cookie)
    return response


def _first_people(view: View, search: str) -> dict[str, object]:
    found: Mapping[str, Person] = view.people
    if wanted := search.casefold():
        found = {
            who: person
            for who, person in found.items()
            if wanted in name_of(who, person).casefold()
        }
    first = [
        {
            "name": name_of(who, person),
            "words": presence_in_words(person.knowledge),
            "color": None if person.light is None or person.light.is_dark else person.light.hex,
            "level": level_of(person.light),
        }
        for who, person in islice(found.items(), _FIRST_PEOPLE)
    ]
    return {"first_people": first, "found": len(found)}


async def login(site: "Site", request: Request) -> Response:
    """The form to sign in by."""
    signed_in = site.sessions.is_signed_in(request.state.cookie)
    if not site.asks_for_password or signed_in:
        return RedirectResponse("/", 303)
    return login_page(site, request, "")


async def live(site: "Site", _request: Request) -> Response:
    """What changes on the page, as it changes."""
    return Events(site.feed.events("sections", "people"))


async def people(site: "Site", _request: Request) -> Response:
    """Everybody, for the board."""
    await site.feed.made()
    return Stream(site.people.everybody(), "application/json")


async def diagnostics(site: "Site", _request: Request) -> Response:
    """The diagnostics as a file to send to somebody, without anything that is secret."""
    view = await site.feed.newest()
    document = download_document(view, site.page.day, clock.now(), site.wall_clock.rfc3339)
    text = redact(json.dumps(document, indent=2, ensure_ascii=False))
    headers = {"Content-Disposition": 'attachment; filename="busylight-diagnostics.json"'}
    return Response(text + "\n", media_type="application/json", headers=headers)


async def static(site: "Site", request: Request) -> Response:
    """A file of the page."""
    found = site.statics.get(request.path_params["name"])
    if found is None:
        return PlainTextResponse("There is nothing here.\n", 404)
    is_fixed = request.url.query == found.digest
    headers = {
        "Cache-Control": "public, max-age=31536000, immutable" if is_fixed else "no-cache",
        "ETag": f'"{found.digest}"',
    }
    if request.headers.get("if-none-match") == f'"{found.digest}"':
        return Response(None, 304, headers)
    return Response(found.content, media_type=found.media_type, headers=headers)


async def nothing(scope: Scope, receive: Receive, send: Send) -> None:
    """What is answered where there is nothing."""
    await PlainTextResponse("There is nothing here.\n", 404)(scope, receive, send)
