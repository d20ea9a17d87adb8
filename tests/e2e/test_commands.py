"""Every exit code and every text that the contract promises, from outside."""

import json
import os
import pty
import re
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from busylight.cli import COMMANDS
from busylight.demo.lookalike import ADELE, MEGAN, Lookalike
from busylight.edge.build import described
from firmware_bridge.virtual_light import TEMPLATE, VirtualLight
from tests.support.broker import Broker, Recorder
from tests.support.graph import lose_access_tokens
from tests.support.program import Home, json_of

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


def test_help_names_every_command_and_each_has_its_own(home: Home) -> None:
    shown = home.run("--help")
    assert shown.returncode == 0
    for command in COMMANDS:
        assert re.search(rf"^ +{command}\b", shown.stdout, re.MULTILINE)
        own = home.run(command, "--help")
        assert (own.returncode, own.stderr) == (0, "")
        assert "--env-file" in own.stdout


def test_the_version_is_told(home: Home) -> None:
    assert home.run("--version").stdout == f"busylight {described()}\n"


@pytest.mark.parametrize(
    "words",
    [[], ["explode"], ["run", "--explode"], ["set"], ["set", "sleepy"], ["demo", "--speed", "0"]],
)
def test_wrong_usage_is_2(home: Home, words: list[str]) -> None:
    done = home.run(*words)
    assert done.returncode == 2
    assert "usage:" in done.stderr


@pytest.mark.parametrize("command", ["run", "login", "logout", "status", "check", "test-light"])
def test_bad_settings_are_78_with_every_fault_in_a_line_of_its_own(
    home: Home, command: str
) -> None:
    home.settings |= {"INTERVAL": "soon", "COLOR_BUSY": "rot", "INTERVALL": "5"}
    done = home.run(command)
    assert done.returncode == 78
    lines = done.stderr.splitlines()
    assert all(line.startswith("busylight: ") for line in lines)
    for wanted in ("BUSYLIGHT_INTERVAL=soon", "BUSYLIGHT_COLOR_BUSY=rot", "BUSYLIGHT_INTERVALL is"):
        assert sum(wanted in line for line in lines) == 1
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("command", ["run", "palette", "devices", "demo"])
def test_a_named_env_file_that_is_missing_is_78(home: Home, command: str) -> None:
    done = home.run(command, "--env-file", "/no/such.env")
    assert done.returncode == 78
    assert "/no/such.env there is no such env file" in done.stderr


def test_an_empty_token_cache_is_77_without_asking_the_network(
    home: Home, lookalike: Lookalike
) -> None:
    home.with_graph(lookalike, signed_in=False)
    done = home.run("status")
    assert done.returncode == 77
    assert "busylight login" in done.stderr
    assert lookalike.connections == 0


def test_status_reads_once_and_prints_the_light_that_it_maps_to(
    home: Home, lookalike: Lookalike
) -> None:
    home.with_graph(lookalike)
    lookalike.graph.set_presence(ADELE.object_id, "Busy", "InACall")
    assert home.run("status").stdout.endswith("Busy/InACall #ff0000 100% pulse\n")
    document = json.loads(home.run("status", "--json").stdout)
    assert document["version"] == 1
    assert document["state"] == "inacall"
    assert document["presence"]["activity"] == "InACall"
    assert document["light"]["color"] == {"r": 255, "g": 0, "b": 0}


def test_status_of_a_graph_that_does_not_answer_is_1_with_the_reason(
    home: Home, lookalike: Lookalike
) -> None:
    home.with_graph(lookalike)
    lookalike.stop()
    done = home.run("status")
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    document = json.loads(home.run("status", "--json").stdout)
    assert document["state"] == "unknown"
    assert document["presence"]["reason"] == "unreachable"


def test_login_waits_for_the_code_and_logout_forgets(home: Home, lookalike: Lookalike) -> None:
    home.with_graph(lookalike, signed_in=False)
    lookalike.entra.auto_approve_after = 0.0
    login = home.run("login")
    assert login.returncode == 0
    assert re.search(r"open https://\S+ and enter the code \S+", login.stdout)
    assert f"Signed in as {ADELE.principal_name}" in login.stdout
    assert (home.state_dir / "token_cache.json").stat().st_mode & 0o777 == 0o600
    assert home.state_dir.stat().st_mode & 0o777 == 0o700
    assert home.run("status").returncode == 0
    logout = home.run("logout")
    assert (logout.returncode, logout.stdout) == (0, f"Signed out {ADELE.principal_name}.\n")
    assert home.run("logout").stdout == "Nobody was signed in.\n"
    assert home.run("status").returncode == 77


def test_another_account_than_the_first_is_refused_until_login_switch(
    home: Home, lookalike: Lookalike
) -> None:
    home.with_graph(lookalike)
    home.run("logout")
    lookalike.entra.auto_approve_after = 0.0
    lookalike.entra.auto_approve_person = MEGAN
    refused = home.run("login")
    assert refused.returncode == 1
    assert "--switch" in refused.stderr
    assert home.run("status").returncode == 77
    switched = home.run("login", "--switch")
    assert (switched.returncode, switched.stderr) == (0, "")
    assert MEGAN.principal_name in switched.stdout


def test_login_with_app_permission_says_that_there_is_nobody_to_sign_in(
    home: Home, lookalike: Lookalike
) -> None:
    home.with_graph(lookalike, signed_in=False)
    home.settings |= {
        "GRAPH_CLIENT_SECRET": lookalike.client_secret,
        "GRAPH_USER": ADELE.object_id,
        "GRAPH_TENANT_ID": lookalike.tenant_id,
    }
    done = home.run("login")
    assert done.returncode == 1
    assert "nobody to sign in" in done.stderr
    assert home.run("status").returncode == 0


def test_app_permission_without_a_named_person_is_78(home: Home, lookalike: Lookalike) -> None:
    home.with_graph(lookalike, signed_in=False)
    home.settings |= {"GRAPH_CLIENT_SECRET": "wrong", "GRAPH_TENANT_ID": lookalike.tenant_id}
    done = home.run("run")
    assert done.returncode == 78
    assert "BUSYLIGHT_GRAPH_USER is missing" in done.stderr
    assert "wrong" not in done.stderr


def test_china_is_78_with_the_reason(home: Home, lookalike: Lookalike) -> None:
    home.with_graph(lookalike, signed_in=False).settings["GRAPH_CLOUD"] = "china"
    done = home.run("run")
    assert done.returncode == 78
    assert "Microsoft offers no presence in the cloud operated by 21Vianet" in done.stderr


def test_check_tries_every_part_and_tells_each_in_a_line(
    home: Home, lookalike: Lookalike, tmp_path: Path
) -> None:
    with Broker(tmp_path / "broker") as broker, VirtualLight(tmp_path / "light") as light:
        home.with_graph(lookalike).with_broker(broker.port).with_light(light.path, TEMPLATE)
        done = home.run("check")
        assert done.returncode == 0, done.stdout
        for what in (
            "settings",
            "daemon",
            "DNS",
            "sign-in",
            "Graph",
            "clock",
            "presence",
            "mqtt",
            "serial",
        ):
            assert re.search(rf"^ok   {what}: ", done.stdout, re.MULTILINE)
        assert light.received == b""
        with home.start() as program:
            program.shows("available")
            program.reports(
                lambda report: report["diagnostics"]["outputs"]["serial"]["state"] == "connected"
            )
            beside = home.run("check")
            assert beside.returncode == 0, beside.stdout
            assert "ok   serial: the daemon says: connected" in beside.stdout
            program.shows("available")
        broker.stop()
        failed = home.run("check", "--json")
        assert failed.returncode == 1
        checks = {line["what"]: line for line in json.loads(failed.stdout)["checks"]}
        assert checks["mqtt"]["ok"] is False
        assert checks["serial"]["ok"] is True


def test_check_names_an_address_that_is_not_found(home: Home, lookalike: Lookalike) -> None:
    home.with_graph(lookalike)
    home.settings["GRAPH_BASE_URL"] = "https://nowhere.invalid/v1.0"
    done = home.run("check")
    assert done.returncode == 1
    assert "FAIL DNS: nowhere.invalid is not found" in done.stdout


def test_check_is_77_when_only_the_sign_in_is_missing(home: Home, lookalike: Lookalike) -> None:
    home.with_graph(lookalike, signed_in=False)
    done = home.run("check")
    assert done.returncode == 77, done.stdout
    assert "FAIL sign-in: " in done.stdout


def test_a_second_daemon_is_refused_with_1(home: Home, lookalike: Lookalike) -> None:
    home.with_graph(lookalike)
    with home.start() as program:
        program.shows("available")
        second = home.run("run")
        assert second.returncode == 1
        assert "running already" in second.stderr
        light = home.run("test-light")
        assert light.returncode == 1
        assert "stop it first" in light.stderr


def test_set_without_a_broker_is_78_and_without_a_daemon_1(home: Home, tmp_path: Path) -> None:
    alone = home.run("set", "busy")
    assert alone.returncode == 78
    assert "BUSYLIGHT_MQTT_HOST is missing" in alone.stderr
    with Broker(tmp_path / "broker") as broker:
        home.with_broker(broker.port)
        nobody = home.run("set", "busy", "--for", "90s")
        assert nobody.returncode == 1
        assert len(nobody.stderr.splitlines()) == 1


@pytest.mark.parametrize("time", ["0", "25x", "25h", "", "-5m"])
def test_set_refuses_a_time_that_is_none(home: Home, time: str) -> None:
    done = home.run("set", "busy", f"--for={time}")
    assert done.returncode == 2
    assert "is not a time like 25m" in done.stderr


def test_set_auto_has_no_time(home: Home) -> None:
    assert home.run("set", "auto", "--for", "5m").returncode == 2


def test_test_light_walks_through_every_state_and_names_each(home: Home, tmp_path: Path) -> None:
    with VirtualLight(tmp_path / "light") as light:
        home.with_light(light.path, TEMPLATE)
        home.settings |= {"COLOR_BUSY": "blue"}
        # Two seconds each is for people.
        done = home.run("test-light", "--seconds", "0")
        assert done.returncode == 0, done.stderr
        named = [line.split()[1].lower() for line in done.stdout.splitlines()]
        assert "busy" in named
        assert "unknown" in named
        shown = list(dict.fromkeys(frame.state for frame in light.frames))
        assert shown == [*named, "off"]
        assert light.last is not None
        assert light.last.rgb == (0, 0, 0)


def test_test_light_names_the_output_that_fails(home: Home, tmp_path: Path) -> None:
    home.with_light(tmp_path / "no-light", TEMPLATE)
    done = home.run("test-light", "--seconds", "0")
    assert done.returncode == 1
    assert "output serial: " in done.stderr
    assert "plug the light in" in done.stderr


def test_a_state_is_left_on_every_output_that_can_be_reached(home: Home, tmp_path: Path) -> None:
    with Broker(tmp_path / "broker") as broker, Recorder(broker) as recorder:
        with VirtualLight(tmp_path / "light") as light:
            home.with_broker(broker.port).with_light(light.path, TEMPLATE)
            done = home.run("test-light", "--leave", "unknown")
            assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
            assert light.last is not None
            assert light.last.state == "unknown"
        assert {message.topic for message in recorder.heard} == {"busylight/desk/light"}
        assert json_of(recorder.last("busylight/desk/light"))["effect"] == "pulse"
        recorder.forget()
        done = home.run("test-light", "--leave", "unknown")
        assert done.returncode == 1
        assert "output serial: " in done.stderr
        assert json_of(recorder.last("busylight/desk/light"))["effect"] == "pulse"


def test_a_state_that_there_is_not_cannot_be_left(home: Home) -> None:
    done = home.run("test-light", "--leave", "happy")
    assert done.returncode == 2
    assert "'happy' is no state" in done.stderr


def test_palette_prints_each_rule_with_where_it_came_from(home: Home) -> None:
    home.settings |= {"COLOR_BUSY__INAMEETING": "blue 40% breathe", "COLOR_AWAY": "release"}
    shown = home.run("palette").stdout
    assert re.search(
        r"BUSY__INAMEETING +#0000ff 40% breathe +BUSYLIGHT_COLOR_BUSY__INAMEETING", shown
    )
    assert re.search(r"AWAY +release +BUSYLIGHT_COLOR_AWAY", shown)
    assert re.search(r"INACALL +#ff0000 100% pulse +default", shown)
    assert re.search(r"Busy/InAMeeting +BUSY__INAMEETING", shown)
    document = json.loads(home.run("palette", "--json").stdout)
    rules = {rule["key"]: rule for rule in document["rules"]}
    assert rules["AWAY"]["light"] == "release"
    assert rules["BUSY__INAMEETING"]["color"] == "#0000ff"
    assert len(document["pairs"]) == 9 * 15


def test_devices_lists_ports_or_says_that_there_are_none(home: Home) -> None:
    assert home.run("devices").returncode == 0
    assert json.loads(home.run("devices", "--json").stdout)["version"] == 1


def test_the_demo_plays_a_whole_day_and_ends(home: Home) -> None:
    home.settings |= {"COLOR_INACALL": "blue pulse", "MQTT_PORT": "not looked at"}
    done = home.run("demo", "--once", "--plain", "--speed", "60")
    assert (done.returncode, done.stderr) == (0, "")
    line = re.compile(
        r"\d\d:\d\d [A-Za-z]+/[A-Za-z]+ #[0-9a-f]{6} \d+% (solid|blink|pulse|breathe)"
    )
    lines = done.stdout.splitlines()
    assert len(lines) >= 12
    assert all(line.fullmatch(each) for each in lines), lines
    assert any("Busy/InACall #0000ff 100% pulse" in each for each in lines)
    assert [each[:5] for each in lines] == sorted(each[:5] for each in lines)
    assert not home.state_dir.exists()


def _modules(home: Home, *words: str) -> set[str]:
    """The modules that a command has loaded when it ends."""
    code = (
        "import atexit, sys\n"
        "atexit.register(lambda: print('LOADED', *sorted(sys.modules), file=sys.stderr))\n"
        "from busylight.cli import main\n"
        f"sys.exit(main({list(words)!r}))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=home.environment,
        cwd=home.directory,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    (loaded,) = (line for line in done.stderr.splitlines() if line.startswith("LOADED "))
    return {name.partition(".")[0] for name in loaded.split()[1:]}


PACKAGES = {"paho", "msal", "httpx", "serial", "pydantic"}


@pytest.mark.parametrize("words", [["--help"], ["--version"], ["run", "--help"]])
def test_help_and_version_load_none_of_the_packages(home: Home, words: list[str]) -> None:
    assert not _modules(home, *words) & (PACKAGES | {"asyncio"})


@pytest.mark.parametrize("words", [["--help"], ["--version"]])
def test_help_and_version_load_nothing_but_argparse(words: list[str]) -> None:
    code = (
        "import atexit, sys\n"
        "atexit.register(lambda: print('LOADED', *sys.modules))\n"
        f"from busylight.cli import main\nmain({words!r})\n"
    )
    # Without what an environment loads by itself: an editable install brings half of it.
    done = subprocess.run(
        [sys.executable, "-S", "-c", code],
        env={"PYTHONPATH": str(ROOT), "SOURCE_COMMIT": "0123456789ab"},  # or git would be asked
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    loaded = set(done.stdout.rpartition("LOADED ")[2].split())
    assert "argparse" in loaded
    assert not loaded & {"typing", "dataclasses", "inspect", "pathlib", "logging", "json"}


def test_the_palette_needs_no_network_library(home: Home) -> None:
    assert not _modules(home, "palette") & {"paho", "msal", "httpx", "serial"}


@pytest.mark.parametrize(
    ("outputs", "absent"),
    [
        ("terminal", {"paho", "serial", "firmware_bridge"}),
        ("serial", {"paho"}),
        ("mqtt", {"serial", "firmware_bridge"}),
        ("mqtt,serial", set()),
    ],
)
def test_run_loads_only_what_its_settings_need(
    home: Home, lookalike: Lookalike, tmp_path: Path, outputs: str, absent: set[str]
) -> None:
    home.with_graph(lookalike)
    home.settings |= {
        "OUTPUTS": outputs,
        "MQTT_HOST": "127.0.0.1",
        "MQTT_PORT": "1",
        "SERIAL_PORT": str(tmp_path / "none"),
        "SERIAL_PROTOCOL": "template",
        "SERIAL_TEMPLATE": "x",
    }
    code = (
        "import os, signal, sys, threading\n"
        "from busylight.cli import main\n"
        "from busylight.edge.daemon_socket import ask_daemon\n"
        "from pathlib import Path\n"
        "def end():\n"
        "    while True:\n"
        f"        report = ask_daemon(Path({str(home.state_dir)!r}))\n"
        "        if report and report['state'] == 'available':\n"
        "            break\n"
        "        threading.Event().wait(0.05)\n"
        "    os.kill(os.getpid(), signal.SIGTERM)\n"
        "threading.Thread(target=end, daemon=True).start()\n"
        "main(['run'])\n"
        "print('LOADED', *sorted(sys.modules))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=home.environment,
        cwd=home.directory,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    (loaded,) = (line for line in done.stdout.splitlines() if line.startswith("LOADED "))
    modules = {name.partition(".")[0] for name in loaded.split()[1:]}
    never = {"segno", "pytest", "busylight_core", "hid", "gpiozero", "difflib"}
    assert not modules & (absent | never)
    assert modules >= {"httpx"} | ({"paho", "serial"} - absent if "," in outputs else set())


def test_a_reading_with_a_good_token_loads_no_msal(home: Home, lookalike: Lookalike) -> None:
    home.with_graph(lookalike)
    loaded = _modules(home, "status")
    assert "httpx" in loaded
    assert not loaded & {"msal", "requests", "cryptography"}
    lose_access_tokens(home.graph_settings(lookalike))
    assert "msal" in _modules(home, "status")


def test_a_fault_of_our_own_is_one_line_and_with_debug_a_traceback_without_secrets(
    home: Home, lookalike: Lookalike
) -> None:
    home.with_graph(lookalike)
    home.settings |= {"MQTT_HOST": "b", "MQTT_USERNAME": "u", "MQTT_PASSWORD": "hunter2-hunter2"}
    (home.directory / "sitecustomize.py").write_text(
        "import busylight.app.read_once as module\n"
        "async def broken(settings):\n"
        "    raise RuntimeError('broken by the test with hunter2-hunter2')\n"
        "module.read_once = broken\n"
    )
    home.more_environment["PYTHONPATH"] = str(home.directory)
    done = home.run("status")
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert "RuntimeError: broken by the test with ***" in done.stderr
    debug = home.run("status", "--debug")
    assert debug.returncode == 1
    assert "Traceback" in debug.stderr
    assert "hunter2" not in done.stderr + debug.stderr


def test_login_at_a_terminal_shows_a_qr_code_of_the_address(
    home: Home, lookalike: Lookalike
) -> None:
    home.with_graph(lookalike, signed_in=False)
    lookalike.entra.auto_approve_after = 0.0
    far, near = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "busylight", "login"],
        env=home.environment,
        cwd=home.directory,
        stdin=subprocess.DEVNULL,
        stdout=near,
        stderr=subprocess.STDOUT,
    ) as process:
        os.close(near)
        shown = b""
        with suppress(OSError):  # how the far end tells that nobody holds the near one any more
            while chunk := os.read(far, 65536):
                shown += chunk
        assert process.wait(60) == 0
    os.close(far)
    text = shown.decode()
    assert text.count("\N{FULL BLOCK}") + text.count("\N{LOWER HALF BLOCK}") > 100
    assert f"Signed in as {ADELE.principal_name}" in text


def test_unpublish_names_what_it_clears_and_refuses_while_the_daemon_runs(
    home: Home, lookalike: Lookalike, tmp_path: Path
) -> None:
    with Broker(tmp_path / "broker") as broker:
        home.with_graph(lookalike).with_broker(broker.port)
        with home.start() as program:
            program.reports(
                lambda report: report["diagnostics"]["outputs"]["mqtt"]["state"] == "connected"
            )
            refused = home.run("unpublish")
            assert refused.returncode == 1
            assert "a busylight daemon is running already" in refused.stderr
            assert program.ends()[0] == 0
        done = home.run("unpublish")
        assert (done.returncode, done.stderr) == (0, "")
        assert "Cleared homeassistant/device/busylight_desk/config\n" in done.stdout
        assert "Cleared busylight/desk/presence\n" in done.stdout
        again = home.run("unpublish")
        assert again.stdout == "Nothing of busylight/desk stands on the broker.\n"
        assert again.returncode == 0


def test_unpublish_without_a_broker_is_78(home: Home) -> None:
    done = home.run("unpublish")
    assert done.returncode == 78
    assert "BUSYLIGHT_MQTT_HOST is missing" in done.stderr
