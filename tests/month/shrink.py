"""The few events of a month that make a light lie."""

from tests.month.script import Event, Setup
from tests.month.simulation import LieError, simulate


def lies(setup: Setup, script: list[Event], seed: int) -> str | None:
    """What the first lie in this script is."""
    try:
        simulate(setup, script, seed=seed)
    except LieError as lie:
        return str(lie)
    return None


def shrunk(setup: Setup, script: list[Event], seed: int) -> list[Event]:
    """A script that lies, too, and from which nothing can be left out."""
    size = max(1, len(script) // 2)
    while True:
        start = 0
        while start < len(script):
            fewer = script[:start] + script[start + size :]
            if lies(setup, fewer, seed) is not None:
                script = fewer
            else:
                start += size
        if size == 1:
            return script
        size //= 2
