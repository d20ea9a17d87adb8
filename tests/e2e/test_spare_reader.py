"""Two programs read for one light, a primary and a spare: both as processes, on a real broker."""

import json
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from busylight.demo.lookalike import ADELE, Lookalike
from tests.support.broker import Broker, Recorder, wait_until
from tests.support.fault_proxy import FaultProxy
from tests.support.pair import BASE, Pair
from tests.support.program import Program, json_of


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    with Pair(tmp_path) as pair:
        yield pair


def test_the_spare_takes_over_from_a_killed_primary_and_gives_back_without_flicker(
    pair: Pair,
) -> None:
    with pair.spare.start() as spare, pair.primary.start() as primary:
        pair.led_by("primary")
        spare.shows("available")
        began = time.monotonic()
        primary.process.kill()
        pair.led_by("spare")
        pair.changes_to("Busy", "InACall")
        spare.shows("inacall")
        with pair.primary.start() as primary:
            pair.led_by("primary")
            primary.shows("inacall")
            pair.changes_to("Away", "Away")
            spare.shows("away")
        assert pair.words_told(began) == ["Available", "InACall", "Away"]
