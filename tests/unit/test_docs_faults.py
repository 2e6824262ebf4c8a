"""docs/faults.md and docs/fixed-mistakes.md name tests: they are there, and every row that matters most has one."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

pytestmark = pytest.mark.same_everywhere("judges the source and the documents of the project")

ROOT = Path(__file__).parents[2]
ROWS = ["A1", "A3", "A4", "A5", "A6", "A7", "A12", "A14", "A15", "B1", "B3", "B7", "C1", "C2", "C3", "C5", "H1"]
ROWS += ["D1", "D2", "D3", "E1", "F1", "K1", "L1", *(f"S{number}" for number in range(1, 21))]
TEXT = (ROOT / "docs" / "faults.md").read_text(encoding="utf-8")
FIXED = (ROOT / "docs" / "fixed-mistakes.md").read_text(encoding="utf-8")


def test_every_test_that_is_named_exists() -> None:
    named = re.findall(r"`(test_\w+\.py)(?:::(test_\w+))?`", TEXT + FIXED)
    assert len(named) > 60
    for file, test in named:
        (path,) = (ROOT / "tests").glob(f"*/{file}")
        code = path.read_text(encoding="utf-8")
        assert (f"def {test}(" if test else "def test_") in code, f"{file}::{test}"


def test_every_row_that_matters_most_is_told_with_its_tests() -> None:
    for row in ROWS:
        (line,) = re.findall(rf"^\| {row} \|.*$", TEXT, re.MULTILINE)
        assert "::test_" in line, row
