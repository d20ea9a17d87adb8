"""Many people in a file: read anew at SIGHUP, and nothing told of whom nothing is new."""

import signal
from pathlib import Path

from busylight.demo.lookalike import ADELE, ALEX, MEGAN, Lookalike
from tests.support.broker import Broker, Recorder, wait_until
from tests.support.program import Home, json_of

STRANGER = "00000000-0000-0000-0000-00000000dead"


def _topic(person: str) -> str:
    return f"busylight/desk/users/{person}/presence"


def test_people_in_a_file_come_and_go_and_who_does_not_change_costs_nothing(
    tmp_path: Path, lookalike: Lookalike, broker: Broker
) -> None:
    file = tmp_path / "people"
    file.write_text(f"{ADELE.object_id}\n{ALEX.object_id}\n{STRANGER}\n", "utf-8")
    home = Home(tmp_path / "home").with_graph(lookalike, signed_in=False).with_broker(broker.port)
    home.settings |= {
        "GRAPH_CLIENT_SECRET": lookalike.client_secret,
        "GRAPH_TENANT_ID": lookalike.tenant_id,
        "GRAPH_USERS": f"@{file}",
    }
    with Recorder(broker) as recorder, home.start() as program:
        wait_until(lambda: recorder.last(_topic(ALEX.object_id)))
        assert json_of(recorder.last(_topic(ADELE.object_id)))["fresh"]
        # Who is not to be found is the only one who suffers from it.
        wait_until(lambda: json_of(recorder.last(_topic(STRANGER)))["reason"] != "starting")
        wait_until(lambda: program.shows("presenting"))
        asked = len(lookalike.requests)
        # The second of these is asked when all of the first was told long ago.
        wait_until(lambda: len(lookalike.requests) >= asked + 2)
        recorder.forget()
        wait_until(lambda: len(lookalike.requests) >= asked + 5)
        assert not [heard.topic for heard in recorder.heard if "/users/" in heard.topic]
        lookalike.graph.set_presence(ADELE.object_id, "Busy", "InACall")
        wait_until(lambda: recorder.last(_topic(ADELE.object_id)))
        told = {heard.topic for heard in recorder.heard if "/users/" in heard.topic}
        assert all(ADELE.object_id in topic for topic in told)

    home.settings |= {"INTERVAL": "3600", "STALE_AFTER": "7200"}
    with Recorder(broker) as recorder, home.start() as program:
        program.shows("presenting")
        file.write_text(f"{MEGAN.object_id}\n", "utf-8")
        program.process.send_signal(signal.SIGHUP)
        program.shows("berightback")
        # Whoever is watched no more is cleared from the broker.
        wait_until(lambda: recorder.last(_topic(ALEX.object_id)) == b"")
        assert program.ends()[0] == 0
