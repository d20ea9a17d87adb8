import asyncio
import json
import logging
import struct
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from busylight.core.override import Mode, SetMode
from busylight.mqtt.failures import LostError, PublishRefusedError, TakenOverError
from busylight.mqtt.settings import Version
from busylight.outputs.mqtt.output import MqttOutput
from busylight.parts import OutputError
from busylight.testing.lateness import Lateness
from tests.support.broker import Broker, Recorder, eventually
from tests.support.mqtt import (
    ACCEPTED,
    AVAILABILITY,
    BASE,
    LIGHT,
    SUBSCRIBED,
    Scripted,
    a_view,
    deaf_broker,
    settings_for,
    settings_of,
)

COLORS = ["#ff0000", "#00ff00", "#0000ff", "#ffff00", "#ffffff"]
BOTH_VERSIONS = pytest.mark.parametrize("version", [Version.V5, Version.V311])


async def reason_of_end(output: MqttOutput) -> OutputError:
    """Why an output's connection ends."""
    async with asyncio.timeout(20):
        try:
            async for _ in output.events():
                pass
        except OutputError as error:
            return error
    raise AssertionError("events() ended without a reason")


def colors(recorder: Recorder) -> list[str]:
    found = [json.loads(payload)["color"] for payload in recorder.payloads(LIGHT)]
    return [f"#{c['r']:02x}{c['g']:02x}{c['b']:02x}" for c in found]


@BOTH_VERSIONS
async def test_a_broker_that_ends_is_noticed_at_once(broker: Broker, version: Version) -> None:
    async with MqttOutput(settings_for(broker, version=version)) as output:
        await output.show(a_view())
        broker.stop()
        assert isinstance(await reason_of_end(output), LostError)
        with pytest.raises(OutputError):
            await output.show(a_view("blue"))


async def test_after_a_restart_that_forgot_everything_all_is_told_again_states_before_online(
    broker: Broker, recorder: Recorder
) -> None:
    settings = settings_for(broker)
    async with MqttOutput(settings) as output:
        await output.show(a_view("red"))
        recorder.expect_restart()
        broker.restart()
        await reason_of_end(output)
    await asyncio.to_thread(recorder.await_subscription)
    recorder.forget()
    async with MqttOutput(settings) as output:
        await output.show(a_view("blue"))
        await eventually(lambda: recorder.last(AVAILABILITY) == b"online")
        assert colors(recorder) == ["#0000ff"]
        assert recorder.heard[-1].topic == AVAILABILITY
        assert len(recorder.heard) == 7


async def test_a_frozen_broker_gets_the_newest_state_and_no_parade(
    broker: Broker, recorder: Recorder
) -> None:
    async with MqttOutput(settings_for(broker, keepalive=30)) as output:
        await output.show(a_view("black"))
        await eventually(lambda: recorder.last(AVAILABILITY))
        recorder.forget()
        with broker.frozen():
            for color in COLORS:
                with suppress(TimeoutError):
                    async with asyncio.timeout(0.05):
                        await output.show(a_view(color))
        await output.show(a_view(COLORS[-1]))
        await eventually(lambda: colors(recorder)[-1:] == [COLORS[-1]])
        assert colors(recorder) == [COLORS[0], COLORS[-1]]


async def test_what_changed_during_an_outage_is_not_played_back_over_a_new_connection(
    broker: Broker, recorder: Recorder
) -> None:
    settings = settings_for(broker)
    output = MqttOutput(settings)
    await output.__aenter__()
    await output.show(a_view("black"))
    await eventually(lambda: recorder.last(AVAILABILITY))
    recorder.forget()
    with broker.frozen():
        for color in COLORS[:-1]:
            with suppress(TimeoutError):
                async with asyncio.timeout(0.05):
                    await output.show(a_view(color))
        error = TimeoutError()
        await output.__aexit__(TimeoutError, error, None)
    async with MqttOutput(settings) as output:
        await output.show(a_view(COLORS[-1]))
        await eventually(lambda: recorder.last(AVAILABILITY) == b"online")
        assert set(colors(recorder)) <= {COLORS[0], COLORS[-1]}
        assert colors(recorder)[-1] == COLORS[-1]


async def test_a_broker_that_falls_silent_is_noticed_after_two_signs_of_life(
    broker: Broker, lateness: Lateness
) -> None:
    async with MqttOutput(settings_for(broker, keepalive=2)) as output:
        await output.show(a_view())
        with broker.frozen():
            began = time.monotonic()
            error = await reason_of_end(output)
            assert 1.5 < time.monotonic() - began < 2 * 2 + 4 + lateness.since(began)
    assert "has fallen silent" in str(error)


async def test_a_quiet_connection_lives_on_by_its_signs_of_life(
    broker: Broker, recorder: Recorder
) -> None:
    async with MqttOutput(settings_for(broker, keepalive=2)) as output:
        await output.show(a_view())
        quiet_until = time.monotonic() + 2 * 2 + 1
        await eventually(lambda: time.monotonic() > quiet_until)
        await output.show(a_view("blue"))
        assert b"offline" not in recorder.payloads(AVAILABILITY)


async def test_an_idle_connection_wakes_the_loop_only_for_its_signs_of_life(
    broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with MqttOutput(settings_for(broker, keepalive=2)) as output:
        await output.show(a_view())
        loop = asyncio.get_running_loop()
        rounds = 0
        selector: Any = loop._selector  # type: ignore[attr-defined]  # each round selects once
        select = selector.select

        def counted(timeout: float | None = None) -> Any:
            nonlocal rounds
            rounds += 1
            return select(timeout)

        monkeypatch.setattr(selector, "select", counted)
        await asyncio.sleep(5.0)  # three signs of life at most: it is their number that is counted
        # A timer, a write and an answer each, and this sleep's own.
        assert rounds <= 3 * 3 + 2


async def test_leaving_a_frozen_broker_takes_no_longer_than_a_moment(
    broker: Broker, lateness: Lateness
) -> None:
    output = MqttOutput(settings_for(broker))
    await output.__aenter__()
    await output.show(a_view(is_last=True))
    with broker.frozen():
        began = time.monotonic()
        await output.__aexit__(None, None, None)
        assert time.monotonic() - began < 1.5 + lateness.since(began)


async def test_a_show_that_is_given_up_leaves_the_newest_state_to_be_sent(
    broker: Broker, recorder: Recorder
) -> None:
    async with MqttOutput(settings_for(broker, keepalive=30)) as output:
        await output.show(a_view("black"))
        with broker.frozen(), suppress(TimeoutError):
            async with asyncio.timeout(0.05):
                await output.show(a_view("blue"))
        await eventually(lambda: colors(recorder)[-1:] == ["#0000ff"])


@BOTH_VERSIONS
async def test_three_short_lives_in_a_row_tell_of_another_client_with_our_id(
    broker: Broker, version: Version
) -> None:
    # mosquitto 2.0.11 tells nobody that his session was taken over, not even under MQTT 5; a
    # newer one does under 5, and then the first life tells already.
    settings = settings_for(broker, version=version)
    # Others have settings, and so a memory, of their own.
    rival = settings_for(broker, version=version, keepalive=11)
    errors = []
    for _ in range(3):
        async with MqttOutput(settings) as output, MqttOutput(rival):
            errors.append(await reason_of_end(output))
    guessed = [False, False, True]
    told = [True, True, True]
    assert [isinstance(error, TakenOverError) for error in errors] in (
        [guessed, told] if version is Version.V5 else [guessed]
    )
    assert all(isinstance(error, LostError | TakenOverError) for error in errors)
    assert "another client" in str(errors[-1])
    # Whoever comes back that soon would throw the other out at once, and be thrown out again.
    assert all(getattr(error, "retry_after", 0) >= 4 for error in errors)


async def test_a_topic_that_the_brokers_rules_forbid_is_named(tmp_path: Path) -> None:
    rules = f"topic readwrite #\ntopic deny {LIGHT}\n"
    with Broker(tmp_path / "strict", acl=rules) as broker, Recorder(broker) as recorder:
        async with MqttOutput(settings_for(broker)) as output:
            with pytest.raises(PublishRefusedError) as raised:
                await output.show(a_view())
            await eventually(lambda: recorder.last(f"{BASE}/presence"))
            assert recorder.last(LIGHT) is None
    text = str(raised.value)
    assert f"refuses what we publish on {LIGHT} (Not authorized)" in text
    assert "access rules (ACL)" in text
    assert raised.value.retry_after > 0


async def test_commands_that_the_brokers_rules_keep_from_us_are_told_once_and_the_light_shown(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with deaf_broker(tmp_path) as broker:
        settings = settings_for(broker)
        for _ in range(2):
            async with MqttOutput(settings) as output:
                await output.show(a_view())
    lines = [r.getMessage() for r in caplog.records if r.levelno == logging.WARNING]
    assert len(lines) == 1
    assert f"refuses to send us {BASE}/light/set, {BASE}/mode/set" in lines[0]


async def test_a_broker_that_says_that_our_session_was_taken_over_is_believed() -> None:
    with Scripted(ACCEPTED, b"\xe0\x02\x8e\x00") as scripted:
        settings = settings_of(port=scripted.port, version=Version.V5)
        with pytest.raises(TakenOverError, match="another client is connected"):
            await MqttOutput(settings).__aenter__()


@pytest.mark.parametrize(
    "junk",
    [
        b"\x30\x03\x00\x09a",  # a topic longer than its packet
        b"\xf0\x00",  # AUTH, which was never agreed upon
        b"\x40\x01\x00",  # half a packet id
        b"\xe0\x01\x01",  # a disconnect with a reason that does not exist
        b"\x90\x00",
        b"\x20\xff\xff\xff\xff\xff",
    ],
)
async def test_a_broker_that_talks_nonsense_ends_the_connection_and_nothing_else(
    junk: bytes,
) -> None:
    with Scripted(ACCEPTED, junk) as scripted:
        settings = settings_of(port=scripted.port, version=Version.V5, keepalive=2)
        with pytest.raises(OutputError):
            async with asyncio.timeout(15):
                await MqttOutput(settings).__aenter__()


async def test_whatever_paho_raises_ends_the_connection_with_words(
    broker: Broker, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise struct.error("by the test")

    async with MqttOutput(settings_for(broker)) as output:
        assert output._connection is not None
        monkeypatch.setattr(output._connection._client, "loop_read", broken)
        recorder.publish(f"{BASE}/mode/set", "busy")
        assert "by the test" in str(await reason_of_end(output))


async def test_signs_of_life_are_given_and_expected_as_the_broker_demands() -> None:
    demanding = b"\x20\x06\x00\x00\x03\x13\x00\x02"  # CONNACK: a keep-alive of 2 s
    with Scripted(demanding, SUBSCRIBED) as scripted:
        settings = settings_of(port=scripted.port, keepalive=600)
        async with MqttOutput(settings) as output:
            assert "has fallen silent" in str(await reason_of_end(output))


async def test_no_more_is_sent_at_once_than_the_broker_takes() -> None:
    narrow = b"\x20\x06\x00\x00\x03\x21\x00\x02"  # CONNACK: a receive maximum of 2
    with Scripted(narrow, SUBSCRIBED) as scripted:
        async with MqttOutput(settings_of(port=scripted.port)) as output:
            assert output._connection is not None
            assert output._connection.window == 2


async def test_a_broker_that_wants_no_signs_of_life_gets_none() -> None:
    indifferent = b"\x20\x06\x00\x00\x03\x13\x00\x00"
    with Scripted(indifferent, SUBSCRIBED) as scripted:
        async with MqttOutput(settings_of(port=scripted.port, keepalive=2)) as output:
            assert output._connection is not None
            assert output._connection._timer is None


async def test_given_up_while_it_subscribes_it_leaves_no_connection_behind() -> None:
    with Scripted(ACCEPTED) as scripted:
        output = MqttOutput(settings_of(port=scripted.port))
        entering = asyncio.ensure_future(output.__aenter__())
        await eventually(lambda: output._connection)
        entering.cancel()
        with pytest.raises(asyncio.CancelledError):
            await entering
        assert output._connection is not None
        assert output._connection.ended.done()


async def test_a_fault_in_our_own_callback_ends_the_connection_with_words(
    broker: Broker, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("by the test")

    monkeypatch.setattr(MqttOutput, "_received", broken)
    async with MqttOutput(settings_for(broker)) as output:
        recorder.publish(f"{BASE}/mode/set", "busy")
        error = await reason_of_end(output)
    assert "by the test" in str(error)


async def test_commands_are_heard_again_over_a_new_connection(
    broker: Broker, recorder: Recorder
) -> None:
    settings = settings_for(broker)
    async with MqttOutput(settings) as output:
        recorder.expect_restart()
        broker.restart()
        await reason_of_end(output)
    await asyncio.to_thread(recorder.await_subscription)
    async with MqttOutput(settings) as output:
        recorder.publish(f"{BASE}/mode/set", "busy")
        async for command in output.events():
            assert command == SetMode(Mode.BUSY)
            break
