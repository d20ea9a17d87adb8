import pytest
from hypothesis import given
from hypothesis import strategies as st

from busylight.core.decide import busiest
from busylight.core.knowledge import Known, Memory, Reading, Trouble, Why
from busylight.core.palette import Palette
from busylight.core.rules import Rules
from busylight.core.situation import Situation
from busylight.sources.mqtt.following import Following

ADA = "busylight/ada/presence"
ADA_LIVES = "busylight/ada/availability"
FRESH = b'{"availability":"Busy","activity":"InACall","fresh":true}'


class Heard:
    """A follower, and what it hears."""

    def __init__(
        self, *topics: str, liveness: tuple[str, ...] = (), stale_after: float = 0
    ) -> None:
        self.following = Following(topics, liveness, stale_after)

    def hear(self, topic: str, payload: bytes, now: float = 0, *, retained: bool = True) -> "Heard":
        self.following.heard(topic, payload, now, retained=retained)
        return self

    def words(self, now: float = 0) -> list[str] | Why:
        answer = self.following.answer(now)
        if isinstance(answer, Trouble):
            assert answer.is_certain
            return answer.why
        return [presence.words for presence in answer.presences.values()]


def test_what_a_living_busylight_says_is_known() -> None:
    heard = Heard(ADA).hear(ADA_LIVES, b"online").hear(ADA, FRESH)
    assert heard.words() == ["Busy/InACall"]


def test_what_a_dead_busylight_said_is_not_known_whatever_is_retained() -> None:
    assert Heard(ADA).hear(ADA, FRESH).words() is Why.STALE
    assert Heard(ADA).hear(ADA, FRESH).hear(ADA_LIVES, b"offline").words() is Why.STALE
    heard = Heard(ADA).hear(ADA_LIVES, b"online").hear(ADA, FRESH).hear(ADA_LIVES, b"")
    assert heard.words() is Why.STALE


def test_who_comes_back_is_known_again() -> None:
    heard = Heard(ADA).hear(ADA, FRESH).hear(ADA_LIVES, b"offline").hear(ADA_LIVES, b"online")
    assert heard.words() == ["Busy/InACall"]


@pytest.mark.parametrize("reader", ["primary", "spare"])
def test_either_reader_of_a_busylight_with_a_spare_keeps_it_alive(reader: str) -> None:
    heard = Heard(ADA).hear(ADA, FRESH).hear(f"busylight/ada/reader/{reader}", b"online")
    assert heard.words() == ["Busy/InACall"]
    heard.hear("busylight/ada/reader/primary", b"offline")
    heard.hear("busylight/ada/reader/spare", b"offline")
    assert heard.words() is Why.STALE


def test_one_of_many_people_lives_with_the_busylight_that_reads_them() -> None:
    topic = "busylight/office/users/66825e03/presence"
    heard = Heard(topic).hear(topic, FRESH).hear("busylight/office/availability", b"online")
    assert heard.words() == ["Busy/InACall"]


def test_a_presence_of_somebody_elses_needs_no_liveness_topic_but_heeds_one() -> None:
    heard = Heard("office/presence").hear("office/presence", b"Busy")
    assert heard.words() == ["Busy/Busy"]
    assert heard.hear("office/availability", b"offline").words() is Why.STALE


def test_a_liveness_topic_that_was_chosen_must_say_that_the_publisher_lives() -> None:
    heard = Heard("teams/status", liveness=("teams/connected",)).hear("teams/status", b"busy")
    assert heard.words() is Why.STALE
    assert heard.hear("teams/connected", b"true").words() == ["Busy/Busy"]
    assert heard.hear("teams/connected", b"false").words() is Why.STALE


def test_each_topic_goes_by_its_own_liveness_topic_where_each_has_one() -> None:
    heard = Heard(ADA, "teams/status", liveness=(ADA_LIVES, "teams/connected"))
    heard.hear(ADA, FRESH).hear("teams/status", b"away").hear("teams/connected", b"true")
    assert heard.words() == ["Away/Away"]
    assert heard.hear(ADA_LIVES, b"online").words() == ["Busy/InACall", "Away/Away"]


def test_a_topic_on_which_nothing_stands_is_named() -> None:
    answer = Following(("teams/status",)).answer(0)
    assert isinstance(answer, Trouble)
    assert answer.why is Why.STALE
    assert "nothing is published on teams/status" in answer.detail


def test_a_topic_that_may_not_be_read_is_forbidden() -> None:
    following = Following(("teams/status",))
    following.refused("teams/status")
    answer = following.answer(0)
    assert isinstance(answer, Trouble)
    assert answer.why is Why.FORBIDDEN


def test_a_call_outshines_what_the_calendar_says_and_a_flag_that_is_off_says_nothing() -> None:
    heard = Heard("teams/status", "teams/in-call")
    heard.hear("teams/status", b"available").hear("teams/in-call", b"false")
    assert heard.words() == ["Available/Available"]
    answer = heard.hear("teams/in-call", b"true").following.answer(0)
    assert isinstance(answer, Reading)
    shown = busiest([Known(presence, 0, 0) for presence in answer.presences.values()])
    assert isinstance(shown, Known)
    assert shown.presence.words == "Busy/InACall"


def test_flags_alone_that_are_all_off_mean_available() -> None:
    heard = Heard("teams/in-call", "teams/camera").hear("teams/in-call", b"false")
    assert heard.words() is Why.STALE
    assert heard.hear("teams/camera", b"false").words() == ["Available/Available"]


def test_a_flag_that_is_off_does_not_make_up_for_a_presence_that_is_not_known() -> None:
    heard = Heard("teams/status", "teams/in-call").hear("teams/in-call", b"false")
    assert heard.words() is Why.STALE
    assert heard.hear("teams/status", b"unknown").words() is Why.STALE


def test_silence_is_no_news_unless_it_was_made_so() -> None:
    heard = Heard("x").hear("x", b"busy", now=0, retained=False)
    assert heard.words(1e9) == ["Busy/Busy"]
    assert heard.following.next_change(0) is None


def test_silence_that_counts_makes_it_unknown_to_the_second() -> None:
    heard = Heard("x", stale_after=30).hear("x", b"busy", now=100, retained=False)
    assert heard.words(129.9) == ["Busy/Busy"]
    assert heard.following.next_change(100) == 130
    assert heard.words(130) is Why.STALE
    assert heard.following.next_change(130) is None
    assert heard.hear("x", b"busy", now=140, retained=False).words(150) == ["Busy/Busy"]


def test_where_silence_counts_a_retained_message_of_unknown_age_does_not() -> None:
    heard = Heard("x", stale_after=30).hear("x", b"busy", now=100, retained=True)
    assert heard.words(100) is Why.STALE


def test_the_answer_is_complete_once_every_topic_has_spoken() -> None:
    heard = Heard(ADA).hear(ADA, FRESH)
    assert not heard.following.is_complete(0)
    assert heard.hear(ADA_LIVES, b"online").following.is_complete(0)


def test_liveness_is_subscribed_to_before_presence_and_nothing_twice() -> None:
    following = Following((ADA, "teams/status"), ("alive",))
    assert following.subscriptions == ("alive", ADA, "teams/status")
    assert Following((ADA,)).subscriptions[0] == ADA_LIVES


_events = st.lists(
    st.tuples(
        st.sampled_from([ADA, ADA_LIVES]),
        st.sampled_from([FRESH, b"online", b"offline", b"", b'{"fresh":false}', b"{"]),
    )
)


@given(_events)
def test_nothing_of_a_busylight_is_known_but_while_it_is_fresh_and_lives(
    events: list[tuple[str, bytes]],
) -> None:
    heard, newest = Heard(ADA), {ADA: b"", ADA_LIVES: b""}
    for topic, payload in events:
        heard.hear(topic, payload)
        newest[topic] = payload
    # A bare word on a presence topic is a presence, too, so long as nobody says offline.
    known = heard.words() == ["Busy/InACall"]
    assert known == (newest[ADA] == FRESH and newest[ADA_LIVES] == b"online")


def test_a_certain_end_is_the_end_at_once_even_of_a_kind_that_may_pass() -> None:
    rules = Rules(Palette(), stale_after=60, source="mqtt", version="1")
    situation = Situation(rules, started_at=0)
    answer = Heard(ADA).hear(ADA_LIVES, b"online").hear(ADA, FRESH).following.answer(0)
    assert isinstance(answer, Reading)
    known = situation.after_reading(answer, 1)
    assert known.view(1).state == "inacall"
    gone = known.after_trouble(Trouble(Why.UNREACHABLE, "cut off", at_once=True), 2)
    assert gone.view(2).state == "unknown"
    assert known.after_trouble(Trouble(Why.UNREACHABLE, "cut off"), 2).view(2).state == "inacall"
    assert Memory(0).after_trouble(Trouble(Why.UNREACHABLE, "x", at_once=True), 1).knowledge(
        1, 60
    ) != Memory(0).knowledge(1, 60)
