"""Every line of the table in docs/reliability.md, measured on the real program once.

`python -m benchmarks.reliability` measures them several times, the slow ones too, and prints the
worst.
"""

import os
from pathlib import Path

import pytest

from tests.faults.measure import ROWS, Figure, Place, Unmeasurable
from tests.faults.rows import NAMES

_EVERYTHING = "BUSYLIGHT_SLOW_FAULTS" in os.environ


def measured(name: str, directory: Path) -> list[Figure]:
    """The figures of one row."""
    with Place(directory) as place:
        return list(ROWS[name].measure(place))


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    "name",
    [
        pytest.param(
            name,
            id=name.replace(" ", "-"),
            marks=[]
            if _EVERYTHING or not ROWS[name].is_slow
            else pytest.mark.skip("slow: python -m benchmarks.reliability measures it"),
        )
        for name in NAMES
    ],
)
def test_what_is_promised_is_kept(name: str, tmp_path: Path) -> None:
    try:
        figures = measured(name, tmp_path)
    except Unmeasurable as reason:
        pytest.skip(f"NOT MEASURED HERE: {name}: {reason}")
    assert figures
    assert [figure for figure in figures if not figure.kept] == []
