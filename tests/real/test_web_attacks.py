"""What strangers try on the page: from other sites, over slow lines, with huge requests."""

import asyncio
import socket
import time
from contextlib import suppress
from dataclasses import replace

import httpx
import pytest

from busylight.web import bodies, connections
from busylight.web.password import TRIES
from tests.support.web import PASSWORD, PATIENCE, Served, served, token_in, view_of, with_message

SCRIPT = '<script>alert("x")</script>'


def _head(site: Served, path: str = "/", method: str = "GET", *more: str) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", f"Host: 127.0.0.1:{site.port}", *more, "", ""]
    return "\r\n".join(lines).encode()


def _status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


@pytest.mark.parametrize(
    "path",
    ["/", "/api/v1/state", "/metrics", "/live", "/login", "/static/page.js", "/diagnostics.json"],
)
async def test_a_name_that_somebody_else_leads_to_our_address_gets_nothing(path: str) -> None:
    async with served() as site, site.client() as visitor:
        for host in ("evil.example", f"evil.example:{site.port}", "127.0.0.1.evil.example"):
            answer = await visitor.get(path, headers={"Host": host})
            assert answer.status_code == 421
            assert "BUSYLIGHT_WEB_HOSTS" in answer.text
            assert "In a call" not in answer.text


async def test_a_name_that_was_told_is_ours() -> None:
    async with served(hosts="busylight.example.com") as site, site.client() as visitor:
        answer = await visitor.get("/", headers={"Host": "busylight.example.com"})
        assert answer.status_code == 200


async def test_a_request_without_a_host_or_with_two_gets_nothing() -> None:
    async with served() as site:
        assert _status(await site.raw(b"GET / HTTP/1.0\r\n\r\n")) == 421
        assert _status(await site.raw(b"GET / HTTP/1.1\r\n\r\n")) == 400
        two = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nHost: evil.example\r\n\r\n"
        assert _status(await site.raw(two)) == 400


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
@pytest.mark.parametrize("path", ["/mode", "/api/v1/mode", "/login", "/test-light"])
async def test_what_another_site_sends_changes_nothing(path: str, headers: dict[str, str]) -> None:
    async with served() as site, site.client() as visitor:
        token = token_in((await visitor.get("/")).text)
        if path.startswith("/api"):
            answer = await visitor.post(path, json={"mode": "off"}, headers=headers)
        else:
            fields = {"token": token, "mode": "off", "password": "x"}
            answer = await visitor.post(path, data=fields, headers=headers)
        assert answer.status_code == 403
        assert site.commands == []


@pytest.mark.parametrize("path", ["/mode", "/refresh", "/test-light", "/logout"])
async def test_a_form_without_the_token_of_its_session_changes_nothing(path: str) -> None:
    async with served(password=PASSWORD) as site, site.client() as visitor:
        await site.signed_in(visitor)
        async with site.client() as other:
            foreign = token_in((await other.get("/login")).text)
        for token in ("", "0" * 64, foreign):
            answer = await visitor.post(path, data={"token": token, "mode": "off"})
            assert answer.status_code == 403
        assert site.commands == []
        assert (await visitor.get("/")).status_code == 200  # nor was anybody signed out


async def test_a_form_in_another_shape_is_not_taken_for_one_of_the_api() -> None:
    async with served() as site, site.client() as visitor:
        for shape in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data"):
            answer = await visitor.post(
                "/api/v1/mode", content=b'{"mode":"off"}', headers={"Content-Type": shape}
            )
            assert answer.status_code == 415
        assert site.commands == []


async def test_the_cookie_is_kept_from_scripts_and_from_other_sites() -> None:
    async with served(password=PASSWORD) as site, site.client() as visitor:
        form = await visitor.get("/login")
        answer = await visitor.post(
            "/login", data={"token": token_in(form.text), "password": PASSWORD}
        )
        for told in (form.headers["set-cookie"], answer.headers["set-cookie"]):
            assert "HttpOnly" in told
            assert "SameSite=strict" in told
        assert form.headers["set-cookie"] != answer.headers["set-cookie"]


async def test_wrong_passwords_are_soon_refused_without_being_compared() -> None:
    async with served(password=PASSWORD) as site, site.client() as visitor:
        token = token_in((await visitor.get("/login")).text)
        answers = []
        for number in range(TRIES + 200):
            fields = {"token": token, "password": f"wrong{number}"}
            answers.append((await visitor.post("/login", data=fields)).status_code)
        assert answers == [401] * TRIES + [429] * 200
        right = await visitor.post("/login", data={"token": token, "password": PASSWORD})
        assert right.status_code == 429
        assert 0 < int(right.headers["retry-after"]) <= 60
        bearer = {"Authorization": f"Bearer {PASSWORD}"}
        api = await visitor.get("/api/v1/state", headers=bearer)
        assert api.status_code == 429  # it is the same password
        assert int(api.headers["retry-after"]) > 0


async def test_a_script_in_a_status_message_is_text() -> None:
    view = view_of()
    view = replace(
        view,
        knowledge=with_message(view, SCRIPT, user=SCRIPT),
        state=f"message_{SCRIPT}",
        diagnostics=replace(view.diagnostics, account=SCRIPT, last_error=SCRIPT),
    )
    async with served(view, name=SCRIPT) as site, site.client() as visitor:
        html = (await visitor.get("/")).text
        async with visitor.stream("GET", "/live") as events:
            told = ""
            async for line in events.aiter_lines():
                told += line
                if told.count("data: ") == 2:
                    break
    assert "<script>alert" not in html
    assert "&lt;script&gt;alert" in html
    assert "<script>alert" not in told
    found = (await _search(view, SCRIPT)).text
    assert "<script>alert" not in found


async def _search(view: object, words: str) -> httpx.Response:
    async with served(view) as site, site.client() as visitor:  # type: ignore[arg-type]
        return await visitor.get("/", params={"q": words, "done": words})


@pytest.mark.parametrize(
    "path",
    [
        "/static/../settings.py",
        "/static/..%2fsettings.py",
        "/static/%2e%2e/%2e%2e/etc/passwd",
        "/static//etc/passwd",
        "/static/page.css%00.js",
        "/static/PAGE.CSS",
        "/../../etc/passwd",
        "//etc/passwd",
        "/static/",
        "/%ff",
        "/login/",
        "http://127.0.0.1/static/../x",
    ],
)
async def test_a_tricky_path_leads_nowhere(path: str) -> None:
    async with served() as site:
        answer = await site.raw(_head(site, path, "GET", "Connection: close"))
        assert _status(answer) == 404
        assert b"root:" not in answer


async def test_a_path_that_begins_like_an_open_one_is_not_open() -> None:
    async with served(password=PASSWORD) as site:
        for path in ("/live", "/Live", "//live", "/./live", "/static/../live", "/login/../people"):
            answer = await site.raw(_head(site, path, "GET", "Connection: close"))
            assert _status(answer) in (401, 404)
            assert b"sections" not in answer


async def test_methods_that_mean_nothing_here_are_refused() -> None:
    async with served() as site, site.client() as visitor:
        for method in ("PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"):
            assert (await visitor.request(method, "/mode")).status_code == 405
        assert (await visitor.get("/mode")).status_code == 405
        assert (await visitor.post("/")).status_code == 405
        for path in ("/", "/live", "/people", "/api/v1/events"):
            assert (await visitor.head(path)).content == b""


async def test_a_gigabyte_is_refused_before_it_is_read() -> None:
    async with served() as site:
        json = "Content-Type: application/json"
        told = _head(site, "/api/v1/mode", "POST", json, f"Content-Length: {2**30}")
        assert _status(await site.raw(told)) == 413


async def test_a_gigabyte_without_a_length_is_cut_off_at_its_beginning() -> None:
    async with served() as site:
        reader, writer = await asyncio.open_connection("127.0.0.1", site.port)
        head = _head(
            site,
            "/api/v1/mode",
            "POST",
            "Content-Type: application/json",
            "Transfer-Encoding: chunked",
        )
        writer.write(head)
        sent, piece = 0, b"10000\r\n" + b"x" * 65536 + b"\r\n"
        async with asyncio.timeout(PATIENCE):
            with suppress(ConnectionError):
                while sent < 2**30 and not reader.at_eof():
                    writer.write(piece)
                    await writer.drain()
                    sent += len(piece)
                    await asyncio.sleep(0)
        writer.close()
        assert sent < 2**25


async def _until_gone(site: Served) -> None:
    async with asyncio.timeout(PATIENCE / 2):
        while site.output._server._turnstile.lines:
            await asyncio.sleep(0.01)


async def test_a_head_without_end_is_refused() -> None:
    async with served() as site:
        without_end = _head(site, "/", "GET", "X: " + "x" * 300_000).removesuffix(b"\r\n\r\n")
        with suppress(ConnectionError):  # the rest of it was not waited for
            assert _status(await site.raw(without_end)) == 400
        await _until_gone(site)
        long = _head(site, "/", "GET", "Connection: close", "X: " + "x" * 17_000)
        assert _status(await site.raw(long)) == 431
        long = _head(site, "/?" + "x" * 17_000, "GET", "Connection: close")
        assert _status(await site.raw(long)) == 431


async def test_a_head_that_comes_slowly_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "HEAD_LIMIT", 0.5)
    async with served() as site:
        reader, writer = await asyncio.open_connection("127.0.0.1", site.port)
        async with asyncio.timeout(PATIENCE):
            with suppress(ConnectionError):
                for byte in _head(site, "/" + "x" * 500):
                    writer.write(bytes([byte]))
                    await writer.drain()
                    await asyncio.sleep(0.05)
                    if reader.at_eof():
                        break
            with suppress(ConnectionError):
                assert await reader.read() == b""
        writer.close()


async def test_a_body_that_comes_slowly_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "PATIENCE", 0.3)
    async with served() as site:
        json = "Content-Type: application/json"
        slow = _head(site, "/api/v1/mode", "POST", json, "Content-Length: 100") + b'{"mode"'
        answer = await site.raw(slow)
        assert _status(answer) == 408


async def test_connections_that_say_nothing_give_way_to_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(connections, "MOST_LINES", 20)
    async with served() as site:
        silent = [await asyncio.open_connection("127.0.0.1", site.port) for _ in range(60)]
        async with site.client() as visitor:
            assert (await visitor.get("/")).status_code == 200
        assert len(site.output._server._turnstile.lines) <= 20
        for _, writer in silent:
            writer.close()


async def test_somebody_who_reads_nothing_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "STALL_LIMIT", 0.5)
    monkeypatch.setattr(connections, "SEND_BUFFER", 8 * 1024)
    long = "x" * 3000
    async with served() as site:
        feed = site.output._server._site.feed
        with socket.socket() as deaf:
            deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            deaf.connect(("127.0.0.1", site.port))
            deaf.sendall(_head(site, "/live"))
            ends, number, looked = time.monotonic() + PATIENCE, 0, False
            while time.monotonic() < ends and (feed.viewers or not looked):
                number, looked = number + 1, looked or feed.viewers == 1
                view = view_of()
                await site.show(replace(view, knowledge=with_message(view, f"{number}{long}")))
                await asyncio.sleep(0.06)
            assert (looked, feed.viewers) == (True, 0)


async def test_requests_in_a_row_on_one_connection_are_each_answered() -> None:
    async with served() as site:
        many = _head(site, "/static/icon.svg") * 20
        answer = await site.raw(many + _head(site, "/login", "GET", "Connection: close"))
        assert answer.count(b"HTTP/1.1 200") == 20
        assert answer.count(b"HTTP/1.1 303") == 1


async def test_what_is_no_http_is_answered_shortly_and_not_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with served() as site:
        for junk in (b"\x16\x03\x01\x02\x00\x01\x00", b"GET\r\n\r\n", b"\x00" * 100, b"A" * 70_000):
            with suppress(ConnectionError):
                answer = await site.raw(junk + b"\r\n\r\n")
                assert len(answer) < 1000
        async with site.client() as visitor:
            assert (await visitor.get("/")).status_code == 200
    assert caplog.records == []


async def test_a_failure_of_the_page_is_logged_and_says_nothing_to_strangers(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with served() as site, site.client() as visitor:
        monkeypatch.setattr(site.output._server._site, "state", lambda _view: 1 / 0)
        answer = await visitor.get("/api/v1/state")
        assert (answer.status_code, "ZeroDivision" in answer.text) == (500, False)
        assert (await visitor.get("/metrics")).status_code == 200
    assert "ZeroDivisionError" in caplog.text
