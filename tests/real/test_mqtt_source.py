"""The source `mqtt` on a real mosquitto."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from busylight.core.knowledge import Known, Reading, Trouble, Why
from busylight.core.presence import Presence
from busylight.edge import clock
from busylight.mqtt.settings import MqttSettings, Version
from busylight.outputs.mqtt.output import MqttOutput
from busylight.parts import SourceError
from busylight.sources.mqtt import source
from busylight.sources.mqtt.source import MqttSource, check
from busylight.testing.lateness import Lateness
from tests.support.broker import Broker, Recorder, eventually
from tests.support.mqtt import a_view, deaf_broker, settings_for

LEADER = "busylight/desk/presence"


def following(broker: Broker, *topics: str, **fields: Any) -> MqttSettings:
    always = {"id": "kitchen", "source": "mqtt", "source_topic": topics or (LEADER,)}
    return settings_for(broker, **(always | fields))


class Follower:
    """What a source has said last."""

    def __init__(self) -> None:
        self.answers: list[Reading | Trouble] = []

    @property
    def says(self) -> str | Why | None:
        """The words of the presences that are known, or why none is."""
        if not self.answers:
            return None
        answer = self.answers[-1]
        if isinstance(answer, Trouble):
            return answer.why
        return " ".join(presence.words for presence in answer.presences.values())


@asynccontextmanager
async def follower(settings: MqttSettings) -> AsyncIterator[Follower]:
    """A source that runs meanwhile."""
    heard = Follower()

    async def listen() -> None:
        async with MqttSource(settings) as source, aclosing(source.readings()) as readings:
            async for answer in readings:
                heard.answers.append(answer)

    task = asyncio.create_task(listen())
    try:
        yield heard
    finally:
        task.cancel()
        await asyncio.wait({task})
        if not task.cancelled():
            task.result()


def known(availability: str, activity: str) -> Known:
    return Known(Presence(availability, activity), since=1000.0, read_at=1001.0)


@pytest.mark.parametrize("version", [Version.V5, Version.V311])
async def test_a_follower_knows_what_its_leader_publishes_and_when_the_leader_ends(
    broker: Broker, version: Version, lateness: Lateness
) -> None:
    async with follower(following(broker, version=version)) as heard:
        async with MqttOutput(settings_for(broker)) as leader:
            await leader.show(a_view())
            await eventually(lambda: heard.says == "Busy/InACall")
            late = []
            for words in (("Away", "BeRightBack"), ("Available", "Available"), ("Busy", "Busy")):
                began = time.monotonic()
                await leader.show(a_view(knowledge=known(*words)))
                await eventually(lambda: heard.says == "/".join(words))  # noqa: B023 -- at once
                late.append(time.monotonic() - began - lateness.since(began))
            assert max(late) < 0.5, late
        await eventually(lambda: heard.says is Why.STALE)


async def test_a_leader_that_is_killed_is_unknown_within_a_second(
    broker: Broker, lateness: Lateness
) -> None:
    async with follower(following(broker)) as heard, MqttOutput(settings_for(broker)) as leader:
        await leader.show(a_view())
        await eventually(lambda: heard.says == "Busy/InACall")
        assert leader._connection is not None
        killed = time.monotonic()
        leader._connection.abort()  # no goodbye: the broker publishes the will
        await eventually(lambda: heard.says is Why.STALE)
        assert time.monotonic() - killed < 1 + lateness.since(killed)


async def test_what_a_dead_leader_left_behind_is_never_shown(
    broker: Broker, recorder: Recorder
) -> None:
    recorder.publish(LEADER, '{"availability":"Busy","activity":"Busy","fresh":true}', retain=True)
    async with follower(following(broker)) as heard:
        await eventually(lambda: heard.says is Why.STALE)
        recorder.publish("busylight/desk/availability", "online", retain=True)
        await eventually(lambda: heard.says == "Busy/Busy")
    recorder.publish("busylight/desk/availability", "offline", retain=True)
    async with follower(following(broker)) as heard:
        await eventually(lambda: heard.answers)
        assert [type(answer) for answer in heard.answers] == [Trouble]


async def test_a_follower_that_comes_late_knows_at_once_and_says_nothing_before(
    broker: Broker,
) -> None:
    async with MqttOutput(settings_for(broker)) as leader:
        await leader.show(a_view())
        async with follower(following(broker)) as heard:
            await eventually(lambda: heard.answers)
            assert isinstance(heard.answers[0], Reading)


async def test_what_is_told_again_is_the_same_and_shows_that_the_source_lives(
    broker: Broker, recorder: Recorder
) -> None:
    recorder.publish("teams/status", "busy", retain=True)
    async with follower(following(broker, "teams/status", interval=0.05)) as heard:
        await eventually(lambda: len(heard.answers) >= 4)
    assert len({str(answer) for answer in heard.answers}) == 1


async def test_a_broker_that_goes_takes_what_was_known_with_it_and_brings_back_what_it_has(
    broker: Broker, recorder: Recorder
) -> None:
    recorder.publish("teams/status", "busy", retain=True)
    async with follower(following(broker, "teams/status")) as heard:
        await eventually(lambda: heard.says == "Busy/Busy")
        recorder.expect_restart()
        broker.stop()
        await eventually(lambda: heard.says is Why.UNREACHABLE)
        broker.start()
        await eventually(lambda: heard.says is Why.STALE)  # it has forgotten what was retained
        recorder.await_subscription()
        recorder.publish("teams/status", "away", retain=True)
        await eventually(lambda: heard.says == "Away/Away")


async def test_a_broker_that_is_not_there_yet_is_waited_for(broker: Broker) -> None:
    broker.stop()
    async with follower(following(broker)) as heard:
        await eventually(lambda: heard.says is Why.UNREACHABLE)
        answer = heard.answers[-1]
        assert isinstance(answer, Trouble)
        assert answer.is_certain
        broker.start()
        async with MqttOutput(settings_for(broker)) as leader:
            await leader.show(a_view())
            await eventually(lambda: heard.says == "Busy/InACall")


async def test_a_frozen_broker_is_noticed_after_two_signs_of_life(
    broker: Broker, recorder: Recorder, lateness: Lateness
) -> None:
    recorder.publish("teams/status", "busy", retain=True)
    async with follower(following(broker, "teams/status", keepalive=2)) as heard:
        await eventually(lambda: heard.says == "Busy/Busy")
        with broker.frozen():
            began = time.monotonic()
            await eventually(lambda: heard.says is Why.UNREACHABLE)
            assert time.monotonic() - began < 2 * 2 + 1.5 + lateness.since(began)


async def test_what_was_heard_before_a_sleep_of_the_machine_is_not_believed_after_it(
    broker: Broker, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    topic = "teams/presence"
    recorder.publish(topic, "Busy", retain=True)
    async with follower(following(broker, topic, interval=1)) as heard:
        await eventually(lambda: heard.says == "Busy/Busy")
        before = len(heard.answers)
        monkeypatch.setattr(source, "now", lambda: clock.now() + 8 * 3600)
        await eventually(lambda: len(heard.answers) > before)
        trouble = heard.answers[before]
        assert isinstance(trouble, Trouble)
        assert trouble.why is Why.UNREACHABLE
        assert "has slept" in trouble.detail
        await eventually(lambda: heard.says == "Busy/Busy")


async def test_silence_makes_it_unknown_within_a_second_where_it_was_made_to(
    broker: Broker, recorder: Recorder, lateness: Lateness
) -> None:
    settings = following(broker, "teams/status", source_stale_after=1)
    async with follower(settings) as heard:
        await eventually(lambda: heard.says is Why.STALE)
        recorder.publish("teams/status", "busy")
        spoken = time.monotonic()
        await eventually(lambda: heard.says == "Busy/Busy")
        await eventually(lambda: heard.says is Why.STALE)
        assert 0.9 < time.monotonic() - spoken < 2 + lateness.since(spoken)


async def test_teams_for_linux_is_followed_with_its_call_and_its_end(
    broker: Broker, recorder: Recorder
) -> None:
    for topic, payload in {
        "connected": "true",
        "status": '{"status":"available","statusCode":1,"clientId":"teams-for-linux"}',
        "in-call": "false",
        "screen-sharing": "false",
    }.items():
        recorder.publish(f"teams/{topic}", payload, retain=True)
    topics = ("teams/status", "teams/in-call", "teams/screen-sharing")
    settings = following(broker, *topics, source_availability_topic=("teams/connected",))
    async with follower(settings) as heard:
        await eventually(lambda: heard.says == "Available/Available")
        recorder.publish("teams/in-call", "true", retain=True)
        await eventually(lambda: heard.says == "Available/Available Busy/InACall")
        recorder.publish("teams/connected", "false", retain=True)
        await eventually(lambda: heard.says is Why.STALE)


async def test_the_source_and_the_output_of_one_program_do_not_throw_each_other_out(
    broker: Broker, recorder: Recorder
) -> None:
    recorder.publish("teams/status", "busy", retain=True)
    settings = following(broker, "teams/status")
    async with follower(settings) as heard, MqttOutput(settings) as output:
        await output.show(a_view())
        await eventually(lambda: heard.says == "Busy/Busy")
        await output.show(a_view("blue"))
        assert all(isinstance(answer, Reading) for answer in heard.answers)
        assert await check(settings) == f"127.0.0.1:{broker.port} has teams/status Busy/Busy"
        assert all(isinstance(answer, Reading) for answer in heard.answers)


async def test_a_broker_that_lets_nobody_listen_is_told(tmp_path: Path) -> None:
    with deaf_broker(tmp_path) as broker:
        async with follower(following(broker, "teams/status")) as heard:
            await eventually(lambda: heard.says is Why.FORBIDDEN)


async def test_check_says_what_is_missing(broker: Broker) -> None:
    with pytest.raises(SourceError, match="nothing is published"):
        await check(following(broker))
    broker.stop()
    with pytest.raises(SourceError, match="nothing listens there"):
        await check(following(broker))
