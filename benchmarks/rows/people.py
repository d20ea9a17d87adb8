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
_FEW = 10
"""People whose memory is no memory of many: the program's own, which other rows measure."""


@row("people")
def people(_: Place, scale: Scale) -> Iterator[Figure]:
    """A full round in which nobody changes, and the memory of all."""
    ours: list[dict[str, float]] = []
    theirs: list[dict[str, float]] = []
    # Neither rests between its rounds: what waking up costs is a row of those at rest.
    warm = ("--no-broker", "--interval", "0.01", "--rounds", "20")
    for _turn in range(1 if scale.is_short else 3):
        theirs.append(_each(*floor("people"), people=scale.people))
        ours.append(_product(*warm, people=scale.people))
    published = _product(people=scale.people)
    yield Figure(
        f"{scale.people:,} people: a full round",
        "CPU s",
        [each["round_cpu"] for each in ours],
        3.0,
        [each["round_cpu"] for each in theirs],
        "json.loads of the same bytes",
        more={"with_mqtt": published},
    )
    yield Figure(
        "memory per 10,000 people",
        "MiB",
        [each["memory"] for each in ours],
        2.0,
        [each["memory"] for each in theirs],
        "a dict of the same facts",
        note=f"{published['memory']:.1f} MiB where each is published on MQTT, too",
        more={"with_mqtt": published},
    )


def _product(*args: str, people: int) -> dict[str, float]:
    return _each(sys.executable, "-m", "benchmarks.many_people", "--json", *args, people=people)


def _each(*command: str, people: int) -> dict[str, float]:
    """What was measured of so many; memory: MiB for 10,000 people more than a few."""
    few, many = _figures(*command, people=_FEW), _figures(*command, people=people)
    more = (many["memory"] - few["memory"]) / (people - _FEW)
    return many | {"memory": more * 10_000}


def _figures(*command: str, people: int) -> dict[str, float]:
    done = subprocess.run(
        [*command, "--people", str(people)],
        cwd=_ROOT,
        env=plain_environment(),
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found
