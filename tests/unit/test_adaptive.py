"""`INTERVAL=auto`: often where presence tends to change, rarely in a quiet night."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from busylight.app.hub import Hub
from busylight.core.adaptive import Adaptive
from busylight.core.hours import Hours, parse_hours
from busylight.core.knowledge import Known, Reading, Trouble, Why
from busylight.core.palette import Palette
from busylight.core.presence import Presence
from busylight.core.rules import Rules
from busylight.core.situation import OUTSIDE_HOURS, Situation

BERLIN = ZoneInfo("Europe/Berlin")
ADAPTIVE = Adaptive(BERLIN)
FREE = Presence("Available", "Available")
BUSY = Presence("Busy", "InACall")


def berlin(time: str) -> datetime:
    return datetime.fromisoformat(f"2026-06-10T{time}").replace(tzinfo=BERLIN)


@pytest.mark.parametrize(
    ("time", "quiet_for", "seconds"),
    [
        ("10:17:00", 119, 5),  # what has just changed may change again
        ("10:17:00", 120, 15),
        ("10:17:00", 7200, 15),
        ("10:28:59", 7200, 15),
        ("10:29:00", 7200, 5),  # a meeting may begin, or end
        ("10:30:00", 7200, 5),
        ("10:32:59", 7200, 5),
        ("10:32:59.500000", 7200, 5),
        ("10:33:00", 7200, 15),
        ("10:33:00.500000", 7200, 15),
        ("10:59:30", 7200, 5),
        ("11:01:00", 7200, 5),
        ("21:59:59", 7200, 5),
        ("22:00:00", 7200, 60),  # nobody meets in a quiet night
        ("03:12:00", 7200, 60),
        ("03:12:00", 1800, 60),
        ("03:12:00", 1799, 15),  # but some people work then
        ("03:12:00", 10, 5),
        ("05:59:59", 7200, 60),
        ("06:00:00", 7200, 5),
        ("06:10:00", 7200, 15),
    ],
)
def test_it_reads_often_when_presence_tends_to_change(
    time: str, quiet_for: float, seconds: float
) -> None:
    assert ADAPTIVE.planned_interval(berlin(time), quiet_for) == seconds
    same_moment = berlin(time).astimezone(UTC)
    assert ADAPTIVE.planned_interval(same_moment, quiet_for) == seconds


def test_a_clock_that_was_never_set_knows_no_nights_and_no_meetings() -> None:
    for hour in range(24):
        never_set = datetime(1970, 1, 4, hour, 0, tzinfo=UTC)
        assert ADAPTIVE.planned_interval(never_set, 7200) == 15
        assert ADAPTIVE.planned_interval(never_set, 10) == 5


def test_a_clock_that_says_2025_or_later_was_set() -> None:
    night = datetime(2025, 1, 1, 3, 12, tzinfo=UTC)
    assert ADAPTIVE.planned_interval(night, 7200) == 60
    assert ADAPTIVE.planned_interval(night - timedelta(days=1), 7200) == 15


_moments = st.datetimes(datetime(2025, 1, 2), datetime(2030, 1, 1)).map(  # noqa: DTZ001 -- made UTC
    lambda moment: moment.replace(tzinfo=UTC)
)
_zones = st.sampled_from(["Europe/Berlin", "Asia/Kathmandu", "Australia/Lord_Howe", "UTC"]).map(
    ZoneInfo
)


@given(_moments, _zones, st.floats(0, 1e7), st.floats(0, 1e7))
def test_the_delay_is_never_worse_than_is_told_and_never_better_the_quieter_it_is(
    moment: datetime, zone: ZoneInfo, quiet_for: float, longer: float
) -> None:
    adaptive = Adaptive(zone)
    planned = adaptive.planned_interval(moment, quiet_for)
    local = moment.astimezone(zone)
    assert planned <= (15 if 6 <= local.hour < 22 else 60)
    assert planned == 5 or quiet_for >= 120
    assert adaptive.planned_interval(moment, quiet_for + longer) >= planned


@given(_zones, st.integers(0, 200 * 48), st.integers(-60, 179))
def test_around_each_half_hour_of_a_day_it_reads_often(
    zone: ZoneInfo, half_hour: int, seconds: int
) -> None:
    wall = datetime(2026, 1, 1, tzinfo=UTC).astimezone(zone).replace(hour=0, minute=0)
    moment = (wall.astimezone(UTC) + timedelta(minutes=30 * half_hour)).astimezone(zone)
    moment = moment.replace(minute=0 if moment.minute < 30 else 30)
    if 7 <= moment.hour < 21:
        near = moment.astimezone(UTC) + timedelta(seconds=seconds)
        assert Adaptive(zone).planned_interval(near, 1e6) == 5


def _situation(time: str, **rules: object) -> Situation:
    """At the moment 0 of the program's clock it is that time in Berlin."""
    given: dict[str, object] = {"adaptive": ADAPTIVE} | rules
    return Situation(
        Rules(Palette(), 60.0, "graph", "0", **given),  # type: ignore[arg-type]  # as given
        started_at=0.0,
        epoch=-berlin(time).timestamp(),
    )


def test_outside_of_working_hours_these_decide() -> None:
    hours = Hours(parse_hours("Mon-Fri 08:00-18:00"), BERLIN)
    assert _situation("19:00:00", hours=hours).planned_interval(0, 0) == OUTSIDE_HOURS
    assert _situation("10:10:00", hours=hours).planned_interval(0, -7200) == 15
    assert _situation("10:10:00", adaptive=None).planned_interval(0, -7200) == 0


def test_a_failure_is_tried_again_as_soon_as_without_it() -> None:
    situation = _situation("03:00:00").after_reading(Reading({"x": FREE}, {}), 0)
    assert situation.planned_interval(0, -7200) == 60
    failed = situation.after_trouble(Trouble(Why.UNREACHABLE, "no network"), 1)
    assert failed.planned_interval(1, -7200) == 0
    assert failed.after_reading(Reading({"x": FREE}, {}), 2).planned_interval(2, -7200) == 60


def test_a_reading_of_a_quiet_night_holds_until_two_more_could_have_failed() -> None:
    reading = Reading({"x": FREE}, {}, slowed_to=60.0)
    situation = _situation("03:00:00").after_reading(reading, 0)
    assert isinstance(situation.view(149.9).knowledge, Known)
    assert not isinstance(situation.view(150.1).knowledge, Known)


def test_the_hub_paces_the_source_anew_after_a_change(monkeypatch: pytest.MonkeyPatch) -> None:
    moment = [1000.0]
    monkeypatch.setattr("busylight.edge.clock.now", lambda: moment[0])
    wall = berlin("10:10:00").timestamp() - moment[0]
    monkeypatch.setattr("busylight.edge.clock.time.time", lambda: moment[0] + wall)
    hub = Hub(Rules(Palette(), 60.0, "graph", "0", adaptive=ADAPTIVE))
    paces: list[float] = []
    hub.on_pace = paces.append
    hub.heard(Reading({"x": FREE}, {}))
    for _ in range(40):
        moment[0] += 5
        hub.heard(Reading({"x": FREE}, {}))
    assert paces == [5, 15]
    hub.heard(Reading({"x": BUSY}, {}))
    assert paces == [5, 15, 5]
