"""Many people: what a round of all costs, and what they take in memory."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.figures import Figure, Scale, row
from benchmarks.place import Place, floor, plain_environment

_ROOT = Path(__file__).parents[2]


@row("people")
def people(_: Place, scale: Scale) -> Iterator[Figure]:
    """A full round in which nobody changes, and the memory of all."""
    count = str(scale.people)
    ours: dict[str, list[dict[str, float]]] = {"read": [], "published": []}
    theirs = []
    for _turn in range(1 if scale.is_short else 3):
        theirs.append(_figures([*floor("people"), count]))
        command = [sys.executable, "-m", "benchmarks.many_people", "--people", count, "--json"]
        ours["read"].append(_figures([*command, "--no-broker"]))
    command = [sys.executable, "-m", "benchmarks.many_people", "--people", count, "--json"]
    ours["published"].append(_figures(command))
    more = {"with_mqtt": ours["published"][0]}
    yield Figure(
        f"{scale.people:,} people: a full round",
        "CPU s",
        [each["round_cpu"] for each in ours["read"]],
        3.0,
        [each["round_cpu"] for each in theirs],
        "json.loads of the same bytes",
        more=more,
    )
    yield Figure(
        "memory per 10,000 people",
        "MiB",
        [each["memory"] for each in ours["read"]],
        2.0,
        [each["memory"] for each in theirs],
        "a dict of the same facts",
        note=f"{ours['published'][0]['memory']:.1f} MiB where each is published on MQTT, too",
        more=more,
        missed=4.5,  # of few: what the first sign-in takes for good is counted, too
    )


def _figures(command: list[str]) -> dict[str, Any]:
    done = subprocess.run(
        command,
        cwd=_ROOT,
        env=plain_environment(),
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found
