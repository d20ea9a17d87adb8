"""The workflows on GitHub; scripts/lint holds them against GitHub's schema and known dangers."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
PINNED = re.compile(r"uses: [\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$")


def test_there_are_a_workflow_for_changes_and_one_for_releases() -> None:
    assert [path.name for path in WORKFLOWS] == ["ci.yml", "release.yml"]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_every_action_is_pinned_by_its_commit_with_its_version_beside_it(path: Path) -> None:
    uses = [line.strip(" -") for line in path.read_text().splitlines() if "uses: " in line]
    loose = [line for line in uses if not PINNED.fullmatch(line) and "uses: ./" not in line]
    assert uses
    assert not loose


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_what_the_workflows_run_is_there(path: Path) -> None:
    for script in re.findall(r"(?:scripts|\.ci)/\w+", path.read_text()):
        assert (ROOT / script).exists(), script


def test_a_release_waits_for_the_tests_and_knows_no_password() -> None:
    text = (ROOT / ".github" / "workflows" / "release.yml").read_text()
    assert "uses: ./.github/workflows/ci.yml" in text
    assert "secrets." not in text
    jobs = re.split(r"\n  (?=\w+:\n)", text.partition("\njobs:\n")[2])
    for job in jobs[1:]:
        assert "    needs: " in job, job
