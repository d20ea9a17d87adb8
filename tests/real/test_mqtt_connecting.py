import asyncio
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import AsyncExitStack, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Self

import pytest

from busylight.core.override import Mode, SetMode
from busylight.mqtt.connection import Caller, Connection
from busylight.mqtt.settings import MqttSettings, Transport, Version
from busylight.outputs.mqtt.memory import memory_of
from busylight.outputs.mqtt.output import MqttOutput
from busylight.parts import OutputError
from tests.support.broker import Broker, Certificates, Recorder, eventually, free_port, listens
from tests.support.mqtt import (
    ACCEPTED,
    AVAILABILITY,
    BASE,
    SUBSCRIBED,
    Scripted,
    a_view,
    settings_for,
    settings_of,
)


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    with Broker(tmp_path / "broker") as broker:
        yield broker


@pytest.fixture
def certificates(tmp_path: Path) -> Certificates:
    return Certificates.make(tmp_path / "certificates")


def ignore(topic: str, payload: bytes, *, retained: bool) -> None:
    """Nothing is to be heard here."""
    del topic, payload, retained


async def connect(settings: MqttSettings, limit: float = 10.0) -> Connection:
    return await Connection.open(
        Caller(settings, "tester", ignore, memory=memory_of(settings)), limit
    )


async def problem_of(settings: MqttSettings, limit: float = 10.0) -> str:
    """What is said when it cannot connect."""
    with pytest.raises(OutputError) as raised:
        (await connect(settings, limit)).abort()
    return str(raised.value)


async def works(settings: MqttSettings) -> Version:
    """Show something over a connection, and say in which version."""
    async with MqttOutput(settings) as output:
        await output.show(a_view())
        assert output._connection is not None
        return output._connection.version


@pytest.mark.parametrize(
    ("version", "spoken"),
    [
        (Version.AUTO, Version.V5),
        (Version.V5, Version.V5),
        (Version.V311, Version.V311),
    ],
)
async def test_the_version_asked_for_is_spoken(
    broker: Broker, version: Version, spoken: Version
) -> None:
    assert await works(settings_for(broker, version=version)) is spoken


async def test_a_broker_over_websockets_is_reached(tmp_path: Path) -> None:
    # mosquitto 2.0.11 does not start with nothing but this.
    port = free_port()
    more = f"listener {port} 127.0.0.1\nprotocol websockets"
    with Broker(tmp_path / "broker", more=more):
        await eventually(lambda: listens(port))
        await works(settings_of(port=port, transport=Transport.WEBSOCKETS))


class OldBroker:
    """A relay that knows nothing of MQTT 5, in front of a broker; counts what was tried."""

    def __init__(self, broker: Broker, *, polite: bool) -> None:
        self._broker = broker
        self._polite = polite
        self._server: asyncio.Server | None = None
        self._relays: set[asyncio.Task[None]] = set()
        self.tried: list[int] = []
        self.port = 0

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for relay in self._relays:
            relay.cancel()
        await asyncio.gather(*self._relays, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._relays.add(asyncio.ensure_future(self._relay(reader, writer)))

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async with AsyncExitStack() as stack:
            stack.push_async_callback(_close, writer)
            first = await reader.read(4096)
            level = first[first.index(b"MQTT") + 4]
            self.tried.append(level)
            if level == 5:
                if self._polite:
                    writer.write(b"\x20\x02\x00\x01")
                return
            there, back = await asyncio.open_connection("127.0.0.1", self._broker.port)
            stack.push_async_callback(_close, back)
            back.write(first)
            pumps = [_pump(reader, back), _pump(there, writer)]
            await asyncio.gather(*pumps)


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(4096):
        writer.write(data)
    writer.close()


async def _close(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with suppress(ConnectionError):
        await writer.wait_closed()


async def test_a_broker_that_refuses_mqtt_5_is_spoken_to_in_3_1_1_and_that_is_remembered(
    broker: Broker,
) -> None:
    async with OldBroker(broker, polite=True) as old:
        settings = settings_of(port=old.port)
        assert await works(settings) is Version.V311
        assert await works(settings) is Version.V311
        assert old.tried == [5, 4, 4]


async def test_a_broker_that_hangs_up_at_mqtt_5_is_asked_again_the_next_time(
    broker: Broker,
) -> None:
    async with OldBroker(broker, polite=False) as old:
        settings = settings_of(port=old.port)
        assert await works(settings) is Version.V311
        assert await works(settings) is Version.V311
        assert old.tried == [5, 4, 5, 4]


async def test_when_mqtt_5_is_demanded_nothing_else_is_tried(broker: Broker) -> None:
    async with OldBroker(broker, polite=True) as old:
        settings = settings_of(port=old.port, version=Version.V5)
        assert "does not speak this version of MQTT: see MQTT_VERSION" in await problem_of(settings)
        assert old.tried == [5]


@pytest.mark.parametrize("version", [Version.V5, Version.V311])
async def test_a_wrong_password_is_told(tmp_path: Path, version: Version) -> None:
    with Broker(tmp_path / "broker", passwords={"ada": "right"}) as broker:
        await works(settings_for(broker, username="ada", password="right", version=version))
        wrong = settings_for(broker, username="ada", password="wrong-one", version=version)
        text = await problem_of(wrong)
        assert "does not let user 'ada' in: MQTT_USERNAME or MQTT_PASSWORD is wrong" in text
        assert "wrong-one" not in text
        nobody = await problem_of(settings_for(broker, version=version))
        assert "set MQTT_USERNAME and MQTT_PASSWORD" in nobody


async def test_nothing_that_listens_is_told(broker: Broker) -> None:
    broker.stop()
    assert "nothing listens there" in await problem_of(settings_for(broker))


async def test_a_name_that_nobody_knows_is_told() -> None:
    text = await problem_of(settings_of(host="broker.invalid"), limit=30.0)
    assert "'broker.invalid'" in text
    assert "is not known: check MQTT_HOST" in text or "(DNS) does not answer" in text


async def test_a_listener_that_never_answers_is_given_up_in_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as hole:
        settings = settings_of(port=hole.getsockname()[1], keepalive=2)
        async with asyncio.timeout(10):
            text = await problem_of(settings, limit=3.0)
    assert "accepts the connection, but does not answer as a broker does" in text


async def test_a_tls_handshake_that_is_never_answered_is_given_up_in_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as hole:
        settings = settings_of(port=hole.getsockname()[1], tls=True)
        async with asyncio.timeout(10):
            assert "does not answer" in await problem_of(settings, limit=1.0)


async def test_a_call_that_comes_through_after_it_was_given_up_disturbs_nobody(
    broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on = threading.Event()
    late: list[socket.socket] = []
    create = socket.create_connection

    def slow(*args: object, **kwargs: object) -> socket.socket:
        go_on.wait(15)
        late.append(create(*args, **kwargs))  # type: ignore[arg-type]  # handed through
        return late[-1]

    settings = settings_for(broker)
    with Recorder(broker) as recorder:
        with monkeypatch.context() as patch:
            patch.setattr("paho.mqtt.client.socket.create_connection", slow)
            caller = Caller(settings, settings.client_id_in_force, ignore)
            with pytest.raises(OutputError, match="does not answer"):
                await Connection.open(caller, 0.1)
        async with MqttOutput(settings) as output:
            await output.show(a_view())
            go_on.set()
            await eventually(lambda: late and late[0].fileno() == -1)
            await output.show(a_view("blue"))
            assert recorder.payloads(AVAILABILITY) == [b"online"]


async def test_so_many_calls_that_hang_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    go_on = threading.Event()
    monkeypatch.setattr("busylight.edge.threads.ABANDONED_LIMIT", 1)
    monkeypatch.setattr(
        "paho.mqtt.client.socket.create_connection", lambda *_, **__: go_on.wait(15) and None
    )
    settings = settings_of()
    await problem_of(settings, limit=0.05)
    assert "still hang" in await problem_of(settings, limit=0.05)
    go_on.set()


async def test_connecting_can_be_cancelled_at_any_moment(broker: Broker) -> None:
    with broker.frozen():
        task = asyncio.ensure_future(connect(settings_for(broker)))
        await asyncio.sleep(0.2)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    task = asyncio.ensure_future(connect(settings_for(broker)))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_tls_works_with_the_authority_that_was_given(
    tmp_path: Path, certificates: Certificates
) -> None:
    pair = certificates.issue("127.0.0.1")
    with Broker(tmp_path / "broker", certificate=pair) as broker:
        await works(settings_for(broker, tls=True, ca_file=certificates.ca_file))


async def test_many_messages_in_one_record_of_tls_are_all_heard_at_once(
    certificates: Certificates,
) -> None:
    # What TLS has read ahead no selector sees: unless one asks for it, it lies there.
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*certificates.issue("127.0.0.1"))
    topic = f"{BASE}/mode/set".encode()
    packet = b"\x30" + bytes([len(topic) + 7, 0, len(topic)]) + topic + b"\x00"
    with Scripted(
        ACCEPTED, SUBSCRIBED + 99 * (packet + b"away") + packet + b"busy", tls=context
    ) as scripted:
        settings = settings_of(port=scripted.port, tls=True, ca_file=certificates.ca_file)
        async with asyncio.timeout(8), MqttOutput(settings) as output:
            async for command in output.events():
                if command == SetMode(Mode.BUSY):
                    return


async def test_a_certificate_of_an_unknown_authority_is_told(
    tmp_path: Path, certificates: Certificates
) -> None:
    other = Certificates.make(tmp_path / "other")
    with Broker(tmp_path / "broker", certificate=certificates.issue("127.0.0.1")) as broker:
        for settings in (
            settings_for(broker, tls=True),
            settings_for(broker, tls=True, ca_file=other.ca_file),
        ):
            assert "MQTT_CA_FILE" in await problem_of(settings)


async def test_a_certificate_for_another_name_is_told(
    tmp_path: Path, certificates: Certificates
) -> None:
    with Broker(tmp_path / "broker", certificate=certificates.issue("elsewhere.test")) as broker:
        text = await problem_of(settings_for(broker, tls=True, ca_file=certificates.ca_file))
    assert "is for another name" in text
    assert "MQTT_HOST" in text


async def test_an_expired_certificate_is_told(tmp_path: Path, certificates: Certificates) -> None:
    past = datetime.now(UTC) - timedelta(days=1)
    pair = certificates.issue("127.0.0.1", not_after=past)
    with Broker(tmp_path / "broker", certificate=pair) as broker:
        text = await problem_of(settings_for(broker, tls=True, ca_file=certificates.ca_file))
    assert "has expired" in text


async def test_tls_with_a_port_that_does_not_speak_it_is_told(broker: Broker) -> None:
    text = await problem_of(settings_for(broker, tls=True))
    assert "does not speak TLS" in text or "hung up" in text


async def test_no_tls_with_a_port_that_wants_it_is_told(
    tmp_path: Path, certificates: Certificates
) -> None:
    with Broker(tmp_path / "broker", certificate=certificates.issue("127.0.0.1")) as broker:
        assert "set MQTT_TLS=true" in await problem_of(settings_for(broker))


async def test_a_client_certificate_lets_us_in_and_its_lack_is_told(
    tmp_path: Path, certificates: Certificates
) -> None:
    with Broker(
        tmp_path / "broker",
        certificate=certificates.issue("127.0.0.1"),
        client_ca=certificates.ca_file,
    ) as broker:
        trust = {"tls": True, "ca_file": certificates.ca_file}
        ours, key = certificates.issue("client")
        await works(settings_for(broker, **trust, cert_file=ours, key_file=key))
        text = await problem_of(settings_for(broker, **trust))
        assert "wants a certificate of ours" in text
        stranger, strangers_key = Certificates.make(tmp_path / "other").issue("stranger")
        text = await problem_of(
            settings_for(broker, **trust, cert_file=stranger, key_file=strangers_key)
        )
        assert "does not accept our certificate" in text


async def test_an_encrypted_key_needs_its_password_and_nobody_is_asked_for_it(
    tmp_path: Path, certificates: Certificates
) -> None:
    ours, key = certificates.issue("client")
    locked = tmp_path / "locked.key"
    subprocess.run(  # noqa: ASYNC221 -- a moment, before anything runs in the loop
        ["openssl", "pkey", "-aes256", "-in", key, "-out", locked, "-passout", "pass:hush-hush"],
        check=True,
    )
    with Broker(
        tmp_path / "broker",
        certificate=certificates.issue("127.0.0.1"),
        client_ca=certificates.ca_file,
    ) as broker:
        files = {"ca_file": certificates.ca_file, "cert_file": ours, "key_file": locked}
        await works(settings_for(broker, tls=True, **files, key_password="hush-hush"))
        text = await problem_of(settings_for(broker, tls=True, **files))
        assert "MQTT_KEY_PASSWORD is missing" in text
        text = await problem_of(settings_for(broker, tls=True, **files, key_password="hush-not"))
        assert "MQTT_KEY_PASSWORD is wrong" in text
        assert "hush" not in text


async def test_openssl_is_never_left_to_ask_for_a_keys_password(
    certificates: Certificates, monkeypatch: pytest.MonkeyPatch
) -> None:
    # It would ask at the terminal and wait there, unless it is given some password at all.
    given: list[object] = []

    def load(_context: ssl.SSLContext, *arguments: object) -> None:
        given.append(arguments[-1])
        raise ssl.SSLError("by the test")

    monkeypatch.setattr(ssl.SSLContext, "load_cert_chain", load)
    ours, key = certificates.issue("client")
    await problem_of(settings_of(tls=True, cert_file=ours, key_file=key))
    assert given == [""]


async def test_a_key_of_another_certificate_and_files_that_are_no_pem_are_told(
    certificates: Certificates,
) -> None:
    one, _ = certificates.issue("one")
    _, key_of_two = certificates.issue("two")
    files = {"ca_file": certificates.ca_file, "cert_file": one, "key_file": key_of_two}
    text = await problem_of(settings_of(tls=True, **files))
    assert "MQTT_KEY_FILE is not the key of the certificate" in text
    junk = certificates.directory / "junk.pem"
    junk.write_text("junk")
    text = await problem_of(settings_of(tls=True, ca_file=junk))
    assert "MQTT_CA_FILE has no certificates" in text


async def test_a_thread_that_dials_is_gone_when_the_connection_stands(broker: Broker) -> None:
    connection = await connect(settings_for(broker))
    await eventually(lambda: "mqtt-connect" not in [t.name for t in threading.enumerate()])
    await connection.close()
    assert connection.ended.done()
    assert connection.send("x", b"", retain=False).cancelled()


async def test_small_messages_are_sent_at_once(broker: Broker) -> None:
    connection = await connect(settings_for(broker))
    sock = connection._client.socket()
    assert isinstance(sock, socket.socket)
    assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    await connection.close()
