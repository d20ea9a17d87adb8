"""Two programs read for one light, a primary and a spare: both as processes, on a real broker."""

import contextlib
import json
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from firmware_bridge.virtual_light import TEMPLATE, VirtualLight
from tests.support.broker import wait_until
from tests.support.pair import BASE, Pair
from tests.support.program import Home


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    with Pair(tmp_path) as pair:
        yield pair


def test_the_spare_takes_over_from_a_killed_primary_and_gives_back_without_flicker(
    pair: Pair, tmp_path: Path
) -> None:
    kitchen = Home(tmp_path / "kitchen").with_broker(pair.broker.port)
    kitchen.settings |= {
        "ID": "kitchen",
        "SOURCE": "mqtt",
        "MQTT_SOURCE_TOPIC": f"{BASE}/presence",
    }
    with kitchen.start() as follower, contextlib.ExitStack() as until_the_end:
        with pair.primary.start() as primary:
            pair.led_by("primary")
            spare = until_the_end.enter_context(pair.spare.start())
            pair.until_well(primary, spare)
            spare.shows("available")
            follower.shows("available")
            began = time.monotonic()
            assert pair.spare_to_graph.accepted == 0  # it follows, and asks Graph for nothing
            set_busy = pair.primary.run("set", "busy", "--for", "25m")
            assert set_busy.returncode == 0, set_busy.stderr
            override = pair.last("override")
            spare.shows("busy")
            primary.process.kill()
        pair.led_by("spare")
        pair.changes_to("Busy", "InACall")
        assert pair.spare_to_graph.accepted > 0
        assert json.loads(pair.last("override"))["mode"] == "busy"
        assert json.loads(pair.last("override")) == json.loads(override)
        assert pair.primary.run("set", "auto").returncode == 0
        spare.shows("inacall")
        with pair.primary.start() as primary:
            pair.led_by("primary")
            # What it remembers of before is not what was asked for last.
            assert primary.shows("inacall")["override"] is None
            pair.changes_to("Away", "Away")
            assert spare.shows("away")["diagnostics"]["reader"] == {
                "role": "spare",
                "leads": False,
                "primary": "online",
                "primary_reads": True,
                "spare": "online",
            }
            follower.shows("away")
        told = ["InACall", "Away"]  # what the spare has read first may be older than the change
        assert pair.words_told(began) in (told, ["Available", *told])
        lights = [json.loads(light) for light in pair.recorder.payloads("busylight/kitchen/light")]
        follower.shows("away")
        assert len(lights) == len({json.dumps(light) for light in lights})  # none came twice


def test_a_primary_that_is_cut_from_the_broker_drives_its_own_light_and_comes_back_with_the_newest(
    pair: Pair, tmp_path: Path
) -> None:
    with VirtualLight(tmp_path / "light") as light:
        pair.primary.with_light(light.path, TEMPLATE)
        with pair.spare.start() as spare, pair.primary.start() as primary:
            pair.until_well(primary, spare)
            primary.shows("available")
            cut = time.monotonic()
            pair.to_broker.refuse()
            pair.led_by("spare")
            pair.changes_to("Busy", "InACall")
            wait_until(lambda: light.frames[-1].state == "inacall")
            pair.changes_to("Away", "Away")
            wait_until(lambda: light.frames[-1].state == "away")
            pair.to_broker.heal()
            pair.led_by("primary")
            pair.changes_to("DoNotDisturb", "Presenting")
            wait_until(lambda: light.frames[-1].state == "presenting")
            told = ["InACall", "Away", "Presenting"]
            assert pair.words_told(cut) in (told, ["Available", *told])
            assert {f.state for f in light.frames if f.at > cut} <= {
                "available",
                "inacall",
                "away",
                "presenting",
            }


def test_a_primary_that_cannot_read_leaves_it_to_the_spare_and_shows_what_that_one_reads(
    pair: Pair,
) -> None:
    with pair.spare.start() as spare, pair.primary.start() as primary:
        pair.until_well(primary, spare)
        assert pair.primary.run("logout").returncode == 0
        pair.led_by("spare")
        pair.changes_to("Busy", "InACall")
        report = primary.shows("inacall")
        assert report["diagnostics"]["reader"]["primary_reads"] is False
        assert report["diagnostics"]["last_error"]
        assert json.loads(pair.last("diagnostics"))["reader"]["role"] == "spare"
        # Its spare goes, too: then nobody knows, and the primary is the one that says so.
        spare.process.kill()
        pair.led_by("primary")
        wait_until(lambda: pair.activity is None)
        assert json.loads(pair.last("presence"))["reason"] == "signed_out"


def test_what_is_asked_for_while_nobody_answers_holds_after_the_takeover(pair: Pair) -> None:
    with pair.spare.start() as spare, pair.primary.start() as primary:
        pair.until_well(primary, spare)
        primary.process.send_signal(signal.SIGSTOP)
        pair.recorder.publish(f"{BASE}/mode/set", b"do_not_disturb")
        spare.shows("donotdisturb")
        pair.led_by("spare")
        wait_until(lambda: pair.last("mode") == "do_not_disturb")  # states follow the claim
        primary.process.send_signal(signal.SIGCONT)
        pair.led_by("primary")
        primary.shows("donotdisturb")
        wait_until(lambda: pair.last("mode") == "do_not_disturb")  # states follow the claim


def test_who_is_stopped_goes_without_a_word_while_the_other_one_is_there(pair: Pair) -> None:
    with pair.spare.start() as spare, pair.primary.start() as primary:
        pair.until_well(primary, spare)
        stopped = time.monotonic()
        assert primary.ends()[0] == 0
        pair.led_by("spare")
        pair.changes_to("Busy", "InACall")
        assert pair.words_told(stopped)[-1] == "InACall"
        assert None not in pair.words_told(stopped)
        assert spare.ends()[0] == 0
        wait_until(lambda: pair.last("reader/spare") == "offline")
        assert pair.activity is None  # the last one to go says that nobody knows
        assert pair.stands("reader/primary") == b"offline"


def test_commands_know_of_both_readers(pair: Pair) -> None:
    with pair.primary.start() as primary:
        pair.led_by("primary")
        primary.shows("available")
        checked = pair.spare.run("check")
        assert checked.returncode == 0, checked.stdout
        assert "this is the spare; the primary says online" in checked.stdout
        refused = pair.spare.run("unpublish")
        assert refused.returncode == 1
        assert f"{BASE}/reader/primary: stop it first" in refused.stderr
        left = pair.spare.run("test-light", "--leave", "unknown")
        assert left.returncode == 0, left.stderr
        assert f"{BASE}/reader/primary says online" in left.stderr
        assert json.loads(pair.stands("light") or b"")["state"] == "ON"
        assert "Available" in pair.spare.run("status").stdout
        primary.ends()
    wait_until(lambda: pair.last("reader/primary") == "offline")
    cleared = pair.primary.run("unpublish")
    assert f"Cleared {BASE}/reader/leader" in cleared.stdout
    assert not [topic for topic in pair.retained() if topic.startswith(BASE)]
    assert not [topic for topic in pair.retained() if topic.endswith("/config")]


def test_who_has_no_spare_any_more_clears_what_two_readers_had(pair: Pair) -> None:
    del pair.primary.settings["READER"]
    with pair.primary.start() as alone:
        alone.shows("available")
        wait_until(lambda: pair.last("availability") == "online")
    pair.primary.settings["READER"] = "primary"
    with pair.spare.start() as spare, pair.primary.start() as primary:
        pair.until_well(primary, spare)
        wait_until(lambda: pair.stands("availability") is None)
        device = pair.retained()["homeassistant/device/busylight_desk/config"]
        assert json.loads(device)["availability_mode"] == "any"
        wait_until((pair.primary.state_dir / "mqtt_published.json").exists)
        # A spare that never led has its own topic to clear, too.
        wait_until((pair.spare.state_dir / "mqtt_published.json").exists)
    del pair.primary.settings["READER"]
    with pair.primary.start() as alone:
        alone.shows("available")
        wait_until(lambda: pair.stands("availability") == b"online")
        wait_until(lambda: not [t for t in pair.retained() if f"{BASE}/reader" in t])
        device = pair.retained()["homeassistant/device/busylight_desk/config"]
        assert json.loads(device)["availability_topic"] == f"{BASE}/availability"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"OUTPUTS": "terminal"}, "BUSYLIGHT_OUTPUTS=terminal has no output mqtt"),
        (
            {"MQTT_CLIENT_ID": "busylight-desk"},
            "BUSYLIGHT_MQTT_CLIENT_ID=busylight-desk does not say that this is the spare",
        ),
        ({"READER": "second"}, "BUSYLIGHT_READER=second is not primary or spare"),
    ],
)
def test_what_keeps_two_readers_from_finding_each_other_is_told(
    pair: Pair, changes: dict[str, str], said: str
) -> None:
    pair.spare.settings |= changes
    done = pair.spare.run("check")
    assert done.returncode == 78
    assert said in done.stderr
