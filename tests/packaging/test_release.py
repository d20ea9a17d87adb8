"""A release, made as the workflow makes it of a tag, but for its publication."""

import json
import subprocess
import zipfile
from pathlib import Path

import pytest

from busylight import __version__

ROOT = Path(__file__).resolve().parents[2]
TAG = f"v{__version__}"
SECTION = f"## [{__version__}] - 2026-12-01"


def git(checkout: Path, *words: str) -> str:
    somebody = ("-c", "user.name=test", "-c", "user.email=test@example.org")
    done = subprocess.run(
        ["git", "-C", checkout, *somebody, *words], capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def release(checkout: Path, tag: str = TAG) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        ["scripts/release", tag], cwd=checkout, capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of this one, with what has been changed in it, and a changelog that knows of TAG."""
    copy = tmp_path_factory.mktemp("release") / "checkout"
    git(ROOT, "clone", "--quiet", "--no-tags", str(ROOT), str(copy))
    changed = git(ROOT, "stash", "create")
    if changed:
        git(copy, "fetch", "--quiet", str(ROOT), changed)
        git(copy, "checkout", "--quiet", changed)
    changelog = copy / "CHANGELOG.md"
    text = changelog.read_text("utf-8")
    if SECTION.split(" -", maxsplit=1)[0] not in text:
        text = text.replace("## [Unreleased]\n", f"## [Unreleased]\n\n{SECTION}\n", 1)
        changelog.write_text(text, "utf-8")
    git(copy, "commit", "--quiet", "--allow-empty", "-a", "-m", "release")
    return copy


def test_what_is_no_release_is_refused_with_the_reason(checkout: Path) -> None:
    assert "the version in busylight/__init__.py is" in release(checkout, "v9.9.9").stderr
    assert f"is not {TAG}" in release(checkout).stderr
    git(checkout, "tag", TAG)
    (checkout / "LICENSE").write_text("mine")
    assert "something was changed" in release(checkout).stderr
    git(checkout, "checkout", "LICENSE")
    git(checkout, "tag", "--delete", TAG)
    assert not (checkout / "dist").exists()


def test_a_tag_becomes_packages_that_know_their_commit_a_list_of_parts_and_notes(
    checkout: Path,
) -> None:
    git(checkout, "tag", "--force", TAG)
    done = release(checkout)
    assert done.returncode == 0, done.stderr
    made = {path.name for path in (checkout / "dist").iterdir()}
    wheel = f"busylight_presence-{__version__}-py3-none-any.whl"
    assert made == {
        wheel,
        f"busylight_presence-{__version__}.tar.gz",
        "busylight-presence.cdx.json",
        "NOTES.md",
    }
    with zipfile.ZipFile(checkout / "dist" / wheel) as archive:  # made of the source distribution
        commit = archive.read("busylight/edge/commit.txt").decode().strip()
    assert git(checkout, "rev-parse", "HEAD").startswith(commit)
    parts = json.loads((checkout / "dist" / "busylight-presence.cdx.json").read_text("utf-8"))
    assert parts["bomFormat"] == "CycloneDX"
    assert parts["metadata"]["component"]["version"] == __version__
    named = {part["name"]: part["version"] for part in parts["components"]}
    assert named.keys() >= {"httpx", "msal", "paho-mqtt", "pydantic", "pyserial", "cryptography"}
    assert all(named.values())
    assert "### Added" in (checkout / "dist" / "NOTES.md").read_text("utf-8")


def test_a_version_that_nobody_has_written_of_is_no_release(checkout: Path) -> None:
    changelog = checkout / "CHANGELOG.md"
    changelog.write_text(changelog.read_text("utf-8").replace(f"[{__version__}]", "[0.0.1]"))
    git(checkout, "commit", "--quiet", "-a", "-m", "forgotten")
    git(checkout, "tag", "--force", TAG)
    assert f"has no section {__version__}" in release(checkout).stderr
