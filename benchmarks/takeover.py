"""Measure a spare reader's takeovers: python -m benchmarks.takeover [--only FAULT] [--json].

The primary of two real programs is broken in each of several ways, many times: killed, frozen, cut
from the broker, cut from Graph. Each time it is measured how long it takes until the spare has read
from Graph, and published, what was new since. Exits with 1 if a promise is missed.
"""

import argparse
import json
import statistics
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict
from multiprocessing import get_context
from pathlib import Path

from tests.faults.takeover import FAULTS, Try, limit, tries


def main() -> int:
    """Measure, print, and say whether all is kept."""
    args = _arguments()
    names = args.only or list(FAULTS)
    most = limit(args.interval, args.keepalive)
    if not args.json:
        print(
            f"INTERVAL {args.interval:g} s, keepalive {args.keepalive} s, {args.times} tries "
            f"each: at most {most:g} s are promised"
        )
        print(_row("the primary is", "takeover, s: least", "median", "most", "back, s: median"))
        sys.stdout.flush()

    results: dict[str, list[Try]] = {}
    with ProcessPoolExecutor(args.at_once, get_context("spawn")) as pool:
        running = {
            pool.submit(_measured, name, args.times, args.interval, args.keepalive): name
            for name in names
        }
        for done in as_completed(running):
            results[running[done]] = done.result()
            if not args.json:
                _print(running[done], done.result())
    if args.json:
        rows = {name: [asdict(each) for each in found] for name, found in results.items()}
        print(json.dumps({"version": 1, "limit": most, "rows": rows}, indent=2))
    missed = [
        name
        for name, found in results.items()
        if any(each.takeover > most or each.not_known or each.older for each in found)
    ]
    if missed:
        print(f"missed: {'; '.join(missed)}", file=sys.stderr)
    return 1 if missed else 0


def _measured(name: str, times: int, interval: float, keepalive: int) -> list[Try]:
    with tempfile.TemporaryDirectory(prefix="busylight-takeover-") as directory:
        return list(tries(name, times, Path(directory), interval=interval, keepalive=keepalive))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--only", action="append", choices=FAULTS, help="this fault alone")
    parser.add_argument("--times", type=int, default=50, help="how often each is tried")
    parser.add_argument("--interval", type=float, default=5.0, help="seconds between two readings")
    parser.add_argument("--keepalive", type=int, default=10, help="seconds")
    parser.add_argument("--at-once", type=int, default=6, help="faults that are tried side by side")
    parser.add_argument("--json", action="store_true", help="print JSON, for programs")
    return parser.parse_args()


def _print(name: str, found: list[Try]) -> None:
    takeovers = [each.takeover for each in found]
    back = statistics.median(each.back for each in found)
    figures = (min(takeovers), statistics.median(takeovers), max(takeovers), back)
    print(_row(name, *(f"{each:.2f}" for each in figures)))
    print(
        f"  meanwhile said not to be known: {sum(each.not_known for each in found)} times; "
        f"an older presence after a newer one: {sum(each.older for each in found)} times"
    )
    sys.stdout.flush()


def _row(name: str, *figures: str) -> str:
    return f"{name:<34}" + "".join(f"{each:>20}" for each in figures)


if __name__ == "__main__":
    sys.exit(main())
