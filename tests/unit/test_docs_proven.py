"""The tables of what is proven say what test runs said, and name no test that is not there."""

from __future__ import annotations

import ast
import runpy
from pathlib import Path

import pytest

pytestmark = pytest.mark.same_everywhere("judges the source and the documents of the project")

ROOT = Path(__file__).parents[2]
PROVEN = runpy.run_path(str(ROOT / "docs" / "proven.py"))

RESULT = """<testsuites><testsuite>
<testcase classname="tests.windows.test_live" name="test_ps_lists_a_healthy_server_as_healthy"/>
<testcase classname="tests.windows.test_live" name="test_a_server_is_found_by_its_port"><failure/></testcase>
<testcase classname="tests.windows.test_launchers" name="test_a_console_script_is_ended"><skipped/></testcase>
<testcase classname="tests.unit.test_report" name="test_other"/>
</testsuite></testsuites>"""


def test_the_tables_are_what_the_results_say() -> None:
    for path, text in PROVEN["pages"]().items():
        assert "<!-- table: proven -->" in text
        assert path.read_text(encoding="utf-8") == text, "run: python docs/proven.py"


def test_a_run_is_counted_by_command(tmp_path: Path) -> None:
    (tmp_path / "result.xml").write_text(RESULT, encoding="utf-8")
    found = PROVEN["count"]([tmp_path / "result.xml"])
    assert found == {"wd find, wd ps": {"passed": 1, "failed": 1}, "wd kill": {"skipped": 1}}
    assert PROVEN["cell"]({**found["wd find, wd ps"], "day": "2026-01-02"}) == "1 passed, 1 failed (2026-01-02)"
    assert PROVEN["cell"](None) == "no test"


PATTERNS = sorted({one for patterns in PROVEN["SHOWN_BY"].values() for one in patterns})


@pytest.mark.parametrize("pattern", PATTERNS)
def test_what_shows_a_command_is_there(pattern: str) -> None:
    file, _, name = pattern.partition("::")
    there = [
        node.name
        for path in (ROOT / "tests").glob(file)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_") and Path(node.name).match(name or "*")
    ]
    assert there, pattern
