"""docs/causes.md says what the table of causes says, in its order."""

from __future__ import annotations

from pathlib import Path

from watchdog.model.causes import CAUSES

PAGE = Path(__file__).parents[2] / "docs" / "causes.md"


def test_the_page_of_causes_is_the_table_of_causes() -> None:
    lines = PAGE.read_text().splitlines()
    shown = [line for line in lines[lines.index("| cause | kind | sign | what helps now |") :] if line.startswith("| ")]
    rows = [f"| {one.name} | {one.kind} | {one.sign} | {one.helps} |" for one in CAUSES.values()]
    assert shown[2:] == rows
