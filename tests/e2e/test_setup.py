"""`busylight setup` in a real terminal: from nothing to a light that works."""

import signal
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from busylight.demo.lookalike import ADELE, Lookalike
from firmware_bridge.simulate import SimulatedLight
from firmware_bridge.virtual_light import VirtualLight
from tests.support.broker import Broker
from tests.support.clients import http_client
from tests.support.program import Home
from tests.support.terminal import Terminal

PASSWORD = "correct-horse"


@pytest.fixture(scope="module")
def lookalike() -> Iterator[Lookalike]:
    with Lookalike() as running:
        yield running


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    passwords = {"busylight": PASSWORD}
    with Broker(tmp_path_factory.mktemp("broker"), passwords=passwords) as running:
        yield running


@pytest.fixture
def light(tmp_path: Path) -> Iterator[SimulatedLight]:
    with SimulatedLight(tmp_path / "light") as plugged:
        yield plugged


@pytest.fixture
def home(lookalike: Lookalike, tmp_path: Path) -> Home:
    """The look-alike's addresses are in the environment; what setup asks for is not."""
    made = Home(tmp_path / "home").with_graph(lookalike, signed_in=False)
    del made.settings["GRAPH_CLIENT_ID"]
    temporary = made.directory / "tmp"
    temporary.mkdir()
    made.more_environment["TMPDIR"] = str(temporary)
    return made


@pytest.fixture
def file(home: Home) -> Path:
    return home.directory / "light.env"


class Person:
    """Somebody who sets a light up, and stops where they are told to."""

    def __init__(
        self,
        terminal: Terminal,
        lookalike: Lookalike,
        broker: Broker,
        light: SimulatedLight,
        stops_at: str | None = None,
    ) -> None:
        self.terminal = terminal
        self._lookalike = lookalike
        self._broker = broker
        self._light = light
        self._stops_at = stops_at

    def answers(self, question: str, answer: str = "") -> bool:
        """Answer a question; False where they stop."""
        self.terminal.asks(question)
        if question == self._stops_at:
            self.terminal.ctrl_c()
            raise StoppedError
        self.terminal.process.sendline(answer)
        return True

    def goes_through(self) -> None:
        """The happy way, with every kind of question in it."""
        self.answers("Light", "other")
        self.answers("Which kind", "serial")
        self.answers("SERIAL_PORT", str(self._light.path))
        self.answers("Ask who is on", "yes")
        self.terminal.says("has our light")
        self.answers("MQTT_HOST", f"127.0.0.1:{self._broker.port}")
        self.answers("User name at the broker", "busylight")
        self.answers("Password at the broker", PASSWORD)
        self.terminal.says("lets us in")
        self.answers("Source")
        self.answers("Registration")
        self.answers("GRAPH_CLIENT_ID", self._lookalike.client_id)
        self.answers("Directory .tenant. id", self._lookalike.tenant_id)
        self.answers("Enter when that is done")
        self.answers("Sign in", "code")
        code = self.terminal.says(r"enter the code (\S+)")[1]
        if self._stops_at == "the code":
            self.terminal.ctrl_c()
            raise StoppedError
        self._lookalike.entra.approve(code)
        self.terminal.says(f"signed in as {ADELE.principal_name}; presence")
        self.answers("is told to be red", "green")
        self.answers("is told to be green", "red")
        self.answers("Show each state")
        self.answers("AVAILABLE:")
        self.answers("AVAILABLEIDLE:", "all")


class StoppedError(Exception):
    """The person has pressed Ctrl-C."""


def shown(light: SimulatedLight) -> tuple[int, ...] | None:
    return None if light.last is None else light.last.look[:3]


def test_it_ends_with_a_light_that_works(
    home: Home, lookalike: Lookalike, broker: Broker, light: SimulatedLight, file: Path
) -> None:
    with Terminal(home, "setup", "--env-file", str(file)) as terminal:
        Person(terminal, lookalike, broker, light).goes_through()
        terminal.says("Wrote ")
        terminal.says("To start it")
        assert terminal.ends() == 0
        assert PASSWORD not in terminal.seen
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.read_text("utf-8").splitlines() == [
        "BUSYLIGHT_OUTPUTS=serial,mqtt",
        f"BUSYLIGHT_SERIAL_PORT={light.path}",
        "BUSYLIGHT_MQTT_HOST=127.0.0.1",
        f"BUSYLIGHT_MQTT_PORT={broker.port}",
        "BUSYLIGHT_MQTT_USERNAME=busylight",
        f"BUSYLIGHT_MQTT_PASSWORD={PASSWORD}",
        f"BUSYLIGHT_GRAPH_CLIENT_ID={lookalike.client_id}",
        f"BUSYLIGHT_GRAPH_TENANT_ID={lookalike.tenant_id}",
        "BUSYLIGHT_SERIAL_COLOR_ORDER=grb",
    ]
    checked = home.run("check", "--env-file", str(file))
    assert checked.returncode == 0, checked.stdout + checked.stderr
    with home.start("run", "--env-file", str(file)) as program:
        program.shows("available")
        assert light.wait_for(lambda each: shown(each) == (255, 0, 0)), "green, by its wires"


QUESTIONS = [
    "Light",
    "Which kind",
    "SERIAL_PORT",
    "Ask who is on",
    "MQTT_HOST",
    "User name at the broker",
    "Password at the broker",
    "Source",
    "Registration",
    "GRAPH_CLIENT_ID",
    "Directory .tenant. id",
    "Enter when that is done",
    "Sign in",
    "the code",
    "is told to be red",
    "is told to be green",
    "Show each state",
    "AVAILABLE:",
]


@pytest.mark.parametrize("question", QUESTIONS)
def test_ctrl_c_leaves_nothing_half_done(
    home: Home,
    lookalike: Lookalike,
    broker: Broker,
    light: SimulatedLight,
    file: Path,
    question: str,
) -> None:
    with Terminal(home, "setup", "--env-file", str(file)) as terminal:
        with pytest.raises(StoppedError):
            Person(terminal, lookalike, broker, light, stops_at=question).goes_through()
        assert terminal.ends() == 130
        assert "Traceback" not in terminal.seen
    assert not file.exists()
    assert not home.state_dir.exists()
    assert not list((home.directory / "tmp").iterdir())


def test_a_terminal_that_is_closed_leaves_nothing_behind(home: Home, file: Path) -> None:
    with Terminal(home, "setup", "--env-file", str(file)) as terminal:
        terminal.asks("Light")
        terminal.process.kill(signal.SIGHUP)
        assert terminal.ends() == 129
    assert not file.exists()
    assert not list((home.directory / "tmp").iterdir())


# -- Wrong answers -----------------------------------------------------------------------------


def without_lamp(terminal: Terminal, broker: str = "-") -> None:
    terminal.answer("Light", "none")
    terminal.answer("MQTT_HOST", broker)


def test_a_port_that_is_none_and_a_board_that_says_nothing_lead_back_to_the_list(
    home: Home, file: Path, tmp_path: Path
) -> None:
    with (
        VirtualLight(tmp_path / "mute") as mute,
        Terminal(home, "setup", "--env-file", str(file)) as terminal,
    ):
        terminal.answer("Light", "7")
        terminal.says("Please answer one of these")
        terminal.answer("Light", "other")
        terminal.answer("Which kind", "serial")
        terminal.answer("SERIAL_PORT", "COM3")
        terminal.says("is neither auto nor the path of a device")
        terminal.answer("SERIAL_PORT", str(tmp_path / "nowhere"))
        terminal.answer("Ask who is on", "no")
        terminal.answer("Light", "other")
        terminal.answer("Which kind", "serial")
        terminal.answer("SERIAL_PORT", str(mute.path))
        terminal.answer("Ask who is on", "yes")
        terminal.says("does not answer as our light does")
        terminal.answer("Does it understand", "template")
        terminal.says("SERIAL_TEMPLATE is missing")
        terminal.answer("SERIAL_TEMPLATE", "{nonsense}")
        terminal.says("for example")
        terminal.answer("SERIAL_TEMPLATE", r"{r},{g},{b}\n")
        terminal.says("opens at 115200 baud")
        terminal.asks("MQTT_HOST")


def test_a_broker_is_asked_for_until_it_lets_us_in(home: Home, file: Path, broker: Broker) -> None:
    with Terminal(home, "setup", "--env-file", str(file)) as terminal:
        terminal.answer("Light", "none")
        terminal.answer("MQTT_HOST", "mqtt://broker")
        terminal.says("is not a host name")
        terminal.answer("MQTT_HOST", "127.0.0.1:99999")
        terminal.says("MQTT_PORT=99999")
        terminal.answer("MQTT_HOST", f"127.0.0.1:{broker.port}")
        terminal.answer("User name at the broker", "busylight")
        terminal.answer("Password at the broker", "battery-staple")
        terminal.says("✗ mqtt")
        assert terminal.asks("MQTT_HOST") == f"127.0.0.1:{broker.port}"
        terminal.process.sendline("")
        assert terminal.asks("User name at the broker") == "busylight"
        terminal.process.sendline("")
        assert terminal.asks("Password at the broker") == "as it is"
        terminal.process.sendline(PASSWORD)
        terminal.says("✓ mqtt")
        terminal.asks("Source")
        assert "battery-staple" not in terminal.seen


def test_client_and_tenant_are_asked_for_until_microsoft_knows_them(
    lookalike: Lookalike, home: Home, file: Path
) -> None:
    # The authority is the look-alike's, but for its tenant.
    with Terminal(home, "setup", "--env-file", str(file)) as terminal:
        without_lamp(terminal)
        terminal.answer("Source", "nowhere")
        terminal.says("Please answer one of these")
        terminal.answer("Source")
        terminal.answer("Registration", "have")
        terminal.answer("GRAPH_CLIENT_ID", "")
        terminal.says("There has to be an answer")
        terminal.answer("GRAPH_CLIENT_ID", "my app")
        terminal.says("is not an application .client. id")
        terminal.answer("GRAPH_CLIENT_ID", "99999999-2222-3333-4444-555555555555")
        terminal.answer("Directory .tenant. id", "not a tenant")
        terminal.says("is neither a tenant id nor a domain")
        terminal.answer("Directory .tenant. id")
        terminal.answer("Sign in", "code")
        terminal.says("AADSTS700016")
        assert terminal.asks("GRAPH_CLIENT_ID") == "99999999-2222-3333-4444-555555555555"
        terminal.process.sendline(lookalike.client_id)
        terminal.answer("Directory .tenant. id")
        terminal.answer("Sign in", "code")
        lookalike.entra.approve(terminal.says(r"enter the code (\S+)")[1])
        terminal.says("Wrote")
        assert terminal.ends() == 0


def test_where_the_code_is_refused_the_browser_is_offered(home: Home, file: Path) -> None:
    with Lookalike() as strict:
        home.with_graph(strict, signed_in=False)
        with Terminal(home, "setup", "--env-file", str(file)) as terminal:
            without_lamp(terminal)
            terminal.answer("Source")
            terminal.answer("Directory .tenant. id")
            terminal.asks("Sign in")
            strict.entra.refuse_with(53003, at={"devicecode"})
            terminal.process.sendline("code")
            terminal.says("AADSTS53003")
            assert terminal.asks("Sign in") == "browser"
            strict.entra.allow()
            terminal.process.sendline("")
            url = terminal.says(r"https://\S+authorize\S+")[0]
            with http_client(strict, follow_redirects=True) as browser:
                browser.get(url)
            terminal.says("signed in as")
            terminal.says("Wrote")
            assert terminal.ends() == 0


# -- Again, and without anybody ----------------------------------------------------------------


def test_running_it_again_begins_with_what_is_there(
    home: Home, lookalike: Lookalike, file: Path
) -> None:
    before = (
        "# my light\n"
        "OTHER=stays\n"
        f"BUSYLIGHT_GRAPH_CLIENT_ID={lookalike.client_id}\n"
        "BUSYLIGHT_INTERVAL=7\n"
        "#BUSYLIGHT_SERIAL_PORT=/dev/ttyUSB0\n"
    )
    file.write_text(before)
    del home.settings["INTERVAL"], home.settings["STALE_AFTER"]
    home.sign_in(lookalike)
    with Terminal(home, "setup", "--env-file", str(file)) as terminal:
        without_lamp(terminal)
        terminal.answer("Source")
        assert terminal.asks("Registration") == "have"
        terminal.process.sendline("")
        assert terminal.asks("GRAPH_CLIENT_ID") == lookalike.client_id
        terminal.process.sendline("")
        terminal.answer("Directory .tenant. id", "contoso.example")
        terminal.answer("Sign in", "code")
        terminal.says(f"signed in as {ADELE.principal_name}")  # nobody had to sign in again
        terminal.says("BUSYLIGHT_GRAPH_TENANT_ID=contoso.example")
        terminal.answer("Write it", "yes")
        terminal.says("Wrote")
        assert terminal.ends() == 0
    assert file.read_text("utf-8") == (
        before + "BUSYLIGHT_OUTPUTS=terminal\nBUSYLIGHT_GRAPH_TENANT_ID=contoso.example\n"
    )


def test_a_file_is_not_changed_against_a_no(home: Home, lookalike: Lookalike, file: Path) -> None:
    before = f"BUSYLIGHT_GRAPH_CLIENT_ID={lookalike.client_id}\n"
    file.write_text(before)
    with Terminal(home, "setup", "--env-file", str(file)) as terminal:
        without_lamp(terminal)
        terminal.answer("Source")
        terminal.answer("Registration")
        terminal.answer("GRAPH_CLIENT_ID")
        terminal.answer("Directory .tenant. id")
        terminal.answer("Sign in", "later")
        terminal.answer("Write it", "no")
        terminal.says("nothing was changed")
        assert terminal.ends() == 1
    assert file.read_text("utf-8") == before


def test_flags_alone_will_do(
    home: Home, lookalike: Lookalike, broker: Broker, light: SimulatedLight, file: Path
) -> None:
    home.settings["MQTT_PASSWORD"] = PASSWORD
    done = home.run(
        *("setup", "--no-service", "--env-file", str(file)),
        *("--set", f"GRAPH_CLIENT_ID={lookalike.client_id}"),
        *("--set", "OUTPUTS=serial,mqtt", "--set", f"SERIAL_PORT={light.path}"),
        *("--set", "MQTT_HOST=127.0.0.1", "--set", f"MQTT_PORT={broker.port}"),
        *("--set", "MQTT_USERNAME=busylight"),
    )
    assert done.returncode == 0, done.stderr
    assert "✓ serial: " in done.stdout
    assert "✓ mqtt: " in done.stdout
    assert "Now sign in: busylight login" in done.stdout
    assert PASSWORD not in file.read_text("utf-8"), "what is in the environment stays there"
    assert home.run("check", "--env-file", str(file)).returncode == 77


def test_an_app_that_signs_in_as_itself_is_tried_and_its_end_is_told(
    home: Home, lookalike: Lookalike, file: Path
) -> None:
    secret = home.directory / "secret"
    secret.write_text(lookalike.client_secret)
    tomorrow = datetime.now(UTC).date() + timedelta(days=1)
    words = [
        *("setup", "--no-service", "--env-file", str(file)),
        *("--set", f"GRAPH_CLIENT_ID={lookalike.client_id}"),
        *(
            "--set",
            f"GRAPH_TENANT_ID={lookalike.tenant_id}",
            "--set",
            f"GRAPH_USER={ADELE.object_id}",
        ),
        *("--set", f"GRAPH_CLIENT_SECRET_FILE={secret}"),
        *("--set", f"GRAPH_CLIENT_SECRET_ENDS={tomorrow}"),
    ]
    done = home.run(*words)
    assert done.returncode == 0, done.stderr
    assert "signed in as the app itself" in done.stdout
    assert "! the app's client secret ends on" in done.stdout
    assert "Now sign in" not in done.stdout
    checked = home.run("check", "--env-file", str(file))
    assert checked.returncode == 0
    assert "ok   credential: the app's client secret ends on" in checked.stdout
    secret.write_text("another")
    file.unlink()
    refused = home.run(*words)
    assert refused.returncode == 1
    assert "AADSTS7000215" in refused.stderr
    assert not file.exists()


def test_without_a_terminal_what_is_missing_is_listed(home: Home, file: Path) -> None:
    done = home.run("setup", "--env-file", str(file), "--set", "OUTPUTS=mqtt")
    assert done.returncode == 2
    assert "GRAPH_CLIENT_ID is missing" in done.stderr
    assert "MQTT_HOST is missing" in done.stderr
    assert not file.exists()


def test_a_flag_with_a_bad_value_is_told_as_a_bad_setting(home: Home, file: Path) -> None:
    done = home.run(
        "setup", "--env-file", str(file), "--set", "GRAPH_CLIENT_ID=x", "--set", "NONSENSE=1"
    )
    assert done.returncode == 78
    assert "BUSYLIGHT_GRAPH_CLIENT_ID=x is not an application (client) id" in done.stderr
    assert "BUSYLIGHT_NONSENSE is not a setting" in done.stderr


def test_without_a_terminal_nothing_is_written_unless_all_works(
    home: Home, lookalike: Lookalike, file: Path
) -> None:
    done = home.run(
        *("setup", "--env-file", str(file), "--set", f"GRAPH_CLIENT_ID={lookalike.client_id}"),
        *("--set", "OUTPUTS=serial", "--set", "SERIAL_PORT=/dev/nowhere"),
    )
    assert done.returncode == 1
    assert "nothing was changed" in done.stderr
    assert not file.exists()


def test_without_a_terminal_a_file_is_changed_with_yes_only(
    home: Home, lookalike: Lookalike, file: Path
) -> None:
    file.write_text(f"BUSYLIGHT_GRAPH_CLIENT_ID={lookalike.client_id}\n# kept\n")
    words = ("setup", "--no-service", "--env-file", str(file), "--set", "NAME=Desk")
    refused = home.run(*words)
    assert refused.returncode == 2
    assert "--yes" in refused.stderr
    assert "Desk" not in file.read_text("utf-8")
    assert home.run(*words, "--yes").returncode == 0
    assert "# kept\nBUSYLIGHT_NAME=Desk\n" in file.read_text("utf-8")


def test_while_the_daemon_has_the_light_it_refuses(
    home: Home, lookalike: Lookalike, file: Path
) -> None:
    home.settings["GRAPH_CLIENT_ID"] = lookalike.client_id
    with home.start("run") as program:
        program.reports(lambda report: report["pid"])
        done = home.run("setup", "--yes", "--env-file", str(file))
        assert done.returncode == 1
        assert "stop it first" in done.stderr
