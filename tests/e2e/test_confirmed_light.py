"""`busylight devices --ours`: a light that cannot say what it is by USB is named once."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from busylight.demo.lookalike import Lookalike
from firmware_bridge.simulate import SimulatedLight
from firmware_bridge.virtual_light import VirtualLight
from tests.support.firmware import shows
from tests.support.program import Home

GREEN = (0, 255, 0)


@pytest.fixture
def light(tmp_path: Path) -> Iterator[SimulatedLight]:
    with SimulatedLight(tmp_path / "light") as light:
        yield light


def test_a_light_that_was_confirmed_is_found_and_while_the_daemon_has_it_it_is_not_opened(
    tmp_path: Path, light: SimulatedLight
) -> None:
    with Lookalike() as lookalike:
        home = Home(tmp_path / "home").with_graph(lookalike)
        home.settings |= {"OUTPUTS": "serial", "SERIAL_PORT": "auto"}
        done = home.run("devices", "--ours", str(light.path))
        assert (done.returncode, done.stderr) == (0, "")
        assert f"{light.path} has our light: simulator" in done.stdout
        assert light.last is None or light.last.look[:3] == (0, 0, 0)  # it was only asked
        with home.start() as program:
            assert light.wait_for(shows(GREEN))
            painted = len(light.paintings)
            refused = home.run("devices", "--ours", str(light.path))
            assert refused.returncode == 1
            pid = program.process.pid
            assert f"the daemon (process {pid}) has {light.path}, and says: connected" in (
                refused.stderr
            )
            assert len(refused.stderr.splitlines()) == 1
            assert all(each.state == 1 for each in light.paintings[painted:])
            program.ends()


def test_what_is_no_light_of_ours_is_not_confirmed(
    tmp_path: Path,
) -> None:
    home = Home(tmp_path / "home")
    with VirtualLight(tmp_path / "other") as other:
        done = home.run("devices", "--ours", str(other.path))
    assert done.returncode == 1
    assert "does not answer as our light does" in done.stderr
    assert not list(home.state_dir.glob("serial*"))
