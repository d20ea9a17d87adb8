"""`busylight setup` in a real terminal: from nothing to a light that works."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from busylight.demo.lookalike import ADELE, Lookalike
from firmware_bridge.simulate import SimulatedLight
from tests.support.broker import Broker
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
        self.answers("Directory .tenant. id")
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
        terminal.says("Wrote .*light.env")
        terminal.says("sudo .* service install|To start it")
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
        "BUSYLIGHT_GRAPH_TENANT_ID=organizations",
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
