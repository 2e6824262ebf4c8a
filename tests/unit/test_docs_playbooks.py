"""The pages that people read name every key, kind, step and option that there is."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest

from watchdog.config.schema import json_schema
from watchdog.runbook.document import ANSWERS, OPTIONS
from watchdog.runbook.fill import FILTERS

pytestmark = pytest.mark.same_everywhere("judges the source and the documents of the project")

DOCS = Path(__file__).parents[2] / "docs"


def words(page: str) -> set[str]:
    """Every word that stands in code."""
    text = (DOCS / page).read_text(encoding="utf-8")
    return set(re.findall(r"[a-z_-]+", " ".join(re.findall(r"`([^`]+)`", text))))


@pytest.mark.parametrize("name", ["", *json_schema()["$defs"]])
def test_every_key_of_a_playbook_is_explained(name: str) -> None:
    schema = json_schema()
    part = schema["$defs"][name] if name else schema
    assert set(part["properties"]) <= words("playbooks.md") | {"command"}


def test_every_option_answer_and_filter_of_a_runbook_is_explained() -> None:
    text = (DOCS / "runbooks.md").read_text(encoding="utf-8")
    for word in (*(f"{option}=" for option in OPTIONS), *(f"on-fail={one}" for one in ANSWERS), *FILTERS):
        assert word in text, word


def test_the_tables_are_what_probes_checks_and_causes_say_of_themselves() -> None:
    for path, text in runpy.run_path(str(DOCS / "tables.py"))["pages"]().items():
        assert path.read_text(encoding="utf-8") == text, "run: python docs/tables.py"


def test_the_index_of_decisions_is_complete() -> None:
    made = runpy.run_path(str(DOCS / "index.py"))["index"](DOCS / "decisions")
    kept = (DOCS / "decisions" / "README.md").read_text(encoding="utf-8")
    assert kept == made, "run: python docs/index.py"


def test_the_examples_for_contributors_are_the_code_itself() -> None:
    """Every line of an example stands in the code, in this order of blocks."""
    page = (DOCS.parent / "CONTRIBUTING.md").read_text(encoding="utf-8")
    code = [path.read_text(encoding="utf-8") for path in sorted((DOCS.parent / "watchdog").rglob("*.py"))]
    examples = re.findall(r"```(?:python|text)\n(.*?)```", page, re.DOTALL)
    assert len(examples) == 6
    for example in examples:
        parts = [part.strip("\n") for part in example.split("\n\n\n")]
        assert any(all(part in text for part in parts) for text in code), example
