"""docs/security.md promises nothing without a test, and no test here is without its promise."""

import re
from pathlib import Path

import pytest

HERE = Path(__file__).parent
DOCS = HERE.parents[1] / "docs"


def named(page: str) -> list[str]:
    """Return the tests that the rows of the table name, in their order."""
    rows = [line for line in (DOCS / page).read_text("utf-8").splitlines() if line.startswith("| ")][1:]
    return [re.findall(r"`(test_\w+\.py)` \|$", row)[0] for row in rows]


@pytest.mark.parametrize("page", ["security.md", "security.zh-CN.md"])
def test_every_row_names_its_test_and_every_test_has_its_row(page: str) -> None:
    there = {path.name for path in HERE.glob("test_*.py")} - {Path(__file__).name}
    assert set(named(page)) == there


def test_both_pages_promise_the_same() -> None:
    assert named("security.md") == named("security.zh-CN.md")
