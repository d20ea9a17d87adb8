"""Months by the hundred: python -m tests.month --seeds 1000."""

import argparse
import sys
import time
from multiprocessing import Pool
from random import Random

from tests.month.script import draw_month, draw_setup
from tests.month.shrink import lies, shrunk


def _month(seed: int) -> tuple[int, str | None, float]:
    random, began = Random(seed), time.perf_counter()
    lie = lies(draw_setup(random), draw_month(random), seed)
    return seed, lie, time.perf_counter() - began


def main() -> int:
    """Run the months, and show what makes the first light lie that is found."""
    parser = argparse.ArgumentParser(prog="python -m tests.month", description=__doc__)
    parser.add_argument("--seeds", type=int, default=100, help="how many months (default: 100)")
    parser.add_argument("--first", type=int, default=0, help="the first seed (default: 0)")
    parser.add_argument("--processes", type=int, help="default: as many as there are cores")
    asked = parser.parse_args()
    began, longest, lying = time.perf_counter(), 0.0, []
    with Pool(asked.processes) as pool:
        seeds = range(asked.first, asked.first + asked.seeds)
        for seed, lie, seconds in pool.imap_unordered(_month, seeds):
            longest = max(longest, seconds)
            if lie is not None:
                lying.append(seed)
                print(f"seed {seed}: {lie}", flush=True)
    took = time.perf_counter() - began
    print(
        f"{asked.seeds} months from seed {asked.first} in {took:.0f} s "
        f"(the longest {longest:.1f} s): {len(lying)} with a light that lies"
    )
    if lying:
        random = Random(lying[0])
        setup, script = draw_setup(random), draw_month(random)
        print(f"seed {lying[0]}, without all that does not matter: {setup}")
        print(*shrunk(setup, script, lying[0]), sep="\n")
    return 1 if lying else 0


if __name__ == "__main__":
    sys.exit(main())
