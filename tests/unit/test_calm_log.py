"""A log that a fault cannot flood."""

import logging
from collections.abc import Iterator
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from busylight.edge.calm_log import CalmHandler
from busylight.edge.current_part import PART
from busylight.edge.log import HIDDEN, conceal, protect


class Lines(logging.Handler):
    """What was written, and when."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[tuple[float, str]] = []
        self.moment = 0.0

    def emit(self, record: logging.LogRecord) -> None:
        self.written.append((self.moment, record.getMessage()))

    @property
    def texts(self) -> list[str]:
        return [text for _, text in self.written]


class Log:
    """A calm log on a clock of its own."""

    def __init__(self) -> None:
        self.lines = Lines()
        self.calm = CalmHandler(self.lines, clock=lambda: self.lines.moment)
        self._told_at = 0.0

    def say(self, text: str, name: str = "busylight", level: int = logging.WARNING) -> None:
        self.calm.handle(logging.LogRecord(name, level, "", 0, text, None, None))

    def pass_time(self, seconds: float) -> None:
        """Let the timer ring once a minute, as it would."""
        self.lines.moment += seconds
        if self.lines.moment - self._told_at >= 60:
            self._told_at = self.lines.moment
            self.calm.tell()


@pytest.fixture
def log() -> Iterator[Log]:
    log = Log()
    yield log
    log.calm.close()


def test_a_repeat_is_counted_and_told_in_one_line(log: Log) -> None:
    for _ in range(100):
        log.say("unplugged", "serial")
    assert log.lines.texts == ["unplugged"]
    log.calm.tell()
    assert log.lines.texts == ["unplugged", "99 more from serial, the last: unplugged"]


def test_what_is_said_once_is_written_as_it_comes(log: Log) -> None:
    for text in ("one", "two", "three"):
        log.say(text)
    assert log.lines.texts == ["one", "two", "three"]
    log.calm.tell()
    assert len(log.lines.texts) == 3


def test_after_a_minute_the_same_is_news_again(log: Log) -> None:
    log.say("unplugged")
    log.lines.moment = 61.0
    log.say("unplugged")
    assert log.lines.texts == ["unplugged", "unplugged"]


def test_a_part_that_chatters_leaves_room_for_another_and_is_named(log: Log) -> None:
    PART.set("output serial")
    try:
        for number in range(50):
            log.say(f"fault {number}", "somewhere")
    finally:
        PART.set(None)
    log.say("the broker is gone", "mqtt")
    assert log.lines.texts[-1] == "the broker is gone"
    log.calm.tell()
    assert log.lines.texts[-1] == "46 more from output serial, the last: fault 49"


@given(
    st.lists(
        st.tuples(st.floats(0, 4), st.sampled_from("abcdefg"), st.integers(0, 3)),
        min_size=20,
        max_size=200,
    )
)
def test_there_are_never_more_than_twelve_lines_in_a_minute(
    said: list[tuple[float, str, int]],
) -> None:
    log, number = Log(), count()
    for pause, name, text in said:
        log.pass_time(pause)
        log.say(str(text) if text else f"new {next(number)}", name)
    moments = [moment for moment, _ in log.lines.written]
    log.calm.close()
    assert max(sum(at <= other < at + 60 for other in moments) for at in moments) <= 12


def test_of_many_parts_at_once_eight_lines_and_four_that_stand_for_the_others_are_written(
    log: Log,
) -> None:
    for number in range(20):
        log.say(f"fault {number}", f"part {number}")
        log.say(f"another fault {number}", f"part {number}")
    assert len(log.lines.texts) == 8
    log.calm.tell()
    assert len(log.lines.texts) == 12
    assert log.lines.texts[-1].startswith("26 more from part ")


def test_nothing_that_was_counted_is_lost_of_the_number(log: Log) -> None:
    for number in range(30):
        log.say("again", f"part {number % 6}")
    log.calm.tell()
    counted = sum(int(text.split()[0]) for text in log.lines.texts if " more from " in text)
    assert counted + sum(" more from " not in text for text in log.lines.texts) == 30


def test_a_line_that_stands_for_others_holds_no_secret(log: Log) -> None:
    conceal("hunter2-hunter2")
    protect([log.calm, log.lines])
    for _ in range(2):
        log.say("x" * 290 + " hunter2-hunter2")
    log.calm.tell()
    assert "hunter2" not in "".join(log.lines.texts)
    assert HIDDEN in log.lines.texts[0]
