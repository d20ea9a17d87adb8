"""A sample of what `python -m benchmarks.takeover` measures fifty times."""

from pathlib import Path

import pytest

from tests.faults.takeover import limit, tries

INTERVAL = 1.0
KEEPALIVE = 5
ROOM = 15.0
"""Seconds that a machine which runs the other tests, too, may be late; the benchmark gives none."""


@pytest.mark.timeout(300)
@pytest.mark.parametrize("fault", ["killed", "frozen", "cut from Graph, refused"])
def test_the_spare_takes_over_in_time_and_nobody_is_told_anything_old(
    fault: str, tmp_path: Path
) -> None:
    (found,) = tries(fault, 1, tmp_path, interval=INTERVAL, keepalive=KEEPALIVE)
    in_time = limit(INTERVAL, KEEPALIVE)
    assert found.takeover <= in_time + ROOM
    assert found.older == 0
    assert found.not_known == 0 or found.takeover > in_time
