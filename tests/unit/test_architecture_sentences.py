"""No place parses a sentence that another place wrote: what one room tells another is a record.

Each row is a place where that was done once: what was read out of a sentence there, and which record replaced it.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_type_hints

import pytest

from watchdog.model.evidence import StackLook
from watchdog.model.incident import StepRecord, Trigger
from watchdog.model.killing import KillPlan
from watchdog.model.process import LeftOut, Tree
from watchdog.policy.deciding import Decision, Kind, Reason

pytestmark = pytest.mark.same_everywhere("judges the source and the documents of the project")

PACKAGE = Path(__file__).parents[2] / "watchdog"
ONCE = {
    "report/build.py, why the loop gave up": r"removeprefix\(\"given up",
    "report/build.py, the home and the command that a person typed": r"re\.match\(r?\"wd ",
    "evidence/session.py, whether a file could not be read": r"\"could not read it\" in",
    "killing/plan.py, who was left out of a tree": r"re\.\w+\([^)]*spared",
    "watch/acting.py, whether a decision was logged before": r"_FIGURES",
    "report/build.py, which step is of use alone, and which names a server": r"_NOT_BY_HAND|\"--cmdline\", \" :\"",
    "targets/answering.py, whether a certificate is the trouble": r"\"certificate\" in reply",
    "diagnosis/rules/polls_outside.py, whether a lock is a file": r"\"file\" (not )?in what",
    "diagnosis/rules/pool_exhausted.py, whether a pool is one of processes": r"\"workers\" in name",
    "watch/loop.py, which jobs ask": r"job\.id\.startswith",
    "killing/ladder.py, the words of an order to a manager": r"\.through\.split\(",
}


@pytest.mark.parametrize("place", ONCE)
def test_what_was_once_read_out_of_a_sentence_is_read_there_no_more(place: str) -> None:
    pattern = re.compile(ONCE[place])
    found = [path for path in PACKAGE.rglob("*.py") if pattern.search(path.read_text(encoding="utf-8"))]
    assert not found


def test_records_carry_it_instead() -> None:
    assert {"gave_up", "typed", "home"} <= set(Trigger.__dataclass_fields__)
    assert "by_hand" in StepRecord.__dataclass_fields__
    assert get_type_hints(Decision.key.fget)["return"] == tuple[Kind, Reason, str]  # type: ignore[attr-defined]
    assert "problem" in StackLook.__dataclass_fields__
    assert get_type_hints(Tree)["left_out"] == tuple[LeftOut, ...]
    assert get_type_hints(KillPlan.through.fget)["return"] == tuple[str, ...]  # type: ignore[union-attr]
