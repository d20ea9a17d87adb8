"""Who of many people is not known is named in the log: once, and not thousands of them."""

import logging

import pytest

from busylight.app.person_faults import NAMED, PersonFaults
from busylight.core.knowledge import Reading, Trouble, Why
from busylight.core.presence import Presence

FREE = Presence("Available", "Available")
GONE = Trouble(Why.UNREACHABLE, "Graph knows nobody called ada@contoso.com")


def said(caplog: pytest.LogCaptureFixture) -> list[str]:
    found = [record.getMessage() for record in caplog.records]
    caplog.clear()
    return found


@pytest.fixture
def faults(caplog: pytest.LogCaptureFixture) -> PersonFaults:
    caplog.set_level(logging.INFO)
    return PersonFaults()


def test_each_person_is_named_once_for_each_reason_and_when_all_is_well_again(
    faults: PersonFaults, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(3):
        faults.heard(Reading({"b": FREE}, {"ada": GONE}))
    assert said(caplog) == ["ada is not known: Graph knows nobody called ada@contoso.com"]
    faults.heard(Reading({"b": FREE}, {"ada": Trouble(Why.FORBIDDEN, "a permission is missing")}))
    assert said(caplog) == ["ada is not known: a permission is missing"]
    faults.heard(Reading({"b": FREE, "ada": FREE}, {}))
    assert said(caplog) == ["ada is known again"]
    faults.heard(Reading({"b": FREE, "ada": FREE}, {}))
    assert said(caplog) == []


def test_who_has_not_been_asked_for_yet_is_no_fault(
    faults: PersonFaults, caplog: pytest.LogCaptureFixture
) -> None:
    faults.heard(Reading({}, {"ada": Trouble(Why.STARTING, "not looked up yet")}))
    assert said(caplog) == []


def test_who_is_not_watched_any_more_is_not_said_to_be_back(
    faults: PersonFaults, caplog: pytest.LogCaptureFixture
) -> None:
    faults.heard(Reading({}, {"ada": GONE}))
    said(caplog)
    faults.heard(Reading({"b": FREE}, {}))
    assert said(caplog) == []


def test_of_thousands_some_are_named_and_the_rest_is_counted(
    faults: PersonFaults, caplog: pytest.LogCaptureFixture
) -> None:
    faults.heard(Reading({}, {f"p{number}": GONE for number in range(1000)}))
    lines = said(caplog)
    assert len(lines) == NAMED + 1
    assert lines[-1].startswith("990 more people are not known; `busylight status`")
