"""The page as HTTP: what is there without JavaScript, and what its forms do."""

import json
import re
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from busylight.core.knowledge import NotKnown, SignInPrompt, Trouble, Why
from busylight.core.override import Mode, Override, Refresh, SetMode, Walk
from busylight.core.view import PartHealth, PartState
from busylight.edge import clock
from tests.support.web import PASSWORD, Served, many, served, token_in, view_of, with_message


async def _page(site: Served) -> str:
    async with site.client() as visitor:
        answer = await visitor.get("/")
        assert answer.status_code == 200
        return answer.text


async def test_everything_can_be_read_without_javascript() -> None:
    now = clock.now()
    view = view_of()
    failed = PartHealth(PartState.FAILED, "no such port; plug it in")
    outputs = {"serial": failed, "mqtt": PartHealth(PartState.CONNECTED), "web": PartHealth()}
    view = replace(
        view,
        override=Override(Mode.DO_NOT_DISTURB, ends_at=now + 600),
        diagnostics=replace(view.diagnostics, outputs=outputs, last_error="no answer"),
    )
    async with served(view) as site:
        html = await _page(site)
    assert "<h1>In a call</h1>" in html
    assert 'fill="#ff0000"' in html
    assert 'class="lamp pulse"' in html
    assert "Set by hand until" in html
    assert "Adele Vance" in html
    assert "The output serial does not work.</b> No such port; plug it in" in html
    assert "The last reading has failed; it is tried again.</b> No answer" in html
    assert re.search(r"<b>mqtt</b>\s+works", html)
    assert "<b>web</b>" not in html
    assert "Busylight 1.2.3" in html
    assert '<noscript><meta http-equiv="refresh"' in html
    assert re.search(r"to <time[^>]+>[^<]+</time>: In a call", html)


async def test_a_sign_in_that_waits_is_shown_with_address_code_and_picture() -> None:
    now = clock.now()
    waiting = view_of(
        state="signin",
        light="white blink 3",
        knowledge=NotKnown(Trouble(Why.SIGNED_OUT, "sign in"), now),
        sign_in=SignInPrompt("https://microsoft.com/devicelogin", "F7XKQ2ABC", now + 900),
    )
    async with served(waiting) as site:
        html = await _page(site)
        assert 'href="https://microsoft.com/devicelogin"' in html
        assert '<strong class="code">F7XKQ2ABC</strong>' in html
        assert 'class="qr"' in html
        await site.show(view_of())
        assert "F7XKQ2ABC" not in await _page(site)


async def _send(visitor: httpx.AsyncClient, path: str, **fields: str) -> httpx.Response:
    token = token_in((await visitor.get("/")).text)
    return await visitor.post(path, data={"token": token, **fields})


@pytest.mark.parametrize(
    ("path", "fields", "command"),
    [
        ("/mode", {"mode": "do_not_disturb", "for": "25m"}, SetMode(Mode.DO_NOT_DISTURB, 1500)),
        ("/mode", {"mode": "busy", "for": ""}, SetMode(Mode.BUSY)),
        ("/mode", {"mode": "off", "for": "1h", "other": "1h30m"}, SetMode(Mode.OFF, 5400)),
        ("/mode", {"mode": "auto", "for": "25m"}, SetMode(Mode.AUTO)),
        ("/refresh", {}, Refresh()),
        ("/test-light", {"do": "start"}, Walk()),
        ("/test-light", {"do": "stop"}, Walk(on=False)),
    ],
)
async def test_a_form_asks_the_program_for_what_it_says(
    path: str, fields: dict[str, str], command: object
) -> None:
    async with served() as site, site.client() as visitor:
        answer = await _send(visitor, path, **fields)
        assert answer.status_code == 303
        assert await site.until_heard() == [command]
        said = await visitor.get(answer.headers["location"])
        assert re.search(r'<p id="said" role="status">[A-Z].+</p>', said.text)


@pytest.mark.parametrize(
    "fields",
    [
        {"mode": "nothing"},
        {},
        {"mode": "busy", "for": "25 parsecs"},
        {"mode": "busy", "other": "25h"},
    ],
)
async def test_a_form_that_makes_no_sense_is_refused_in_words(fields: dict[str, str]) -> None:
    async with served() as site, site.client() as visitor:
        answer = await _send(visitor, "/mode", **fields)
        assert (answer.status_code, "That was not done" in answer.text) == (400, True)
        assert site.commands == []


async def test_more_commands_than_the_program_takes_are_refused() -> None:
    async with served() as site, site.client() as visitor:
        site.output._heard.full = lambda: True  # type: ignore[method-assign]
        assert (await _send(visitor, "/refresh")).status_code == 503
        site.output._heard.full = lambda: False  # type: ignore[method-assign]


async def test_with_a_password_nothing_is_shown_before_one_has_signed_in() -> None:
    async with served(password=PASSWORD) as site, site.client() as visitor:
        assert (await visitor.get("/")).headers["location"] == "/login"
        for path in ("/live", "/people", "/diagnostics.json", "/nowhere"):
            assert (await visitor.get(path)).status_code == 401
        assert (await visitor.post("/mode", data={"mode": "off"})).status_code == 401
        await site.signed_in(visitor)
        assert "<h1>In a call</h1>" in (await visitor.get("/")).text
        cookie = next(iter(visitor.cookies.jar))
        assert cookie.name == f"busylight_{site.port}"
        out = await _send(visitor, "/logout")
        assert out.headers["location"] == "/login?done=out"
        assert (await visitor.get("/")).headers["location"] == "/login"
        visitor.cookies.set(cookie.name, cookie.value or "")  # who has kept the old one
        assert (await visitor.get("/")).headers["location"] == "/login"


async def test_a_session_outlives_the_program(tmp_path: Path) -> None:
    async with (
        served(password=PASSWORD, state_dir=tmp_path) as before,
        before.client() as visitor,
    ):
        await before.signed_in(visitor)
        cookies = dict(visitor.cookies)
    listen = f"127.0.0.1:{before.port}"
    for password, status in ((PASSWORD, 200), ("another-one", 303)):
        async with (
            served(password=password, state_dir=tmp_path, listen=listen) as after,
            after.client(cookies=cookies) as visitor,
        ):
            assert (await visitor.get("/")).status_code == status


async def test_the_diagnostics_are_a_file_without_names_messages_and_codes() -> None:
    now = clock.now()
    view = view_of()
    view = replace(
        view,
        knowledge=with_message(view, "at the dentist"),
        sign_in=SignInPrompt("https://microsoft.com/devicelogin", "F7XKQ2ABC", now + 900),
        diagnostics=replace(view.diagnostics, last_error="refused: client_secret=hunter2hunter2"),
    )
    async with served(view, password=PASSWORD) as site, site.client() as visitor:
        await site.signed_in(visitor)
        answer = await visitor.get("/diagnostics.json")
    assert "attachment" in answer.headers["content-disposition"]
    for secret in ("Adele", "adele", "dentist", "F7XKQ2ABC", "hunter2", PASSWORD):
        assert secret not in answer.text
    document = json.loads(answer.text)
    assert document["diagnostics"]["outputs"] == {"serial": {"state": "connected"}}
    assert document["sign_in_waits"] is True
    assert document["day"][-1]["state"] == "inacall"


async def test_every_answer_has_the_headers_that_keep_others_out() -> None:
    async with served() as site, site.client() as visitor:
        for path in ("/", "/login", "/static/page.css", "/api/v1/state", "/nowhere", "/metrics"):
            headers = (await visitor.get(path)).headers
            policy = headers["content-security-policy"]
            assert "default-src 'none'" in policy
            assert "unsafe" not in policy
            assert "frame-ancestors 'none'" in policy
            assert headers["x-content-type-options"] == "nosniff"
            assert headers["referrer-policy"] == "same-origin"
            assert headers["server"] == "busylight"
        assert (await visitor.get("/")).headers["cache-control"] == "no-store"


async def test_nothing_on_the_page_needs_what_the_policy_forbids() -> None:
    async with served(password=PASSWORD) as site, site.client() as visitor:
        login = (await visitor.get("/login")).text
        await site.signed_in(visitor)
        for html in (login, (await visitor.get("/")).text):
            assert "style=" not in html
            assert "<style" not in html
            assert not re.search(r"<script(?! src=\"/static/)", html)
            assert not re.search(r"\son[a-z]+=", html)
            assert not re.search(r"(src|href|action)=\"(?!/|#|https://microsoft)", html)


async def test_what_the_page_needs_may_be_kept_as_long_as_it_is_the_same() -> None:
    async with served() as site, site.client() as visitor:
        html = (await visitor.get("/")).text
        paths = re.findall(r"/static/[a-z.]+\?[0-9a-f]+", html)
        assert len(paths) == 5
        for path in paths:
            assert "immutable" in (await visitor.get(path)).headers["cache-control"]
        again = await visitor.get("/static/page.css")
        assert again.headers["cache-control"] == "no-cache"
        known = {"If-None-Match": again.headers["etag"]}
        assert (await visitor.get("/static/page.css", headers=known)).status_code == 304


async def test_people_are_found_without_javascript() -> None:
    async with served(view_of(people=many(1000))) as site, site.client() as visitor:
        html = (await visitor.get("/")).text
        assert "1000 people" in html
        assert html.count("<b>Person ") == 200
        found = (await visitor.get("/", params={"q": "person 0077"})).text
        assert "10 people" in found
        assert found.count("<b>Person 0077") == 10
