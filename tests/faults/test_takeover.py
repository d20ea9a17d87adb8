"""A sample of what `python -m benchmarks.takeover` measures fifty times."""

from pathlib import Path

import pytest

from tests.faults.takeover import limit, tries

INTERVAL = 1.0
KEEPALIVE = 5


@pytest.mark.timeout(300)
@pytest.mark.parametrize("fault", ["killed", "frozen", "cut from Graph, refused"])
def test_the_spare_takes_over_in_time_and_nobody_is_told_anything_old(
    fault: str, tmp_path: Path
) -> None:
    (found,) = tries(fault, 1, tmp_path, interval=INTERVAL, keepalive=KEEPALIVE)
    assert found.takeover <= limit(INTERVAL, KEEPALIVE)
    assert (found.not_known, found.older) == (0, 0)
