"""Measure what is promised of faults: python -m benchmarks.reliability [--only ROW] [--json].

Each row breaks the real program in its own way, several times; the worst figure stands against
the promise. Exits with 1 if one is missed.
"""

import argparse
import json
import platform
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.faults.measure import ROWS, Figure, Place, Unmeasurable
from tests.faults.rows import NAMES


def main() -> int:
    """Measure, print, and say whether all is kept."""
    args = _arguments()
    results = [_result(name, args.times, quiet=args.json) for name in _chosen(args.only)]
    if args.json:
        print(json.dumps({"version": 1, "machine": _machine(), "rows": results}, indent=2))
    missed = [result["row"] for result in results if not result["kept"]]
    if missed:
        print(f"missed: {', '.join(missed)}", file=sys.stderr)
    return 1 if missed else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--only", action="append", metavar="ROW", help="this row (or rows) alone")
    parser.add_argument("--times", type=int, default=3, help="how often each is measured")
    parser.add_argument("--json", action="store_true", help="print JSON, for programs")
    return parser.parse_args()


def _chosen(only: list[str] | None) -> list[str]:
    if only is None:
        return list(NAMES)
    unknown = [name for name in only if name not in ROWS]
    if unknown:
        sys.exit(f"no such row: {', '.join(unknown)}; there are: {', '.join(NAMES)}")
    return only


def _result(name: str, times: int, *, quiet: bool) -> dict[str, Any]:
    worst: dict[str, Figure] = {}
    problem = None
    began = time.monotonic()
    try:
        for _ in range(times):
            for figure in _measured(name):
                before = worst.get(figure.what, figure)
                worst[figure.what] = figure.worse(before)
    except Unmeasurable as reason:
        problem = f"NOT MEASURED HERE: {reason}"
    except Exception as error:  # noqa: BLE001 -- a scenario that breaks is a promise that is not shown
        problem = f"FAILED: {type(error).__name__}: {error}"
    kept = all(figure.kept for figure in worst.values()) and not (problem or "").startswith("F")
    if not quiet:
        _print(name, list(worst.values()), problem, time.monotonic() - began)
    return {
        "row": name,
        "kept": kept,
        "problem": problem,
        "figures": [
            {
                "what": figure.what,
                "worst": round(figure.value, 3),
                "at_least" if figure.at_least else "at_most": figure.limit,
                "unit": figure.unit,
                "kept": figure.kept,
            }
            for figure in worst.values()
        ],
    }


def _measured(name: str) -> list[Figure]:
    with (
        tempfile.TemporaryDirectory(prefix="busylight-faults-") as directory,
        Place(Path(directory)) as place,
    ):
        return list(ROWS[name].measure(place))


def _print(name: str, figures: list[Figure], problem: str | None, seconds: float) -> None:
    print(f"{name} ({seconds:.0f} s)")
    for figure in figures:
        bound = "at least" if figure.at_least else "at most"
        said = "" if figure.kept else "  MISSED"
        print(
            f"  {figure.value:9.3f} {figure.unit:<4} {bound} {figure.limit:g}: {figure.what}{said}"
        )
    if problem is not None:
        print(f"  {problem}")
    sys.stdout.flush()


def _machine() -> str:
    return f"{platform.machine()}, {platform.release()}, Python {platform.python_version()}"


if __name__ == "__main__":
    sys.exit(main())
