"""Plugins and several outputs of one kind, in the program as people run it."""

import json
import re
from pathlib import Path

import pytest

from busylight.demo.lookalike import ADELE, Lookalike
from firmware_bridge.virtual_light import TEMPLATE, VirtualLight
from tests.support.broker import wait_until
from tests.support.paper_lamp import LAMP, SOURCE, install
from tests.support.program import PATIENCE, Home


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path / "home")
    site = install(tmp_path / "site", "acme_lamp", LAMP, {"lamp": "Lamp"})
    install(site, "acme_clock", SOURCE, sources={"clock": "Clock"})
    install(site, "acme_wreck", "1/0", {"wreck": "Wreck"})
    home.more_environment["PYTHONPATH"] = str(site)
    return home


def test_plugins_lists_what_is_found_from_which_package_and_what_is_wrong(home: Home) -> None:
    shown = home.run("plugins")
    assert shown.returncode == 1
    assert re.search(r"^lamp +output +acme-lamp 2\.3 +ok$", shown.stdout, re.MULTILINE)
    assert re.search(r"^clock +source +acme-clock 2\.3 +ok$", shown.stdout, re.MULTILINE)
    assert re.search(
        r"^wreck +output +acme-wreck 2\.3 .*ZeroDivisionError", shown.stdout, re.MULTILINE
    )
    document = json.loads(home.run("plugins", "--json").stdout)
    assert (document["version"], document["api_version"]) == (1, 1)
    found = {part["name"]: part for part in document["plugins"]}
    assert found["lamp"] == {
        "name": "lamp",
        "kind": "output",
        "package": "acme-lamp",
        "package_version": "2.3",
        "built_in": False,
        "error": None,
    }
    assert found["mqtt"]["built_in"] is True
    assert "ZeroDivisionError" in found["wreck"]["error"]


def test_a_broken_output_is_reported_and_the_others_work(home: Home, tmp_path: Path) -> None:
    lamp = tmp_path / "lamp"
    home.settings |= {
        "SOURCE": "clock",
        "CLOCK_ACTIVITY": "InACall",
        "OUTPUTS": "wreck,lamp,lamp:desk",
        "LAMP_FILE": str(lamp),
        "LAMP_DESK_FILE": str(tmp_path / "desk"),
        "LAMP_DESK_COLOR_INACALL": "blue 50%",
        "LAMP_DESK_BRIGHTNESS": "50",
    }
    with home.start() as program:
        report = program.reports(
            lambda report: (
                report["diagnostics"]["outputs"].get("lamp:desk", {}).get("state") == "connected"
                and report["state"] == "inacall"
            )
        )
        outputs = report["diagnostics"]["outputs"]
        assert outputs["wreck"]["state"] == "failed"
        assert "acme-wreck 2.3 cannot be imported: ZeroDivisionError" in outputs["wreck"]["error"]
        wait_until(lambda: "inacall #ff0000 100% pulse" in lamp.read_text(), PATIENCE)
        wait_until(lambda: "inacall #0000ff 25%" in (tmp_path / "desk").read_text(), PATIENCE)
        beside = home.run("check")
        assert "ok   lamp:desk: the daemon says: connected" in beside.stdout
        assert program.ends()[0] == 0
    assert lamp.read_text().splitlines()[-1].startswith("off ")
    checked = home.run("check")
    assert checked.returncode == 1
    assert f"ok   lamp: {lamp} can be written" in checked.stdout
    assert "FAIL wreck: acme-wreck 2.3 cannot be imported" in checked.stdout
    assert "ok   plugin lamp: output of acme-lamp 2.3, in use" in checked.stdout


def test_devices_asks_plugins_too(home: Home) -> None:
    shown = home.run("devices").stdout
    assert "A lamp of paper\n  BUSYLIGHT_OUTPUTS=lamp\n  BUSYLIGHT_LAMP_FILE=/srv/paper" in shown
    assert "wreck: acme-wreck 2.3 cannot be imported" in shown
    document = json.loads(home.run("devices", "--json").stdout)
    found = {entry["output"]: entry for entry in document["outputs"]}
    assert found["lamp"]["devices"] == [
        {
            "name": "A lamp of paper",
            "settings": ["BUSYLIGHT_LAMP_FILE=/srv/paper"],
            "problem": None,
        }
    ]


def test_an_output_of_ours_without_its_library_says_which_extra_brings_it(home: Home) -> None:
    site = Path(home.more_environment["PYTHONPATH"])
    absent = "raise ModuleNotFoundError('none', name='busylight_core')"
    (site / "busylight_core.py").write_text(absent, "utf-8")
    home.settings |= {"SOURCE": "clock", "OUTPUTS": "terminal,usb"}
    done = home.run("check")
    assert done.returncode == 1
    assert "pip install 'busylight-presence[usb]'" in done.stdout
    assert "ok   terminal: " in done.stdout
    with home.start() as program:  # and the others work
        program.reports(
            lambda report: (
                report["diagnostics"]["outputs"]["usb"]["state"] == "failed"
                and report["diagnostics"]["outputs"]["terminal"]["state"] == "connected"
            )
        )


def test_two_lights_on_two_lines_each_show_it_in_their_own_way(
    home: Home, lookalike: Lookalike, tmp_path: Path
) -> None:
    home.with_graph(lookalike)
    with VirtualLight(tmp_path / "one") as one, VirtualLight(tmp_path / "two") as two:
        home.with_light(one.path, TEMPLATE)
        home.settings |= {
            "OUTPUTS": "serial,serial:desk",
            "SERIAL_DESK_PORT": str(two.path),
            "SERIAL_DESK_COLOR_ORDER": "grb",
            "SERIAL_DESK_COLOR_AVAILABLE": "white 50%",
        }
        with home.start() as program:
            program.reports(
                lambda report: (
                    report["state"] == "available"
                    and report["diagnostics"]["outputs"]["serial"]["state"] == "connected"
                    and report["diagnostics"]["outputs"]["serial:desk"]["state"] == "connected"
                )
            )
            wait_until(lambda: one.last is not None and one.last.rgb == (0, 255, 0), PATIENCE)
            wait_until(lambda: two.last is not None and two.last.rgb == (128, 128, 128), PATIENCE)
            lookalike.graph.set_presence(ADELE.object_id, "Busy", "Busy")
            wait_until(lambda: one.last is not None and one.last.rgb == (255, 0, 0), PATIENCE)
            wait_until(lambda: two.last is not None and two.last.rgb == (0, 255, 0), PATIENCE)
        walked = home.run("test-light", "--seconds", "0")
        assert walked.returncode == 0, walked.stderr
        assert re.search(r"^## AVAILABLE +#00ff00 100% solid$", walked.stdout, re.MULTILINE)
        assert "## AVAILABLE on serial:desk #ffffff 50% solid\n" in walked.stdout
        assert (128, 128, 128) in [frame.rgb for frame in two.frames]
