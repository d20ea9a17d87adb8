"""The output `webhook`."""

import json
from types import TracebackType
from typing import ClassVar, Final, Self
from urllib.parse import urlsplit

from pydantic import BaseModel

from busylight.core.view import View
from busylight.outputs.http import Answer, BusyError, Http
from busylight.outputs.repeater import Repeater
from busylight.outputs.webhook.settings import Method, WebhookSettings
from busylight.outputs.webhook.template import Values, address, body, values_of
from busylight.parts import OutputError, UntilLost

_HINTS: Final = {
    401: "see WEBHOOK_TOKEN and WEBHOOK_HEADERS",
    403: "see WEBHOOK_TOKEN and WEBHOOK_HEADERS",
    404: "see WEBHOOK_URL",
    405: "see WEBHOOK_METHOD",
}


class WebhookOutput:
    """Tells a URL what is shown, whenever that changes."""

    Settings: ClassVar[type[BaseModel]] = WebhookSettings

    def __init__(self, settings: WebhookSettings) -> None:
        self._settings = settings
        self._http = Http("webhook", settings.ca_file)
        self._headers = {"Content-Type": "application/json", "User-Agent": "busylight"}
        if settings.headers is not None:
            self._headers |= json.loads(settings.headers.get_secret_value())
        if settings.token is not None:
            self._headers["Authorization"] = f"Bearer {settings.token.get_secret_value()}"
        self._repeater: Repeater | None = None
        self._told: Values | None = None

    async def __aenter__(self) -> Self:
        """Nothing is sent before the first view."""
        self._repeater = Repeater()
        return self

    async def show(self, view: View) -> None:
        """Tell it, and return when that was accepted; a release is told once."""
        repeater = self._listening()
        await repeater.stop()
        values = values_of(view)
        if values != self._told:
            self._told = None
            await self._tell(values)
            self._told = values
        if self._settings.repeat and view.light is not None and not view.is_last:
            repeater.begin(self._settings.repeat, lambda: self._tell(values))

    def events(self) -> UntilLost:
        """Nothing is asked for here; raises `OutputError` when a repetition has failed."""
        return self._listening().events()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None:
        """Hang up."""
        if self._repeater is not None:
            await self._repeater.stop()
        await self._http.close()

    def _listening(self) -> Repeater:
        if self._repeater is None:
            raise OutputError("is not connected")
        return self._repeater

    async def _tell(self, values: Values) -> None:
        settings = self._settings
        url = address(settings.url.get_secret_value(), values)
        content = None if settings.method is Method.GET else body(settings.template, values)
        answer = await self._http.request(
            settings.method, url, headers=self._headers, content=content
        )
        _judge(urlsplit(url).hostname or "", answer)


def _judge(host: str, answer: Answer) -> None:
    """Whether it was accepted; raises `OutputError`. Its words may be private."""
    if 200 <= answer.status < 300:  # noqa: PLR2004 -- HTTP's successes
        return
    text = f"{host} answers {answer.status}"
    if 300 <= answer.status < 400:  # noqa: PLR2004 -- HTTP's redirections
        raise OutputError(f"{text}: no redirect is followed; set WEBHOOK_URL to where it leads")
    if answer.retry_after is not None:
        raise BusyError(f"{text}, and asks us to wait", answer.retry_after)
    hint = _HINTS.get(answer.status, "see its own log")
    raise OutputError(f"{text}: {hint}")
