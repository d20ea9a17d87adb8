"""Measure what is promised of weight: benchmarks/run [--short] [--only ROW] [--runs N].

Prints a table; writes JSON and a picture where they are asked for. Exits with 1 if a goal is
missed (in the short form: by a factor of two).
"""

import argparse
import json
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.figures import LONG, ROWS, SHORT, Figure, Scale, machine
from benchmarks.place import Place
from benchmarks.plot import bars
from benchmarks.rows import flood, latency, people, rest, size, start

_IMPORTED = (start, size, rest, latency, people, flood)  # they register their rows
_ORDER = ("help", "first colour", "at rest", "latency", "override", "people", "flood", "size")


def main() -> int:
    """Measure, print, write, and say whether all goals are met."""
    args = _arguments()
    scale = SHORT if args.short else LONG
    runs = [_run(args.only or list(_ORDER), scale) for _ in range(args.runs)]
    document = {
        "version": 1,
        "form": "short" if args.short else "long",
        "date": datetime.now(UTC).date().isoformat(),
        "machine": machine(),
        "runs": [[figure.document(is_short=args.short) for figure in run] for run in runs],
    }
    if args.json is not None:
        args.json.write_text(json.dumps(document, indent=1) + "\n", "utf-8")
    if args.svg is not None:
        args.svg.write_text(bars(document), "utf-8")
    missed = [figure.what for run in runs for figure in run if not figure.kept(is_short=args.short)]
    if missed:
        print(f"missed: {'; '.join(missed)}", file=sys.stderr)
    return 1 if missed else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="benchmarks/run", description=__doc__.splitlines()[0] if __doc__ else None
    )
    parser.add_argument("--short", action="store_true", help="a sample: fails at twice the goals")
    parser.add_argument(
        "--only", action="append", choices=_ORDER, metavar="ROW", help=", ".join(_ORDER)
    )
    parser.add_argument("--runs", type=int, default=1, help="how often all of it is measured")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures, for programs")
    parser.add_argument("--svg", type=Path, metavar="FILE", help="write a picture of the table")
    return parser.parse_args()


def _run(names: list[str], scale: Scale) -> list[Figure]:
    figures: list[Figure] = []
    for name in names:
        began = time.monotonic()
        with (
            tempfile.TemporaryDirectory(prefix="busylight-bench-") as directory,
            Place(Path(directory)) as place,
        ):
            for figure in ROWS[name](place, scale):
                figures.append(figure)
                print(line(figure, is_short=scale.is_short), flush=True)
        print(f"    ({name}: {time.monotonic() - began:.0f} s)", flush=True)
    return figures


def line(figure: Figure, *, is_short: bool) -> str:
    """One line of the table, for people."""
    low, high = figure.spread
    said = "" if figure.kept(is_short=is_short) else "  MISSED"
    middle = figure.document(is_short=is_short)
    if figure.floor is None:
        value = f"{figure.value:g} {figure.unit} (at most {figure.goal:g})"
    else:
        value = (
            f"{figure.value:.2f} x ({low:.2f} to {high:.2f}; goal {figure.goal:g} x): "
            f"{middle['product']['median']:.4g} {figure.unit} "
            f"beside {middle['floor']['median']:.4g}"
        )
    return f"{figure.what}: {value}{said}"


if __name__ == "__main__":
    sys.exit(main())
