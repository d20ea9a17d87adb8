"""What an installation takes on the card."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from benchmarks.figures import Figure, Scale, row
from benchmarks.place import Place, plain_environment, python

FIVE: Final = ("httpx", "msal", "paho-mqtt", "pydantic-settings", "pyserial")
_COUNT: Final = Path(__file__).parents[1] / "floors" / "size.py"


def installed(interpreter: str, *names: str) -> dict[str, Any]:
    """The bytes of some distributions with all that they need, where `interpreter` has them."""
    done = subprocess.run(
        [interpreter, str(_COUNT), *names],
        env=plain_environment(),
        check=True,
        capture_output=True,
        text=True,
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@row("size")
def size(_: Place, __: Scale) -> Iterator[Figure]:
    """All that pip installs for us, beside the five packages with all that they need."""
    product, floor = installed(python(), "busylight-presence"), installed(python(), *FIVE)
    yield Figure(
        "installed size",
        "MB",
        [product["bytes"] / 1e6],
        1.05,
        [floor["bytes"] / 1e6],
        "the five packages and what they need",
        more={"packages": product["packages"]},
    )
