"""What can go wrong with a broker, in words that say what to do about it."""

import errno
import socket
import ssl
from collections.abc import Iterable
from typing import Final

from busylight.edge.threads import NoThreadError, TooManyHangError
from busylight.mqtt.settings import MqttSettings
from busylight.parts import OutputError, SourceError

DUEL_PATIENCE: Final = 4.0
"""Seconds before we connect again when somebody else uses our client id."""
REFUSAL_PATIENCE: Final = 15.0
"""Seconds before we try again what the broker's access rules forbid."""


class BrokerError(OutputError, SourceError):
    """The broker cannot be used: by an output or by a source, whoever needs it."""


class ProtocolRefusedError(BrokerError):
    """The broker does not speak the version of MQTT that was tried, or hung up on hearing it."""


class HungUpError(ProtocolRefusedError):
    """The broker closed the connection when it heard us."""


class LostError(BrokerError):
    """The broker ended the connection without a word, or it broke."""


class TakenOverError(BrokerError):
    """Another client uses our client id."""

    retry_after: float = DUEL_PATIENCE

    def __init__(self, client_id: str, *, certain: bool) -> None:
        certainly = "is" if certain else "is perhaps"
        super().__init__(
            f"another client {certainly} connected with the client id {client_id!r}, and the "
            "broker lets only one live: give each program an ID or MQTT_CLIENT_ID of its own"
        )


class PublishRefusedError(BrokerError):
    """The broker took a message and threw it away."""

    retry_after: float = REFUSAL_PATIENCE

    def __init__(self, settings: MqttSettings, refused: dict[str, str]) -> None:
        topics = ", ".join(sorted(refused)[:3]) + (", …" if len(refused) > 3 else "")  # noqa: PLR2004 -- enough to know which
        reasons = ", ".join(sorted(set(refused.values())))
        super().__init__(
            f"the broker refuses what we publish on {topics} ({reasons}): allow "
            f"{_who(settings)} to write {settings.base}/# in the broker's access rules (ACL)"
        )


class NoDaemonError(BrokerError):
    """No daemon has confirmed a command."""


class TeamsNotToldError(BrokerError):
    """The daemon shows what was asked for, and Teams does not know of it."""


def where(settings: MqttSettings) -> str:
    """The broker's address as people write it."""
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    return f"{host}:{settings.port_in_force}"


def _who(settings: MqttSettings) -> str:
    return f"user {settings.username!r}" if settings.username else "anonymous clients"


def silent(settings: MqttSettings) -> BrokerError:
    """The connection was accepted, and then nothing came back."""
    return BrokerError(
        f"{where(settings)} accepts the connection, but does not answer as a broker does: is it "
        "one that is well, and is MQTT_PORT right?"
    )


def slept(settings: MqttSettings) -> BrokerError:
    """The machine was suspended, or the program stopped: what was said meanwhile is lost."""
    return BrokerError(
        f"this machine has slept, and the broker at {where(settings)} has dropped us meanwhile"
    )


def of_dialling(error: BaseException, settings: MqttSettings) -> BrokerError:  # noqa: C901 -- one case a line
    """Why no connection could be made."""
    at = where(settings)
    match error:
        case BrokerError():
            return error
        case TooManyHangError():
            return BrokerError(f"{at}: {error}; the name service or the network hangs")
        case NoThreadError():
            return BrokerError(f"{at} cannot be asked now: {error}")
        case ssl.SSLError():
            return _of_tls(error, settings)
        case socket.gaierror(errno=socket.EAI_AGAIN):
            return BrokerError(
                f"the name {settings.host!r} cannot be looked up now: the name service (DNS) does "
                "not answer"
            )
        case socket.gaierror():
            return BrokerError(
                f"the name {settings.host!r} is not known: check MQTT_HOST; an address works, too"
            )
        case ConnectionRefusedError():
            return BrokerError(
                f"{at} refuses the connection: nothing listens there; is the broker running, and "
                "is MQTT_PORT right?"
            )
        case TimeoutError():
            return BrokerError(
                f"{at} does not answer: check MQTT_HOST and MQTT_PORT, the network, and firewalls "
                "between"
            )
        case OSError(errno=errno.ENETUNREACH | errno.EHOSTUNREACH):
            return BrokerError(f"{at} cannot be reached: there is no way to that network now")
        case ConnectionError() if settings.transport == "websockets" and error.errno is None:
            return BrokerError(
                f"{at} does not speak MQTT over websockets ({error}): check MQTT_PORT and "
                "MQTT_TRANSPORT"
            )
        case ConnectionError():
            return BrokerError(
                f"{at} hung up while connecting ({_brief(error)}): {_tls_hint(settings)}"
            )
        case _:
            return BrokerError(f"{at}: {_brief(error)}")


def _tls_hint(settings: MqttSettings) -> str:
    if settings.tls:
        if settings.cert_file:
            return "perhaps the broker does not accept our certificate (MQTT_CERT_FILE)"
        return "perhaps the broker wants a certificate of ours (MQTT_CERT_FILE, MQTT_KEY_FILE)"
    return "if the broker wants TLS on this port, set MQTT_TLS=true"


_CERTIFICATE: Final = {
    # OpenSSL's X509_V_ERR_…
    9: "is not valid yet: is this machine's clock right?",
    10: "has expired: renew it on the broker (or is this machine's clock wrong?)",
    18: "is self-signed: give it as MQTT_CA_FILE if it is the right one",
    19: "comes from an authority that is not trusted here: give that one's certificate as "
    "MQTT_CA_FILE",
    20: "comes from an authority that is not trusted here: give that one's certificate as "
    "MQTT_CA_FILE",
    21: "comes from an authority that is not trusted here: give that one's certificate as "
    "MQTT_CA_FILE",
}
_WRONG_HOST: Final = (62, 64)


def _of_tls(error: ssl.SSLError, settings: MqttSettings) -> BrokerError:
    at = where(settings)
    if isinstance(error, ssl.SSLCertVerificationError):
        if error.verify_code in _WRONG_HOST:
            return BrokerError(
                f"the certificate of {at} is for another name ({error.verify_message}): use the "
                "name in the certificate as MQTT_HOST"
            )
        what = _CERTIFICATE.get(error.verify_code, f"is not accepted: {error.verify_message}")
        return BrokerError(f"the certificate of {at} {what}")
    return _of_tls_reason(error.reason or str(error), settings)


def _of_tls_reason(reason: str, settings: MqttSettings) -> BrokerError:
    at = where(settings)
    if "ALERT" in reason and any(
        word in reason for word in ("CERTIFICATE", "UNKNOWN_CA", "HANDSHAKE_FAILURE")
    ):
        ours = (
            "does not accept our certificate (MQTT_CERT_FILE)"
            if settings.cert_file
            else "wants a certificate of ours: set MQTT_CERT_FILE and MQTT_KEY_FILE"
        )
        return BrokerError(f"{at} {ours}: {reason}")
    if reason in ("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "UNEXPECTED_EOF_WHILE_READING"):
        return BrokerError(
            f"{at} does not speak TLS: the broker's TLS port is usually 8883; without TLS, set "
            "MQTT_TLS=false"
        )
    return BrokerError(f"TLS with {at} failed: {reason}")


def of_own_files(error: Exception, settings: MqttSettings) -> BrokerError:
    """Why the certificates and keys that the settings name cannot be used."""
    if isinstance(error, ssl.SSLError) and error.reason == "KEY_VALUES_MISMATCH":
        return BrokerError("MQTT_KEY_FILE is not the key of the certificate in MQTT_CERT_FILE")
    if settings.key_password is not None:
        what = "or MQTT_KEY_PASSWORD is wrong"
    else:
        what = "or the key is encrypted and MQTT_KEY_PASSWORD is missing"
    return BrokerError(
        f"MQTT_CERT_FILE and MQTT_KEY_FILE cannot be used: they are no PEM, {what} "
        f"({_brief(error)})"
    )


def of_ca_file(error: Exception) -> BrokerError:
    """Why the authority's certificate that the settings name cannot be used."""
    return BrokerError(f"MQTT_CA_FILE has no certificates in PEM form ({_brief(error)})")


# Reason codes of MQTT 5; paho turns 3.1.1's return codes into the same.
UNSUPPORTED_PROTOCOL: Final = 0x84
_NOT_AUTHORIZED: Final = 0x87
_BAD_USER: Final = 0x86
_TAKEN_OVER: Final = 0x8E
_KEEPALIVE_TIMEOUT: Final = 0x8D
_CONNACK: Final = {
    0x85: "does not accept the client id: choose another as MQTT_CLIENT_ID",
    0x88: "says that it is not available now",
    0x89: "says that it is busy",
    0x8A: "has banned this client",
    0x95: "says that our message is too large",
    0x97: "says that a quota is used up",
    0x9A: "does not keep retained messages, without which nobody sees the light's state",
    0x9B: "does not do QoS 1, without which nobody knows whether the light's state arrived",
    0x9F: "says that we connect too often",
}


def of_connack(code: int, name: str, settings: MqttSettings) -> BrokerError:
    """Why the broker did not let us in."""
    at = f"the broker at {where(settings)}"
    if code == UNSUPPORTED_PROTOCOL:
        return ProtocolRefusedError(f"{at} does not speak this version of MQTT: see MQTT_VERSION")
    if code in (_NOT_AUTHORIZED, _BAD_USER):
        if settings.username is None:
            return BrokerError(
                f"{at} lets nobody in without a user name: set MQTT_USERNAME and MQTT_PASSWORD"
            )
        return BrokerError(
            f"{at} does not let user {settings.username!r} in: MQTT_USERNAME or MQTT_PASSWORD is "
            f"wrong, or its access rules forbid it ({name})"
        )
    return BrokerError(f"{at} {_CONNACK.get(code, f'refuses the connection: {name}')}")


def of_size(size: int) -> BrokerError:
    """Why a message that is too large was not even read."""
    return BrokerError(
        f"somebody has published a message of {size} bytes on a topic that we listen to, where "
        "64 KiB are far more than enough: clear it if it is retained, and look who may publish"
    )


def of_hanging_up(settings: MqttSettings, version: str, last_log: str) -> BrokerError:
    """The broker closed the connection instead of answering."""
    if "[SSL:" in last_log:
        return _of_tls_reason(last_log.partition("[SSL:")[2].partition("]")[0].strip(), settings)
    return HungUpError(
        f"{where(settings)} hung up when spoken to in MQTT {version}: {_tls_hint(settings)}"
    )


def of_disconnect(
    code: int, name: str, settings: MqttSettings, client_id: str, *, by_broker: bool
) -> BrokerError:
    """Why a connection that stood has ended."""
    at = f"the broker at {where(settings)}"
    if by_broker:
        if code == _TAKEN_OVER:
            return TakenOverError(client_id, certain=True)
        return LostError(f"{at} ended the connection: {name}")
    if code == _KEEPALIVE_TIMEOUT:
        return BrokerError(f"{at} has fallen silent")
    return LostError(f"{at} ended the connection without a reason")


def subscription_refused(settings: MqttSettings, topics: Iterable[str]) -> str:
    """What to say when the broker will not send us commands."""
    return (
        f"the broker refuses to send us {', '.join(topics)}: commands there are not heard; allow "
        f"{_who(settings)} to read {settings.base}/# in its access rules (ACL)"
    )


def announcement_refused(settings: MqttSettings, refused: dict[str, str]) -> str:
    """What to say when Home Assistant cannot be told of the device; all else goes on."""
    reasons = ", ".join(sorted(set(refused.values())))
    return (
        f"the broker refuses what we publish on {min(refused)} ({reasons}), so Home Assistant "
        f"finds no device: allow {_who(settings)} to write {settings.discovery_prefix}/device/# "
        "in the broker's access rules (ACL), or set MQTT_DISCOVERY=false"
    )


def _brief(error: BaseException) -> str:
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
