"""Address, code and QR code of a sign-in, for a person at a terminal."""

import sys
from datetime import datetime

from busylight.core.knowledge import SignInPrompt
from busylight.edge.clock import WallClock


def prompt_line(prompt: SignInPrompt) -> str:
    """What the person has to do, in one line."""
    until: datetime = WallClock().utc(prompt.expires_at).astimezone()
    return f"Sign in: open {prompt.url} and enter the code {prompt.code} (good until {until:%H:%M})"


def show_prompt(prompt: SignInPrompt) -> None:
    """Print it, with a QR code of the address where there is a screen to show it on."""
    if sys.stdout.isatty():
        import segno  # noqa: PLC0415 -- only while a person signs in

        segno.make(prompt.url, micro=False).terminal(compact=True)
    print(prompt_line(prompt), flush=True)
