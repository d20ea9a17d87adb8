"""`busylight logout`: forget the tokens."""

import argparse
import asyncio

from busylight.cli.common import (
    CommandError,
    Exit,
    graph_settings_of,
    settings_of,
    state_dir_of,
)
from busylight.sources.graph.errors import GraphError
from busylight.sources.graph.settings import GraphSettings


def main(args: argparse.Namespace) -> int:
    """Sign out; a daemon that runs notices by itself, and asks for a new sign-in."""
    settings = settings_of(args, needs_outputs=False)
    graph = graph_settings_of(settings)
    state_dir_of(settings)
    forgotten = asyncio.run(_sign_out(graph))
    for account in forgotten:
        print(f"Signed out {account}.")
    if not forgotten:
        print("Nobody was signed in.")
    return Exit.OK


async def _sign_out(graph: GraphSettings) -> list[str]:
    from busylight.sources.graph.session import GraphSession  # noqa: PLC0415 -- loads msal, httpx

    async with GraphSession(graph) as session:
        try:
            return await session.sign_out()
        except GraphError as error:
            raise CommandError(str(error)) from error
