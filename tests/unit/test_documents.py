"""The JSON in which the program speaks of itself."""

from typing import Any

import pytest

from busylight.core.documents import (
    diagnostics_document,
    light_document,
    presence_document,
    view_document,
)
from busylight.core.knowledge import Known, NotKnown, SignInPrompt, Trouble, Why
from busylight.core.light import OFF, Effect, LightState
from busylight.core.override import Mode, Override
from busylight.core.preferred_presence import PreferredHealth, PreferredState
from busylight.core.presence import Presence
from busylight.core.reader import Peers, Role
from busylight.core.view import Diagnostics, PartHealth, PartState, Standing, View


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
    stale = NotKnown(Trouble(Why.STALE, "the source has fallen silent"), 3, 2)
    assert presence_document(stale, _date, status_message=True, user=True)["read_at"] == "T2"


def test_a_released_light_is_off_and_nothing_else() -> None:
    assert light_document(None) == {"state": "OFF"}
    assert light_document(OFF)["state"] == "OFF"


def test_a_light_is_told_in_all_its_parts() -> None:
    assert light_document(LightState(1, 2, 3, 40, Effect.PULSE)) == {
        "state": "ON",
        "brightness": 40,
        "color_mode": "rgb",
        "color": {"r": 1, "g": 2, "b": 3},
        "effect": "pulse",
    }


def test_automatic_replies_are_told_only_where_there_are_some() -> None:
    away = Known(Presence("Away", "Away", out_of_office=True), 1, 2)
    told = presence_document(away, _date, status_message=False, user=False)
    assert told["out_of_office"] is True
    here = Known(Presence("Away", "Away"), 1, 2)
    assert "out_of_office" not in presence_document(here, _date, status_message=False, user=False)


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


def test_the_view_tells_people_at_this_machine_what_is_shown_of_whom_and_why() -> None:
    known = Known(Presence("Busy", "InACall", "at the dentist", "Adele"), 1, 2)
    lit = LightState(1, 2, 3)
    view = View(lit, "inacall", known, None, None, Diagnostics("graph", "1", 1))
    assert view_document(view, _date) == {
        "state": "inacall",
        "light": light_document(lit),
        "presence": presence_document(known, _date, status_message=True, user=True),
        "mode": "auto",
        "override": None,
        "sign_in": None,
        "diagnostics": diagnostics_document(view.diagnostics, _date, account=True),
    }


def _told_of(standing: Standing | None) -> Any:
    diagnostics = Diagnostics("graph", "1", 1, reader=standing)
    return diagnostics_document(diagnostics, _date, account=False).get("reader")


def test_each_of_two_readers_tells_how_both_of_them_stand() -> None:
    alone = Peers(primary_online=True, spare_online=False, primary_reads=True)
    assert _told_of(Standing(Role.PRIMARY, leads=True, reads=False, peers=alone)) == {
        "role": "primary",
        "leads": True,
        "primary": "online",
        "primary_reads": False,  # it knows that better than the broker
        "spare": "offline",
    }
    gone = Peers(primary_online=False, spare_online=True, primary_reads=True)
    assert _told_of(Standing(Role.SPARE, leads=False, reads=False, peers=gone)) == {
        "role": "spare",
        "leads": False,
        "primary": "offline",
        "primary_reads": True,  # as the primary has said last
        "spare": "online",
    }


@pytest.mark.parametrize(("role", "primary_reads"), [(Role.PRIMARY, True), (Role.SPARE, None)])
def test_without_the_broker_a_reader_knows_of_itself_alone(
    *, role: Role, primary_reads: bool | None
) -> None:
    assert _told_of(Standing(role, leads=True, reads=True, peers=None)) == {
        "role": role.value,
        "leads": True,
        "primary": None,
        "primary_reads": primary_reads,
        "spare": None,
    }


def test_who_is_alone_tells_of_no_other_reader() -> None:
    assert _told_of(None) is None


def test_what_went_wrong_is_told_where_something_did() -> None:
    well = diagnostics_document(Diagnostics("graph", "1", 1), _date, account=True)
    assert not well.keys() & {"account", "faults", "blocked", "credential"}
    ill = Diagnostics(
        "graph", "1", 1, faults={"mqtt": 2}, blocked="serial hung", credential="ends on Friday"
    )
    told = diagnostics_document(ill, _date, account=True)
    assert (told["faults"], told["blocked"], told["credential"]) == (
        {"mqtt": 2},
        "serial hung",
        "ends on Friday",
    )


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
