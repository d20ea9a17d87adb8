"""For other programs: the state, its changes, the mode, and metrics. openapi.json describes it."""

from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from busylight.core.override import LONGEST, Mode, SetMode
from busylight.edge import clock
from busylight.web.bodies import BodyError, json_of
from busylight.web.feed import compact
from busylight.web.metrics import CONTENT_TYPE, Snapshot
from busylight.web.streams import Events

if TYPE_CHECKING:
    from busylight.web.app import Site


async def state(site: "Site", _request: Request) -> Response:
    """Everything at this moment."""
    view = await site.feed.newest()
    return Response(compact(site.state(view)), media_type="application/json")


async def events(site: "Site", _request: Request) -> Response:
    """The state now, and whenever it changes."""
    return Events(site.feed.events("state"))


async def mode(site: "Site", request: Request) -> Response:
    """Set or end an override."""
    try:
        command = _command_in(await json_of(request))
    except BodyError as error:
        return JSONResponse({"error": str(error)}, error.status)
    if not site.heard(command):
        return JSONResponse({"error": "Too much at once; try again."}, 503)
    return JSONResponse({"mode": command.mode.value, "for": command.seconds}, 202)


def _command_in(document: dict[str, Any]) -> SetMode:
    if unknown := sorted(set(document) - {"mode", "for"}):
        raise BodyError(f"{unknown[0]!r} is neither mode nor for.")
    try:
        asked = Mode(str(document.get("mode")))
    except ValueError:
        raise BodyError(f"mode is one of {', '.join(Mode)}.") from None
    seconds = document.get("for")
    if seconds is None:
        return SetMode(asked)
    if type(seconds) is not int or not 1 <= seconds <= LONGEST:
        raise BodyError(f"for is a whole number of seconds, 1 to {LONGEST}.")
    if asked is Mode.AUTO:
        raise BodyError("auto has no end: leave for out.")
    return SetMode(asked, seconds)


async def openapi(_site: "Site", _request: Request) -> Response:
    """The description of all this."""
    return Response(description(), media_type="application/json")


@cache
def description() -> bytes:
    """The file that describes the API."""
    return files("busylight.web").joinpath("openapi.json").read_bytes()


async def metrics(site: "Site", _request: Request) -> Response:
    """Figures for Prometheus."""
    view = await site.feed.newest()
    snapshot = Snapshot(view, clock.now(), site.page.last_success(), site.feed.viewers)
    return Response(snapshot.text(), media_type=CONTENT_TYPE)
