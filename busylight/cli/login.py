"""`busylight login`: sign in with a code or a browser, and wait until it is done."""

import argparse
import asyncio

from busylight.cli.common import CommandError, Exit, graph_settings_of, settings_of, state_dir_of
from busylight.cli.sign_in_prompt import show_prompt
from busylight.sources.graph.errors import GraphError
from busylight.sources.graph.settings import GraphSettings


def main(args: argparse.Namespace) -> int:
    """Sign in; a daemon that runs notices by itself."""
    settings = settings_of(args, needs_outputs=False)
    graph = graph_settings_of(settings)
    if graph.is_app_permission:
        raise CommandError(
            "there is nobody to sign in: a client secret or certificate is set, and the program "
            "signs in as itself; `busylight check` tries it"
        )
    state_dir_of(settings)
    name = asyncio.run(_sign_in(graph, by_browser=args.browser, switch=args.switch))
    print(f"Signed in as {name}.")
    return Exit.OK


async def _sign_in(graph: GraphSettings, *, by_browser: bool, switch: bool) -> str:
    from busylight.cli.browser_login import (  # noqa: PLC0415 -- loads msal, httpx
        sign_in_by_browser,
    )
    from busylight.sources.graph.session import GraphSession  # noqa: PLC0415 -- loads msal, httpx

    async with GraphSession(graph, writes=graph.write) as session:
        try:
            if by_browser:
                return await sign_in_by_browser(session, switch=switch)
            return await session.sign_in(show_prompt, switch=switch)
        except GraphError as error:
            raise CommandError(str(error)) from error
