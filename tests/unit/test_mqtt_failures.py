import errno
import socket
import ssl
from collections.abc import Callable

import pytest

from busylight.edge.threads import NoThreadError, TooManyHangError
from busylight.mqtt import failures
from busylight.mqtt.failures import BrokerError, LostError, TakenOverError
from busylight.mqtt.memory import SHORT_LIFE, BrokerMemory
from busylight.mqtt.settings import Transport
from busylight.outputs.mqtt.memory import memory_of
from tests.support.mqtt import settings_of


def certificate_error(code: int, message: str) -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError(1, message)
    error.verify_code, error.verify_message = code, message
    return error


def tls_error(reason: str) -> ssl.SSLError:
    error = ssl.SSLError(1, reason)
    error.reason = reason
    return error


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (socket.gaierror(socket.EAI_NONAME, "x"), "is not known: check MQTT_HOST"),
        (socket.gaierror(socket.EAI_AGAIN, "x"), "name service (DNS) does not answer"),
        (ConnectionRefusedError(errno.ECONNREFUSED, "x"), "nothing listens there"),
        (ConnectionResetError(errno.ECONNRESET, "x"), "set MQTT_TLS=true"),
        (TimeoutError("x"), "127.0.0.1:1883 does not answer"),
        (TooManyHangError("8 earlier calls still hang"), "8 earlier calls still hang"),
        (NoThreadError("no thread: the limit"), "cannot be asked now: no thread: the limit"),
        (OSError(errno.EHOSTUNREACH, "x"), "cannot be reached"),
        (OSError(errno.ENETUNREACH, "x"), "cannot be reached"),
        (OSError(errno.EMFILE, "Too many open files"), "Too many open files"),
        (UnicodeError("label too long"), "label too long"),
        (ValueError(), "ValueError"),
        (certificate_error(10, "expired"), "has expired"),
        (certificate_error(9, "not yet"), "is this machine's clock right"),
        (certificate_error(18, "self"), "self-signed"),
        (certificate_error(20, "issuer"), "MQTT_CA_FILE"),
        (certificate_error(62, "Hostname mismatch"), "is for another name"),
        (certificate_error(23, "certificate revoked"), "certificate revoked"),
        (tls_error("WRONG_VERSION_NUMBER"), "does not speak TLS"),
        (tls_error("SSLV3_ALERT_HANDSHAKE_FAILURE"), "wants a certificate of ours"),
        (tls_error("NO_SHARED_CIPHER"), "TLS with 127.0.0.1:1883 failed: NO_SHARED_CIPHER"),
    ],
)
def test_each_way_in_which_dialling_fails_says_what_to_do(error: Exception, words: str) -> None:
    assert words in str(failures.of_dialling(error, settings_of()))


def test_an_error_that_already_teaches_is_left_as_it_is() -> None:
    error = BrokerError("do this")
    assert failures.of_dialling(error, settings_of()) is error


def test_a_web_server_that_is_no_broker_is_told() -> None:
    error = ConnectionError("WebSocket handshake error")
    settings = settings_of(transport=Transport.WEBSOCKETS)
    assert "does not speak MQTT over websockets" in str(failures.of_dialling(error, settings))


@pytest.mark.parametrize(
    ("code", "user", "words"),
    [
        (0x84, None, "does not speak this version of MQTT"),
        (0x85, None, "MQTT_CLIENT_ID"),
        (0x86, "ada", "MQTT_USERNAME or MQTT_PASSWORD is wrong"),
        (0x87, "ada", "MQTT_USERNAME or MQTT_PASSWORD is wrong"),
        (0x87, None, "set MQTT_USERNAME and MQTT_PASSWORD"),
        (0x88, None, "not available now"),
        (0x9A, None, "does not keep retained messages"),
        (0x83, None, "refuses the connection: the reason's name"),
    ],
)
def test_each_reason_of_a_broker_for_not_letting_us_in_is_told(
    code: int, user: str | None, words: str
) -> None:
    error = failures.of_connack(code, "the reason's name", settings_of(username=user))
    assert words in str(error)


def test_an_address_of_ip_version_6_is_written_in_brackets() -> None:
    assert failures.where(settings_of(host="::1", tls=True)) == "[::1]:8883"


def test_many_refused_topics_are_told_in_one_short_line() -> None:
    refused = {f"busylight/desk/t{n}": "Not authorized" for n in range(9)}
    text = str(failures.PublishRefusedError(settings_of(username="ada"), refused))
    assert "busylight/desk/t0, busylight/desk/t1, busylight/desk/t2, … (Not authorized)" in text
    assert "allow user 'ada' to write busylight/desk/#" in text


@pytest.mark.parametrize(
    ("log", "files", "words"),
    [
        ("", {}, "hung up when spoken to in MQTT 5: if the broker wants TLS"),
        ("", {"tls": True}, "perhaps the broker wants a certificate of ours"),
        ("", {"tls": True, "cert_file": "/c", "key_file": "/k"}, "does not accept our certificate"),
        (
            "failed: [SSL: TLSV13_ALERT_CERTIFICATE_REQUIRED] alert (_ssl.c:2580)",
            {"tls": True},
            "wants a certificate of ours",
        ),
        (
            "failed: [SSL: TLSV1_ALERT_UNKNOWN_CA] alert (_ssl.c:2580)",
            {"tls": True, "cert_file": "/c", "key_file": "/k"},
            "does not accept our certificate",
        ),
    ],
)
def test_a_broker_that_hangs_up_instead_of_answering_is_told(
    log: str, files: dict[str, object], words: str
) -> None:
    assert words in str(failures.of_hanging_up(settings_of(**files), "5", log))


@pytest.mark.parametrize(
    ("code", "by_broker", "kind", "words"),
    [
        (0x8E, True, TakenOverError, "another client is connected with the client id 'me'"),
        (0x8B, True, LostError, "ended the connection: the name"),
        (0x8D, False, BrokerError, "has fallen silent"),
        (0x80, False, LostError, "without a reason"),
    ],
)
def test_each_end_of_a_connection_is_told(
    *, code: int, by_broker: bool, kind: type[Exception], words: str
) -> None:
    error = failures.of_disconnect(code, "the name", settings_of(), "me", by_broker=by_broker)
    assert type(error) is kind
    assert words in str(error)


def test_who_duels_for_a_client_id_waits_four_seconds_at_least() -> None:
    assert TakenOverError("me", certain=False).retry_after >= 4


def looks_like_a_duel_after(*lives: float) -> bool:
    memory = BrokerMemory()
    for lived in lives:
        memory.connection_ended(lived, lost=True)
    return memory.looks_like_a_duel


def test_three_short_lives_in_a_row_look_like_a_duel() -> None:
    assert looks_like_a_duel_after(1.0, 1.0, 1.0)
    assert looks_like_a_duel_after(SHORT_LIFE + 1, 1.0, 1.0, 1.0)


def test_fewer_short_lives_or_a_long_one_between_do_not() -> None:
    assert not looks_like_a_duel_after(1.0, 1.0)
    assert not looks_like_a_duel_after(1.0, 1.0, SHORT_LIFE + 1)


def test_an_end_that_is_not_the_brokers_doing_ends_the_suspicion() -> None:
    memory = BrokerMemory()
    for lost in (True, True, False, True):
        memory.connection_ended(1.0, lost=lost)
    assert not memory.looks_like_a_duel


def test_a_broker_is_remembered_as_long_as_its_settings_and_no_other_is_confused_with_it() -> None:
    settings, other = settings_of(port=1), settings_of(port=2)
    assert memory_of(settings) is memory_of(settings)
    assert memory_of(settings) is not memory_of(other)


@pytest.mark.parametrize(
    "make",
    [
        lambda s: failures.of_connack(0x87, "Not authorized", s),
        lambda s: failures.of_dialling(ConnectionResetError(), s),
        lambda s: failures.of_own_files(tls_error("BAD_DECRYPT"), s),
        failures.silent,
    ],
)
def test_no_error_holds_a_secret(make: Callable[..., BrokerError]) -> None:
    settings = settings_of(
        username="ada", password="hush-hush", key_file="/k", key_password="hush-hush"
    )
    assert "hush" not in str(make(settings)) + repr(make(settings)) + repr(settings)
