"""The image as it is built and run: healthy, read-only, nobody's but its own, soon ended, small."""

import json
import re
import shutil
import zipfile
from pathlib import Path

from busylight import __version__
from busylight.demo.lookalike import Lookalike
from tests.image.conftest import COMMIT, FOLLOWER, PINS, USER, Start
from tests.support.broker import Broker, Recorder, wait_until
from tests.support.image import ARCHITECTURES, Architecture, Builder, Run, pinned_wheels

MOST_ADDED = 40e6
STOP_LIMIT = 5.0
ONLINE = "busylight/busylight/availability"


def test_it_adds_at_most_40_mb_to_its_base(
    builder: Builder, base: str, image: str, architecture: Architecture
) -> None:
    whole = builder.size(image)
    added = whole - builder.size(base)
    print(
        f"image for {architecture.name}: {whole / 1e6:.1f} MB, {added / 1e6:.1f} MB more than its "
        "base"
    )
    assert added <= MOST_ADDED


def test_it_is_for_the_machine_that_it_names(
    builder: Builder, image: str, root: Path, architecture: Architecture
) -> None:
    assert builder.architecture(image) == architecture.name
    heads = [path.read_bytes()[:20] for path in (root / "opt/busylight").rglob("*.so")]
    assert len(heads) >= 3, "cryptography, pydantic and others have compiled parts"
    machines = {int.from_bytes(head[18:], "little") for head in heads}
    assert machines == {architecture.elf}


def test_it_is_healthy_until_it_hangs_and_stops_in_time(
    start: Start, volume: Path, tmp_path: Path, architecture: Architecture
) -> None:
    with Lookalike() as lookalike, Broker(tmp_path / "broker") as broker, Recorder(broker) as heard:
        lookalike.entra.auto_approve_after = 0.0
        trusted = tmp_path / "trusted"
        trusted.mkdir()
        shutil.copy(lookalike.ca_file, trusted / "ca.pem")
        (trusted / "ca.pem").chmod(0o644)
        container = start(
            Run(
                environment={
                    "BUSYLIGHT_OUTPUTS": "mqtt",
                    "BUSYLIGHT_MQTT_HOST": "127.0.0.1",
                    "BUSYLIGHT_MQTT_PORT": str(broker.port),
                    "BUSYLIGHT_INTERVAL": "1",
                    "BUSYLIGHT_GRAPH_CLIENT_ID": lookalike.client_id,
                    "BUSYLIGHT_GRAPH_AUTHORITY_URL": lookalike.authority_url,
                    "BUSYLIGHT_GRAPH_BASE_URL": lookalike.base_url,
                    "BUSYLIGHT_GRAPH_CA_FILE": "/trusted/ca.pem",
                },
                volumes={"/var/lib/busylight": volume, "/trusted": trusted},
            )
        )
        container.until(lambda: "available" in container.exec("busylight", "health").stdout)
        container.until(lambda: container.health() == 0)
        wait_until(lambda: heard.last(ONLINE) == b"online")

        who = container.exec("sh", "-c", "id -u; id -g; grep -E 'CapEff|NoNewPrivs' /proc/1/status")
        assert who.stdout.split() == [str(USER), str(USER), "CapEff:", "0" * 16, "NoNewPrivs:", "1"]
        for place in ("/", "/opt/busylight", "/tmp", "/etc"):  # noqa: S108 -- read-only, all of it
            assert container.exec("touch", f"{place}/new").returncode != 0
        kept = list((volume / "busylight").iterdir())
        assert "token_cache.json" in {path.name for path in kept}
        assert {path.stat().st_mode & 0o777 for path in kept} == {0o600}
        assert {path.stat().st_uid for path in kept} == {USER}

        container.signal("STOP")
        assert container.health() == 1
        container.signal("CONT")
        container.until(lambda: container.health() == 0)

        code, seconds = container.stops()
        print(f"image for {architecture.name}: stopped after {seconds:.1f} s")
        assert code == 0
        assert seconds < STOP_LIMIT
        wait_until(lambda: heard.last(ONLINE) == b"offline")


def test_faulty_settings_end_it_with_their_names(start: Start, volume: Path) -> None:
    container = start(
        Run(
            environment={"BUSYLIGHT_OUTPUTS": "mqtt", "BUSYLIGHT_INTERVALL": "5"},
            volumes={"/var/lib/busylight": volume},
        )
    )
    assert container.ends() == 78
    assert "BUSYLIGHT_INTERVALL is not a setting" in container.log
    assert "BUSYLIGHT_MQTT_HOST is missing" in container.log


def test_a_signal_ends_it_while_it_loads(start: Start, volume: Path) -> None:
    container = start(
        Run(
            environment={**FOLLOWER, "PYTHONVERBOSE": "1"},
            volumes={"/var/lib/busylight": volume},
        )
    )
    # What it loads first once it hears signals; before, the kernel would drop them. To ask the
    # kernel would be to ask about an emulator, where there is one.
    container.until(lambda: "import 'busylight.edge.core_dumps'" in container.log)
    _, seconds = container.stops()
    assert seconds < STOP_LIMIT


def test_its_commands_are_there_with_every_part_of_ours_but_the_extras(start: Start) -> None:
    told = start(Run(words=["--version"]))
    assert told.ends() == 0
    assert told.log == f"busylight {__version__} ({COMMIT[:12]})\n"

    listed = start(Run(words=["plugins", "--json"]))
    listed.ends()
    parts = {part["name"]: part["error"] for part in json.loads(listed.log)["plugins"]}
    assert {name for name, error in parts.items() if error} == {"gpio", "usb"}
    assert parts.keys() >= {"graph", "mqtt", "serial", "terminal", "webhook", "wled"}


def test_the_demo_plays_in_it(start: Start) -> None:
    demo = start(Run(words=["demo", "--once", "--speed", "1000", "--plain"], read_only=False))
    assert demo.ends() == 0
    assert "Busy/InACall #ff0000" in demo.log


def test_what_it_loads_is_compiled(start: Start, volume: Path) -> None:
    """Also Python's own modules; else each start, and each health check, would compile them."""
    container = start(
        Run(
            environment={**FOLLOWER, "PYTHONVERBOSE": "1", "BUSYLIGHT_OUTPUTS": "mqtt,serial"},
            volumes={"/var/lib/busylight": volume},
        )
    )
    container.until(lambda: container.exec("busylight", "health").returncode == 0)
    container.stops()
    loaded = re.findall(r"code object from '?([^'\n]+\.pyc?)'?$", container.log, re.MULTILINE)
    assert any(path.endswith("/paho/mqtt/client.cpython-313.pyc") for path in loaded)
    assert [path for path in loaded if path.endswith(".py")] == []


def test_nothing_is_in_it_that_only_the_build_needs(root: Path) -> None:
    ours = root / "opt" / "busylight"
    assert not [*ours.rglob("pip"), *ours.rglob("setuptools")]
    assert not (root / "src").exists()
    places = [path for path in ours.rglob("*") if path.lstat().st_mode & 0o6000]
    assert places == [], "nothing that changes who one is"


def test_every_pinned_file_is_there_for_each_architecture(tmp_path: Path) -> None:
    sizes = {}
    for name, each in ARCHITECTURES.items():
        wheels = pinned_wheels(PINS[:1], tmp_path / name, each)
        sizes[name] = sum(
            entry.file_size
            for wheel in wheels.glob("*.whl")
            for entry in zipfile.ZipFile(wheel).infolist()
        )
    print(json.dumps({name: f"{size / 1e6:.1f} MB" for name, size in sizes.items()}))
    assert max(sizes.values()) - min(sizes.values()) < 3e6
