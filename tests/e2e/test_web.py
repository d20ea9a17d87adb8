"""The page of the running program: beside the lights, and never in their way."""

import contextlib
import json
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import httpx
import pytest

from busylight.demo.lookalike import ADELE, Lookalike
from tests.support.program import Home, Program
from tests.support.web import PASSWORD, free_port, token_in


@pytest.fixture
def home(tmp_path: Path, lookalike: Lookalike) -> Home:
    place = Home(tmp_path).with_graph(lookalike)
    place.settings["WEB_LISTEN"] = f"127.0.0.1:{free_port()}"
    return place


def _ask(home: Home, path: str, **more: Any) -> Any:
    url = f"http://{home.settings['WEB_LISTEN']}{path}"
    request = urllib.request.Request(url, **more)  # noqa: S310 -- http, on loopback
    with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310 -- the same
        return answer.read().decode()


def _works(program: Program) -> None:
    program.reports(lambda report: report["diagnostics"]["outputs"].get("web") == _CONNECTED)


_CONNECTED = {"state": "connected"}


def _mode(home: Home, document: dict[str, Any]) -> None:
    headers = {"Content-Type": "application/json"}
    _ask(home, "/api/v1/mode", data=json.dumps(document).encode(), headers=headers)


def _walk(home: Home, do: str) -> None:
    with httpx.Client(base_url=f"http://{home.settings['WEB_LISTEN']}", trust_env=False) as visitor:
        token = token_in(visitor.get("/").text)
        answer = visitor.post("/test-light", data={"token": token, "do": do})
        assert answer.status_code == 303


def test_the_page_shows_and_sets_what_the_program_does(home: Home, lookalike: Lookalike) -> None:
    lookalike.graph.set_presence(ADELE.object_id, "Busy", "InACall")
    with home.start() as program:
        program.shows("inacall")
        _works(program)
        assert "<h1>In a call</h1>" in _ask(home, "/")
        state = json.loads(_ask(home, "/api/v1/state"))
        assert state["presence"]["user"] is not None or state["diagnostics"]["account"]
        _mode(home, {"mode": "away", "for": 600})
        report = program.shows("away")
        assert report["override"]["mode"] == "away"
        _mode(home, {"mode": "auto"})
        program.shows("inacall")
        _walk(home, "start")
        program.shows("available")
        assert program.shows("availableidle")["presence"]["activity"] == "InACall"
        _walk(home, "stop")
        program.shows("inacall")
        metrics = _ask(home, "/metrics")
        assert 'busylight_graph_requests_total{result="2xx"}' in metrics
        assert program.ends()[0] == 0
        assert "terminal" in state["diagnostics"]["outputs"]


def test_a_port_that_is_taken_is_told_and_tried_again(home: Home) -> None:
    host, _, port = home.settings["WEB_LISTEN"].partition(":")
    other = socket.create_server((host, int(port)))
    with contextlib.closing(other), home.start() as program:
        report = program.reports(
            lambda found: found["diagnostics"]["outputs"].get("web", {}).get("error")
        )
        error = report["diagnostics"]["outputs"]["web"]["error"]
        assert "another program has it" in error
        assert f"port {port}" in error
        program.reports(lambda found: found["diagnostics"]["outputs"]["terminal"] == _CONNECTED)
        other.close()
        _works(program)
        assert program.ends()[0] == 0


def test_without_its_libraries_one_line_says_what_to_install(home: Home, tmp_path: Path) -> None:
    block = tmp_path / "block"
    block.mkdir()
    (block / "uvicorn.py").write_text(
        "raise ModuleNotFoundError(\"No module named 'uvicorn'\", name='uvicorn')\n"
    )
    home.more_environment["PYTHONPATH"] = str(block)
    wanted = (
        "needs a library that is not installed (uvicorn): pip install 'busylight-presence[web]'"
    )
    done = home.run("check")
    assert f"FAIL web: {wanted}\n" in done.stdout
    with home.start() as program:
        report = program.reports(
            lambda found: found["diagnostics"]["outputs"].get("web", {}).get("error")
        )
        assert report["diagnostics"]["outputs"]["web"]["error"] == wanted
        program.reports(lambda found: found["diagnostics"]["outputs"]["terminal"] == _CONNECTED)


def test_check_tries_the_port_or_asks_the_daemon_that_has_it(home: Home) -> None:
    listen = home.settings["WEB_LISTEN"]
    assert f"ok   web: http://{listen} is free" in home.run("check").stdout
    host, _, port = listen.partition(":")
    with contextlib.closing(socket.create_server((host, int(port)))):
        done = home.run("check")
        assert (done.returncode, "FAIL web: cannot listen on" in done.stdout) == (1, True)
    with home.start() as program:
        _works(program)
        assert "ok   web: the daemon says: connected\n" in home.run("check").stdout


def test_beyond_this_machine_a_password_is_asked_for(home: Home) -> None:
    home.settings["WEB_LISTEN"] = "0.0.0.0:8765"
    for command in ("run", "check"):
        done = home.run(command)
        assert done.returncode == 78
        assert "BUSYLIGHT_WEB_PASSWORD is missing: WEB_LISTEN=0.0.0.0:8765 lets" in done.stderr


def test_nothing_of_it_is_loaded_without_its_setting(home: Home) -> None:
    code = (
        "import sys, busylight.cli.run, busylight.cli.check, busylight.app.daemon\n"
        "heavy = {'uvicorn', 'starlette', 'jinja2', 'prometheus_client', 'segno'}\n"
        "sys.exit(bool(heavy & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
    del home.settings["WEB_LISTEN"]
    with home.start() as program:
        program.reports(lambda found: "web" not in found["diagnostics"]["outputs"])


def test_the_password_is_nowhere_but_in_its_setting(home: Home, tmp_path: Path) -> None:
    home.settings |= {"WEB_PASSWORD": PASSWORD, "LOG_LEVEL": "debug"}
    with home.start() as program:
        _works(program)
        report = program.report()
        with contextlib.suppress(OSError):
            _ask(home, "/api/v1/state", headers={"Authorization": f"Bearer {PASSWORD}x"})
        _ask(home, "/api/v1/state", headers={"Authorization": f"Bearer {PASSWORD}"})
        program.ends()
        for text in (program.out, program.errors, json.dumps(report)):
            assert PASSWORD not in text
    for file in (tmp_path / "state").iterdir():
        if file.is_file():
            assert PASSWORD.encode() not in file.read_bytes()
            assert file.stat().st_mode & 0o777 == 0o600
