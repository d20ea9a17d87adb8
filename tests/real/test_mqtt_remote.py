import asyncio
import json
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import pytest

from busylight.core.override import Mode, SetMode, override_after
from busylight.core.view import View
from busylight.edge import clock
from busylight.mqtt.failures import NoDaemonError, PublishRefusedError
from busylight.mqtt.settings import MqttSettings, Version
from busylight.outputs.mqtt.output import MqttOutput
from busylight.outputs.mqtt.remote import check, set_mode
from busylight.parts import OutputError
from tests.support.broker import Broker, Certificates, Recorder, eventually
from tests.support.mqtt import AVAILABILITY, BASE, a_view, deaf_broker, light, settings_for

BOTH_VERSIONS = pytest.mark.parametrize("version", [Version.V5, Version.V311])


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    with Broker(tmp_path / "broker") as broker:
        yield broker


class Daemon:
    """As much of a daemon as it takes to obey: the real output, and the real override."""

    def __init__(self, settings: MqttSettings, view: View | None = None) -> None:
        self._settings = settings
        self._task: asyncio.Task[None] | None = None
        self._lives = asyncio.Event()
        self.view = view or a_view()

    async def __aenter__(self) -> Self:
        self._task = asyncio.ensure_future(self._live())
        async with asyncio.timeout(15):
            await self._lives.wait()
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._task is not None
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task

    async def _live(self) -> None:
        async with MqttOutput(self._settings) as output:
            await output.show(self.view)
            self._lives.set()
            async for command in output.events():
                assert isinstance(command, SetMode)
                override = override_after(command, light("red"), None, clock.now())
                duty = replace(self.view.duty, commands=self.view.duty.commands + 1)
                self.view = replace(self.view, override=override, duty=duty)
                await output.show(self.view)


@BOTH_VERSIONS
@pytest.mark.parametrize(
    "wanted",
    [
        SetMode(Mode.BUSY),
        SetMode(Mode.BUSY, 1500),
        SetMode(Mode.MANUAL),
        SetMode(Mode.OFF),
        SetMode(Mode.AUTO),
    ],
)
async def test_the_daemon_confirms_what_was_asked(
    broker: Broker, version: Version, wanted: SetMode
) -> None:
    settings = settings_for(broker, version=version)
    async with Daemon(settings) as daemon:
        await set_mode(settings, wanted)
        assert daemon.view.mode is wanted.mode
        assert (daemon.view.override and daemon.view.override.ends_at) is None or wanted.seconds


async def test_what_holds_already_is_confirmed_too(broker: Broker) -> None:
    settings = settings_for(broker)
    async with Daemon(settings):
        await set_mode(settings, SetMode(Mode.BUSY))
        await set_mode(settings, SetMode(Mode.BUSY))
        await set_mode(settings, SetMode(Mode.BUSY, 600))
        await set_mode(settings, SetMode(Mode.BUSY, 600))


async def test_a_new_time_is_confirmed_only_by_a_new_end(broker: Broker) -> None:
    settings = settings_for(broker)
    async with Daemon(settings) as daemon:
        await set_mode(settings, SetMode(Mode.BUSY, 600))
        await set_mode(settings, SetMode(Mode.BUSY, 1200))
        assert daemon.view.override is not None
        assert (daemon.view.override.ends_at or 0) > clock.now() + 1100


async def test_the_command_is_not_retained_and_the_daemon_is_not_disturbed(broker: Broker) -> None:
    settings = settings_for(broker)
    with Recorder(broker) as recorder:
        async with Daemon(settings):
            await set_mode(settings, SetMode(Mode.BUSY, 60))
            await eventually(lambda: recorder.payloads(f"{BASE}/mode/set"))
            assert json.loads(recorder.last(f"{BASE}/mode/set") or b"") == {
                "mode": "busy",
                "for": 60,
            }
            assert recorder.payloads(AVAILABILITY) == [b"online"]
            with Recorder(broker) as late:
                await eventually(lambda: late.last(AVAILABILITY))
                assert late.last(f"{BASE}/mode/set") is None


async def test_without_any_daemon_that_is_told_in_time(broker: Broker) -> None:
    began = time.monotonic()
    with pytest.raises(NoDaemonError, match=f"no daemon is known at {BASE}"):
        await set_mode(settings_for(broker), SetMode(Mode.BUSY), timeout=0.5)
    assert time.monotonic() - began < 3


async def test_a_daemon_that_is_gone_is_told(broker: Broker) -> None:
    settings = settings_for(broker)
    async with Daemon(settings):
        pass
    with Recorder(broker) as recorder:
        await eventually(lambda: recorder.last(AVAILABILITY) == b"offline")
    with pytest.raises(NoDaemonError, match=r"is not running: .* says offline"):
        await set_mode(settings, SetMode(Mode.BUSY), timeout=0.5)


async def test_a_daemon_that_comes_back_in_time_is_asked(broker: Broker) -> None:
    settings = settings_for(broker)
    with Recorder(broker) as recorder:
        recorder.publish(AVAILABILITY, "offline", retain=True)
        asking = asyncio.ensure_future(set_mode(settings, SetMode(Mode.AWAY), timeout=15))
        await asyncio.sleep(0.2)  # asked, most probably; the outcome is the same if not
        async with Daemon(settings) as daemon:
            await asking
            assert daemon.view.mode is Mode.AWAY


@pytest.mark.parametrize(
    "override",
    [b"junk", b'{"mode":"busy","ends_at":"yesterday"}', b'{"mode":"busy","ends_at":3}', b"[]"],
)
async def test_a_daemon_that_says_something_else_has_not_confirmed(
    broker: Broker, override: bytes
) -> None:
    with Recorder(broker) as recorder:
        recorder.publish(AVAILABILITY, "online", retain=True)
        recorder.publish(f"{BASE}/mode", "busy", retain=True)
        recorder.publish(f"{BASE}/override", override, retain=True)
        with pytest.raises(NoDaemonError, match=r"has not confirmed within 0\.5 s"):
            await set_mode(settings_for(broker), SetMode(Mode.BUSY, 60), timeout=0.5)


async def test_without_a_broker_that_is_told(broker: Broker) -> None:
    broker.stop()
    with pytest.raises(OutputError, match="nothing listens there"):
        await set_mode(settings_for(broker), SetMode(Mode.BUSY))


async def test_a_broker_that_freezes_in_the_middle_is_told_in_time(broker: Broker) -> None:
    settings = settings_for(broker)
    async with Daemon(settings):
        with broker.frozen(), pytest.raises(OutputError):
            await set_mode(settings, SetMode(Mode.BUSY), timeout=0.5)


async def test_a_command_that_the_brokers_rules_forbid_is_told(tmp_path: Path) -> None:
    rules = f"topic read #\ntopic deny {BASE}/mode/set\n"
    with (
        Broker(tmp_path / "strict", acl=rules) as broker,
        pytest.raises(PublishRefusedError, match=f"{BASE}/mode/set"),
    ):
        await set_mode(settings_for(broker), SetMode(Mode.BUSY))


async def test_answers_that_the_brokers_rules_keep_from_us_are_told(tmp_path: Path) -> None:
    with deaf_broker(tmp_path) as broker:
        settings = settings_for(broker)
        with pytest.raises(OutputError, match=f"refuses to send us {AVAILABILITY}"):
            await set_mode(settings, SetMode(Mode.BUSY))
        with pytest.raises(OutputError, match=f"refuses to send us {BASE}/light/set"):
            await check(settings)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({}, "speaks MQTT 5 without TLS, lets us in without a user name"),
        ({"version": Version.V311}, "speaks MQTT 3.1.1"),
    ],
)
async def test_check_says_what_is_spoken_and_publishes_nothing(
    broker: Broker, fields: dict[str, Any], words: str
) -> None:
    settings = settings_for(broker, **fields)
    with Recorder(broker) as recorder:
        async with Daemon(settings):
            await eventually(lambda: recorder.last(AVAILABILITY) == b"online")
            recorder.forget()
            assert words in await check(settings)
            assert recorder.heard == []


async def test_check_speaks_of_tls_and_the_user(tmp_path: Path) -> None:
    certificates = Certificates.make(tmp_path / "certificates")
    pair = certificates.issue("127.0.0.1")
    with Broker(tmp_path / "broker", certificate=pair, passwords={"ada": "right"}) as broker:
        settings = settings_for(
            broker, tls=True, ca_file=certificates.ca_file, username="ada", password="right"
        )
        assert "with TLS, lets us in as user 'ada'" in await check(settings)


async def test_check_tells_what_is_wrong(tmp_path: Path) -> None:
    with (
        Broker(tmp_path / "broker", passwords={"ada": "right"}) as broker,
        pytest.raises(OutputError, match="set MQTT_USERNAME"),
    ):
        await check(settings_for(broker))
