"""Answers that go on: server-sent events, and long documents in pieces."""

import asyncio
from collections.abc import AsyncIterator

from starlette.responses import Response
from starlette.types import Receive, Scope, Send


class Stream(Response):
    """Sends pieces as they come, until there are no more or nobody is there any more."""

    def __init__(self, pieces: AsyncIterator[bytes], media_type: str) -> None:
        super().__init__(media_type=media_type)
        del self.headers["content-length"]
        self._pieces = pieces

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        await send(
            {
                "type": "http.response.start",
                "status": self.status_code,
                "headers": self.raw_headers,
            }
        )
        if scope["method"] == "HEAD":
            await send({"type": "http.response.body"})
            return
        telling = asyncio.create_task(self._tell(send))
        gone = asyncio.create_task(_until_gone(receive))
        try:
            await asyncio.wait({telling, gone}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            ended = telling.done()
            for task in (telling, gone):
                task.cancel()
            await asyncio.wait({telling, gone})
        if ended:
            telling.result()

    async def _tell(self, send: Send) -> None:
        async for piece in self._pieces:
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body"})


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


class Events(Stream):
    """Server-sent events."""

    def __init__(self, pieces: AsyncIterator[bytes]) -> None:
        super().__init__(pieces, "text/event-stream; charset=utf-8")
        self.headers["X-Accel-Buffering"] = "no"  # a proxy before us shall not gather them
