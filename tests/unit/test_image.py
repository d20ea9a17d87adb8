"""The image is built of pinned files alone, and of versions that the package allows."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from busylight.edge import build

_ROOT = Path(__file__).resolve().parents[2]
_PINS = _ROOT / "deploy" / "docker"


def _pins(name: str) -> dict[str, tuple[str, int]]:
    """Version and number of hashes of each package in a list."""
    text = (_PINS / name).read_text("utf-8")
    blocks = re.findall(
        r"^([a-z0-9-]+)==(\S+) \\\n((?:    --hash=\S+(?: \\)?\n)+)", text, re.MULTILINE
    )
    pins = {package: (version, hashes.count("sha256:")) for package, version, hashes in blocks}
    assert len(pins) == len(re.findall(r"^[a-z]", text, re.MULTILINE)), "each has a version, hashes"
    return pins


def test_the_image_installs_nothing_but_what_is_pinned_by_hash() -> None:
    steps = (_ROOT / "Dockerfile").read_text("utf-8").replace("\\\n", " ")
    installs = re.findall(r"/pip (?:--python \S+ )?(install|wheel)([^&\n]*)", steps)
    assert len(installs) == 4
    for _, words in installs:
        assert "--require-hashes" in words or "--no-deps" in words
    assert "--no-build-isolation" in steps


@pytest.mark.parametrize("name", ["requirements.txt", "build-requirements.txt"])
def test_every_pinned_package_has_hashes_and_no_place_of_its_own(name: str) -> None:
    assert all(hashes > 0 for _, hashes in _pins(name).values())
    assert "://" not in (_PINS / name).read_text("utf-8")


def test_what_is_pinned_is_what_the_package_asks_for() -> None:
    project = tomllib.loads((_ROOT / "pyproject.toml").read_text("utf-8"))
    for wanted in project["project"]["dependencies"]:
        requirement = Requirement(wanted)
        version, _ = _pins("requirements.txt")[requirement.name]
        assert requirement.specifier.contains(version), wanted
    backend = Requirement(project["build-system"]["requires"][0])
    assert backend.specifier.contains(_pins("build-requirements.txt")[backend.name][0])


def test_whatever_the_image_copies_docker_is_let_see() -> None:
    steps = (_ROOT / "Dockerfile").read_text("utf-8")
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", steps, re.MULTILINE)
    seen = re.findall(r"^!(.+)$", (_ROOT / ".dockerignore").read_text("utf-8"), re.MULTILINE)
    assert {name for names in copied for name in names.split()} == {*seen}
    assert all((_ROOT / name).exists() for name in seen)


def test_a_build_may_be_told_which_one_it_is() -> None:
    before, _, _ = (_ROOT / "Dockerfile").read_text("utf-8").partition("pip wheel")
    assert f"ARG {build.VARIABLE}=\n" in before
    assert "ARG RELEASE=\n" in before
    workflow = (_ROOT / ".github" / "workflows" / "release.yml").read_text("utf-8")
    assert f"{build.VARIABLE}=${{{{ github.sha }}}}" in workflow
