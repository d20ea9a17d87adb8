"""The benchmarks run, and what they promise holds for a few people, too."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_whoever_does_not_change_costs_no_message_however_often_he_is_read() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.many_people", "--people", "700", "--interval", "1"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == "700 people in 2 requests a round"
    (unchanged,) = (line for line in lines if "rounds unchanged" in line)
    assert unchanged.endswith(" 0 messages about people")
    (changed,) = (line for line in lines if "in which 10 people changed" in line)
    assert changed.endswith(" 20 messages about people")


def test_the_benchmark_of_viewers_sees_every_change_at_the_light_and_at_the_viewers() -> None:
    words = ["--viewers", "5", "--changes", "4", "--rounds", "1", "--pause", "1"]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.viewers", *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "the light, 5 looking on: median" in done.stdout
    assert "of 20 tellings " in done.stdout
