"""The one HTTP client, for Graph and for the sign-in server alike.

Blocking, for one thread at a time; `abandon` may be called from another. Every exchange has a
limit for its time and for its size, follows no redirect, keeps no cookie, takes no compressed
answer and checks the server's certificate.
"""

import socket
import ssl
import threading
import time
import weakref
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Any, Final
from urllib.parse import urlsplit
from urllib.request import getproxies_environment, proxy_bypass

import httpx

import busylight
from busylight.core.backoff import RateLimit, retry_after
from busylight.edge.clock import now
from busylight.edge.tally import GRAPH_REQUESTS
from busylight.sources.graph.errors import DeadlineError, HttpError
from busylight.sources.graph.explain import explain

REQUEST_SECONDS: Final = 10.0
"""For a whole request, name service included."""

ONE_PERSON: Final = 64 * 1024
"""Bytes that an answer about one person may have."""

_CONNECT_SECONDS: Final = 4.0  # for each address of a host: leaves time for its second one
_IDLE_SECONDS: Final = 3600.0  # the longest INTERVAL; shorter would cost a TLS handshake each
_TOO_MANY: Final = 429
_PATIENCE: Final = 3  # failures in a row until the connections are thought to be at fault
_KEEP_ALIVE: Final = [
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    # A NAT forgets an idle connection after some minutes, and nobody is told.
    *(
        (socket.IPPROTO_TCP, getattr(socket, name), seconds)
        for name, seconds in (("TCP_KEEPIDLE", 60), ("TCP_KEEPINTVL", 15), ("TCP_KEEPCNT", 4))
        if hasattr(socket, name)
    ),
]
_HEADERS: Final = {
    "Accept": "application/json",
    "Accept-Encoding": "identity",
    "User-Agent": f"busylight-presence/{busylight.__version__}",
}

# Microsoft's limit is per app and tenant, and there may be several sources in this process.
_RATE: Final = RateLimit(1500, 30.0)
_RATE_LOCK: Final = threading.Lock()


@dataclass(frozen=True, slots=True, repr=False)
class Answer:
    """What a server answered: never shown, a sign-in server's body is secret."""

    status: int
    headers: Mapping[str, str]
    """Their names are matched whatever the case."""
    body: bytes

    @property
    def content_type(self) -> str:
        """The media type in lower case, without parameters; empty if none is told."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()


def server_time(answer: Answer) -> datetime | None:
    """What the server's clock said, from its `Date`."""
    try:
        moment = parsedate_to_datetime(answer.headers.get("date", ""))
    except (ValueError, OverflowError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def patience(answer: Answer) -> float | None:
    """Seconds for which the server asks to be left alone (`Retry-After`), at most an hour."""
    # A date is one of the server's clock, and ours may be wrong.
    return retry_after(answer.headers.get("retry-after"), server_time(answer) or datetime.now(UTC))


class HttpClient:
    """Connections that are kept alive, one for each host."""

    def __init__(
        self,
        context: ssl.SSLContext,
        proxy: str | None = None,
        *,
        seconds: float = REQUEST_SECONDS,
        rate: RateLimit | None = None,
    ) -> None:
        """Connect to nothing yet.

        `proxy` is for every host; without one, HTTPS_PROXY and NO_PROXY decide.
        """
        self._context = context
        self._proxy = proxy
        # Once: to look through the environment at each request costs a tenth of the request.
        self._environments_proxy = getproxies_environment().get("https")
        self._seconds = seconds
        self._rate = rate or _RATE
        self._ways: dict[str | None, httpx.HTTPTransport] = {}
        self._sockets: weakref.WeakSet[socket.socket] = weakref.WeakSet()
        self._failures = 0
        self._ends: float | None = None
        self._abandoned = False

    def fetch(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
        limit: int = ONE_PERSON,
    ) -> Answer:
        """Make one request and return the whole answer, whatever its status; raises `HttpError`.

        `limit`: bytes that the answer may have.
        """
        self._wait_for_turn()
        proxy = self._proxy_for(url)
        request = _Request(method, url, headers or {}, content, limit)
        self._ends = now() + self._seconds
        try:
            try:
                answer = self._exchange(proxy, request)
            except _ConnectionWasGoneError:
                # The server had closed the kept connection: nothing is wrong with it.
                answer = self._exchange(proxy, request)
        except HttpError:
            GRAPH_REQUESTS.note("failed")
            self._note_failure()
            raise
        except Exception as error:  # noqa: BLE001 -- httpx, h11, ssl and socket have dozens
            GRAPH_REQUESTS.note("failed")
            overdue = self._abandoned or now() >= self._ends
            self._note_failure()
            host = urlsplit(url).hostname or url
            if overdue:
                raise _overdue(host, self._seconds) from None
            raise explain(error, host, proxy, self._seconds) from None
        finally:
            self._ends = None
        self._failures = 0
        GRAPH_REQUESTS.note(_kind_of(answer.status))
        return answer

    def seconds_left(self) -> float | None:
        """Until the request that is being made must have ended; None while there is none."""
        ends = self._ends
        return None if ends is None else ends - now()

    @property
    def is_abandoned(self) -> bool:
        """Whether `abandon` was called."""
        return self._abandoned

    def abandon(self) -> None:
        """End what is being done in another thread, and do nothing more."""
        self._abandoned = True
        for each in list(self._sockets):
            with suppress(OSError):
                # Not `each.shutdown`: that of an SSLSocket takes its state away from the thread
                # that is reading.
                socket.socket.shutdown(each, socket.SHUT_RDWR)

    def close(self) -> None:
        """Close all connections. A later `fetch` makes new ones."""
        while self._ways:
            _, way = self._ways.popitem()
            way.close()

    def _exchange(self, proxy: str | None, asked: "_Request") -> Answer:
        host = urlsplit(asked.url).hostname or asked.url
        is_new = False

        def trace(event: str, info: Mapping[str, Any]) -> None:
            nonlocal is_new
            if event.endswith(("connect_tcp.complete", "start_tls.complete")):
                is_new = True
                stream = info["return_value"]
                if self._abandoned:
                    stream.close()
                    raise _overdue(host, self._seconds)
                self._sockets.add(stream.get_extra_info("socket"))

        self._refuse_if_abandoned(host)
        way = self._way(proxy)
        left = self._left(host)
        limits = httpx.Timeout(left, connect=min(left, _CONNECT_SECONDS))
        request = httpx.Request(
            asked.method,
            _address(asked.url),
            headers={**_HEADERS, **asked.headers},
            content=asked.content,
            extensions={"timeout": limits.as_dict(), "trace": trace},
        )
        try:
            response = way.handle_request(request)
        except (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError):
            if is_new or self._abandoned:
                raise
            raise _ConnectionWasGoneError from None
        try:
            body = self._body(response, host, asked.limit)
        finally:
            response.close()
        return Answer(response.status_code, response.headers, body)

    def _body(self, response: httpx.Response, host: str, limit: int) -> bytes:
        encoding = response.headers.get("content-encoding", "identity").strip().lower()
        if encoding not in ("", "identity"):
            raise HttpError(
                f"{host} sent a compressed answer ({encoding[:20]!r}), which was not asked for",
                "a proxy in between may be at fault",
            )
        body = bytearray()
        for chunk in response.iter_raw():
            body += chunk
            if len(body) > limit:
                raise HttpError(f"{host} sent an answer of more than {limit} bytes")
            self._left(host)
        return bytes(body)

    def _left(self, host: str) -> float:
        left = self.seconds_left()
        if left is None or left <= 0:
            raise _overdue(host, self._seconds)
        return left

    def _refuse_if_abandoned(self, host: str) -> None:
        if self._abandoned:
            raise _overdue(host, self._seconds)

    def _wait_for_turn(self) -> None:
        while True:
            with _RATE_LOCK:
                wait = self._rate.wait(now())
                if wait <= 0:
                    self._rate.note(now())
                    return
            time.sleep(min(wait, 1.0))

    def _note_failure(self) -> None:
        self._failures += 1
        if self._failures % _PATIENCE == 0 or self._abandoned:
            self.close()

    def _way(self, proxy: str | None) -> httpx.HTTPTransport:
        """Not a client of httpx's: its cookies, redirects and hooks are nothing to us."""
        if (way := self._ways.get(proxy)) is None:
            way = self._ways[proxy] = httpx.HTTPTransport(
                verify=self._context,
                trust_env=False,
                proxy=None if proxy is None else self._httpx_proxy(proxy),
                limits=httpx.Limits(
                    max_connections=4,
                    max_keepalive_connections=4,
                    keepalive_expiry=_IDLE_SECONDS,
                ),
                socket_options=_KEEP_ALIVE,
            )
        return way

    def _httpx_proxy(self, proxy: str) -> httpx.Proxy:
        is_tls = proxy.lower().startswith("https:")
        return httpx.Proxy(proxy, ssl_context=self._context if is_tls else None)

    def _proxy_for(self, url: str) -> str | None:
        if self._proxy is not None:
            return self._proxy
        proxy = self._environments_proxy
        if not proxy or proxy_bypass(urlsplit(url).hostname or ""):
            return None
        return proxy if "://" in proxy else f"http://{proxy}"


@dataclass(frozen=True, slots=True, repr=False)
class _Request:
    """What is asked; never shown, its headers and its body are secret."""

    method: str
    url: str
    headers: Mapping[str, str]
    content: bytes | None
    limit: int


@lru_cache(maxsize=16)
def _address(url: str) -> httpx.URL:
    """The same few are asked for all the time, and each would be taken apart anew."""
    return httpx.URL(url)


class _ConnectionWasGoneError(Exception):
    """A kept connection ended before the first byte of an answer."""


def _kind_of(status: int) -> str:
    return "throttled" if status == _TOO_MANY else f"{status // 100}xx"


def _overdue(host: str, seconds: float) -> DeadlineError:
    return DeadlineError(
        f"{host} did not answer within {seconds:g} s",
        "check the network, its name service (DNS) and the proxy, if there is one",
    )
