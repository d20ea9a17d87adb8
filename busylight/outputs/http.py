"""HTTP for outputs: one kept connection in a thread of its own, short answers, errors that teach.

No address beyond its host, no header and no body ever stands in an error or a log.
"""

import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import httpx

from busylight.edge.threads import Worker
from busylight.parts import OutputError

LIMIT: Final = 8.0
"""Seconds that a request may take as a whole, from the name to the end of the answer."""
LONGEST_ANSWER: Final = 256 * 1024


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    content: bytes
    retry_after: float | None = None
    """Seconds that whoever answered asks us to wait."""


class BusyError(OutputError):
    """Whoever answered asks us to wait."""

    def __init__(self, text: str, retry_after: float) -> None:
        super().__init__(text)
        self.retry_after = retry_after


class Http:
    """Makes requests, one after the other."""

    def __init__(self, name: str, ca_file: Path | None = None) -> None:
        """Connect nothing yet; `ca_file` has the certificates to trust."""
        self._worker = Worker(name)
        self._ca_file = ca_file
        self._client: httpx.Client | None = None
        self._is_closed = False

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: dict[str, str] | None = None,
        content: bytes | None = None,
    ) -> Answer:
        """Ask, and return what was answered; raises `OutputError` if nothing was."""
        host = urlsplit(url).hostname or "the host"
        try:
            return await self._worker.call(LIMIT, self._ask, method, url, headers, content)
        except TimeoutError as error:
            raise OutputError(f"{host} does not answer within {LIMIT:g} s") from error
        except httpx.LocalProtocolError:
            # What it says names the header, which may be a secret.
            raise OutputError(f"{host} is not asked: HTTP allows no such header") from None
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
            raise OutputError(f"{host} cannot be reached: {_reason(error)}") from error

    async def close(self) -> None:
        """Hang up."""
        self._is_closed = True
        if self._client is not None:
            await self._worker.call(LIMIT, self._client.close)
        self._worker.close()

    def _ask(
        self, method: str, url: str, headers: dict[str, str] | None, content: bytes | None
    ) -> Answer:
        client = self._client
        if client is None:
            client = self._client = httpx.Client(
                verify=ssl.create_default_context(cafile=self._ca_file),
                timeout=LIMIT / 2,
                follow_redirects=False,  # a token is for one host
                headers={"Accept-Encoding": "identity"},
                limits=httpx.Limits(max_connections=1, keepalive_expiry=60),
            )
        try:
            return _asked(client, method, url, headers, content)
        finally:
            if self._is_closed:  # meanwhile: nobody waits for this answer any more
                client.close()


def _asked(
    client: httpx.Client,
    method: str,
    url: str,
    headers: dict[str, str] | None,
    content: bytes | None,
) -> Answer:
    with client.stream(method, url, headers=headers, content=content) as response:
        answer = b""
        for chunk in response.iter_raw():
            answer += chunk
            if len(answer) > LONGEST_ANSWER:
                raise OSError(f"answers with more than {LONGEST_ANSWER // 1024} KiB")
        after = response.headers.get("Retry-After", "")
        seconds = min(float(after), 3600) if after.isdigit() else None
        return Answer(response.status_code, answer, seconds)


def _reason(error: Exception) -> str:
    """The cause at the bottom: httpx tells `All connection attempts failed` of a wrong port."""
    cause: BaseException = error
    while (deeper := cause.__cause__ or cause.__context__) is not None:
        cause = deeper
    told = getattr(cause, "strerror", None) or str(cause) or type(cause).__name__
    return str(told)
