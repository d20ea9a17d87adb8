import asyncio
import json
import logging
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from busylight.core.light import OFF
from busylight.core.override import Command, Mode, Refresh, SetLight, SetMode
from busylight.core.reader import News
from busylight.core.view import Diagnostics, Person
from busylight.mqtt.settings import Version
from busylight.outputs.mqtt.output import MqttOutput
from busylight.parts import HearingOutput, OutputError
from tests.support.broker import Broker, Recorder, eventually
from tests.support.mqtt import AVAILABILITY, BASE, LIGHT, a_view, not_known, settings_for

BOTH_VERSIONS = pytest.mark.parametrize("version", [Version.V5, Version.V311])


class Ears:
    """Takes what an output hears."""

    def __init__(self, output: MqttOutput) -> None:
        self.commands: list[Command | News] = []
        self.error: OutputError | None = None
        self._task = asyncio.ensure_future(self._listen(output))

    async def _listen(self, output: MqttOutput) -> None:
        try:
            async for command in output.events():
                self.commands.append(command)
        except OutputError as error:
            self.error = error

    async def hear(self, count: int) -> None:
        await eventually(lambda: len(self.commands) >= count)

    async def close(self) -> None:
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task


@BOTH_VERSIONS
async def test_a_view_is_on_the_broker_when_show_returns_states_before_online(
    broker: Broker, recorder: Recorder, version: Version
) -> None:
    async with MqttOutput(settings_for(broker, version=version)) as output:
        assert recorder.heard == []
        await output.show(a_view(people={"ab-cd": Person(not_known(), None)}))
        await eventually(lambda: recorder.last(AVAILABILITY) == b"online")
        topics = [message.topic.removeprefix(f"{BASE}/") for message in recorder.heard]
        assert topics == [
            "presence",
            "light",
            "mode",
            "override",
            "diagnostics",
            "sign_in",
            "users/ab-cd/presence",
            "users/ab-cd/light",
            "availability",
        ]


async def test_everything_but_the_sign_in_is_retained(broker: Broker) -> None:
    async with MqttOutput(settings_for(broker)) as output:
        await output.show(a_view())
        with Recorder(broker) as late:
            await eventually(lambda: len(late.heard) == 6)
            assert all(message.retained for message in late.heard)
            assert late.last(f"{BASE}/sign_in") is None


async def test_only_what_has_changed_is_published(broker: Broker, recorder: Recorder) -> None:
    async with MqttOutput(settings_for(broker)) as output:
        await output.show(a_view("red"))
        await eventually(lambda: recorder.last(AVAILABILITY))
        recorder.forget()
        await output.show(a_view("red"))
        await output.show(a_view("blue"))
        await eventually(lambda: recorder.heard)
        assert [message.topic for message in recorder.heard] == [LIGHT]


async def test_times_alone_are_not_published_again_within_a_minute(
    broker: Broker, recorder: Recorder
) -> None:
    diagnostics = Diagnostics("graph", "1", started_at=0.0, last_success=1.0)
    async with MqttOutput(settings_for(broker)) as output:
        await output.show(a_view(diagnostics=diagnostics))
        await output.show(a_view(diagnostics=replace(diagnostics, last_success=2.0)))
        await output.show(
            a_view(diagnostics=replace(diagnostics, last_success=3.0, last_error="boom"))
        )
        await eventually(lambda: len(recorder.payloads(f"{BASE}/diagnostics")) == 2)
        last = recorder.last(f"{BASE}/diagnostics") or b""
        assert json.loads(last)["last_error"] == "boom"


async def test_more_messages_than_the_broker_takes_at_once_all_arrive(tmp_path: Path) -> None:
    people = {f"person-{n}": Person(not_known(), None) for n in range(300)}
    broker = Broker(tmp_path / "small", more="max_inflight_messages 5")
    with broker, Recorder(broker) as recorder:
        async with MqttOutput(settings_for(broker)) as output:
            await output.show(a_view(people=people))
            await eventually(lambda: recorder.last(AVAILABILITY) == b"online")
            assert len(recorder.heard) == 607


async def test_it_ends_with_the_last_view_and_offline(broker: Broker, recorder: Recorder) -> None:
    async with MqttOutput(settings_for(broker)) as output:
        await output.show(a_view("red"))
        await output.show(a_view(light=OFF, is_last=True))
    await eventually(lambda: recorder.last(AVAILABILITY) == b"offline")
    assert recorder.payloads(AVAILABILITY) == [b"online", b"offline"]
    assert recorder.heard[-2].topic == LIGHT


async def test_ended_by_cancellation_after_the_last_view_it_says_offline_too(
    broker: Broker, recorder: Recorder
) -> None:
    async def live(shown: asyncio.Event) -> None:
        async with MqttOutput(settings_for(broker)) as output:
            await output.show(a_view(is_last=True))
            shown.set()
            await asyncio.Event().wait()

    shown = asyncio.Event()
    task = asyncio.ensure_future(live(shown))
    await shown.wait()
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    await eventually(lambda: recorder.payloads(AVAILABILITY) == [b"online", b"offline"])


async def test_ended_in_the_middle_of_a_long_show_offline_has_the_last_word(
    broker: Broker, recorder: Recorder
) -> None:
    people = {f"person-{n}": Person(not_known(), None) for n in range(30)}
    output = MqttOutput(settings_for(broker))
    await output.__aenter__()
    with broker.frozen(), suppress(TimeoutError):
        async with asyncio.timeout(0.1):
            await output.show(a_view(people=people))
    await output.__aexit__(None, None, None)
    await eventually(lambda: recorder.last(AVAILABILITY))
    with Recorder(broker) as late:
        await eventually(lambda: late.last(AVAILABILITY) == b"offline")
        assert b"online" not in late.payloads(AVAILABILITY)


@BOTH_VERSIONS
async def test_after_an_error_the_brokers_will_says_offline(
    broker: Broker, recorder: Recorder, version: Version
) -> None:
    with suppress(ZeroDivisionError):
        async with MqttOutput(settings_for(broker, version=version)) as output:
            await output.show(a_view())
            raise ZeroDivisionError
    await eventually(lambda: recorder.last(AVAILABILITY) == b"offline")


async def test_left_in_order_before_the_last_view_it_says_offline_too(
    broker: Broker, recorder: Recorder
) -> None:
    async with MqttOutput(settings_for(broker)) as output:
        await output.show(a_view())
    await eventually(lambda: recorder.last(AVAILABILITY) == b"offline")


@BOTH_VERSIONS
async def test_commands_are_heard_in_order(
    broker: Broker, recorder: Recorder, version: Version
) -> None:
    async with MqttOutput(settings_for(broker, version=version)) as output:
        assert isinstance(output, HearingOutput)
        ears = Ears(output)
        recorder.publish(f"{BASE}/light/set", '{"state":"ON","brightness":7}')
        recorder.publish(f"{BASE}/mode/set", '{"mode":"busy","for":60}')
        recorder.publish(f"{BASE}/refresh/set", "")
        await eventually(lambda: len(ears.commands) == 3)
        assert ears.commands == [
            SetLight(on=True, brightness=7),
            SetMode(Mode.BUSY, 60),
            Refresh(),
        ]
        await ears.close()


async def test_junk_is_refused_with_few_lines_and_commands_are_heard_all_the_same(
    broker: Broker, recorder: Recorder, caplog: pytest.LogCaptureFixture
) -> None:
    async with MqttOutput(settings_for(broker)) as output:
        ears = Ears(output)
        for _ in range(50):
            recorder.publish(f"{BASE}/light/set", "junk")
        recorder.publish(f"{BASE}/mode/set", "busy")
        await eventually(lambda: ears.commands == [SetMode(Mode.BUSY)])
        lines = [r.getMessage() for r in caplog.records if "is no command" in r.getMessage()]
        assert 1 <= len(lines) <= 5
        assert lines[0].startswith(f"a message on {BASE}/light/set is no command: it is no JSON")
        await ears.close()


@BOTH_VERSIONS
async def test_a_command_that_was_there_before_is_ignored_and_said_once(
    broker: Broker, recorder: Recorder, version: Version, caplog: pytest.LogCaptureFixture
) -> None:
    recorder.publish(f"{BASE}/mode/set", "busy", retain=True)
    settings = settings_for(broker, version=version)
    for _ in range(2):
        async with MqttOutput(settings) as output:
            ears = Ears(output)
            recorder.publish(f"{BASE}/mode/set", "away")
            await ears.hear(1)
            assert ears.commands == [SetMode(Mode.AWAY)]
            await ears.close()
    lines = [r for r in caplog.records if "retained command" in r.getMessage()]
    assert len(lines) == 1


async def test_under_mqtt_5_a_command_published_retained_while_we_listen_is_ignored_too(
    broker: Broker, recorder: Recorder
) -> None:
    async with MqttOutput(settings_for(broker, version=Version.V5)) as output:
        ears = Ears(output)
        recorder.publish(f"{BASE}/mode/set", "busy", retain=True)
        recorder.publish(f"{BASE}/mode/set", "away")
        await eventually(lambda: ears.commands)
        assert ears.commands == [SetMode(Mode.AWAY)]
        await ears.close()


async def test_without_a_connection_nothing_can_be_shown_and_leaving_is_harmless(
    broker: Broker,
) -> None:
    output = MqttOutput(settings_for(broker))
    with pytest.raises(OutputError):
        await output.show(a_view())
    await output.__aexit__(None, None, None)


async def test_the_password_is_in_no_log_however_much_is_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with Broker(tmp_path / "broker", passwords={"ada": "hush-hush"}) as broker:
        settings = settings_for(broker, username="ada", password="hush-hush")
        async with MqttOutput(settings) as output:
            await output.show(a_view())
    assert "hush" not in caplog.text
