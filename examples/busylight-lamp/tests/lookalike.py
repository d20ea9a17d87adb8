"""A lamp that is none, for tests: it understands what the real one does."""

import asyncio
import re
from typing import Self


class LampLookalike:
    """Listens on loopback; an async context manager."""

    def __init__(self, password: str | None = None) -> None:
        self.rgb = (0, 0, 0)
        self.colors: list[tuple[int, int, int]] = []
        self.password = password
        self.port = 0
        self._server: asyncio.Server | None = None
        self._callers: set[asyncio.StreamWriter] = set()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self) -> None:
        """Be there, on the same port as before."""
        self._server = await asyncio.start_server(self._listen, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Be gone, as if the plug was pulled."""
        if self._server is not None:
            self._server.close()
            for caller in list(self._callers):
                caller.close()
            self._server = None

    async def _listen(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._callers.add(writer)
        known = self.password is None
        while line := (await reader.readline()).decode().strip():
            if not known:
                known = line == self.password
                writer.write(b"ok\n" if known else b"who are you?\n")
            elif found := re.fullmatch("([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})", line):
                self.rgb = (int(found[1], 16), int(found[2], 16), int(found[3], 16))
                self.colors.append(self.rgb)
                writer.write(b"ok\n")
            else:
                writer.write(b"what?\n")
        self._callers.discard(writer)
        writer.close()
