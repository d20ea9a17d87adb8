"""Started without its standard streams, as a careless supervisor might."""

import subprocess
import sys
from pathlib import Path

from busylight.demo.lookalike import Lookalike
from busylight.edge.daemon_socket import ask_daemon
from tests.support.broker import wait_until
from tests.support.program import PATIENCE, Home


def test_the_daemon_works_and_what_it_says_goes_into_no_file_of_its_own(
    lookalike: Lookalike, tmp_path: Path
) -> None:
    home = Home(tmp_path / "home").with_graph(lookalike)
    command = f"exec {sys.executable} -m busylight run <&- >&- 2>&-"
    process = subprocess.Popen(["sh", "-c", command], cwd=home.directory, env=home.environment)
    try:
        wait_until(lambda: (ask_daemon(home.state_dir) or {}).get("state") == "available", PATIENCE)
        streams = [Path(f"/proc/{process.pid}/fd/{number}").readlink() for number in (0, 1, 2)]
        assert streams == [Path("/dev/null")] * 3
        process.terminate()
        assert process.wait(PATIENCE) == 0
    finally:
        process.kill()
        process.wait(PATIENCE)


def test_a_command_without_a_stdout_ends_well(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    done = subprocess.run(
        ["sh", "-c", f"exec {sys.executable} -m busylight palette >&-"],
        cwd=home.directory,
        env=home.environment,
        stderr=subprocess.PIPE,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, b"")
