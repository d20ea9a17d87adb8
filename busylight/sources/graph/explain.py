"""What went wrong between us and a server, in words that say what to do."""

import socket
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final
from urllib.parse import urlsplit

import httpx

from busylight.sources.graph.errors import HttpError

# OpenSSL's X509_V_ERR_…
_NOT_YET_VALID: Final = 9
_EXPIRED: Final = 10
_OTHER_HOST: Final = 62


def explain(error: Exception, host: str, proxy: str | None, seconds: float) -> HttpError:
    """Translate whatever httpx, ssl or the system raised while asking `host`.

    Never the error's own text: that of a refused header has the token in it.
    """
    where = f"{host} (through the proxy {urlsplit(proxy).hostname})" if proxy else host
    causes = list(_causes(error))
    for cause in causes:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return _untrusted(cause, where)
        if isinstance(cause, ssl.SSLError):
            reason = (getattr(cause, "reason", None) or "no reason").replace("_", " ").lower()
            return HttpError(f"no TLS connection to {where} ({reason})")
        if isinstance(cause, socket.gaierror):
            name = urlsplit(proxy).hostname if proxy else host
            return HttpError(
                f"{name} cannot be found ({cause.strerror})",
                "check the network and its name service (DNS)",
            )
        if isinstance(cause, httpx.ProxyError):
            return _refused_by_proxy(cause, host, proxy)
    for cause in causes:
        if isinstance(cause, OSError) and cause.strerror:
            return HttpError(f"no connection to {where} ({cause.strerror})", "check the network")
        if isinstance(cause, httpx.TimeoutException | TimeoutError):
            return HttpError(f"{where} did not answer within {seconds:g} s", "check the network")
    if isinstance(error, httpx.RemoteProtocolError):
        return HttpError(f"{where} ended the connection, or does not speak HTTP")
    return HttpError(f"no answer from {where} ({type(error).__name__})")


def _untrusted(error: ssl.SSLCertVerificationError, where: str) -> HttpError:
    if error.verify_code == _NOT_YET_VALID:
        return HttpError(
            f"the certificate of {where} is not yet valid",
            f"this machine's clock looks wrong, it says {_today()}: see that it is set by NTP",
        )
    if error.verify_code == _EXPIRED:
        return HttpError(
            f"the certificate of {where} has expired",
            f"if today is not {_today()}, this machine's clock is wrong",
        )
    if error.verify_code == _OTHER_HOST:
        return HttpError(
            f"the certificate of {where} is for another host",
            "somebody else answers here: a captive portal, or a wrong address",
        )
    return HttpError(
        f"the certificate of {where} is not trusted ({error.verify_message})",
        "if your company inspects TLS, give its CA as BUSYLIGHT_GRAPH_CA_FILE (a PEM file)",
    )


def _refused_by_proxy(error: httpx.ProxyError, host: str, proxy: str | None) -> HttpError:
    name = urlsplit(proxy or "").hostname
    status = str(error)[:3]
    if status == "407":
        return HttpError(
            f"the proxy {name} asks for a user and a password",
            "put them into its address, before the host and an @ (BUSYLIGHT_GRAPH_PROXY)",
        )
    shown = f" ({status})" if status.isdigit() else ""
    return HttpError(
        f"the proxy {name} does not let us through to {host}{shown}",
        "check BUSYLIGHT_GRAPH_PROXY or HTTPS_PROXY",
    )


def _today() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__
