"""What visitors change: each form of the page, with the token that no other site can know."""

from typing import TYPE_CHECKING, Final

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from busylight.core.override import Command, Mode, Refresh, SetMode, Walk, parse_duration
from busylight.web.bodies import BodyError, form_of
from busylight.web.guard import peer_of, set_cookie

if TYPE_CHECKING:
    from busylight.web.app import Site

DONE: Final = {
    "mode": "The light is set.",
    "auto": "The light follows Teams again.",
    "read": "Reading now.",
    "test": "The light walks through the palette.",
    "stop": "The walk has ended.",
    "out": "You are signed out.",
}
"""What is said after a change, by the word that stands in the address."""


class Refused(Exception):  # noqa: N818 -- an answer, not a fault
    """A form that is not obeyed; says why."""

    def __init__(self, text: str, status: int) -> None:
        super().__init__(text)
        self.status = status


async def mode(site: "Site", request: Request) -> Response:
    """Set or end an override."""
    try:
        form = await _checked(site, request)
        command = _mode_in(form)
    except Refused as refusal:
        return _refused(site, request, refusal)
    return _obeyed(site, request, command, "auto" if command.mode is Mode.AUTO else "mode")


async def refresh(site: "Site", request: Request) -> Response:
    """Read now."""
    return await _simple(site, request, Refresh(), "read")


async def test_light(site: "Site", request: Request) -> Response:
    """Walk through the palette, or stop."""
    try:
        form = await _checked(site, request)
    except Refused as refusal:
        return _refused(site, request, refusal)
    on = form.get("do") != "stop"
    return _obeyed(site, request, Walk(on), "test" if on else "stop")


async def login(site: "Site", request: Request) -> Response:
    """Sign in."""
    try:
        form = await _checked(site, request)
    except Refused as refusal:
        return login_page(site, request, str(refusal), refusal.status)
    if site.password is None:
        return RedirectResponse("/", 303)
    verdict = await site.password.is_right(form.get("password", ""), peer_of(request.scope))
    if verdict.wait:
        problem = f"Too many wrong tries from your address; try again in {verdict.seconds} s."
        response = login_page(site, request, problem, 429)
        response.headers["Retry-After"] = str(verdict.seconds)
        return response
    if not verdict.is_right:
        return login_page(site, request, "This password is wrong.", 401)
    inside = RedirectResponse("/", 303)
    set_cookie(inside, site, site.sessions.issue(signed_in=True))
    return inside


async def logout(site: "Site", request: Request) -> Response:
    """Sign out."""
    try:
        await _checked(site, request)
    except Refused as refusal:
        return _refused(site, request, refusal)
    site.sessions.sign_out(request.state.cookie)
    response = RedirectResponse("/login?done=out", 303)
    set_cookie(response, site, site.sessions.issue(signed_in=False))
    return response


def login_page(site: "Site", request: Request, problem: str, status: int = 200) -> Response:
    """The form to sign in by."""
    cookie = request.state.cookie
    html = site.render(
        "login.html",
        name=site.page.settings.name,
        form_token=site.sessions.form_token(cookie),
        problem=problem,
        done=DONE.get(request.query_params.get("done", ""), ""),
    )
    response = HTMLResponse(html, status)
    if request.state.is_new:
        set_cookie(response, site, cookie)
    return response


async def _simple(site: "Site", request: Request, command: Command, done: str) -> Response:
    try:
        await _checked(site, request)
    except Refused as refusal:
        return _refused(site, request, refusal)
    return _obeyed(site, request, command, done)


async def _checked(site: "Site", request: Request) -> dict[str, str]:
    """The fields of a form that comes from a page of ours; raises `Refused`."""
    try:
        form = await form_of(request)
    except BodyError as error:
        raise Refused(str(error), error.status) from None
    token = form.get("token", "")
    if request.state.is_new or not site.sessions.form_token_is_right(request.state.cookie, token):
        raise Refused("This form is too old; load the page again.", 403)
    return form


def _mode_in(form: dict[str, str]) -> SetMode:
    try:
        asked = Mode(form.get("mode", ""))
    except ValueError:
        raise Refused("There is no such mode.", 400) from None
    time = form.get("other", "").strip() or form.get("for", "")
    if asked is Mode.AUTO or not time:
        return SetMode(asked)
    try:
        return SetMode(asked, parse_duration(time))
    except ValueError:
        raise Refused("The time is not one like 25m, 90s or 1h30m, up to 24h.", 400) from None


def _wants_json(request: Request) -> bool:
    return request.headers.get("accept", "") == "application/json"


def _obeyed(site: "Site", request: Request, command: Command, done: str) -> Response:
    if not site.heard(command):
        return _refused(site, request, Refused("Too much at once; try again.", 503))
    if _wants_json(request):
        return JSONResponse({"said": DONE[done]})
    return RedirectResponse(f"/?done={done}", 303)


def _refused(site: "Site", request: Request, refusal: Refused) -> Response:
    if _wants_json(request):
        return JSONResponse({"said": str(refusal)}, refusal.status)
    html = site.render("problem.html", name=site.page.settings.name, problem=str(refusal))
    return HTMLResponse(html, refusal.status)
