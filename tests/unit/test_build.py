"""Which build it is, from wherever a build can know it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from busylight import __version__

ROOT = Path(__file__).resolve().parents[2]
COMMIT = "0123456789ab" + "c" * 28


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """As much of the source as a build asks."""
    place = tmp_path / "tree" / "busylight"
    (place / "edge").mkdir(parents=True)
    for name in ("__init__.py", "edge/__init__.py", "edge/build.py"):
        shutil.copyfile(ROOT / "busylight" / name, place / name)
    return place.parent


def said(tree: Path, **environment: str) -> tuple[str, str]:
    """What `--version` says, and the version of a wheel."""
    code = "from busylight.edge.build import *; print(described()); print(version_of_build())"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tree,
        env={"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1", **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    told, version = done.stdout.splitlines()
    return told, version


def git(tree: Path, *words: str) -> str:
    somebody = ("-c", "user.name=test", "-c", "user.email=test@example.org")
    done = subprocess.run(
        ["git", "-C", tree, *somebody, *words], capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def committed(tree: Path) -> str:
    git(tree, "init", "--quiet")
    git(tree, "add", ".")
    git(tree, "commit", "--quiet", "-m", "first")
    return git(tree, "rev-parse", "HEAD")[:12]


def test_a_checkout_says_its_commit_and_whether_something_was_changed(tree: Path) -> None:
    commit = committed(tree)
    assert said(tree) == (f"{__version__} ({commit})", f"{__version__}+g{commit}")
    with (tree / "busylight" / "__init__.py").open("a") as file:
        file.write("\n")
    assert said(tree) == (f"{__version__} ({commit}-dirty)", f"{__version__}+g{commit}.dirty")


@pytest.mark.parametrize("kind", [(), ("--annotate", "--message", "x")])
def test_on_its_tag_the_version_is_a_releases(tree: Path, kind: tuple[str, ...]) -> None:
    commit = committed(tree)
    git(tree, "tag", *kind, f"v{__version__}")
    assert said(tree) == (f"{__version__} ({commit})", __version__)


def test_what_is_packaged_counts_more_than_any_checkout_around_it(tree: Path) -> None:
    committed(tree)
    (tree / "busylight" / "edge" / "commit.txt").write_text(f"{COMMIT[:12]}\n")
    assert said(tree)[0] == f"{__version__} ({COMMIT[:12]})"


def test_somebody_elses_checkout_around_it_is_not_asked(tree: Path) -> None:
    committed(tree.parent)
    assert said(tree) == (f"{__version__} (unknown commit)", __version__)


@pytest.mark.parametrize(
    ("names", "version"),
    [("HEAD -> main", f"{__version__}+g{COMMIT[:12]}"), (f"tag: v{__version__}", __version__)],
)
def test_an_archive_of_githubs_knows_it(tree: Path, names: str, version: str) -> None:
    file = tree / "busylight" / "edge" / "build.py"
    told = file.read_text().replace("$Format:%H,%D$", f"{COMMIT},{names}")
    assert COMMIT in told, "git has no place to put it"
    file.write_text(told)
    assert said(tree) == (f"{__version__} ({COMMIT[:12]})", version)


def test_a_build_without_git_may_be_told(tree: Path) -> None:
    version = f"{__version__}+g{COMMIT[:12]}"
    assert said(tree, SOURCE_COMMIT=COMMIT) == (f"{__version__} ({COMMIT[:12]})", version)
    told = said(tree, SOURCE_COMMIT=COMMIT, RELEASE=f"v{__version__}")
    assert told == (f"{__version__} ({COMMIT[:12]})", __version__)


def test_a_source_distribution_keeps_the_version_that_it_has(tree: Path) -> None:
    (tree / "PKG-INFO").write_text("Metadata-Version: 2.4\nName: x\nVersion: 4.5.6+gabc\nA: b\n")
    assert said(tree)[1] == "4.5.6+gabc"


def test_archives_put_it_where_it_is_read() -> None:
    marks = (ROOT / ".gitattributes").read_text().splitlines()
    assert "busylight/edge/build.py export-subst" in marks


def test_asking_for_the_version_loads_nothing_heavy() -> None:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "busylight", "--version"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith(f"busylight {__version__} (")
    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "busylight.edge.build" in loaded
    heavy = {"asyncio", "httpx", "importlib.metadata", "msal", "paho", "pydantic", "serial", "ssl"}
    assert not loaded & heavy
