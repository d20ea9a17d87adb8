"""What many of these tests need: a broker of their own, and somebody who hears all on it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.broker import Broker, Recorder


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    with Broker(tmp_path / "broker") as broker:
        yield broker


@pytest.fixture
def recorder(broker: Broker) -> Iterator[Recorder]:
    with Recorder(broker) as recorder:
        yield recorder
