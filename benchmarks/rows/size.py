"""What an installation takes on the card."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

from benchmarks.figures import Figure, Scale, row
from benchmarks.place import Place, plain_environment, python

_COUNT = Path(__file__).parents[1] / "floors" / "size.py"


@row("size")
def size(_: Place, __: Scale) -> Iterator[Figure]:
    """All that pip installs for us, beside the five packages with all that they need."""
    done = subprocess.run(
        [python(), str(_COUNT)],
        env=plain_environment(),
        check=True,
        capture_output=True,
        text=True,
    )
    found = json.loads(done.stdout)
    yield Figure(
        "installed size",
        "MB",
        [found["product"] / 1e6],
        1.05,
        [found["floor"] / 1e6],
        "the five packages and what they need",
        more={"packages": found["packages"]},
        is_exact=True,
    )
