"""The lights are on the same event loop as the page: nobody keeps it from going round.

Measured is the processor's time between two rounds of the loop, in its own thread: what else this
machine does at the same time is not in it.
"""

import asyncio
import gc
import socket
import threading
import time
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from tests.support.web import PASSWORD, PATIENCE, Served, many, served, view_of

LONGEST_ROUND = 0.03
"""Seconds of the processor's that one round may take; a page takes a few thousandths."""


@asynccontextmanager
async def rounds() -> AsyncIterator[list[float]]:
    """How long each round of the loop took while the context lived."""
    taken: list[float] = []
    gc.collect()
    gc.freeze()  # what the tests have made is not the page's to look through

    async def count() -> None:
        last = time.thread_time()
        while True:
            await asyncio.sleep(0)
            now = time.thread_time()
            taken.append(now - last)
            last = now

    counting = asyncio.create_task(count())
    try:
        yield taken
    finally:
        counting.cancel()
        await asyncio.wait({counting})
        gc.unfreeze()


def _flood(port: int, request: bytes, connections: int, done: threading.Event) -> None:
    """Send as much as goes on many lines at once, and read nothing that matters."""
    sockets = []
    for _ in range(connections):
        line = socket.create_connection(("127.0.0.1", port))
        line.settimeout(2)
        sockets.append(line)
    for _ in range(3):
        for line in sockets:
            with suppress(OSError):
                line.sendall(request * 5)
        for line in sockets:
            with suppress(OSError):
                line.recv(65536)
    for line in sockets:
        line.close()
    done.set()


async def _flooded(site: Served, path: str, connections: int = 120) -> list[float]:
    request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{site.port}\r\n\r\n".encode()
    done = threading.Event()
    async with site.client() as client:
        await client.get(path)  # what is made once is there
    async with rounds() as taken:
        thread = threading.Thread(target=_flood, args=(site.port, request, connections, done))
        thread.start()
        async with asyncio.timeout(4 * PATIENCE):
            while not done.is_set():
                await asyncio.sleep(0.01)
        thread.join()
    return taken


async def test_a_flood_of_requests_leaves_the_loop_to_others() -> None:
    async with served() as site:
        taken = await _flooded(site, "/static/icon.svg")
    assert max(taken) < LONGEST_ROUND


async def test_a_flood_of_wrong_tokens_leaves_the_loop_to_others() -> None:
    async with served(password=PASSWORD) as site:
        taken = await _flooded(site, "/api/v1/state")
    assert max(taken) < LONGEST_ROUND


async def test_ten_thousand_people_are_put_together_a_few_at_a_time() -> None:
    async with served(view_of(people=many(10_000))) as site, rounds() as taken:
        content = await asyncio.to_thread(_read, f"{site.url}/people")
    assert content.count(b"Person ") == 10_000
    assert max(taken) < LONGEST_ROUND


def _read(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=PATIENCE) as answer:  # noqa: S310 -- http, on loopback
        content: bytes = answer.read()
        return content
