"""Working hours, as the whole program keeps them."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from busylight.core.hours import HOURS_EXAMPLE
from busylight.demo.lookalike import ADELE, Lookalike
from tests.support.broker import Broker, Recorder, wait_until
from tests.support.program import Home, json_of


@pytest.fixture
def home(tmp_path: Path, lookalike: Lookalike) -> Home:
    """Somewhere where nobody works today."""
    home = Home(tmp_path / "home").with_graph(lookalike)
    in_three_days = datetime.now(UTC) + timedelta(days=3)
    home.settings |= {
        "HOURS": f"{in_three_days:%a} 09:00-17:00",
        "TIMEZONE": "UTC",
        "COLOR_OUTSIDE_HOURS": "navy 5%",
    }
    return home


def test_outside_of_the_hours_the_light_rests_and_graph_is_left_alone(
    tmp_path: Path, lookalike: Lookalike, home: Home
) -> None:
    lookalike.graph.set_presence(ADELE.object_id, "Busy", "InACall")
    with Broker(tmp_path / "broker") as broker, Recorder(broker) as recorder:
        home.with_broker(broker.port)
        with home.start() as program:
            program.reports(lambda report: report["presence"]["fresh"])
            report = program.shows("outside_hours")
            assert report["light"]["color"] == {"r": 0, "g": 0, "b": 128}
            wait_until(lambda: (json_of(recorder.last("busylight/desk/presence")) or {})["fresh"])
            assert json_of(recorder.last("busylight/desk/presence"))["activity"] == "InACall"
            read = len(lookalike.requests_to("/v1.0/me/presence"))
            home.run("set", "available")
            program.shows("available")
            home.run("set", "auto")
            program.shows("outside_hours")
            # INTERVAL is a second, and STALE_AFTER three: setting took as long as both.
            assert len(lookalike.requests_to("/v1.0/me/presence")) == read
            assert program.shows("outside_hours")["presence"]["fresh"]


def test_status_and_check_know_of_the_hours(home: Home) -> None:
    status = json.loads(home.run("status", "--json").stdout)
    assert (status["state"], status["presence"]["fresh"]) == ("outside_hours", True)
    assert "hours: outside of the working hours until " in home.run("check").stdout
    home.settings["HOURS"] = "0-24"
    assert json.loads(home.run("status", "--json").stdout)["state"] == "available"
    assert "hours: within the working hours for a year" in home.run("check").stdout


def test_bad_hours_end_with_78_and_an_example(home: Home) -> None:
    home.settings["HOURS"] = "nine to five"
    done = home.run("run")
    assert done.returncode == 78
    assert f"BUSYLIGHT_HOURS={HOURS_EXAMPLE}" in done.stderr
