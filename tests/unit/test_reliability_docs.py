"""What docs/reliability.md says is shown by tests that exist, and every row stands in it."""

import ast
import re
from pathlib import Path

import pytest

from tests.faults.measure import ROWS
from tests.faults.rows import NAMES

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs/reliability.md").read_text("utf-8")
TESTS = sorted(set(re.findall(r"`(tests/[a-z0-9_/]+\.py)::(test_[a-z0-9_]+)`", TEXT)))


@pytest.mark.parametrize(("file", "name"), TESTS, ids=[name for _, name in TESTS])
def test_a_test_that_is_named_exists(file: str, name: str) -> None:
    tree = ast.parse((ROOT / file).read_text("utf-8"))
    names = {
        node.name
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    assert name in names


def test_every_row_is_named_and_every_named_row_exists() -> None:
    assert set(re.findall(r"row `([^`]+)`", TEXT)) == set(NAMES)


def test_no_figure_is_left_out() -> None:
    assert "@" not in TEXT


def test_every_row_says_what_it_is_about() -> None:
    assert [row.name for row in ROWS.values() if not row.measure.__doc__] == []
