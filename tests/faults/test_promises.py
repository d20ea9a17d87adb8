"""A sample of the lines in docs/reliability.md, each measured on the real program once.

`scripts/test faults` measures all of them, several times, and prints the worst figures.
"""

from pathlib import Path

import pytest

from tests.faults.measure import ROWS, Place, Unmeasurable
from tests.faults.rows import NAMES

_SAMPLE = [name for name in NAMES if not ROWS[name].is_slow]


@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", _SAMPLE, ids=[name.replace(" ", "-") for name in _SAMPLE])
def test_what_is_promised_is_kept(name: str, tmp_path: Path) -> None:
    try:
        with Place(tmp_path) as place:
            figures = list(ROWS[name].measure(place))
    except Unmeasurable as reason:
        pytest.skip(f"NOT MEASURED HERE: {name}: {reason}")
    assert figures
    assert [figure for figure in figures if not figure.kept] == []
