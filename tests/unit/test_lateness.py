"""The measure of a busy machine: of what others take, and of nothing else."""

import time

import pytest

from busylight.testing import lateness
from busylight.testing.lateness import Lateness


def test_a_sleep_and_work_of_ones_own_are_no_lateness_of_the_machine() -> None:
    with Lateness() as measured:
        began = time.monotonic()
        time.sleep(0.3)
        used = time.thread_time()
        while time.thread_time() - used < 0.2:
            pass
        late = measured.since(began)
        took = time.monotonic() - began
    # On a machine of one's own it is nothing; on a busy one what these two do not explain.
    assert 0 <= late <= took - 0.5 + 0.05


def test_who_has_to_wait_for_others_is_late(monkeypatch: pytest.MonkeyPatch) -> None:
    waited = 1.0
    monkeypatch.setattr(lateness, "_seconds", lambda _: waited)
    with Lateness() as measured:
        waited = 3.0
        assert measured.since(0.0) == 2.0
        time.sleep(0.2)
        assert measured.since(time.monotonic()) == 0.0
