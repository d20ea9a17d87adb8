"""The bundle for networks without the Internet, on each machine that there is an image for."""

from pathlib import Path

from busylight import __version__
from tests.support.bundle import bundle, unpack
from tests.support.image import BASE_PYTHON, Architecture, Builder, Run, Running

_PATIENCE = 1500.0
"""An emulated pip compiles what it installs for minutes."""
_TYPED = """\
set -e
/bundle/install.sh /opt/there/busylight
PATH=/opt/there/busylight/bin:$PATH
busylight --version
busylight plugins
busylight demo --once --plain --speed 1000
"""


def test_it_installs_without_network_finds_its_parts_and_plays_the_demo(
    builder: Builder, base: str, architecture: Architecture, tmp_path: Path
) -> None:
    unpacked = tmp_path / unpack(bundle(architecture.machine, BASE_PYTHON), tmp_path)
    target = tmp_path / "target"
    target.mkdir()
    run = Run(
        words=["sh", "-c", _TYPED],
        environment={"PATH": "/usr/bin:/bin"},
        volumes={"/bundle": unpacked, "/opt/there": target},
        read_only=False,
        network=False,
    )
    with (
        builder.mounted(base) as root,
        Running(root, builder.config(base), run, tmp_path / "run") as debian,
    ):
        assert debian.ends(_PATIENCE) == 0, debian.log
    assert f"\nbusylight {__version__} (" in debian.log
    assert "Busy/InACall #ff0000" in debian.log
