"""The breaks of tests/mutants follow the code: each would still break what it says."""

from pathlib import Path

import pytest

from scripts.mutants import MovedOnError, all_breaks, edited

_ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("name", [each.name for each in all_breaks()])
def test_a_break_finds_what_it_replaces_and_names_tests_that_are_there(name: str) -> None:
    broken = next(each for each in all_breaks() if each.name == name)
    files = edited(broken, _ROOT)
    assert files
    for changed, text in files.items():
        compile(text, changed, "exec")  # what is no Python goes red by itself, whatever is tested
    for test in broken.tests:
        path, _, function = test.partition("::")
        assert (_ROOT / path).exists(), path
        assert function in (_ROOT / path).read_text("utf-8") if function else True


def test_a_break_that_the_code_has_left_behind_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "busylight").mkdir()
    (tmp_path / "firmware_bridge").mkdir()
    with pytest.raises(MovedOnError, match="let it follow the code"):
        edited(all_breaks()[0], tmp_path)
