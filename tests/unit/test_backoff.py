"""How long to wait, and how often one may ask."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from busylight.core.backoff import RateLimit, birth_delay, full_jitter, reconnect_delay, retry_after

NOON = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)


@given(st.integers(0, 10_000), st.floats(0, 1))
def test_full_jitter_never_waits_longer_than_its_cap(failures: int, draw: float) -> None:
    assert 0 <= full_jitter(failures, base=1, cap=15, draw=draw) <= 15


def test_full_jitter_spreads_from_nothing_to_a_limit_that_doubles() -> None:
    assert [full_jitter(n, base=1, cap=15, draw=1.0) for n in range(1, 7)] == [1, 2, 4, 8, 15, 15]
    assert full_jitter(5, base=1, cap=15, draw=0.0) == 0
    assert len({full_jitter(5, base=1, cap=15) for _ in range(20)}) > 10


@given(st.integers(0, 10_000), st.floats(0, 1))
def test_an_output_connects_again_after_one_to_four_seconds(failures: int, draw: float) -> None:
    assert 1 <= reconnect_delay(failures, draw=draw) <= 4


def test_the_more_an_output_has_failed_the_more_its_pauses_tend_to_four_seconds() -> None:
    assert [reconnect_delay(failures, draw=1.0) for failures in (0, 1, 2, 5, 100)] == [
        1.5,
        2.0,
        2.5,
        4.0,
        4.0,
    ]
    assert reconnect_delay(3, draw=0.0) == 1.0
    assert reconnect_delay(3, draw=0.5) == 2.0
    assert len({reconnect_delay(9) for _ in range(20)}) > 1


def test_a_birth_is_answered_after_half_a_second_to_three() -> None:
    assert [birth_delay(draw=draw) for draw in (0.0, 0.5, 1.0)] == [0.5, 1.75, 3.0]
    assert all(0.5 <= birth_delay() <= 3.0 for _ in range(20))


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("", None),
        ("soon", None),
        ("0", 0),
        ("17", 17),
        (" 17 ", 17),
        ("-1", None),
        ("1.5", None),
        ("3600", 3600),
        ("86400", 3600),
        ("9" * 400, 3600),
        ("Mon, 23 Nov 2026 12:00:30 GMT", 30),
        ("Mon, 23 Nov 2026 11:59:00 GMT", 0),
        ("Mon, 23 Nov 2026 12:00:30", 30),
        ("Mon, 23 Nov 2026 13:00:30 +0100", 30),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 3600),
        ("Fri, 31 Dec 99999999999999999999 23:59:59 GMT", None),
        ("Fri, 31 Dec 2026 23:59:59 +99999999999999999999", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(value: str | None, seconds: float | None) -> None:
    assert retry_after(value, NOON) == seconds


_NUMBER = r"[0-9]{1,25}"


@given(st.text() | st.from_regex(rf"Mon, {_NUMBER} Jan {_NUMBER} 12:0{_NUMBER}:00 \+{_NUMBER}"))
def test_any_header_is_a_time_or_nothing(value: str) -> None:
    seconds = retry_after(value, NOON)
    assert seconds is None or 0 <= seconds <= 3600


@given(st.lists(st.floats(0, 5), min_size=1, max_size=200), st.integers(1, 20))
def test_no_window_ever_has_more_requests_than_allowed(gaps: list[float], count: int) -> None:
    limit, now, made = RateLimit(count, 30), 0.0, []
    for gap in gaps:
        now += gap
        while (wait := limit.wait(now)) > 0:
            now += wait
        limit.note(now)
        made.append(now)
    for i, moment in enumerate(made):
        assert sum(1 for other in made[i:] if other < moment + 30 - 1e-6) <= count


def test_the_limit_does_not_hold_up_who_keeps_it() -> None:
    limit = RateLimit(2, 30)
    limit.note(0)
    assert limit.wait(1) == 0
    limit.note(1)
    assert limit.wait(1) == 29
    assert limit.wait(30) == 0
