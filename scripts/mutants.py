"""Breaks the product on purpose, one break at a time, and shows that the tests go red.

    python -m scripts.mutants [--sample N] [NAME...]

Each file in tests/mutants is one break: what it breaks, the texts that are put in place of
others, and the tests that must catch it. All of it happens in a copy of the tree. A text that is
not found exactly once in the product is an error: then the code has moved on, and the break has
to follow it.
"""

import argparse
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_HERE: Final = Path(__file__).resolve().parent.parent
_BREAKS: Final = _HERE / "tests" / "mutants"
_PRODUCT: Final = ("busylight", "firmware_bridge")
_COPIED: Final = (*_PRODUCT, "tests", "scripts", "docs", "deploy")
_SECONDS: Final = 300.0
"""After which the tests are thought to hang, which is red, too."""
_SECONDS_EACH: Final = 10.0
"""More for each test that is named: without a break those of all breaks are run at once."""
_ONCE: Final = ("--force-reruns", "0")
"""No second try: what is red is red."""
_ALL_PASSED, _SOME_FAILED = 0, 1  # pytest's exit codes; others are faults of the command line


class MovedOnError(Exception):
    """The code does not hold what a break would replace."""


@dataclass(frozen=True, slots=True)
class Break:
    """One break of the product."""

    name: str
    what: str
    edits: tuple[tuple[str, str], ...]
    """What is replaced, and by what."""
    tests: tuple[str, ...]
    """The tests that must go red."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the tests said of a tree."""

    is_red: bool
    seconds: float
    first: str
    """The first test that failed, or what else was the matter."""


def all_breaks() -> list[Break]:
    """Every break that is described, by name."""
    return [_read(path) for path in sorted(_BREAKS.glob("*.toml"))]


def _read(path: Path) -> Break:
    described = tomllib.loads(path.read_text("utf-8"))
    return Break(
        name=path.stem,
        what=described["breaks"],
        edits=tuple((edit["old"], edit["new"]) for edit in described["edit"]),
        tests=tuple(described["caught_by"]),
    )


def edited(broken: Break, tree: Path) -> dict[Path, str]:
    """The files that the break changes, with their new text; raises `MovedOnError`."""
    files: dict[Path, str] = {}
    for old, new in broken.edits:
        texts = {
            path: files.get(path, path.read_text("utf-8"))
            for package in _PRODUCT
            for path in (tree / package).rglob("*.py")
        }
        places = [path for path, text in texts.items() for _ in range(text.count(old))]
        if len(places) != 1:
            raise MovedOnError(
                f"tests/mutants/{broken.name}.toml: the product holds this {len(places)} times "
                f"and not once; let it follow the code:\n{old}"
            )
        files[places[0]] = texts[places[0]].replace(old, new)
    return files


def _copy(tree: Path) -> None:
    for name in _COPIED:
        shutil.copytree(_HERE / name, tree / name, ignore=shutil.ignore_patterns("__pycache__"))
    for file in _HERE.iterdir():
        if file.is_file() and not file.name.startswith("."):
            shutil.copy(file, tree / file.name)


def _run(tests: tuple[str, ...], tree: Path, *, tries: tuple[str, ...] = ()) -> Outcome:
    began, limit = time.monotonic(), _SECONDS + _SECONDS_EACH * len(tests)
    with subprocess.Popen(  # noqa: S603 -- the tests that the breaks name
        [
            *(sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider"),
            *("--timeout", "120", *tries, *tests),
        ],
        cwd=tree,
        env=os.environ | {"PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        try:
            said, _ = process.communicate(timeout=limit)
        except subprocess.TimeoutExpired:
            process.kill()
            return Outcome(is_red=True, seconds=limit, first="hung, and was ended")
    seconds = time.monotonic() - began
    if process.returncode not in (_ALL_PASSED, _SOME_FAILED):
        sys.exit(f"pytest could not run {' '.join(tests)}:\n{said[-2000:]}")
    failed = re.search(r"^(?:FAILED|ERROR) (\S+)", said, re.MULTILINE)
    return Outcome(
        is_red=process.returncode == _SOME_FAILED,
        seconds=seconds,
        first=failed[1].rpartition("/")[2] if failed else "",
    )


def _try(broken: Break, tree: Path) -> Outcome:
    files = edited(broken, tree)
    right = {path: path.read_text("utf-8") for path in files}
    try:
        for path, text in files.items():
            path.write_text(text, "utf-8")
        return _run(broken.tests, tree, tries=_ONCE)
    finally:
        for path, text in right.items():
            path.write_text(text, "utf-8")


def main() -> int:
    """Try breaks, and print what caught each; 1 if one was not caught."""
    parser = argparse.ArgumentParser(prog="python -m scripts.mutants", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="these alone (default: all)")
    parser.add_argument("--sample", type=int, metavar="N", help="so many, chosen at random")
    asked = parser.parse_args()
    breaks = all_breaks()
    if unknown := set(asked.names) - {each.name for each in breaks}:
        parser.error(f"there is no break {', '.join(sorted(unknown))}")
    for each in breaks:
        edited(each, _HERE)  # all of them must fit, also those that are not tried now
    if asked.names:
        breaks = [each for each in breaks if each.name in asked.names]
    if asked.sample is not None:
        breaks = random.sample(breaks, min(asked.sample, len(breaks)))
    began, survived = time.monotonic(), []
    with tempfile.TemporaryDirectory(prefix="busylight-mutants-") as directory:
        tree = Path(directory)
        _copy(tree)
        tests = tuple(dict.fromkeys(test for each in breaks for test in each.tests))
        whole = _run(tests, tree)
        if whole.is_red:
            sys.exit(f"the tests are red without any break: {whole.first}")
        print(f"unbroken: green in {whole.seconds:.0f} s", flush=True)
        for each in breaks:
            outcome = _try(each, tree)
            chance = ""
            if not outcome.is_red:
                # Where threads and networks race, a test may see a break most times only.
                outcome, chance = _try(each, tree), " (at the second try: by chance)"
            if not outcome.is_red:
                survived.append(each.name)
            verdict = f"red: {outcome.first}{chance}" if outcome.is_red else "NOT CAUGHT"
            print(
                f"| {each.name} | {each.what} | {verdict} | {outcome.seconds:.0f} s |", flush=True
            )
    took = time.monotonic() - began
    print(f"{len(breaks) - len(survived)} of {len(breaks)} breaks caught in {took:.0f} s")
    if survived:
        print(f"not caught: {', '.join(survived)}")
    return 1 if survived else 0


if __name__ == "__main__":
    sys.exit(main())
