"""What one program, or two of one light, say on a real broker: answers, takeovers, old readings."""

import json
from functools import partial
from pathlib import Path

import pytest

from busylight.core.knowledge import Known
from busylight.core.override import Mode, Refresh, SetMode
from busylight.core.presence import Presence
from busylight.core.reader import Role
from busylight.edge import clock
from tests.support.broker import Broker, Recorder, eventually
from tests.support.mqtt import BASE
from tests.support.readers import Graph, Program, alone, pair

FREE = Presence("Available", "Available")
AWAY = Presence("Away", "Away")
ADA, BOB = (f"{digit * 8}-7ef5-42da-9069-724602c31f6b" for digit in "ab")
STALE_AFTER = 4.0


# -- Commands ------------------------------------------------------------------------------------


async def test_a_command_is_answered_once_with_what_holds_after_it(
    broker: Broker, recorder: Recorder, tmp_path: Path
) -> None:
    topics = [f"{BASE}/mode", f"{BASE}/override"]

    def said() -> list[bytes]:
        return [each.payload for each in recorder.heard if each.topic in topics]

    async with alone(broker, Graph({"me": FREE}), tmp_path) as program:
        await eventually(lambda: recorder.last(f"{BASE}/availability") == b"online")
        for word in (b"busy", b"busy", b"auto", b"auto"):  # also where nothing changes
            override = b"null" if word == b"auto" else b'{"mode":"busy","ends_at":null}'
            recorder.forget()
            recorder.publish(f"{BASE}/mode/set", word)
            await eventually(lambda: len(said()) >= 2)
            recorder.publish(f"{BASE}/mode/set", b"away")  # whatever comes late comes before this
            await eventually(lambda: len(said()) >= 4)
            assert said() == [word, override, b"away", b'{"mode":"away","ends_at":null}']
        assert program.hub.view.mode == "away"


def _has_answered(recorder: Recorder, times: int) -> bool:
    return len(recorder.payloads(f"{BASE}/override")) == times


async def test_a_colour_set_by_hand_stays_on_both_lights_until_the_next_command(
    broker: Broker, recorder: Recorder, tmp_path: Path
) -> None:
    commands = {
        "light/set": [
            b'{"state":"ON","color":{"r":255,"g":0,"b":0}}',
            b'{"state":"ON","color":{"r":0,"g":0,"b":255}}',
            b'{"state":"ON","brightness":50}',
        ],
        "mode/set": [b"busy", b"auto"],
    }
    async with pair(broker, Graph({"me": FREE}), tmp_path) as (primary, spare):
        recorder.forget()
        for program in (primary, spare):
            del program.views[:-1]  # others of the same light may come yet: of peers, of a reading
        asked = [(end, payload) for end, payloads in commands.items() for payload in payloads]
        for number, (end, payload) in enumerate(asked, 1):
            recorder.publish(f"{BASE}/{end}", payload)
            await eventually(partial(_has_answered, recorder, number))
        # Both have heard all of that when they hear this.
        recorder.publish(f"{BASE}/mode/set", b"away")
        await eventually(lambda: spare.hub.view.mode == primary.hub.view.mode == "away")
    for program in (primary, spare):
        told = [
            (view.mode.value, view.light and view.light.hex, view.light and view.light.brightness)
            for view in program.views
        ]
        steps = [each for number, each in enumerate(told) if not number or told[number - 1] != each]
        assert steps == [
            ("auto", "#00ff00", 255),
            ("manual", "#ff0000", 255),
            ("manual", "#0000ff", 255),
            ("manual", "#0000ff", 50),
            ("busy", "#ff0000", 255),
            ("auto", "#00ff00", 255),
            ("away", "#ffbf00", 36),
        ]


async def test_all_that_is_asked_of_the_one_that_stands_by_reaches_the_leader_once_and_in_order(
    broker: Broker, recorder: Recorder, tmp_path: Path
) -> None:
    topics = {f"{BASE}/mode/set", f"{BASE}/refresh/set"}

    def asked() -> list[bytes]:
        return [each.payload for each in recorder.heard if each.topic in topics]

    async with pair(broker, Graph({"me": FREE}), tmp_path) as (primary, spare):
        for command in (SetMode(Mode.BUSY), Refresh(), SetMode(Mode.AWAY), SetMode(Mode.AUTO)):
            spare.hub.asked_here(command)  # before the output has its turn
        await eventually(lambda: len(asked()) >= 4)
        spare.hub.asked_here(SetMode(Mode.OFF))
        await eventually(lambda: primary.hub.view.mode is Mode.OFF)
    modes = [f'{{"mode": "{mode}"}}'.encode() for mode in ("busy", "away", "auto", "off")]
    assert asked() == [modes[0], b"now", *modes[1:]]


# -- Takeovers without a reading -----------------------------------------------------------------


async def test_the_light_of_an_override_goes_with_it_also_where_nobody_can_read(
    broker: Broker, recorder: Recorder, tmp_path: Path
) -> None:
    graph = Graph({"me": FREE})
    async with pair(broker, graph, tmp_path) as (_, spare):
        graph.answers = False
        await eventually(lambda: recorder.last(f"{BASE}/reader/leader") == b"spare")
        before = recorder.last(f"{BASE}/light")
        recorder.publish(f"{BASE}/mode/set", b"do_not_disturb")
        await eventually(lambda: recorder.last(f"{BASE}/light") != before)
        recorder.publish(f"{BASE}/mode/set", b"auto")
        await eventually(lambda: recorder.last(f"{BASE}/mode") == b"auto")
        await eventually(lambda: recorder.last(f"{BASE}/light") == before)
        assert not spare.hub.view.duty.is_own


async def test_where_neither_can_read_any_more_nothing_is_known_in_time(
    broker: Broker, recorder: Recorder, tmp_path: Path
) -> None:
    graph = Graph({"me": FREE})

    def not_known(program: Program) -> bool:
        return not isinstance(program.hub.view.knowledge, Known)

    async with pair(broker, graph, tmp_path, stale_after=STALE_AFTER) as programs:
        graph.answers = False
        await eventually(lambda: all(not_known(program) for program in programs))
        took = [clock.now() - graph.good_at]
        await eventually(lambda: b'"fresh":false' in (recorder.last(f"{BASE}/presence") or b""))
        took.append(clock.now() - graph.good_at)
        assert recorder.last(f"{BASE}/reader/leader") == b"spare"
    assert max(took) <= STALE_AFTER + 1


def _tells_of(recorder: Recorder, person: str, *, fresh: bool) -> bool:
    word = b'"fresh":true' if fresh else b'"fresh":false'
    return word in (recorder.last(f"{BASE}/users/{person}/presence") or b"")


@pytest.mark.parametrize("primary_is", ["blind", "gone"])
async def test_people_of_whom_a_spare_has_never_read_are_told_as_not_known_in_time(
    primary_is: str, broker: Broker, recorder: Recorder, tmp_path: Path
) -> None:
    graph = Graph({ADA: FREE})
    async with pair(broker, graph, tmp_path, stale_after=STALE_AFTER, many=True) as programs:
        graph.people[BOB] = AWAY  # the primary is told of one more
        await eventually(lambda: _tells_of(recorder, BOB, fresh=True))
        graph.answers = False
        if primary_is == "gone":
            await programs[0].kill()
        await eventually(
            lambda: all(_tells_of(recorder, person, fresh=False) for person in (ADA, BOB))
        )
        assert clock.now() - graph.good_at <= STALE_AFTER + 1
        assert recorder.last(f"{BASE}/reader/leader") == b"spare"
        unknown = recorder.last(f"{BASE}/light")
        assert recorder.last(f"{BASE}/users/{BOB}/light") == unknown
        graph.answers = True
        await eventually(
            lambda: all(_tells_of(recorder, person, fresh=True) for person in (ADA, BOB))
        )


async def test_a_reader_that_begins_alone_and_cannot_read_finds_whom_the_other_one_told_of(
    broker: Broker, recorder: Recorder, tmp_path: Path
) -> None:
    graph = Graph({ADA: FREE, BOB: AWAY})
    async with pair(broker, graph, tmp_path, stale_after=STALE_AFTER, many=True) as programs:
        await eventually(lambda: _tells_of(recorder, BOB, fresh=True))
        for program in programs:
            await program.kill()
    graph.answers = False
    spare = Program(broker, graph, tmp_path / "a new machine", Role.SPARE, {"many": True})
    try:
        await eventually(
            lambda: all(_tells_of(recorder, person, fresh=False) for person in (ADA, BOB))
        )
    finally:
        await spare.kill()


async def test_whoever_gives_the_lead_back_clears_nothing_of_what_it_has_told(
    broker: Broker, recorder: Recorder, tmp_path: Path
) -> None:
    of_primary, of_spare = Graph({ADA: FREE}), Graph({ADA: AWAY})
    primary = Program(broker, of_primary, tmp_path / "primary", Role.PRIMARY)
    spare = Program(broker, of_spare, tmp_path / "spare", Role.SPARE)
    try:
        await eventually(lambda: primary.leads and spare.follows)
        for _ in range(2):
            of_primary.answers = False
            await eventually(lambda: spare.leads and _tells(recorder, AWAY))
            of_primary.answers = True
            await eventually(lambda: primary.leads and spare.follows and _tells(recorder, FREE))
    finally:
        await primary.kill()
        await spare.kill()
    alone_had = f"{BASE}/availability"  # of a program without another one
    cleared = {heard.topic for heard in recorder.heard if not heard.payload} - {alone_had}
    assert not {topic for topic in cleared if topic.startswith(f"{BASE}/")}


def _tells(recorder: Recorder, presence: Presence) -> bool:
    payload = recorder.last(f"{BASE}/presence")
    return payload is not None and json.loads(payload)["activity"] == presence.activity
