"""The JSON in which the program speaks of itself."""

from busylight.core.documents import (
    diagnostics_document,
    light_document,
    presence_document,
    view_document,
)
from busylight.core.knowledge import Known, NotKnown, SignInPrompt, Trouble, Why
from busylight.core.light import OFF
from busylight.core.override import Mode, Override
from busylight.core.preferred_presence import PreferredHealth, PreferredState
from busylight.core.presence import Presence
from busylight.core.view import Diagnostics, PartHealth, PartState, View


def _date(moment: float | None) -> str | None:
    return None if moment is None else f"T{moment:g}"


def test_a_known_presence_is_told_with_words_and_name_only_where_they_are_wanted() -> None:
    known = Known(Presence("Busy", "InACall", "at the dentist", "Adele"), 1, 2)
    private = presence_document(known, _date, status_message=False, user=False)
    assert private == {
        "availability": "Busy",
        "activity": "InACall",
        "fresh": True,
        "since": "T1",
        "read_at": "T2",
    }
    told = presence_document(known, _date, status_message=True, user=True)
    assert told == private | {"status_message": "at the dentist", "user": "Adele"}


def test_a_presence_that_is_not_known_is_told_with_its_reason() -> None:
    unknown = NotKnown(Trouble(Why.SIGNED_OUT, "the password was changed"), 3, None)
    assert presence_document(unknown, _date, status_message=True, user=True) == {
        "availability": None,
        "activity": None,
        "fresh": False,
        "reason": "signed_out",
        "since": "T3",
        "read_at": None,
    }


def test_a_released_light_is_off_and_nothing_else() -> None:
    assert light_document(None) == {"state": "OFF"}
    assert light_document(OFF)["state"] == "OFF"


def test_the_view_tells_everything() -> None:
    view = View(
        light=None,
        state="signin",
        knowledge=NotKnown(Trouble(Why.SIGNED_OUT, "sign in"), 3),
        override=Override(Mode.OFF, ends_at=9),
        sign_in=SignInPrompt("https://microsoft.com/devicelogin", "ABCD", 8),
        diagnostics=Diagnostics(
            "graph",
            "1",
            1,
            account="Adele",
            outputs={"mqtt": PartHealth(PartState.FAILED, "no such host")},
        ),
    )
    document = view_document(view, _date)
    assert document["mode"] == "off"
    assert document["override"] == {"mode": "off", "ends_at": "T9"}
    assert document["sign_in"] == {
        "url": "https://microsoft.com/devicelogin",
        "code": "ABCD",
        "expires_at": "T8",
    }
    assert document["diagnostics"]["account"] == "Adele"
    assert document["diagnostics"]["outputs"] == {
        "mqtt": {"state": "failed", "error": "no such host"}
    }


def test_what_became_of_what_teams_was_told_is_there_only_where_teams_is_told() -> None:
    silent = Diagnostics("graph", "1", 1)
    assert "preferred_presence" not in diagnostics_document(silent, _date, account=False)
    health = PreferredHealth(PreferredState.SET, "Busy", since=4, error="nobody sees it")
    told = Diagnostics("graph", "1", 1, preferred_presence=health)
    assert diagnostics_document(told, _date, account=False)["preferred_presence"] == {
        "state": "set",
        "availability": "Busy",
        "since": "T4",
        "error": "nobody sees it",
    }
    nothing = Diagnostics("graph", "1", 1, preferred_presence=PreferredHealth())
    assert diagnostics_document(nothing, _date, account=False)["preferred_presence"] == {
        "state": "none",
        "availability": None,
    }
