from contextlib import suppress
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from busylight.core.hours import Closure, Hours, HoursSyntaxError, Opening, parse_hours

BERLIN = ZoneInfo("Europe/Berlin")
NINE_TO_FIVE = Hours(parse_hours("Mon-Fri 09:00-17:00"), BERLIN)


def berlin(text: str, fold: int = 0) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN, fold=fold).astimezone(UTC)


def openings(*given: tuple[int, int, int]) -> tuple[Opening, ...]:
    return tuple(Opening(*each) for each in given)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("Mon 08:00-18:00", openings((0, 480, 1080))),
        ("tue 8-18", openings((1, 480, 1080))),
        ("Mo 8-18", openings((0, 480, 1080))),
        ("Mon\u2013Tue 8 \u2013 18", openings((0, 480, 1080), (1, 480, 1080))),
        ("Monday-Tuesday 8:30 - 9.15", openings((0, 510, 555), (1, 510, 555))),
        ("Sat-Mon 0:00-24:00", openings((0, 0, 1440), (5, 0, 1440), (6, 0, 1440))),
        (
            "Mon,Wed 9-12,13-17",
            openings((0, 540, 720), (0, 780, 1020), (2, 540, 720), (2, 780, 1020)),
        ),
        ("Mon 9-12; Fri 13-17", openings((0, 540, 720), (4, 780, 1020))),
        ("Mon 9-12;; Fri 9:59-13:00,", openings((0, 540, 720), (4, 599, 780))),
        ("Fri 22:00-02:00", openings((4, 1320, 1560))),
        ("Sun 20-24", openings((6, 1200, 1440))),
    ],
)
def test_hours_are_written_as_people_write_them(text: str, meant: tuple[Opening, ...]) -> None:
    assert parse_hours(text) == meant


def test_hours_without_days_are_those_of_every_day() -> None:
    assert {opening.day for opening in parse_hours("8-12,13-17")} == set(range(7))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "lacks the times"),
        ("Mon-Fri", "lacks the times"),
        ("Mon 9-17, Tue", "lacks the times"),
        ("Mon-Fry 9-17", "'fry', which is no day"),
        ("T 9-17", "'t', which is no day"),
        ("Mon 9-25", "'25', which is no time"),
        ("Mon 24:01-2", "'24:01', which is no time"),
        ("Mon 9:60-10", "'9:60', which is no time"),
        ("Mon 9-9", "no time at all"),
        ("Mon 24:00-3", "no time at all"),
        ("Mon 9:0-10", "'9:0', which is no time"),
        ("always", "'always', which is no day"),
    ],
)
def test_what_is_no_hours_is_told(text: str, problem: str) -> None:
    with pytest.raises(HoursSyntaxError, match=problem) as caught:
        parse_hours(text)
    assert str(caught.value).startswith(("has ", "lacks "))  # it ends a sentence


@given(st.text(alphabet="MonTueFri 0123456789:-,;.", max_size=30) | st.text(max_size=20))
def test_whatever_is_written_it_is_hours_or_a_fault(text: str) -> None:
    with suppress(HoursSyntaxError):
        assert all(0 <= one.start < one.end <= one.start + 1440 for one in parse_hours(text))


@pytest.mark.parametrize(
    ("moment", "outside"),
    [
        ("2026-11-23T08:59:59", True),
        ("2026-11-23T09:00:00", False),
        ("2026-11-23T16:59:59", False),
        ("2026-11-23T17:00:00", True),
        ("2026-11-21T12:00:00", True),
    ],
)
def test_the_start_belongs_to_the_hours_and_the_end_does_not(moment: str, *, outside: bool) -> None:
    assert NINE_TO_FIVE.outside(berlin(moment)) is outside


def test_the_next_change_is_the_next_edge_over_a_weekend_too() -> None:
    assert NINE_TO_FIVE.next_change(berlin("2026-11-20T12:00")) == berlin("2026-11-20T17:00")
    assert NINE_TO_FIVE.next_change(berlin("2026-11-20T17:00")) == berlin("2026-11-23T09:00")


def test_hours_over_midnight_go_on_the_next_day() -> None:
    night = Hours(parse_hours("Fri 22:00-02:00"), BERLIN)
    assert not night.outside(berlin("2026-11-21T01:59"))
    assert night.outside(berlin("2026-11-21T02:00"))
    assert night.outside(berlin("2026-11-20T01:00"))


def test_hours_that_touch_are_one() -> None:
    hours = Hours(parse_hours("Mon 8-12,12-16"), BERLIN)
    assert hours.next_change(berlin("2026-11-23T09:00")) == berlin("2026-11-23T16:00")


def test_hours_that_never_end_never_change() -> None:
    always = Hours(parse_hours("0-24"), BERLIN)
    assert not always.outside(berlin("2026-10-25T02:30", fold=1))
    assert always.next_change(berlin("2026-01-01T00:00")) is None


def test_a_time_that_the_clock_skips_is_the_moment_when_it_does() -> None:
    # 29 March 2026, 02:00 becomes 03:00.
    begins = Hours(parse_hours("Sun 02:30-06:00"), BERLIN)
    assert begins.next_change(berlin("2026-03-29T01:00")) == berlin("2026-03-29T03:00")
    ends = Hours(parse_hours("Sun 00:00-02:30"), BERLIN)
    assert ends.next_change(berlin("2026-03-29T01:00")) == berlin("2026-03-29T03:00")
    nothing = Hours(parse_hours("Sun 02:10-02:50"), BERLIN)
    change = nothing.next_change(berlin("2026-03-28T12:00"))
    assert change == berlin("2026-04-05T02:10")
    west = Hours(parse_hours("Sun 02:30-06:00"), ZoneInfo("America/New_York"))
    skipped = datetime(2026, 3, 8, 7, tzinfo=UTC)  # 02:00 becomes 03:00
    assert west.next_change(skipped - timedelta(hours=2)) == skipped


def test_a_time_that_the_clock_shows_twice_begins_with_the_first_and_ends_with_the_second() -> None:
    # 25 October 2026, 03:00 becomes 02:00.
    hours = Hours(parse_hours("Sun 02:15-02:45"), BERLIN)
    begin = hours.next_change(berlin("2026-10-25T00:00"))
    assert begin == berlin("2026-10-25T02:15", fold=0)
    assert hours.next_change(begin) == berlin("2026-10-25T02:45", fold=1)


def test_the_day_of_a_change_of_the_clock_has_its_usual_hours() -> None:
    for day in ("2026-03-29", "2026-10-25"):
        hours = Hours(parse_hours("Sun 09:00-17:00"), BERLIN)
        assert hours.next_change(berlin(f"{day}T00:30")) == berlin(f"{day}T09:00")
        assert hours.next_change(berlin(f"{day}T09:00")) == berlin(f"{day}T17:00")


def test_a_holiday_is_outside_the_hours_and_cuts_a_night_short() -> None:
    christmas = Closure(berlin("2026-12-25T00:00"), berlin("2026-12-27T00:00"))
    hours = Hours(parse_hours("Mon-Fri 22:00-06:00"), BERLIN, (christmas,))
    assert not hours.outside(berlin("2026-12-24T23:00"))
    assert hours.next_change(berlin("2026-12-24T23:00")) == berlin("2026-12-25T00:00")
    assert hours.next_change(berlin("2026-12-25T00:00")) == berlin("2026-12-28T22:00")


def test_work_goes_on_at_the_very_moment_at_which_a_holiday_ends() -> None:
    morning = Closure(berlin("2026-11-23T00:00"), berlin("2026-11-23T12:00"))
    hours = Hours(parse_hours("Mon-Fri 09:00-17:00"), BERLIN, (morning,))
    assert hours.outside(berlin("2026-11-23T11:59:59"))
    assert not hours.outside(berlin("2026-11-23T12:00"))


@pytest.mark.parametrize("weeks", [1, 2, 30])
def test_a_change_in_so_many_weeks_to_the_second_is_not_missed(weeks: int) -> None:
    holiday = Closure(berlin("2026-12-24T18:00"), berlin("2026-12-28T00:00"))
    hours = Hours(parse_hours("0-24"), BERLIN, (holiday,))
    assert hours.next_change(holiday.start - timedelta(weeks=weeks)) == holiday.start


def test_a_long_closure_is_slept_through() -> None:
    closed = Closure(berlin("2026-08-01T00:00"), berlin("2026-09-14T00:00"))
    later = Closure(berlin("2026-11-02T00:00"), berlin("2026-11-03T12:00"))
    hours = Hours(parse_hours("Mon-Fri 09:00-17:00"), BERLIN, (closed, later))
    assert hours.next_change(berlin("2026-07-31T18:00")) == berlin("2026-09-14T09:00")


def test_a_clock_that_was_never_set_puts_out_no_light() -> None:
    never_set = datetime(1970, 1, 4, 3, tzinfo=UTC)
    assert not NINE_TO_FIVE.outside(never_set)
    first = datetime(2025, 1, 1, tzinfo=UTC)  # the first moment that it may show; a night
    assert NINE_TO_FIVE.outside(first)
    assert not NINE_TO_FIVE.outside(first - timedelta(microseconds=1))


_zones = st.sampled_from(
    ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "UTC"]
).map(ZoneInfo)
_moments = st.integers(0, 730 * 1440).map(
    lambda minutes: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
)
_opening = st.builds(
    lambda day, start, length: Opening(day, start, start + length),
    st.integers(0, 6),
    st.integers(0, 1439),
    st.integers(1, 1440),
)


@given(st.lists(_opening, min_size=1, max_size=6), _zones, _moments)
def test_nothing_changes_before_the_next_change_and_something_does_at_it(
    given_openings: list[Opening], zone: ZoneInfo, moment: datetime
) -> None:
    hours = Hours(tuple(given_openings), zone)
    change = hours.next_change(moment)
    state = hours.outside(moment)
    if change is None:
        change = moment + timedelta(days=8)
    else:
        assert change > moment
        assert hours.outside(change) is not state
    for part in range(1, 24):
        between = moment + (change - moment) * part / 24
        assert hours.outside(between) is state


@given(st.lists(_opening, min_size=1, max_size=4), _zones, _moments)
def test_away_from_changes_of_the_clock_hours_are_what_the_clock_on_the_wall_says(
    given_openings: list[Opening], zone: ZoneInfo, moment: datetime
) -> None:
    wall = moment.astimezone(zone)
    offsets = {
        (moment + timedelta(hours=hours)).astimezone(zone).utcoffset() for hours in range(-50, 51)
    }
    if len(offsets) > 1:
        return
    minute = wall.weekday() * 1440 + wall.hour * 60 + wall.minute
    inside = any(
        (minute - (one.day * 1440 + one.start)) % 10_080 < one.end - one.start
        for one in given_openings
    )
    assert Hours(tuple(given_openings), zone).outside(moment) is not inside
