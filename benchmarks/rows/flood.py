"""More changes than any output can show, and one output that shows none."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks.figures import Figure, Scale, row
from benchmarks.place import Place, plain_environment

_ROOT = Path(__file__).parents[2]


@row("flood")
def flood(_: Place, scale: Scale) -> Iterator[Figure]:
    """The newest state stands last on each, and memory is flat."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.flood", "--seconds", f"{scale.flood:g}"],
        cwd=_ROOT,
        env=plain_environment(),
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    found = json.loads(done.stdout.splitlines()[-1])
    what = f"{found['per_second']:.0f} changes a second for {scale.flood:g} s into 4 outputs"
    yield Figure(
        f"{what}, one stalled: outputs without the newest state",
        "",
        [len(found["wrong"])],
        0.0,
        note=", ".join(found["wrong"]),
        more=found,
        is_exact=True,
    )
    yield Figure("the same: memory grown", "MiB", [max(found["grown"], 0.0)], 2.0, more=found)
