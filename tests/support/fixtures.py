"""Fixtures of tests on real parts: Graph's look-alike, a broker, and somebody who hears all on it.

A directory's conftest.py imports them.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from busylight.demo.lookalike import Lookalike
from tests.support.broker import Broker, Recorder


@pytest.fixture
def lookalike() -> Iterator[Lookalike]:
    with Lookalike() as lookalike:
        yield lookalike


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    with Broker(tmp_path / "broker") as broker:
        yield broker


@pytest.fixture
def recorder(broker: Broker) -> Iterator[Recorder]:
    with Recorder(broker) as recorder:
        yield recorder
